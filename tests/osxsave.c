/* SPDX-License-Identifier: MIT */
/*
 * Whether CR4.OSXSAVE can be set. What it then does is in tests/rules/gate.c.
 *
 * Rules: G01; SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features"; vol. 3,
 * "Control Registers".
 */
#include <xtk/cpu.h>
#include <xtk/test.h>

XTEST(osxsave, settable_with_xsave, .rules = "G01", .without_xsave = true)
{
	uint64_t cr4 = read_cr4() | CR4_OSXSAVE;

	if (!cpu.xsave_in_cpuid) {
		test_skip("CPUID.1:ECX[26] XSAVE");
		return;
	}

	write_cr4(cr4 & ~CR4_OSXSAVE);
	expect_fault(write_cr4_safe(cr4), NO_FAULT, "G01", "MOV to CR4 sets OSXSAVE");
	expect_equal(read_cr4(), cr4, "G01", "CR4 after it");
	if (!cpu.has_xsave)
		write_cr4(cr4 & ~CR4_OSXSAVE);
}

/* In a group of its own because a MOV to CR4 with a reserved bit hangs the CPU of some emulators.
 */
XTEST(hazard, osxsave_without_xsave, .rules = "G01", .without_xsave = true)
{
	uint64_t cr4 = read_cr4();

	if (cpu.xsave_in_cpuid) {
		test_skip("a CPU without CPUID.1:ECX[26] XSAVE");
		return;
	}
	expect_fault(write_cr4_safe(cr4 | CR4_OSXSAVE), FAULT(GP, 0), "G01",
		     "MOV to CR4 sets OSXSAVE");
	expect_equal(read_cr4(), cr4, "G01", "CR4 after the refusal");
	write_cr4(cr4);
}
