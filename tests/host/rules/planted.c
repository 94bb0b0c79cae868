/* SPDX-License-Identifier: MIT */
/*
 * Tests that go wrong on purpose, for test_rules.py: what the frame makes of each. They run only
 * when a pattern spells their group out.
 */
#include <stddef.h>

#include <xtk/panic.h>
#include <xtk/probe.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "../../rules/insns.h"

static const volatile uint8_t *volatile nowhere = (const volatile uint8_t *)8;

XTEST(selftest, pass, .without_xsave = true)
{
	expect_true(true, "probe", "always");
}

XTEST(selftest, fail, .without_xsave = true)
{
	expect_equal(2, 1, "probe", "on purpose");
}

XTEST(selftest, error, .without_xsave = true)
{
	expect_true(true, "probe", "always");
	test_error("on purpose");
}

XTEST(selftest, skip, .without_xsave = true)
{
	test_skip("nothing");
}

XTEST(selftest, empty, .without_xsave = true)
{
}

XTEST(selftest, fault, .without_xsave = true)
{
	expect_equal(*nowhere, 0, "probe", "read through a null pointer");
}

static void read_nowhere(const void *argument)
{
	(void)argument;
	(void)*nowhere;
}

XTEST(selftest, fault_in_a_part, .without_xsave = true)
{
	expect_true(!test_attempt("this part", read_nowhere, NULL), "probe", "it was ended");
	read_nowhere(NULL);
}

XTEST(selftest, panic, .without_xsave = true)
{
	panic("on purpose");
}

XTEST(selftest, short_table, .without_xsave = true)
{
	table_begin("selftest_short", 3);
	for (unsigned int i = 0; i < 2; i++)
		if (table_case())
			expect_true(true, "probe", "case %u", i);
	table_end();
}

/* Case 3 alone must fail with the same number as among the others. */
XTEST(selftest, table, .without_xsave = true)
{
	table_begin("selftest_table", 5);
	for (unsigned int i = 1; i <= 5; i++)
		if (table_case())
			expect_true(table_random() && i != 3, "probe", "%lx", table_random());
	table_end();
}

XTEST(selftest, leaves_xcr0)
{
	uint64_t x87_only = XSAVE_MASK(XSAVE_X87);

	if (!probe_ops->can_set(PROBE_XCR0)) {
		test_skip("CPL 0");
		return;
	}
	expect_fault(probe_ops->set(PROBE_XCR0, x87_only), NO_FAULT, "probe", "XCR0 = 1");
}

/* What the implementation says it cannot do and a test does all the same. */
XTEST(selftest, impossible_probe, .without_xsave = true)
{
	static struct probe_result result;
	const struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_MODES - 1, .cpl = 0 };

	probe_run(&p, &result);
}
