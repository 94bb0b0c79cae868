/* SPDX-License-Identifier: MIT */
/*
 * Which values XSETBV accepts for XCR0.
 *
 * Source: SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features"; SDM vol. 2,
 * "XSETBV". The rule ids are those of the project's rule list (X02-X10).
 */
#ifndef XSAVE_XCR0_H
#define XSAVE_XCR0_H

#include <stdint.h>

enum xsave_xcr0 {
	XSAVE_XCR0_OK,
	XSAVE_XCR0_X87,		/* X02: bit 0 is clear */
	XSAVE_XCR0_AVX_SSE,	/* X03: AVX without SSE */
	XSAVE_XCR0_AVX512_PART, /* X04: bits 7:5 neither 000 nor 111 */
	XSAVE_XCR0_AVX512_AVX,	/* X05: AVX-512 without AVX and SSE */
	XSAVE_XCR0_MPX_PART,	/* X06: bits 4:3 neither 00 nor 11 */
	XSAVE_XCR0_AMX_PART,	/* X07: bits 18:17 neither 00 nor 11 */
	XSAVE_XCR0_APX_MPX,	/* X09: APX together with MPX */
	XSAVE_XCR0_UNSUPPORTED, /* X10: a bit that CPUID does not offer to XCR0 */
};

/**
 * xsave_xcr0_check() - would XSETBV accept this value?
 * @xcr0:      the value
 * @supported: CPUID.(0DH,0):EDX:EAX; supervisor components and bit 63 count as unsupported
 *
 * Return: XSAVE_XCR0_OK, or the first rule broken in the order above.
 */
enum xsave_xcr0 xsave_xcr0_check(uint64_t xcr0, uint64_t supported);

/* xsave_xcr0_rule() - the id of the rule, such as "X04"; "" for XSAVE_XCR0_OK */
const char *xsave_xcr0_rule(enum xsave_xcr0 verdict);

/* xsave_xcr0_text() - one line that says what the rule asks */
const char *xsave_xcr0_text(enum xsave_xcr0 verdict);

#endif
