/* SPDX-License-Identifier: MIT */
/*
 * What the machine under test claims by CPUID, and what can be done with it: the parameters of the
 * rules. Sizes and legality never come from here but from oracle.h.
 */
#ifndef XTK_RULES_FACTS_H
#define XTK_RULES_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/probe.h>

struct facts {
	uint64_t xcr0_supported;		     /* CPUID.(0DH,0):EDX:EAX */
	uint64_t xss_supported;			     /* CPUID.(0DH,1):EDX:ECX */
	bool xsaveopt, xsavec, xgetbv1, xsaves, xfd; /* CPUID.(0DH,1):EAX[0] to [4] */
	bool amd;				     /* the vendor string is AMD's or Hygon's */
	bool no_fcs_fds;			     /* CPUID.(7,0):EBX[13] */
	bool fdp_excptn_only;			     /* CPUID.(7,0):EBX[6] */
	uint64_t movable;    /* components that struct xregs holds and that can be moved here */
	uint32_t mxcsr_mask; /* from FXSAVE; 0FFBFH if it says 0 */
	uint32_t offset[64]; /* in standard format, of user components; CPUID.(0DH,i):EBX */
};

extern struct facts facts;

/* facts_read() - fill facts; every test of tests/rules/ begins with it */
void facts_read(void);

/* facts_xcr0_next() - walk the legal XCR0 values that this machine can be set to, smallest first:
 * @last is 0 to begin. Where XCR0 cannot be set, the one there is. Return: 0 after the last. */
uint64_t facts_xcr0_next(uint64_t last);

/* facts_xcr0_some() - likewise, but at depth=quick only those that differ in kind: 1, 3, the
 * largest, and those that lack one group of components of the largest */
uint64_t facts_xcr0_some(uint64_t last);

/* facts_skip() - test_skip() with the CPUID bit if @have is false. Return: !@have */
bool facts_skip(bool have, const char *bit);

#endif
