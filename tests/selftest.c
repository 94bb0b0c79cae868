/* SPDX-License-Identifier: MIT */
/*
 * Tests that go wrong on purpose, one for every way in which a run can end. They run only when they
 * are named; tests/host/ runs each and compares the exit status with the one written here.
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/panic.h>
#include <xtk/test.h>

/* status 0, and nothing else: what the benchmark boots */
XTEST(selftest, pass, .without_xsave = true)
{
	expect_true(true, "-", "nothing at all");
}

/* status 1 */
XTEST(selftest, fail, .without_xsave = true)
{
	expect_equal(1, 2, "-", "on purpose");
}

/* status 5 */
XTEST(selftest, error, .without_xsave = true)
{
	test_error("on purpose");
}

/* status 5: a test that asserts nothing */
XTEST(selftest, empty, .without_xsave = true)
{
}

/* status 5: tests that leave the machine changed */
XTEST(selftest, leak_cr0, .without_xsave = true)
{
	write_cr0(read_cr0() | CR0_TS);
	test_checked("-", 1);
}

/* status 5 */
XTEST(selftest, leak_cr4, .without_xsave = true)
{
	write_cr4(read_cr4() & ~CR4_OSXMMEXCPT);
	test_checked("-", 1);
}

/* status 5 */
XTEST(selftest, leak_xcr0)
{
	insn_xsetbv(0, 1);
	test_checked("-", 1);
}

/* status 5 */
XTEST(selftest, leak_idt, .without_xsave = true)
{
	idt_clear(VEC_UD);
	test_checked("-", 1);
}

/* status 5 */
XTEST(selftest, leak_ist, .without_xsave = true)
{
	tss_ist_set(IST_INJECT, 0x1000);
	test_checked("-", 1);
}

/* status 1: an exception that nobody expected ends the test, not the run */
XTEST(selftest, fault, .without_xsave = true)
{
	__asm__ volatile("ud2");
}

/* status 3 */
XTEST(selftest, panic, .without_xsave = true)
{
	panic("on purpose");
}

/* status 3: no IDT, so the exception cannot be delivered, nor the #DF that follows */
XTEST(selftest, triple, .without_xsave = true)
{
	static const struct table_pointer none;

	lidt(&none);
	__asm__ volatile("ud2");
}

/* status 3: a double fault that nobody expected */
XTEST(selftest, double_fault, .without_xsave = true)
{
	__asm__ volatile("xor %%esp, %%esp\n\tpush %%rax" : : : "memory");
}

/* status 4 */
XTEST(selftest, hang, .without_xsave = true)
{
	for (;;)
		cpu_relax();
}

/* status 3: bytes that are no text, a last line that is a lie, and then silence */
XTEST(selftest, garbage, .without_xsave = true)
{
	static const struct table_pointer none;

	for (int i = 1; i < 256; i++)
		print("%c", i);
	print("\nok 1 selftest/garbage\nxtk: 1 passed, 0 failed, 0 errors, 0 skipped\n\xff\xfe "
	      "half a li");
	lidt(&none);
	__asm__ volatile("ud2");
}
