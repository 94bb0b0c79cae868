/* SPDX-License-Identifier: MIT */
/*
 * Which XCR0 is legal, against a list of the legal values that is built another way. Runs on any
 * machine.
 *
 * Rules: X02-X10 X15.
 */
#include <string.h>

#include "check.h"
#include <xsave/component.h>
#include <xsave/xcr0.h>

#define C XSAVE_XCOMP_COMPACTED

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* All legal values, built up from what the manual allows side by side. */
static void mark_legal(bool *legal)
{
	static const uint32_t simd[] = { 0, 2, 6, 0xe6 };

	for (unsigned int i = 0; i < 64; i++) {
		uint32_t v = 1 | simd[i & 3];

		v |= i & 4 ? 0x18 : 0;
		v |= i & 8 ? 0x200 : 0;
		v |= i & 16 ? 0x60000 : 0;
		v |= i & 32 ? 0x80000 : 0;
		if ((i & 36) != 36)
			legal[v] = true;
	}
}

static void test_xcr0_all(void)
{
	static const unsigned int bits[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 17, 18, 19 };
	static bool legal[1 << 20];
	unsigned int wrong = 0, accepted = 0, narrow = 0;

	mark_legal(legal);
	for (unsigned int i = 0; i < 1U << LENGTH(bits); i++) {
		uint64_t v = 0;

		for (size_t b = 0; b < LENGTH(bits); b++)
			v |= i >> b & 1 ? XSAVE_MASK(bits[b]) : 0;
		wrong += legal[v] != !xsave_xcr0_check(v, ~UINT64_C(0));
		narrow += (legal[v] && !(v & ~UINT64_C(0x207))) != !xsave_xcr0_check(v, 0x207);
		accepted += !xsave_xcr0_check(v, ~UINT64_C(0));
	}
	check_eq(0, wrong, "XCR0: all 16384 combinations as the manual says (X15)");
	check_eq(0, narrow, "XCR0: the same on a CPU that offers 207H");
	check_eq(48, accepted, "XCR0: 48 of them are legal");
}

static void test_xcr0_rules(void)
{
	static const struct {
		uint64_t xcr0;
		const char *rule;
	} rows[] = {
		{ 0, "X02" },	     { 6, "X02" },	 { 5, "X03" },	     { 0x27, "X04" },
		{ 0xc7, "X04" },     { 0xe1, "X05" },	 { 0xe3, "X05" },    { 9, "X06" },
		{ 0x11, "X06" },     { 0x20001, "X07" }, { 0x40001, "X07" }, { 0x80019, "X09" },
		{ 0x100001, "X10" }, { 0x101, "X10" },	 { 0x801, "X10" },   { C | 1, "X10" },
		{ 1, "" },	     { 0x201, "" },	 { 0x60001, "" },    { 0x602e7, "" },
	};
	char what[40];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		enum xsave_xcr0 v = xsave_xcr0_check(rows[i].xcr0, XSAVE_KNOWN_MASK | C);

		snprintf(what, sizeof(what), "XCR0 %llx: %s", (unsigned long long)rows[i].xcr0,
			 rows[i].rule);
		check(!strcmp(xsave_xcr0_rule(v), rows[i].rule) && *xsave_xcr0_text(v), what);
	}
	check(!strcmp(xsave_xcr0_rule((enum xsave_xcr0)99), "X10"), "XCR0: a verdict out of range");
}

int main(void)
{
	test_xcr0_all();
	test_xcr0_rules();
	return check_end();
}
