/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading, and nothing else. Every function is marked as protect.h has it: a compiler
 * may neither use a vector register here nor inline what is here elsewhere.
 *
 * The asm has no vector registers in its clobber list: this unit uses none, and for its callers the
 * calls say it, since the System V ABI makes every vector and x87 register caller-saved.
 *
 * Sources: SDM vol. 1, "Operation of FXSAVE" and "Operation of XSAVE" to "Operation of
 * XRSTORS".
 */
#include "xsave.h"

#include "protect.h"

/* A 64-bit store or load of memory that the program knows as something else. */
typedef uint64_t __attribute__((may_alias)) word;

XSAVE_AREA(smallest, XSAVE_EXTENDED);

/*
 * What the defaults mean where XRSTOR knows the standard format only. MXCSR comes from a standard
 * image whatever XSTATE_BV says (M04). XRSTOR probes the places of components that XSTATE_BV says
 * to initialise, too (N01): so as much memory follows as any layout takes. What it holds means
 * nothing, so the second image may lie where the first has its extended region.
 */
static const struct {
	struct smallest initial;
	struct xsave_large initial_1fbf;
} standard = {
	.initial.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR },
	.initial_1fbf.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR_1FBF },
};

/* Images are little-endian. */
static inline GENERAL_REGS uint64_t little_endian(uint64_t value)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

/* Volatile, lest the stores become one of a vector register, or a call of memset(). */
OUT_OF_LINE GENERAL_REGS void xsave_reset(void *area)
{
	volatile word *at = area;

	at[0] = little_endian(XSAVE_DEFAULT_FCW);
	at[3] = little_endian(XSAVE_DEFAULT_MXCSR);
	at[64] = 0;
	at[65] = little_endian(XSAVE_XCOMP_COMPACTED);
	at[66] = at[67] = at[68] = at[69] = at[70] = at[71] = 0;
}

#if XSAVE_X86_64

/*
 * Stores to the XSAVE header, in one asm with the instruction so that nothing comes between.
 * XSAVEC and XSAVES write XSTATE_BV and XCOMP_BV (V03), XSAVE and XSAVEOPT keep old bits in both
 * (V01, V02); nobody writes the rest, which a load wants to be zero (H03, H04). What is returned
 * passes through the asm: a compiler that knew it would keep it across the call, and not jump.
 */
#define CLEAR(at)     "movq %[zero], " #at "(%[area])\n\t"
#define CLEAR_REST    CLEAR(528) CLEAR(536) CLEAR(544) CLEAR(552) CLEAR(560) CLEAR(568)
#define CLEAR_HEADER  CLEAR(512) CLEAR(520) CLEAR_REST
#define LEGACY_HEADER "movq $3, 512(%[area])\n\t" CLEAR(520) CLEAR_REST

/* clang-format off */
#define DEFINE_SAVE(name, header, mnemonic)                                                        \
	OUT_OF_LINE GENERAL_REGS uint64_t xsave_save_##name(void *area, uint64_t rfbm)             \
	{                                                                                          \
		uint64_t same = rfbm;                                                              \
                                                                                                   \
		__asm__ volatile(header mnemonic " (%[area])"                                      \
				 : [same] "+r"(same)                                               \
				 : [area] "r"(area), [zero] "r"(UINT64_C(0)),                      \
				   "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))                \
				 : "memory");                                                      \
		return same;                                                                       \
	}
#define DEFINE_LOAD(name, mnemonic)                                                                \
	OUT_OF_LINE GENERAL_REGS uint64_t xsave_load_##name(const void *area, uint64_t rfbm)       \
	{                                                                                          \
		uint64_t same = rfbm;                                                              \
                                                                                                   \
		__asm__ volatile(mnemonic " (%[area])"                                             \
				 : [same] "+r"(same)                                               \
				 : [area] "r"(area), "a"((uint32_t)rfbm),                          \
				   "d"((uint32_t)(rfbm >> 32))                                     \
				 : "memory");                                                      \
		return same;                                                                       \
	}
/* clang-format on */

#else /* no such instruction: nothing moves */

/* clang-format off */
#define DEFINE_SAVE(name, header, mnemonic)                                                        \
	uint64_t xsave_save_##name(void *area, uint64_t rfbm)                                      \
	{                                                                                          \
		(void)area;                                                                        \
		(void)rfbm;                                                                        \
		return 0;                                                                          \
	}
#define DEFINE_LOAD(name, mnemonic)                                                                \
	uint64_t xsave_load_##name(const void *area, uint64_t rfbm)                                \
	{                                                                                          \
		(void)area;                                                                        \
		(void)rfbm;                                                                        \
		return 0;                                                                          \
	}
/* clang-format on */

#endif

DEFINE_SAVE(fxsave, LEGACY_HEADER, "fxsave64")
DEFINE_SAVE(xsave, CLEAR_HEADER, "xsave64")
DEFINE_SAVE(xsaveopt, CLEAR_HEADER, "xsaveopt64")
DEFINE_SAVE(xsavec, CLEAR_REST, "xsavec64")
DEFINE_SAVE(xsaves, CLEAR_REST, "xsaves64")
DEFINE_LOAD(fxrstor, "fxrstor64")
DEFINE_LOAD(xrstor, "xrstor64")
DEFINE_LOAD(xrstors, "xrstors64")

/* The jump to the instruction. FXSAVE has no RFBM: it moves all of cpu->mask or nothing. */
static inline GENERAL_REGS uint64_t save_by_insn(const struct xsave_cpu *cpu, void *area,
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

/*
 * For areas of other sizes than the two structs. What is left of the mask fits; the size given on
 * is one that takes nothing more away.
 */
static OUT_OF_LINE GENERAL_REGS uint64_t save_sized(const struct xsave_cpu *cpu, void *area,
						    size_t size, uint64_t mask)
{
	mask = xsave_fit(xsave_insn_compacted(cpu->insn), mask & cpu->mask, size); /* N08 */
	return xsave_save_with(cpu, area, sizeof(struct xsave_large), mask);
}

OUT_OF_LINE GENERAL_REGS uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area,
						  size_t size, uint64_t mask)
{
	if (size == sizeof(struct xsave))
		mask &= cpu->fit_small; /* N08 */
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
static inline GENERAL_REGS uint64_t image_fit(uint64_t xcomp_bv, uint64_t fit)
{
	uint64_t beyond;

	fit &= XSAVE_USER_MASK | -(xcomp_bv >> 63);
	beyond = xcomp_bv & ~XSAVE_XCOMP_COMPACTED & ~fit;
	return fit & ((beyond & -beyond) - 1);
}

/*
 * A compacted image whose XCOMP_BV lacks a component would initialise it (L06). Those of cpu->keep
 * stay as they are; without a branch, as above.
 */
static inline GENERAL_REGS uint64_t kept(const struct xsave_cpu *cpu, uint64_t xcomp_bv)
{
	return cpu->keep & ~xcomp_bv & -(xcomp_bv >> 63);
}

static GENERAL_REGS bool xmm_is_zero(const void *image)
{
	const word *at = image;
	uint64_t any = 0;

	for (size_t i = 160 / sizeof(*at); i < 416 / sizeof(*at); i++)
		any |= at[i];
	return !any;
}

/* The standard image for a default (L08); NULL: it is none. */
static inline GENERAL_REGS const void *standard_default(const struct xsave *image)
{
	uint64_t xcomp_bv = image->header.xcomp_bv, xstate_bv = image->header.xstate_bv;

	if (xcomp_bv == XSAVE_XCOMP_COMPACTED && !xstate_bv)
		return &standard.initial;
	if (xcomp_bv == (XSAVE_XCOMP_COMPACTED | XSAVE_MASK(XSAVE_SSE)) &&
	    xstate_bv == XSAVE_MASK(XSAVE_SSE) && image->legacy.mxcsr == XSAVE_DEFAULT_MXCSR_1FBF &&
	    xmm_is_zero(image))
		return &standard.initial_1fbf;
	return NULL;
}

/* Load what an area has room for; a default needs no room. */
static OUT_OF_LINE GENERAL_REGS uint64_t load_image(const struct xsave_cpu *cpu, const void *area,
						    uint64_t fit, uint64_t rfbm)
{
	const struct xsave *image = area;
	const void *standard_image = standard_default(image);
	uint64_t xcomp_bv = image->header.xcomp_bv;

	rfbm &= ~kept(cpu, xcomp_bv);
	if (!standard_image)
		rfbm &= image_fit(xcomp_bv, fit); /* N08 */
	else if (!cpu->compaction)
		area = standard_image; /* H10 */
	if (!rfbm)
		return 0;
	if (cpu->insn == XSAVE_INSN_FXSAVE)
		return rfbm == cpu->mask ? xsave_load_fxrstor(area, rfbm) : 0;
	if (cpu->insn == XSAVE_INSN_XSAVES && xcomp_bv & XSAVE_XCOMP_COMPACTED)
		return xsave_load_xrstors(area, rfbm);
	return xsave_load_xrstor(area, rfbm); /* R07 */
}

/*
 * For areas of other sizes: no part of the header is read unless it is inside. The fit of what is
 * asked for and what the image holds together is a lower bound, since fewer components only move
 * the others down.
 */
static OUT_OF_LINE GENERAL_REGS uint64_t load_sized(const struct xsave_cpu *cpu, const void *area,
						    size_t size, uint64_t rfbm)
{
	const struct xsave *image = area;
	uint64_t xcomp_bv;

	if (size < XSAVE_EXTENDED)
		return 0;
	xcomp_bv = image->header.xcomp_bv;
	return load_image(cpu, area, xsave_fit(xcomp_bv >> 63, rfbm | xcomp_bv, size), rfbm);
}

OUT_OF_LINE GENERAL_REGS uint64_t xsave_load_with(const struct xsave_cpu *cpu, const void *area,
						  size_t size, uint64_t mask)
{
	mask &= cpu->mask;
	if (size == sizeof(struct xsave))
		return load_image(cpu, area, XSAVE_FIT_SMALL, mask);
	if (size == sizeof(struct xsave_large))
		return load_image(cpu, area, XSAVE_FIT_LARGE, mask);
	return load_sized(cpu, area, size, mask);
}
