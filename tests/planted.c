/* SPDX-License-Identifier: MIT */
/*
 * Values planted in the registers and looked for in the text of a report.
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "context.h"
#include "planted.h"

static struct xregs planted, kept;
static char report[16 * 1024];

void planted_load(uint64_t xcr0)
{
	xcr0 &= xregs_cpu.mask;
	xregs_pattern(&planted, xcr0, options.seed + 77);
	xregs_load(&planted, xcr0);
	console_capture(report, sizeof(report));
}

static bool contains(const char *text, const char *part)
{
	size_t n = strlen(part);

	for (; *text; text++) {
		if (starts_with(text, part))
			return n != 0;
	}
	return false;
}

static void expect_reported(const uint8_t *bytes, size_t size, const char *name, unsigned int i)
{
	char hex[80];
	size_t at = 0;

	for (size_t k = 0; k < size; k++)
		at += format_text(hex + at, sizeof(hex) - at, "%02x", bytes[k]);
	expect_true(contains(report, hex), "I01", "the report holds %s%u = %s", name, i, hex);
}

static void expect_reported_all(uint64_t xcr0)
{
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_SSE); i++)
		expect_reported(planted.vector[i], 16, "xmm", i);
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_AVX); i++)
		expect_reported(planted.vector[i] + XREGS_YMM_HI128, 16, "YMM_Hi128 of ymm", i);
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_ZMM_HI256); i++)
		expect_reported(planted.vector[i] + XREGS_ZMM_HI256, 32, "ZMM_Hi256 of zmm", i);
	for (unsigned int i = 16; i < 32 && xcr0 & XSAVE_MASK(XSAVE_HI16_ZMM); i++)
		expect_reported(planted.vector[i], 32, "Hi16_ZMM, zmm", i);
	for (unsigned int i = 0; i < 8; i++)
		expect_reported(planted.x87.st[i], 10, "st", i);
	if (xcr0 & XSAVE_MASK(XSAVE_PKRU))
		expect_reported((const uint8_t *)&planted.pkru, 4, "pkru", 0);
}

static void expect_kept(uint64_t xcr0)
{
	struct xregs_diff first;

	xregs_store(&kept, xcr0);
	if (xregs_compare(&planted, &kept, xcr0, &first))
		context_fail(&first, "I01", "after the report");
	else
		test_checked("I01", 1);
}

void planted_check(uint64_t xcr0)
{
	xcr0 &= xregs_cpu.mask;
	console_capture(NULL, 0);
	expect_reported_all(xcr0);
	expect_kept(xcr0);
}
