/* SPDX-License-Identifier: MIT */
/*
 * The rules that XSETBV applies to XCR0, as a table.
 *
 * Sources: SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features"; SDM vol. 2,
 * "XSETBV"; for APX the Intel APX Architecture Specification, "XSAVE State Management".
 */
#include "xsave/xcr0.h"

#include <stddef.h>

#include "xsave/component.h"

#define X87    XSAVE_MASK(XSAVE_X87)
#define SSE    XSAVE_MASK(XSAVE_SSE)
#define AVX    XSAVE_MASK(XSAVE_AVX)
#define MPX    (XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR))
#define AVX512 (XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM))
#define AMX    (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define APX    XSAVE_MASK(XSAVE_APX)
#define ANY    (~UINT64_C(0))

/* Whoever has a bit of @any needs all of @all and none of @none. */
static const struct rule {
	uint64_t any, all, none;
	const char *id;
	const char *text;
} rules[] = {
	[XSAVE_XCR0_OK] = { 0, 0, 0, "", "XCR0 accepts this value" },
	[XSAVE_XCR0_X87] = { ANY, X87, 0, "X02", "bit 0 (x87) must be set" },
	[XSAVE_XCR0_AVX_SSE] = { AVX, SSE, 0, "X03", "AVX (bit 2) needs SSE (bit 1)" },
	[XSAVE_XCR0_AVX512_PART] = { AVX512, AVX512, 0, "X04", "bits 7:5 must be 000 or 111" },
	[XSAVE_XCR0_AVX512_AVX] = { AVX512, AVX | SSE, 0, "X05",
				    "AVX-512 (bits 7:5) needs AVX and SSE (bits 2:1)" },
	[XSAVE_XCR0_MPX_PART] = { MPX, MPX, 0, "X06", "bits 4:3 (MPX) must be 00 or 11" },
	[XSAVE_XCR0_AMX_PART] = { AMX, AMX, 0, "X07", "bits 18:17 (AMX) must be 00 or 11" },
	[XSAVE_XCR0_APX_MPX] = { APX, 0, MPX, "X09", "APX (bit 19) excludes MPX (bits 4:3)" },
	[XSAVE_XCR0_UNSUPPORTED] = { 0, 0, 0, "X10",
				     "a bit that CPUID.(0DH,0):EDX:EAX does not offer" },
};

enum xsave_xcr0 xsave_xcr0_check(uint64_t xcr0, uint64_t supported)
{
	for (int i = XSAVE_XCR0_OK; i < XSAVE_XCR0_UNSUPPORTED; i++) {
		const struct rule *r = &rules[i];

		if ((xcr0 & r->any || r->any == ANY) && (~xcr0 & r->all || xcr0 & r->none))
			return (enum xsave_xcr0)i;
	}
	supported &= ~(XSAVE_SUPERVISOR_MASK | XSAVE_XCOMP_COMPACTED);
	return xcr0 & ~supported ? XSAVE_XCR0_UNSUPPORTED : XSAVE_XCR0_OK;
}

/* A value outside the enum reads as XSAVE_XCR0_UNSUPPORTED. */
static const struct rule *rule_of(enum xsave_xcr0 verdict)
{
	size_t i = (size_t)verdict;

	return &rules[i < XSAVE_XCR0_UNSUPPORTED ? i : XSAVE_XCR0_UNSUPPORTED];
}

const char *xsave_xcr0_rule(enum xsave_xcr0 verdict)
{
	return rule_of(verdict)->id;
}

const char *xsave_xcr0_text(enum xsave_xcr0 verdict)
{
	return rule_of(verdict)->text;
}
