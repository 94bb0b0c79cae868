/* SPDX-License-Identifier: MIT */
/*
 * The state components: one table, one row a component, and all that follows from it.
 *
 * To add a component is to add its row here. Bit numbers, sizes, alignment and kind are
 * architectural. Standard offsets are not (AMD packs without the MPX hole), hence two columns.
 *
 * Sources: SDM vol. 1, "XSAVE-Supported Features and State-Component Bitmaps", "Legacy Region of an
 * XSAVE Area", "Extended Region of an XSAVE Area", "XSAVE-Managed State"; Intel APX Architecture
 * Specification, "XSAVE State Management"; APM vol. 2, "XSAVE/XRSTOR Instructions"; AMD Lightweight
 * Profiling Specification (publication 43724).
 */
#ifndef XSAVE_COMPONENT_H
#define XSAVE_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * sup:     a supervisor state component: enabled by IA32_XSS, compacted format only
 * al:      starts at a multiple of 64 in the compacted format (CPUID.(0DH,i):ECX[1])
 * xfd:     can be held back by IA32_XFD (CPUID.(0DH,i):ECX[2])
 * ts:      its first use raises #NM while CR0.TS = 1, so a lazy switch may leave it for later
 * intel, amd: offset in the standard format; 0 (but for x87): that vendor gives it none
 */
/* clang-format off */
#define XSAVE_COMPONENTS(X)						\
	/* bit id         name         size sup al xfd ts intel  amd */ \
	X( 0, X87,       "x87",        160,  0,  0, 0,  1,    0,    0)	\
	X( 1, SSE,       "SSE",        256,  0,  0, 0,  1,  160,  160)	\
	X( 2, AVX,       "AVX",        256,  0,  0, 0,  1,  576,  576)	\
	X( 3, BNDREGS,   "BNDREGS",     64,  0,  0, 0,  0,  960,    0)	\
	X( 4, BNDCSR,    "BNDCSR",      64,  0,  0, 0,  0, 1024,    0)	\
	X( 5, OPMASK,    "opmask",      64,  0,  0, 0,  1, 1088,  832)	\
	X( 6, ZMM_HI256, "ZMM_Hi256",  512,  0,  0, 0,  1, 1152,  896)	\
	X( 7, HI16_ZMM,  "Hi16_ZMM",  1024,  0,  0, 0,  1, 1664, 1408)	\
	X( 8, PT,        "PT",         128,  1,  0, 0,  0,    0,    0)	\
	X( 9, PKRU,      "PKRU",         8,  0,  0, 0,  0, 2688, 2432)	\
	X(10, PASID,     "PASID",        8,  1,  0, 0,  0,    0,    0)	\
	X(11, CET_U,     "CET_U",       16,  1,  0, 0,  0,    0,    0)	\
	X(12, CET_S,     "CET_S",       24,  1,  0, 0,  0,    0,    0)	\
	X(13, HDC,       "HDC",          8,  1,  0, 0,  0,    0,    0)	\
	X(14, UINTR,     "UINTR",       48,  1,  0, 0,  0,    0,    0)	\
	X(15, LBR,       "LBR",        808,  1,  0, 0,  0,    0,    0)	\
	X(16, HWP,       "HWP",          8,  1,  0, 0,  0,    0,    0)	\
	X(17, XTILECFG,  "XTILECFG",    64,  0,  1, 0,  0, 2752,    0)	\
	X(18, XTILEDATA, "XTILEDATA", 8192,  0,  1, 1,  0, 2816,    0)	\
	X(19, APX,       "APX",        128,  0,  0, 0,  0,  960,    0)	\
	X(62, LWP,       "LWP",        128,  0,  0, 0,  0,    0,  832)
/* clang-format on */

/* Bit numbers in XCR0, IA32_XSS, XSTATE_BV, XCOMP_BV and RFBM. */
/* clang-format off */
enum xsave_bit {
#define XSAVE_BIT_ENUM(bit, id, ...) XSAVE_##id = (bit),
	XSAVE_COMPONENTS(XSAVE_BIT_ENUM)
#undef XSAVE_BIT_ENUM
	XSAVE_BITS = 63, /* one past the last bit that can name a component */
};
/* clang-format on */

#define XSAVE_MASK(bit)	      (UINT64_C(1) << (bit))
#define XSAVE_XCOMP_COMPACTED XSAVE_MASK(63) /* XCOMP_BV[63]: the image is in compacted format */

/* The columns as constant masks, for static initialisers and assertions. */
#define XSAVE_TERM_KNOWN(bit, ...)				  | XSAVE_MASK(bit)
#define XSAVE_TERM_SUP(bit, id, name, size, sup, ...)		  | ((sup) ? XSAVE_MASK(bit) : 0)
#define XSAVE_TERM_ALIGN(bit, id, name, size, sup, al, ...)	  | ((al) ? XSAVE_MASK(bit) : 0)
#define XSAVE_TERM_TS(bit, id, name, size, sup, al, xfd, ts, ...) | ((ts) ? XSAVE_MASK(bit) : 0)

#define XSAVE_KNOWN_MASK      (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_KNOWN))
#define XSAVE_SUPERVISOR_MASK (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_SUP))
#define XSAVE_USER_MASK	      (XSAVE_KNOWN_MASK & ~XSAVE_SUPERVISOR_MASK)
#define XSAVE_ALIGN64_MASK    (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_ALIGN))
#define XSAVE_TS_MASK	      (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_TS))
#define XSAVE_LEGACY_MASK     (XSAVE_MASK(XSAVE_X87) | XSAVE_MASK(XSAVE_SSE))

/* struct xsave_component - one row of the table */
struct xsave_component {
	const char *name; /* the SDM's spelling */
	unsigned int bit;
	uint32_t size;	       /* bytes */
	uint32_t offset_intel; /* standard format; 0 (but for x87): none */
	uint32_t offset_amd;
	bool supervisor;
	bool align64;
	bool xfd;
	bool ts;
};

/**
 * xsave_component() - the row of a state component
 * @bit: bit number in XCR0 or IA32_XSS
 *
 * Return: the row, NULL for a bit that names no known component.
 */
const struct xsave_component *xsave_component(unsigned int bit);

/**
 * xsave_next_bit() - walk the bits of a mask from the lowest
 * @mask: any mask
 * @from: first bit number to look at
 *
 * Return: the lowest bit number >= @from that is set in @mask[62:0]; XSAVE_BITS when there is none.
 */
unsigned int xsave_next_bit(uint64_t mask, unsigned int from);

/* xsave_for_each_bit() - run a statement for every bit of @mask[62:0], lowest first */
#define xsave_for_each_bit(bit, mask)                                                              \
	for (unsigned int bit = xsave_next_bit(mask, 0); bit < XSAVE_BITS;                         \
	     bit = xsave_next_bit(mask, bit + 1))

/* The same masks as functions, for callers that are not C constants. */
uint64_t xsave_known_mask(void);
uint64_t xsave_user_mask(void);
uint64_t xsave_supervisor_mask(void);
uint64_t xsave_ts_mask(void);

#endif
