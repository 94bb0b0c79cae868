/* SPDX-License-Identifier: MIT */
/*
 * One instruction of each kind of register, and what it needs of XCR0, CR0 and CR4.
 */
#ifndef XTK_RULES_XCR0_UNITS_H
#define XTK_RULES_XCR0_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/probe.h>

#include "gate.h"

/* What raises what, besides XCR0. */
enum {
	UNIT_OSXSAVE = 1, /* CR4.OSXSAVE = 0: #UD */
	UNIT_OSFXSR = 2,  /* CR4.OSFXSR = 0: #UD */
	UNIT_UD_EM = 4,	  /* CR0.EM = 1: #UD */
	UNIT_NM_EM = 8,	  /* CR0.EM = 1: #NM */
	UNIT_NM_TS = 16,  /* CR0.TS = 1: #NM */
	UNIT_WAIT = 32,	  /* CR0.TS = CR0.MP = 1: #NM */
	UNIT_SSE = UNIT_OSFXSR | UNIT_UD_EM | UNIT_NM_TS,
	UNIT_VEX = UNIT_OSXSAVE | UNIT_NM_TS,
	UNIT_X87 = UNIT_NM_EM | UNIT_NM_TS,
	UNIT_MMX = UNIT_UD_EM | UNIT_NM_TS,
};

struct unit {
	const char *name; /* of the kind, for reports: "vex" */
	struct probe_insn insn;
	uint64_t xcr0; /* bits without any of which it raises #UD */
	unsigned int needs;
	struct gate_feature feature;
	const char *rule; /* that XCR0 gates it, or does not */
};

/* unit_nth() - units by number; Return: NULL after the last */
const struct unit *unit_nth(unsigned int n);

/* unit_known() - whether the outcome on this CPU is known: its feature is there, or XCR0 alone
 * makes it #UD. What CPUID hides may still execute, under a hypervisor for one. */
bool unit_known(const struct unit *u, fault_t want);

/* unit_fault() - what it raises with this XCR0 and these values of CR0 and CR4 (of their bits those
 * named above) */
fault_t unit_fault(const struct unit *u, uint64_t xcr0, uint64_t cr0, uint64_t cr4);

#endif
