/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH against the component table and against its own sums.
 *
 * Rules: C02, C05, C06, C07, C09, C10; SDM vol. 1, "Enumeration of CPU Support for XSAVE
 * Instructions and XSAVE-Supported Features".
 */
#include <xsave/insn.h>
#include <xsave.h>
#include <xtk/cpu.h>
#include <xtk/test.h>
#include <xtk/xstate.h>

#define ECX_SUPERVISOR 1u
#define ECX_ALIGN64    2u

static struct xsave_cpuid leaf;

static void check_component(unsigned int bit)
{
	const struct xsave_component *row = xsave_component(bit);
	const struct xsave_cpuid_regs *sub = &leaf.leaf0d[bit];

	if (!expect_true(sub->eax, "C07", "CPUID.(0DH,%u) of a supported component is not zero",
			 bit) ||
	    !row)
		return;
	expect_equal(sub->eax, row->size, "C10", "CPUID.(0DH,%u):EAX, the size of %s", bit,
		     row->name);
	expect_equal(sub->ecx & (ECX_SUPERVISOR | ECX_ALIGN64),
		     (row->supervisor ? ECX_SUPERVISOR : 0) | (row->align64 ? ECX_ALIGN64 : 0),
		     "C06", "CPUID.(0DH,%u):ECX[1:0], kind and alignment of %s", bit, row->name);
	if (row->supervisor)
		expect_equal(sub->ebx, 0, "C06", "CPUID.(0DH,%u):EBX of a supervisor component",
			     bit);
	else
		expect_true(sub->ebx >= XSAVE_EXTENDED && sub->ebx + sub->eax <= leaf.leaf0d[0].ecx,
			    "C09", "%s at %u, %u bytes, lies in the extended region", row->name,
			    sub->ebx, sub->eax);
}

XTEST(cpuid, components_are_architectural, .rules = "C06 C07 C09 C10")
{
	struct xsave_layout layout;

	xsave_cpuid_read(&leaf);
	xsave_for_each_bit (bit, (cpu.xcr0_supported | cpu.xss_supported) & ~XSAVE_LEGACY_MASK)
		check_component(bit);
	expect_true(xsave_layout_from_cpuid(&layout, &leaf) != XSAVE_ERR_OVERLAP, "C09",
		    "components that can be enabled together do not overlap");
}

/* The sums of the engine's own subleaves, so that a wrong subleaf is not told twice. */
static uint32_t standard_size(uint64_t mask)
{
	uint32_t size = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		if (leaf.leaf0d[bit].ebx + leaf.leaf0d[bit].eax > size)
			size = leaf.leaf0d[bit].ebx + leaf.leaf0d[bit].eax;
	}
	return size;
}

static uint32_t compacted_size(uint64_t mask)
{
	uint32_t size = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		if (leaf.leaf0d[bit].ecx & ECX_ALIGN64)
			size = (size + 63) & ~63u;
		size += leaf.leaf0d[bit].eax;
	}
	return size;
}

XTEST(cpuid, sizes_add_up, .rules = "C02 C03 C05")
{
	uint64_t xcr0 = insn_xgetbv(0);

	xsave_cpuid_read(&leaf);
	expect_equal(leaf.leaf0d[0].ebx, standard_size(xcr0), "C02",
		     "CPUID.(0DH,0):EBX with XCR0=0x%lx", xcr0);
	expect_equal(leaf.leaf0d[0].ecx, standard_size(cpu.xcr0_supported), "C03",
		     "CPUID.(0DH,0):ECX");
	if (leaf.leaf0d[1].eax & (XSAVE_D1_XSAVEC | XSAVE_D1_XSAVES))
		expect_equal(leaf.leaf0d[1].ebx,
			     compacted_size(xcr0 | (cpu.xsaves ? rdmsr(MSR_XSS) : 0)), "C05",
			     "CPUID.(0DH,1):EBX with XCR0=0x%lx", xcr0);
}
