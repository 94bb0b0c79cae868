/* SPDX-License-Identifier: MIT */
/*
 * The values of XCR0 that the CPU offers.
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/xstate.h>

uint64_t xcr0_next_legal(uint64_t xcr0)
{
	do {
		/* the next subset of the supported bits: counting with the holes filled */
		xcr0 = (xcr0 - cpu.xcr0_supported) & cpu.xcr0_supported;
	} while (xcr0 && xsave_xcr0_check(xcr0, cpu.xcr0_supported) != XSAVE_XCR0_OK);
	return xcr0;
}

uint64_t xcr0_largest(void)
{
	uint64_t xcr0 = cpu.xcr0_supported;

	if (xsave_xcr0_check(xcr0, cpu.xcr0_supported) == XSAVE_XCR0_APX_MPX)
		xcr0 &= ~XSAVE_MASK(XSAVE_APX);
	return xcr0;
}

void xcr0_set(uint64_t xcr0)
{
	BUG_ON(xsave_xcr0_check(xcr0, cpu.xcr0_supported) != XSAVE_XCR0_OK);
	insn_xsetbv(0, xcr0);
}
