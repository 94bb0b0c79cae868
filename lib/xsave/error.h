/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong in the xsave library, as values. After an error nothing has been changed.
 */
#ifndef XSAVE_ERROR_H
#define XSAVE_ERROR_H

/*
 * id:   XSAVE_ERR_ID
 * rule: id in the project's list of rules; "" where the list has none
 * does: what a restore does with an image like this: FAULTS; CHANGES a value silently; IGNORES the
 *       bytes; or NOTHING, because the error is not about what an image holds
 */
/* clang-format off */
#define XSAVE_ERRORS(X)											\
	/* the CPU: cpu.h, layout.h */									\
	X(INSN,		    "",	   NOTHING, "the CPU lacks the instruction")				\
	X(MASK,		    "",	   NOTHING, "a component is not enabled, or the instruction cannot move it") \
	X(XCR0,		    "",	   NOTHING, "XCR0 cannot have this value on this CPU")			\
	X(XSS,		    "",	   NOTHING, "IA32_XSS cannot have this value on this CPU")		\
	X(KIND,		    "C06", NOTHING, "layout: a component has the wrong kind or alignment")	\
	X(SIZE,		    "C10", NOTHING, "layout: a component has the wrong size")			\
	X(OFFSET,	    "C09", NOTHING, "layout: a component starts where none can")		\
	X(BOUNDS,	    "C03", NOTHING, "layout: a component ends past the whole area")		\
	X(OVERLAP,	    "C09", NOTHING, "two components overlap")				\
	X(EBX,		    "C02", NOTHING, "CPUID leaf 0DH: EBX is not the size of the enabled components") \
	X(NOTE,		    "",	   NOTHING, "layout note: not a list of components")			\
	/* the self-test: selftest.h */									\
	X(SCRATCH,	    "",	   NOTHING, "the scratch area is too small or not aligned")		\
	X(ENGINE_HEADER,    "V03", NOTHING, "self-test: the save wrote a wrong XSAVE header")		\
	X(ENGINE_PLACE,	    "L01", NOTHING, "self-test: the save put a component in a wrong place")	\
	X(ENGINE_FOOTPRINT, "V04", NOTHING, "self-test: the save wrote bytes that are not its own")	\
	X(ENGINE_LOAD,	    "R05", NOTHING, "self-test: the load did not bring back what was saved")	\
	X(ENGINE_INIT,	    "R02", NOTHING, "self-test: the load did not initialise a component")	\
	/* the image as a whole: image.h */								\
	X(LENGTH,	    "",	   FAULTS,  "neither 512 bytes, as FXSAVE writes, nor at least 576")	\
	X(TRUNCATED,	    "N08", FAULTS,  "a component ends past the image")				\
	X(COMPONENT,	    "",	   FAULTS,  "a component is unknown, so nobody can say where it lies")	\
	X(COMPACTION,	    "H10", FAULTS,  "compacted, and the CPU knows only the standard format")	\
	X(XCOMP_BV,	    "H09", FAULTS,  "XCOMP_BV is not zero and bit 63 is clear")			\
	X(XCOMP_BV_ENABLED, "H06", FAULTS,  "XCOMP_BV has a component that is not enabled")		\
	X(SUPERVISOR,	    "R06", FAULTS,  "XCOMP_BV has a supervisor component, which only XRSTORS loads") \
	X(XSTATE_BV,	    "H05", FAULTS,  "XSTATE_BV has a component that is not enabled")		\
	X(XSTATE_BV_63,	    "H08", FAULTS,  "XSTATE_BV[63] is set")					\
	X(XSTATE_BV_XCOMP,  "H07", FAULTS,  "XSTATE_BV has a component that XCOMP_BV lacks")		\
	X(HEADER_16,	    "H03", FAULTS,  "standard: bytes 23:16 of the XSAVE header are not zero")	\
	X(HEADER_REST,	    "H04", FAULTS,  "compacted: bytes 63:16 of the XSAVE header are not zero")	\
	/* what a component holds: image.h */								\
	X(MXCSR,	    "M06", FAULTS,  "MXCSR has a reserved bit")					\
	X(BNDCFGU,	    "",	   FAULTS,  "BNDCFGU has a reserved bit or is not canonical")		\
	X(PT,		    "",	   FAULTS,  "IA32_RTIT_CTL has a reserved bit")				\
	X(PASID,	    "",	   FAULTS,  "IA32_PASID has a reserved bit")				\
	X(CET_U_RESERVED,   "E02", FAULTS,  "IA32_U_CET has a reserved bit")				\
	X(CET_U_TRACKER,    "E02", FAULTS,  "IA32_U_CET has SUPPRESS and TRACKER at once")		\
	X(CET_U_BITMAP,	    "E02", FAULTS,  "IA32_U_CET: the bitmap's address is not canonical")	\
	X(SSP_ALIGN,	    "E02", FAULTS,  "a shadow-stack pointer is not a multiple of 4")		\
	X(SSP_CANONICAL,    "E02", FAULTS,  "a shadow-stack pointer is not canonical")			\
	X(HDC,		    "",	   FAULTS,  "IA32_PM_CTL1 has a reserved bit")				\
	X(UINTR_CANONICAL,  "",	   FAULTS,  "UINTR: an address is not canonical")			\
	X(UINTR_RESERVED,   "",	   FAULTS,  "UINTR: a reserved bit is set")				\
	X(LBR,		    "",	   FAULTS,  "LBR: IA32_LBR_CTL or IA32_LBR_DEPTH has a reserved bit")	\
	X(FCW,		    "F01", CHANGES, "FCW: a reserved bit does not have its fixed value")		\
	X(FSW,		    "F02", CHANGES, "FSW: ES or B does not fit the flags and the masks of FCW")	\
	X(FOP,		    "F03", CHANGES, "FOP has more than 11 bits")				\
	X(TILE_PALETTE,	    "T02", CHANGES, "XTILECFG: unknown palette")				\
	X(TILE_RESERVED,    "T02", CHANGES, "XTILECFG: a reserved byte is not zero")			\
	X(TILE_SIZE,	    "T02", CHANGES, "XTILECFG: a tile has more rows or columns than the palette") \
	X(TILE_HALF,	    "T02", CHANGES, "XTILECFG: a tile has rows but no columns, or the reverse")	\
	X(PKRU,		    "P02", IGNORES, "PKRU: the upper half is not zero")				\
	X(HEADER_UNCHECKED, "H03", IGNORES, "standard: bytes 63:24 of the XSAVE header are not zero")	\
	/* making an image of another: image.h */							\
	X(ROOM,		    "",	   NOTHING, "the target is too small")					\
	X(PLACE,	    "",	   NOTHING, "a component has no place in the target's format and layout") \
	X(REG,		    "",	   NOTHING, "the image has no room for the register")
/* clang-format on */

enum xsave_error {
	XSAVE_OK,
#define XSAVE_ERROR_ENUM(id, ...) XSAVE_ERR_##id,
	XSAVE_ERRORS(XSAVE_ERROR_ENUM)
#undef XSAVE_ERROR_ENUM
		XSAVE_ERROR_COUNT,
};

/* What a restore does with an image for which xsave_validate() returns this. */
enum xsave_effect {
	XSAVE_EFFECT_NOTHING, /* the error is not about what an image holds */
	XSAVE_EFFECT_FAULTS,  /* raises an exception, or touches memory past the image */
	XSAVE_EFFECT_CHANGES, /* loads another value than the image has */
	XSAVE_EFFECT_IGNORES, /* does not look */
};

/**
 * xsave_strerror() - one line of text for an error
 * @err: any value
 *
 * Return: a constant string, never NULL.
 */
const char *xsave_strerror(enum xsave_error err);

/* xsave_error_name() - the name of the value, such as "XSAVE_ERR_MXCSR"; never NULL */
const char *xsave_error_name(enum xsave_error err);

/* xsave_error_rule() - the rule's id, such as "M06"; "" where the list has none; never NULL */
const char *xsave_error_rule(enum xsave_error err);

/* xsave_error_effect() - what a restore does with an image like this */
enum xsave_effect xsave_error_effect(enum xsave_error err);

#endif
