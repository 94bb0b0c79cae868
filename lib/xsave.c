/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading, and nothing else. Always built with -mgeneral-regs-only: code that the
 * compiler put into vector registers here would be saved instead of the caller's values.
 *
 * The asm has no vector registers in its clobber list: this unit uses none, and for its callers the
 * calls say it, since the System V ABI makes every vector and x87 register caller-saved. Hence
 * nothing here may be inlined elsewhere.
 *
 * Sources: SDM vol. 1, "Operation of FXSAVE" and "Operation of XSAVE" to "Operation of
 * XRSTORS".
 */
#include "xsave.h"

#include "xsave/insn.h"

/*
 * What the default means where XRSTOR knows the standard format only. It is as large as any layout,
 * because XRSTOR probes the place of components that XSTATE_BV says to initialise, too.
 */
static const struct xsave_large standard_default = {
	.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR },
};

/*
 * Stores to the XSAVE header, in one asm with the instruction so that nothing comes between.
 * XSAVEC and XSAVES write XSTATE_BV and XCOMP_BV, XSAVE and XSAVEOPT keep old bits in both.
 */
#define CLEAR(at)     "movq %[zero], " #at "(%[area])\n\t"
#define CLEAR_REST    CLEAR(528) CLEAR(536) CLEAR(544) CLEAR(552) CLEAR(560) CLEAR(568)
#define CLEAR_HEADER  CLEAR(512) CLEAR(520) CLEAR_REST
#define LEGACY_HEADER "movq $3, 512(%[area])\n\t" CLEAR(520) CLEAR_REST

/* clang-format off */
#define DEFINE_SAVE(name, header, mnemonic)                                                        \
	__attribute__((noinline)) uint64_t xsave_save_##name(void *area, uint64_t rfbm)            \
	{                                                                                          \
		__asm__ volatile(header mnemonic " (%[area])"                                      \
				 :                                                                 \
				 : [area] "r"(area), [zero] "r"(UINT64_C(0)),                      \
				   "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))                \
				 : "memory");                                                      \
		return rfbm;                                                                       \
	}
/* clang-format on */

DEFINE_SAVE(fxsave, LEGACY_HEADER, "fxsave64")
DEFINE_SAVE(xsave, CLEAR_HEADER, "xsave64")
DEFINE_SAVE(xsaveopt, CLEAR_HEADER, "xsaveopt64")
DEFINE_SAVE(xsavec, CLEAR_REST, "xsavec64")
DEFINE_SAVE(xsaves, CLEAR_REST, "xsaves64")

#define DEFINE_LOAD(name, mnemonic)                                                                \
	__attribute__((noinline)) uint64_t xsave_load_##name(const void *area, uint64_t rfbm)      \
	{                                                                                          \
		insn_##name(area, rfbm);                                                           \
		return rfbm;                                                                       \
	}
XSAVE_LOAD_INSNS(DEFINE_LOAD)

/* The jump to the instruction. FXSAVE has no RFBM: it moves all of cpu->mask or nothing. */
static __attribute__((noinline)) uint64_t save_by_insn(const struct xsave_cpu *cpu, void *area,
						       uint64_t rfbm)
{
	switch (cpu->insn) {
	case XSAVE_INSN_XSAVEC:
		return xsave_save_xsavec(area, rfbm);
	case XSAVE_INSN_XSAVE:
		return xsave_save_xsave(area, rfbm);
	case XSAVE_INSN_XSAVEOPT:
		return xsave_save_xsaveopt(area, rfbm);
	case XSAVE_INSN_XSAVES:
		return xsave_save_xsaves(area, rfbm);
	case XSAVE_INSN_FXSAVE:
	case XSAVE_INSNS:
		break;
	}
	return rfbm == cpu->mask ? xsave_save_fxsave(area, rfbm) : 0;
}

/* For areas of other sizes than the two structs. */
static __attribute__((noinline)) uint64_t save_sized(const struct xsave_cpu *cpu, void *area,
						     size_t size, uint64_t mask)
{
	uint64_t rfbm = xsave_fit(xsave_insn_compacted(cpu->insn), mask & cpu->mask, size);

	return rfbm ? save_by_insn(cpu, area, rfbm) : 0;
}

__attribute__((noinline)) uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area,
						   size_t size, uint64_t mask)
{
	if (size == sizeof(struct xsave))
		mask &= cpu->fit_small;
	else if (size == sizeof(struct xsave_large))
		mask &= cpu->fit_large;
	else
		return save_sized(cpu, area, size, mask);
	return mask ? save_by_insn(cpu, area, mask) : 0;
}

/*
 * What of @fit lies inside the area in this very image. A standard image holds no supervisor state.
 * In a compacted one, a component beyond @fit (it was made in a larger area) moves those after it
 * to where they do not belong; those before it stay. Without a branch: -(0 or 1) is no bit or all
 * of them, and (x & -x) - 1 the bits below the lowest of x, all of them when x is 0.
 */
static inline uint64_t image_fit(uint64_t xcomp_bv, uint64_t fit)
{
	uint64_t beyond;

	fit &= XSAVE_USER_MASK | -(xcomp_bv >> 63);
	beyond = xcomp_bv & ~XSAVE_XCOMP_COMPACTED & ~fit;
	return fit & ((beyond & -beyond) - 1);
}

static inline bool is_default(const struct xsave_header *header)
{
	return header->xcomp_bv == XSAVE_XCOMP_COMPACTED && !header->xstate_bv;
}

/* Load what an area has room for; the default image needs no room. */
static __attribute__((noinline)) uint64_t load_image(const struct xsave_cpu *cpu, const void *area,
						     uint64_t fit, uint64_t rfbm)
{
	const struct xsave *image = area;
	uint64_t xcomp_bv = image->header.xcomp_bv;

	if (!is_default(&image->header))
		rfbm &= image_fit(xcomp_bv, fit);
	else if (!cpu->compaction)
		area = &standard_default;
	if (!rfbm)
		return 0;
	if (cpu->insn == XSAVE_INSN_FXSAVE)
		return rfbm == cpu->mask ? xsave_load_fxrstor(area, rfbm) : 0;
	if (cpu->insn == XSAVE_INSN_XSAVES && xcomp_bv & XSAVE_XCOMP_COMPACTED)
		return xsave_load_xrstors(area, rfbm);
	return xsave_load_xrstor(area, rfbm);
}

/*
 * For areas of other sizes: no part of the header is read unless it is inside. The fit of what is
 * asked for and what the image holds together is a lower bound, since fewer components only move
 * the others down.
 */
static __attribute__((noinline)) uint64_t load_sized(const struct xsave_cpu *cpu, const void *area,
						     size_t size, uint64_t rfbm)
{
	const struct xsave *image = area;
	uint64_t xcomp_bv;

	if (size < XSAVE_EXTENDED)
		return 0;
	xcomp_bv = image->header.xcomp_bv;
	return load_image(cpu, area, xsave_fit(xcomp_bv >> 63, rfbm | xcomp_bv, size), rfbm);
}

__attribute__((noinline)) uint64_t xsave_load_with(const struct xsave_cpu *cpu, const void *area,
						   size_t size, uint64_t mask)
{
	mask &= cpu->mask;
	if (size == sizeof(struct xsave))
		return load_image(cpu, area, XSAVE_FIT_SMALL, mask);
	if (size == sizeof(struct xsave_large))
		return load_image(cpu, area, XSAVE_FIT_LARGE, mask);
	return load_sized(cpu, area, size, mask);
}
