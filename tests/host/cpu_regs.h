/* SPDX-License-Identifier: MIT */
/*
 * Registers of the CPU at hand for the tests: set, read and compare some of each component.
 */
#ifndef TESTS_HOST_CPU_REGS_H
#define TESTS_HOST_CPU_REGS_H

#include <string.h>

#include "xsave.h"

#define HAS(c) (xcr0 & XSAVE_MASK(c))

static uint64_t xcr0; /* the test sets it to XGETBV(0) */

/* A register or two of each component, enough to see whether it moved. */
struct regs {
	uint8_t ymm15[32], zmm14[64], zmm31[64];
	uint64_t k5;
	uint32_t mxcsr;
	uint16_t fcw, fsw;
};

static const struct regs initial = { .mxcsr = 0x1f80, .fcw = 0x37f };

/*
 * No vector register is kept across the calls between these two, and the program has no floating
 * point of its own; so what set_regs() puts in is there when the library is called.
 */
static inline void set_regs(const struct regs *r)
{
	__asm__ volatile("fninit; fldpi; fldl2e; fldcw %0; ldmxcsr %1"
			 :
			 : "m"(r->fcw), "m"(r->mxcsr));
	__asm__ volatile("movdqu %0, %%xmm15" : : "m"(r->ymm15) : "xmm15");
	if (HAS(XSAVE_AVX))
		__asm__ volatile("vmovdqu %0, %%ymm15" : : "m"(r->ymm15) : "xmm15");
	if (!HAS(XSAVE_HI16_ZMM))
		return;
	__asm__ volatile("vmovdqu64 %0, %%zmm14" : : "m"(r->zmm14) : "xmm14");
	__asm__ volatile("vmovdqu64 %0, %%zmm31" : : "m"(r->zmm31));
	__asm__ volatile("kmovw %0, %%k5" : : "m"(r->k5));
}

static inline void get_regs(struct regs *r)
{
	memset(r, 0, sizeof(*r));
	__asm__ volatile("fnstcw %0; fnstsw %1; stmxcsr %2"
			 : "=m"(r->fcw), "=m"(r->fsw), "=m"(r->mxcsr));
	__asm__ volatile("movdqu %%xmm15, %0" : "+m"(r->ymm15));
	if (HAS(XSAVE_AVX))
		__asm__ volatile("vmovdqu %%ymm15, %0" : "+m"(r->ymm15));
	if (!HAS(XSAVE_HI16_ZMM))
		return;
	__asm__ volatile("vmovdqu64 %%zmm14, %0" : "+m"(r->zmm14));
	__asm__ volatile("vmovdqu64 %%zmm31, %0" : "+m"(r->zmm31));
	__asm__ volatile("kmovw %%k5, %0" : "+m"(r->k5));
}

static inline struct regs make_regs(uint8_t seed)
{
	struct regs r = { .k5 = 0x5000u + seed, .mxcsr = 0x5f80, .fcw = 0x27f };

	memset(r.ymm15, 0x10 + seed, sizeof(r.ymm15));
	memset(r.ymm15, 0x20 + seed, 16);
	memset(r.zmm14, 0x30 + seed, sizeof(r.zmm14));
	memset(r.zmm31, 0x40 + seed, sizeof(r.zmm31));
	r.fsw = 6 << 11; /* TOP after two loads */
	return r;
}

/* The components of @mask in which two register sets differ. */
static inline uint64_t differ(const struct regs *a, const struct regs *b, uint64_t mask)
{
	uint64_t d = 0;

	d |= a->fcw != b->fcw || a->fsw != b->fsw ? XSAVE_MASK(XSAVE_X87) : 0;
	d |= a->mxcsr != b->mxcsr || memcmp(a->ymm15, b->ymm15, 16) ? XSAVE_MASK(XSAVE_SSE) : 0;
	d |= memcmp(a->ymm15 + 16, b->ymm15 + 16, 16) ? XSAVE_MASK(XSAVE_AVX) : 0;
	d |= a->k5 != b->k5 ? XSAVE_MASK(XSAVE_OPMASK) : 0;
	d |= memcmp(a->zmm14 + 32, b->zmm14 + 32, 32) ? XSAVE_MASK(XSAVE_ZMM_HI256) : 0;
	d |= memcmp(a->zmm31, b->zmm31, 64) ? XSAVE_MASK(XSAVE_HI16_ZMM) : 0;
	return d & mask;
}

/* What set_regs() can set on this CPU. */
static inline uint64_t visible(void)
{
	return xcr0 & 0xe7;
}

#endif
