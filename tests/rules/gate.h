/* SPDX-License-Identifier: MIT */
/*
 * Probes of instructions that only raise or do not raise: what they need, run at each CPL, and the
 * bits of CPUID that they hang on.
 */
#ifndef XTK_RULES_GATE_H
#define XTK_RULES_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xtk/fault.h>
#include <xtk/probe.h>

#include "facts.h"

#define GATE_XGETBV_XINUSE 1 /* ECX of XGETBV for XCR0 & XINUSE */
#define MSR_XFD_ERR	   0x1c5

extern const struct probe_insn gate_cpuid_bytes;

#define GATE_CPLS 2
extern const unsigned int gate_cpl[GATE_CPLS]; /* 0 and 3 */

/**
 * gate_begin() - begin a test of gates: facts_read(), x87 and SSE without a pending exception
 * gate_end() - skip the test if not one probe of it could be run, with the reason
 */
void gate_begin(void);
void gate_end(void);

/* gate_can() - whether the implementation can run @p; gate_end() tells if it never could */
bool gate_can(const struct probe *p);

/* gate_needs_xcr0() - skip if XCR0 cannot be written. Return: whether it was skipped */
bool gate_needs_xcr0(void);

/* gate_probe() - @insn at @cpl with the arena's first byte as operand, EDX:EAX = 3 and random
 * values in the registers that it does not use */
struct probe gate_probe(const struct probe_insn *insn, unsigned int cpl);

/* gate_run() - run a probe that moves no component. Return: its result, until the next call */
const struct probe_result *gate_run(const struct probe *p);

/* gate_area() - write an image into the arena that every restore of the family takes: all of it in
 * its initial configuration; @compacted or standard */
void gate_area(bool compacted);

/* gate_same_gprs() - whether registers and status flags are as they went in, RAX and RDX only if
 * @rax_rdx; else a failed check of @rule */
bool gate_same_gprs(const struct probe *p, const struct probe_result *r, bool rax_rdx,
		    const char *rule);

/* gate_pair() - EDX:EAX of a result, all 64 bits of both checked by @rule: the upper halves are 0
 */
uint64_t gate_pair(const struct probe_result *r, const char *rule);

/* gate_xcr0() - XCR0 by XGETBV at @cpl; gate_largest_xcr0() - the largest that it may have here;
 * gate_count_xcr0() - how many @next() walks through, which is facts_xcr0_next or facts_xcr0_some
 */
uint64_t gate_xcr0(unsigned int cpl);
uint64_t gate_largest_xcr0(void);
uint64_t gate_count_xcr0(uint64_t (*next)(uint64_t last));

/* A bit of CPUID: @reg is 0 to 3 for EAX to EDX. gate_feature() - whether it is 1 */
struct gate_feature {
	uint32_t leaf, subleaf;
	uint8_t reg, bit;
};
bool gate_feature(const struct gate_feature *f);

/* gate_wrmsr(), gate_rdmsr() - one instruction at @cpl. Return: its fault; the value in *@value */
fault_t gate_wrmsr(uint32_t msr, uint64_t value, unsigned int cpl);
fault_t gate_rdmsr(uint32_t msr, uint64_t *value, unsigned int cpl);

/* gate_outcome() - "ok" or the fault's text, for reports; Return: @out of FAULT_TEXT_SIZE bytes */
const char *gate_outcome(fault_t fault, char *out);

#endif
