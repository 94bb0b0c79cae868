/* SPDX-License-Identifier: MIT */
/*
 * The values of XCR0 that the CPU offers.
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/fault.h>
#include <xtk/panic.h>
#include <xtk/xstate.h>

static uint64_t largest; /* 0 until xcr0_enable() */

/* An engine may refuse what CPUID and the rules allow: xcr0/ names the rule that it breaks. */
static bool taken(uint64_t xcr0)
{
	uint64_t before = insn_xgetbv(0);
	bool ok = insn_xsetbv_safe(0, xcr0) == NO_FAULT;

	insn_xsetbv(0, before);
	return ok;
}

uint64_t xcr0_next_legal(uint64_t xcr0)
{
	do {
		/* the next subset of the supported bits: counting with the holes filled */
		xcr0 = (xcr0 - cpu.xcr0_supported) & cpu.xcr0_supported;
	} while (xcr0 &&
		 (xsave_xcr0_check(xcr0, cpu.xcr0_supported) != XSAVE_XCR0_OK || !taken(xcr0)));
	return xcr0;
}

/* The components that XCR0 has only together with @bit, and it. */
static uint64_t unit_of(unsigned int bit)
{
	static const uint64_t units[] = {
		XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR),
		XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM),
		XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA),
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i] >> bit & 1)
			return units[i];
	}
	return XSAVE_MASK(bit);
}

/* Unit by unit, because an engine may offer half of one: cpuid/ names the rule that it breaks. MPX
 * comes before APX. @set: and only what XSETBV takes on the way. */
static uint64_t units_together(bool set)
{
	uint64_t offered = cpu.xcr0_supported | XSAVE_MASK(XSAVE_X87);
	uint64_t xcr0 = XSAVE_MASK(XSAVE_X87); /* as a reset leaves it */

	xsave_for_each_bit (bit, offered) {
		uint64_t more = xcr0 | unit_of(bit);

		if (xsave_xcr0_check(more, offered) == XSAVE_XCR0_OK &&
		    (!set || insn_xsetbv_safe(0, more) == NO_FAULT))
			xcr0 = more;
	}
	return xcr0;
}

uint64_t xcr0_enable(void)
{
	largest = units_together(false);
	if (insn_xsetbv_safe(0, largest) != NO_FAULT)
		largest = units_together(true);
	return largest;
}

uint64_t xcr0_largest(void)
{
	return largest;
}

void xcr0_set(uint64_t xcr0)
{
	BUG_ON(xsave_xcr0_check(xcr0, cpu.xcr0_supported) != XSAVE_XCR0_OK);
	insn_xsetbv(0, xcr0);
}
