/* SPDX-License-Identifier: MIT */
/*
 * Spoilt: the XSAVE header is zeroed in C, which compilers do with a vector register.
 */
#include <string.h>

#define xsave_save_with product_save_with
#include "../../../lib/xsave.c"
#undef xsave_save_with

uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area, size_t size, uint64_t mask)
{
	struct xsave *x = area;
	uint64_t rfbm = xsave_fit(false, mask & cpu->mask, size);

	memset(&x->header, 0, sizeof(x->header));
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))
			 : "memory");
	return rfbm;
}
