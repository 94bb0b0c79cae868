/* SPDX-License-Identifier: MIT */
/*
 * What a CPU can do with extended state, as a value that is built once and then only read.
 */
#ifndef XSAVE_CPU_H
#define XSAVE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "layout.h"

/* The instructions that save; each loads with its counterpart. */
enum xsave_insn {
	XSAVE_INSN_FXSAVE,
	XSAVE_INSN_XSAVE,
	XSAVE_INSN_XSAVEOPT,
	XSAVE_INSN_XSAVEC,
	XSAVE_INSN_XSAVES,
	XSAVE_INSNS, /* how many there are */
};

/* xsave_insn_name() - "fxsave", "xsave", "xsaveopt", "xsavec" or "xsaves"; NULL beyond */
const char *xsave_insn_name(enum xsave_insn insn);

/* xsave_insn_compacted() - does it write the compacted format? */
bool xsave_insn_compacted(enum xsave_insn insn);

/*
 * struct xsave_cpu - the CPU as xsave_save_with() and xsave_load_with() see it
 *
 * Unknown components are in no mask: their size is only what CPUID claims.
 *
 * keep is the policy for PKRU and holds PKRU until it is changed: loading a default, or an image
 * saved without PKRU, would set PKRU to 0 and so open every protection key. Who wants that, clears
 * it: cpu.keep = 0. Images saved with PKRU bring PKRU back either way.
 */
struct xsave_cpu {
	enum xsave_insn insn; /* the instruction that saves */
	bool compaction;      /* the instruction that loads takes compacted images */
	unsigned int insns;   /* bit i: the CPU has enum xsave_insn i */
	uint64_t enabled;     /* known components in XCR0 | IA32_XSS */
	uint64_t mask;	      /* of these, what insn shall move */
	uint64_t fit_small;   /* of mask, what lies wholly inside struct xsave in either format */
	uint64_t fit_large;   /* the same for struct xsave_large */
	uint64_t keep;	      /* what a compacted image whose XCOMP_BV lacks it leaves as it is */
	uint32_t mxcsr_mask;  /* bits that MXCSR may have: MXCSR_MASK of FXSAVE; FFFFH until set */
	struct xsave_layout layout;
};

/**
 * xsave_cpuid_insns() - the instructions that work now
 * @cpuid: what CPUID said
 * @xcr0:  value of XCR0; 0 when CR4.OSXSAVE is clear, so that only FXSAVE is left
 *
 * Return: bit i set: enum xsave_insn i.
 */
unsigned int xsave_cpuid_insns(const struct xsave_cpuid *cpuid, uint64_t xcr0);

/**
 * xsave_cpu_init() - describe a CPU whose CPUID is trusted
 * @cpu:   filled on success, else not changed
 * @cpuid: what CPUID said; checked by xsave_layout_from_cpuid()
 * @xcr0:  value of XCR0; 0 when CR4.OSXSAVE is clear, so that only FXSAVE is left
 * @xss:   value of IA32_XSS; 0 outside CPL 0
 *
 * The instruction is XSAVES when @xss asks for supervisor components, else XSAVEC, XSAVE, FXSAVE,
 * the first that the CPU has. XSAVEOPT is taken on request only (xsave_cpu_restrict()): its
 * modified optimization keeps edits that software made to the image in between.
 *
 * Return: XSAVE_OK, XSAVE_ERR_XCR0, XSAVE_ERR_XSS, XSAVE_ERR_INSN, or what is wrong with CPUID.
 */
enum xsave_error xsave_cpu_init(struct xsave_cpu *cpu, const struct xsave_cpuid *cpuid,
				uint64_t xcr0, uint64_t xss);

/**
 * xsave_cpu_distrust() - describe a CPU whose CPUID is forbidden or lies
 * @cpu:  filled on success, else not changed
 * @xcr0: value of XCR0 from XGETBV, or the XFRM of an enclave
 *
 * Plain XSAVE, constants only: what lies inside the area under every known layout.
 *
 * Return: XSAVE_OK or XSAVE_ERR_XCR0.
 */
enum xsave_error xsave_cpu_distrust(struct xsave_cpu *cpu, uint64_t xcr0);

/**
 * xsave_cpu_restrict() - the same CPU with another instruction and mask
 * @cpu:  described before; not changed on error
 * @insn: the instruction to save with
 * @mask: components to move, a subset of cpu->enabled
 *
 * FXSAVE moves x87 and SSE together: its mask is a subset of these two and not empty. Only XSAVES
 * moves supervisor components.
 *
 * Return: XSAVE_OK, XSAVE_ERR_INSN or XSAVE_ERR_MASK.
 */
enum xsave_error xsave_cpu_restrict(struct xsave_cpu *cpu, enum xsave_insn insn, uint64_t mask);

/**
 * xsave_use() - the CPU value for xsave_save() and xsave_load()
 * @cpu: must stay valid and unchanged while it is in use
 *
 * Before the first call it is a constant that needs no CPUID: XSAVE of every known user component
 * that fits; XCR0 then decides in the CPU which of them move.
 */
void xsave_use(const struct xsave_cpu *cpu);

/* xsave_in_use - the value that xsave_use() set; read only */
extern const struct xsave_cpu *xsave_in_use;

#endif
