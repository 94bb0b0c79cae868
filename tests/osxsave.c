/* SPDX-License-Identifier: MIT */
/*
 * CR4.OSXSAVE, and the XSAVE family without it. The one subject that is also judged on a CPU that
 * has no XSAVE at all.
 *
 * Rules: G01, G02, G03, G13; SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled
 * Features"; vol. 2, the instruction pages, "64-Bit Mode Exceptions".
 */
#include <xsave/insn.h>
#include <xsave.h>
#include <xtk/cpu.h>
#include <xtk/test.h>

static struct xsave_large area;

static bool osxsave_in_cpuid(void)
{
	return cpuid(1, 0).ecx >> 27 & 1;
}

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

static void expect_ud(void)
{
	uint64_t value;

	expect_fault(insn_xgetbv_safe(0, &value), FAULT(UD, 0), "G03", "XGETBV with OSXSAVE=0");
	expect_fault(insn_xsetbv_safe(0, 1), FAULT(UD, 0), "G03", "XSETBV with OSXSAVE=0");
	expect_fault(insn_xsave_safe(&area, 1), FAULT(UD, 0), "G03", "XSAVE with OSXSAVE=0");
	expect_fault(insn_xsaveopt_safe(&area, 1), FAULT(UD, 0), "G03", "XSAVEOPT with OSXSAVE=0");
	expect_fault(insn_xsavec_safe(&area, 1), FAULT(UD, 0), "G03", "XSAVEC with OSXSAVE=0");
	expect_fault(insn_xsaves_safe(&area, 1), FAULT(UD, 0), "G03", "XSAVES with OSXSAVE=0");
	expect_fault(insn_xrstor_safe(&area, 1), FAULT(UD, 0), "G03", "XRSTOR with OSXSAVE=0");
	expect_fault(insn_xrstors_safe(&area, 1), FAULT(UD, 0), "G03", "XRSTORS with OSXSAVE=0");
}

XTEST(osxsave, family_is_ud_without_it, .rules = "G03", .without_xsave = true)
{
	uint64_t cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_OSXSAVE);
	expect_ud();
	write_cr4(cr4);
}

XTEST(osxsave, mirrored_in_cpuid, .rules = "G02", .without_xsave = true)
{
	uint64_t cr4 = read_cr4();

	expect_equal(osxsave_in_cpuid(), cpu.has_xsave, "G02", "CPUID.1:ECX[27] as CR4.OSXSAVE");
	write_cr4(cr4 & ~CR4_OSXSAVE);
	expect_equal(osxsave_in_cpuid(), 0, "G02", "CPUID.1:ECX[27] after OSXSAVE is cleared");
	write_cr4(cr4);
	expect_equal(osxsave_in_cpuid(), cpu.has_xsave, "G02",
		     "CPUID.1:ECX[27] after it is set again");
}

XTEST(osxsave, toggling_keeps_xcr0, .rules = "G13")
{
	uint64_t xcr0 = insn_xgetbv(0);

	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	expect_equal(insn_xgetbv(0), xcr0, "G13", "XCR0 after OSXSAVE was cleared and set");
}
