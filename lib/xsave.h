/* SPDX-License-Identifier: MIT */
/*
 * The xsave library: save and load extended processor state in memory of fixed size.
 *
 * WHAT XSAVE DOES
 *
 * State components. The registers beyond the general ones come in numbered groups: x87 is 0, SSE 1,
 * the upper halves of the YMM registers (AVX) 2, and so on; component.h lists them. A mask has one
 * bit per component. XCR0 (by XSETBV) enables user state components, IA32_XSS (an MSR) enables
 * supervisor state components, which only XSAVES and XRSTORS move. Each save or restore takes an
 * instruction mask in EDX:EAX; what it works on is RFBM = EDX:EAX & XCR0, for the S forms
 * EDX:EAX & (XCR0 | IA32_XSS).
 *
 * The area. Aligned to 64 bytes: a legacy region of 512 bytes, the same as FXSAVE's, which holds
 * x87 and SSE; the XSAVE header, 64 bytes; from byte 576 the extended region with everything else.
 *
 * The header. XSTATE_BV[i] = 1: component i is in the image; 0: it is in its initial configuration
 * and its bytes mean nothing. XCOMP_BV = 0: standard format, each component at the offset that
 * CPUID gives, which differs between vendors. XCOMP_BV[63] = 1: compacted format, the components of
 * XCOMP_BV[62:0] packed by number; where they lie follows from architectural sizes alone. The rest
 * of the header must be zero, or a restore raises #GP.
 *
 * The instructions.
 *   FXSAVE    x87 and SSE, no header.
 *   XSAVE     standard format; writes every component of RFBM; in the header only XSTATE_BV[i] of
 *             RFBM, so whoever reuses memory clears the header first.
 *   XSAVEOPT  XSAVE, but skips components in their initial configuration (init optimization), and
 *             those not modified since an XRSTOR from the same address (modified optimization): an
 *             edit that software made to the image in between survives.
 *   XSAVEC    compacted format with the init optimization; writes XSTATE_BV and XCOMP_BV whole.
 *   XSAVES    XSAVEC plus supervisor components plus the modified optimization; CPL 0 only.
 *   XRSTOR    loads either format (compacted: only where there is XSAVEC). A component of RFBM with
 *             XSTATE_BV[i] = 0 is set to its initial configuration.
 *   XRSTORS   compacted images only, supervisor components too; CPL 0 only.
 *
 * MXCSR belongs to SSE but has rules of its own: XSAVE and a standard XRSTOR move it when RFBM has
 * SSE or AVX, whatever XSTATE_BV says; the compacted forms treat it as part of SSE.
 *
 * How much memory. A CPU may touch any byte of any component in RFBM, and real ones probe up to the
 * end of the last, even when all are in their initial configuration. With AMX enabled the standard
 * format ends at 11008. The size that CPUID reports moves with XCR0, and hypervisors get it wrong.
 * Hence the rule here: a component that does not lie wholly inside the area is never in RFBM.
 *
 * The initial image. XCOMP_BV = bit 63 alone with XSTATE_BV = 0 is a compacted image that holds
 * nothing: 576 bytes that set everything in RFBM to its initial configuration.
 *
 * Sources: SDM vol. 1, "Managing State Using the XSAVE Feature Set", all of it.
 */
#ifndef XSAVE_H
#define XSAVE_H

#include <stddef.h>
#include <stdint.h>

#include "xsave/component.h"
#include "xsave/cpu.h"
#include "xsave/error.h"
#include "xsave/layout.h"
#include "xsave/xcr0.h"

/* Legacy region, in the 64-bit form; the fields are for the CPU at hand, in its byte order. */
struct xsave_legacy {
	uint16_t fcw;
	uint16_t fsw;
	uint8_t ftw; /* abridged: one bit a register, 1 = not empty */
	uint8_t reserved1;
	uint16_t fop;
	uint64_t fip;
	uint64_t fdp;
	uint32_t mxcsr;
	uint32_t mxcsr_mask;
	uint8_t st[8][16]; /* ten bytes each, ST(0) first */
	uint8_t xmm[16][16];
	uint8_t reserved2[48];
	uint8_t software[48]; /* never written by the CPU */
};

struct xsave_header {
	uint64_t xstate_bv;
	uint64_t xcomp_bv;
	uint64_t reserved[6];
};

/*
 * XSAVE_AREA() - declare struct @name, an area of @bytes: a multiple of 64, 576 at least
 *
 * For stacks that have no room for a page. Which components fit, xsave_fit() says;
 * xsave_save_with() leaves the others out. In either format 576 bytes hold x87 and SSE, 832 AVX as
 * well, 2688 AVX-512 as well. The two areas below are those that xsave_save() and xsave_load()
 * take.
 */
#define XSAVE_AREA(name, bytes)                                                                    \
	struct name {                                                                              \
		_Static_assert((bytes) >= XSAVE_EXTENDED && (bytes) % 64 == 0, "size of an area"); \
		_Alignas(64) struct xsave_legacy legacy;                                           \
		struct xsave_header header;                                                        \
		uint8_t extended[(bytes)-XSAVE_EXTENDED];                                          \
	}

_Static_assert(sizeof(struct xsave_legacy) == XSAVE_LEGACY_SIZE, "legacy region");
_Static_assert(sizeof(struct xsave_header) == XSAVE_EXTENDED - XSAVE_LEGACY_SIZE, "XSAVE header");

/* struct xsave - a page: holds every known component but XTILEDATA */
XSAVE_AREA(xsave, 4096);

/* struct xsave_large - three pages: holds every known component */
XSAVE_AREA(xsave_large, 12288);

/*
 * The known components that lie wholly inside each struct, all at once and in either format: at the
 * furthest standard offset of any vendor, and packed behind each other. The assertions keep that
 * true when a row joins the table.
 */
#define XSAVE_FITS(size, intel, amd, area)                                                         \
	((intel) + (size) <= (int)sizeof(area) && (amd) + (size) <= (int)sizeof(area))
#define XSAVE_TERM_SMALL(bit, id, name, size, sup, al, xfd, ts, intel, amd)                        \
	| (XSAVE_FITS(size, intel, amd, struct xsave) ? XSAVE_MASK(bit) : 0)
#define XSAVE_TERM_LARGE(bit, id, name, size, sup, al, xfd, ts, intel, amd)                        \
	| (XSAVE_FITS(size, intel, amd, struct xsave_large) ? XSAVE_MASK(bit) : 0)
#define XSAVE_FIT_SMALL (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_SMALL))
#define XSAVE_FIT_LARGE (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_LARGE))

#define XSAVE_DEFAULT_FCW	 0x037f
#define XSAVE_DEFAULT_MXCSR	 0x1f80
#define XSAVE_DEFAULT_MXCSR_1FBF 0x1fbf

/* XSAVE_DEFAULT - initialiser for an area: the initial configuration of everything */
#define XSAVE_DEFAULT                                                                              \
	{                                                                                          \
		.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR },              \
		.header = { .xcomp_bv = XSAVE_XCOMP_COMPACTED },                                   \
	}

/*
 * XSAVE_DEFAULT_1FBF - the same with MXCSR = 1FBFH: every exception masked and every flag set
 *
 * For code that handles secrets: on some CPUs the time that instructions take depends on whether
 * they have to set a flag.
 * Source: Intel, "MXCSR Configuration Dependent Timing".
 */
#define XSAVE_DEFAULT_1FBF                                                                         \
	{                                                                                          \
		.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR_1FBF },         \
		.header = { .xstate_bv = XSAVE_MASK(XSAVE_SSE),                                    \
			    .xcomp_bv = XSAVE_XCOMP_COMPACTED | XSAVE_MASK(XSAVE_SSE) },           \
	}

/**
 * xsave_reset() - make an area hold the image of XSAVE_DEFAULT
 * @area: aligned to 64 bytes, 576 bytes at least
 *
 * Writes FCW, MXCSR and the XSAVE header, which is all that means something in that image, and
 * touches no vector register. Loading a default needs no area of one's own, and saving into an area
 * needs no reset before.
 */
void xsave_reset(void *area);

/**
 * xsave_save_with() - save extended state
 * @cpu:  what the CPU can do
 * @area: aligned to 64 bytes; its old content does not matter
 * @size: bytes of @area
 * @mask: components asked for
 *
 * Saves the components of @mask that @cpu moves and that lie wholly inside the area; never writes a
 * byte past it. When nothing is left to save, the area is not touched. FXSAVE takes no mask: it
 * saves when all of cpu->mask is asked for, else nothing.
 *
 * Return: the components saved.
 * Source: SDM vol. 1, "Operation of XSAVE" to "Operation of XSAVES".
 */
uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area, size_t size, uint64_t mask);

/**
 * xsave_load_with() - load extended state
 * @cpu:  what the CPU can do
 * @area: an image, aligned to 64 bytes; one that is not valid raises #GP
 * @size: bytes of @area
 * @mask: components asked for
 *
 * Loads the components of @mask that @cpu moves and that lie wholly inside the area; those that the
 * image does not hold are set to their initial configuration, but for those of cpu->keep.
 * XSAVE_DEFAULT and XSAVE_DEFAULT_1FBF initialise all of @mask but cpu->keep from an area of any
 * size on every CPU: where compaction is lacking, through a constant standard image. FXRSTOR knows
 * no RFBM and no header: it loads the legacy region when all of cpu->mask is asked for, else
 * nothing.
 *
 * Control bits of MXCSR and FCW are callee-saved in the System V ABI: a C program that loads an
 * image across a call changes them for its callers, and should know that it does.
 *
 * Return: the components loaded.
 * Source: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS".
 */
uint64_t xsave_load_with(const struct xsave_cpu *cpu, const void *area, size_t size, uint64_t mask);

/*
 * One function per instruction: the header as the instruction needs it, then the instruction, on
 * everything in @rfbm. No check at all: xsave_save_with() and xsave_load_with() make them.
 * Return: @rfbm. On other machines than x86-64 they do nothing; 0.
 */
uint64_t xsave_save_fxsave(void *area, uint64_t rfbm);
uint64_t xsave_save_xsave(void *area, uint64_t rfbm);
uint64_t xsave_save_xsaveopt(void *area, uint64_t rfbm);
uint64_t xsave_save_xsavec(void *area, uint64_t rfbm);
uint64_t xsave_save_xsaves(void *area, uint64_t rfbm);
uint64_t xsave_load_fxrstor(const void *area, uint64_t rfbm);
uint64_t xsave_load_xrstor(const void *area, uint64_t rfbm);
uint64_t xsave_load_xrstors(const void *area, uint64_t rfbm);

static inline uint64_t xsave_save_small(struct xsave *x)
{
	return xsave_save_with(xsave_in_use, x, sizeof(*x), ~UINT64_C(0));
}

static inline uint64_t xsave_save_large(struct xsave_large *x)
{
	return xsave_save_with(xsave_in_use, x, sizeof(*x), ~UINT64_C(0));
}

static inline uint64_t xsave_load_small(const struct xsave *x)
{
	return xsave_load_with(xsave_in_use, x, sizeof(*x), ~UINT64_C(0));
}

static inline uint64_t xsave_load_large(const struct xsave_large *x)
{
	return xsave_load_with(xsave_in_use, x, sizeof(*x), ~UINT64_C(0));
}

/* xsave_save(), xsave_load() - everything that fits, with the CPU value of xsave_use() */
#define xsave_save(x)                                                                              \
	_Generic((x), struct xsave * : xsave_save_small, struct xsave_large * : xsave_save_large)(x)

#define xsave_load(x)                                                                              \
	_Generic((x), struct xsave *                                                               \
		 : xsave_load_small, const struct xsave *                                          \
		 : xsave_load_small, struct xsave_large *                                          \
		 : xsave_load_large, const struct xsave_large *                                    \
		 : xsave_load_large)(x)

#endif
