/* SPDX-License-Identifier: MIT */
/*
 * The modes outside 64-bit mode, and what an image made or loaded there holds.
 *
 * There are eight registers of a kind. The upper ones, registers 8 to 15 of SSE, AVX and ZMM_Hi256
 * and all of Hi16_ZMM, are neither saved nor loaded nor initialised.
 *
 * Source: SDM vol. 1, "XSAVE-Managed State", of each component.
 */
#ifndef XTK_RULES_MODE_H
#define XTK_RULES_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/probe.h>
#include <xtk/xregs.h>

#include "facts.h"
#include "insns.h"

#define MODE_UPPER UINT64_C(0xc6) /* SSE, AVX, ZMM_Hi256, Hi16_ZMM: those that have upper ones */
#define MODE_LOWER UINT64_C(0x46) /* of these, those that have lower ones too */
#define MODE_AMX   (UINT64_C(3) << 17)

/* A mode at a CPL. */
struct way {
	const char *name;
	enum probe_mode mode;
	unsigned int cpl;
};

#define WAYS 7
extern const struct way ways[WAYS];

/* way_missing() - NULL if the implementation can go there, else what it lacks */
const char *way_missing(const struct way *way);

/* way_skip() - begin a test: facts_read(), and test_skip() if no way at all can be gone; Return:
 * whether it was skipped */
bool way_skip(void);

/* way_probe() - @insn on the operand at @offset of the arena, with RFBM or the like in EDX:EAX */
struct probe way_probe(const struct way *way, const struct probe_insn *insn, uint32_t offset,
		       uint64_t edx_eax);

/* way_check_gprs() - no general register, as far as these modes have it, and no status flag has
 * changed */
void way_check_gprs(const struct probe *p, const struct probe_result *r, const char *rule,
		    const char *where);

/* way_loses_upper() - whether the upper registers are undefined when the way is back */
bool way_loses_upper(const struct way *way);

/* mode_mask() - the components of @xcr0 that these tests move: all but AMX, which only 64-bit code
 * can use */
uint64_t mode_mask(uint64_t xcr0);

/* mode_lower_size() - bytes of component @bit that are saved: of those in MODE_UPPER the lower
 * registers' */
uint32_t mode_lower_size(unsigned int bit);

/* mode_lower_initial() - whether the lower registers are in their initial configuration; of others
 * than those in MODE_UPPER, the component */
bool mode_lower_initial(const struct xregs *regs, unsigned int bit);

/* mode_copy_lower(), mode_copy_upper() - registers of the components @mask */
void mode_copy_lower(struct xregs *to, const struct xregs *from, uint64_t mask);
void mode_copy_upper(struct xregs *to, const struct xregs *from);

/* mode_forget_exceptions() - no x87 exception stays pending for the next test */
void mode_forget_exceptions(void);

/* Masks for RFBM and the like: 0, each component of @all alone, all of them, all but each; from
 * there on random ones. Return: mask number @n */
uint64_t mode_subset(uint64_t all, unsigned int n);
/* mode_subsets() - how many are worth a case: at depth=full more random ones */
unsigned int mode_subsets(uint64_t all);

#endif
