/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH against the component table and against itself, as the library checks it before
 * use.
 *
 * Rules: C02, C05, C06, C07, C09, C10; SDM vol. 1, "Enumeration of CPU Support for XSAVE
 * Instructions and XSAVE-Supported Features".
 */
#include <insn.h>
#include <xsave.h>
#include <xtk/cpu.h>
#include <xtk/test.h>
#include <xtk/xstate.h>

static struct xsave_cpuid leaf;
static struct xsave_layout layout;

static const char *broken_rule(enum xsave_error wrong)
{
	switch (wrong) {
	case XSAVE_ERR_SIZE:
		return "C10";
	case XSAVE_ERR_KIND:
		return "C06";
	case XSAVE_ERR_OFFSET:
	case XSAVE_ERR_BOUNDS:
	case XSAVE_ERR_OVERLAP:
		return "C09";
	case XSAVE_ERR_EBX:
		return "C02 C05";
	case XSAVE_OK:
	case XSAVE_ERR_INSN:
	case XSAVE_ERR_MASK:
	case XSAVE_ERR_XCR0:
	case XSAVE_ERR_XSS:
		break;
	}
	return "-";
}

static bool consistent(enum xsave_error wrong)
{
	if (!wrong) {
		test_checked(1);
		return true;
	}
	test_fail(broken_rule(wrong), xsave_strerror(XSAVE_OK), xsave_strerror(wrong),
		  "CPUID leaf 0DH");
	return false;
}

XTEST(cpuid, components_are_architectural, .rules = "C06 C09 C10")
{
	xsave_cpuid_read(&leaf);
	consistent(xsave_layout_from_cpuid(&layout, &leaf));
}

XTEST(cpuid, sizes_add_up, .rules = "C02 C05")
{
	xsave_cpuid_read(&leaf);
	if (xsave_layout_from_cpuid(&layout, &leaf) != XSAVE_OK)
		layout = boot_xsave_cpu.layout; /* cpuid/components_are_architectural tells of it */
	consistent(xsave_cpuid_check_ebx(&leaf, &layout, insn_xgetbv(0),
					 cpu.xsaves ? rdmsr(MSR_XSS) : 0));
}
