/* SPDX-License-Identifier: MIT */
/*
 * The state in which the kernel left the machine after boot, and the frame that all other tests
 * stand on.
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/paging.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

XTEST(boot, osxsave_and_xcr0_are_set, .rules = "G02 X14")
{
	uint64_t xcr0 = options.xcr0_given ? options.xcr0 : xcr0_largest();

	expect_true(read_cr4() & CR4_OSXSAVE, "G02", "CR4.OSXSAVE");
	expect_true(cpuid(1, 0).ecx >> 27 & 1, "G02", "CPUID.1:ECX[27] mirrors CR4.OSXSAVE");
	expect_equal(insn_xgetbv(0), xcr0, "X14", "XCR0 reads back as it was set at boot");
}

XTEST(boot, guard_page_below_every_stack, .rules = "", .without_xsave = true)
{
	set_for_each (it, stacks) {
		const struct stack *s = *it;

		expect_fault(read_byte_safe(s->guard + PAGE_SIZE - 1), FAULT(PF, 0), "-",
			     "guard page of %s", s->name);
		expect_fault(read_byte_safe(s->guard + PAGE_SIZE), NO_FAULT, "-",
			     "lowest byte of %s", s->name);
	}
}

XTEST(boot, memory_has_its_protections, .rules = "", .without_xsave = true)
{
	extern uint8_t _rodata_start[];
	volatile uint8_t *text = (volatile uint8_t *)(uintptr_t)&glob_match;

	expect_fault(read_byte_safe((void *)8), FAULT(PF, 0), "-", "page 0 is not there");
	expect_fault(write_byte_safe(text, 0xc3), FAULT(PF, 3), "-", "code is not writable");
	expect_fault(write_byte_safe(_rodata_start, 0), FAULT(PF, 3), "-",
		     "constants are not writable");
	expect_equal(*text, *(volatile uint8_t *)phys_alias(text), "-",
		     "the alias shows the same byte");
}

/* A fault comes back as a value, with vector and error code, and the next instruction runs. */
XTEST(boot, faults_are_values, .rules = "", .without_xsave = true)
{
	uint64_t value;

	expect_fault(read_byte_safe((void *)(UINT64_C(1) << 63)), FAULT(GP, 0), "-",
		     "a non-canonical address");
	expect_fault(read_byte_safe((void *)8), FAULT(PF, 0), "-", "page 0");
	expect_fault(rdmsr_safe(MSR_EFER, &value), NO_FAULT, "-", "RDMSR of IA32_EFER");
	expect_equal(value, rdmsr(MSR_EFER), "-", "and its value arrives");
}

/* A component that the tests cannot read would be skipped by all of them without a word. */
XTEST(boot, every_component_can_be_judged, .rules = "X18")
{
	uint64_t amx = XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA);
	uint64_t unjudged = insn_xgetbv(0) & XREGS_MASK & ~xregs_cpu.mask;

	xsave_for_each_bit (bit, unjudged)
		test_info("not judged: %s is in XCR0, but its instructions are not to be had",
			  xsave_component(bit)->name);
	/* CPUID.(7,0):EDX[24] AMX-TILE */
	if (cpuid(0, 0).eax >= 7 && cpuid(7, 0).edx >> 24 & 1)
		expect_equal(unjudged & amx, 0, "X18", "STTILECFG raises #UD with XCR0[18:17]=11b");
	else
		test_checked("-", 1);
}
