/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH, what does not depend on XCR0: the components, their sizes and flags, and the
 * other leaves that speak of them.
 *
 * Rules: A01, C01, C03, C04, C06 to C14, E06; SDM vol. 1, "Enumeration of CPU Support for XSAVE
 * Instructions and XSAVE-Supported Features", "Managing State Using the XSAVE Feature Set"; vol. 2,
 * "CPUID", leaves 0DH and 1DH; AMD's standard offsets: APM vol. 2, "XSAVE/XRSTOR Instructions".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "oracle.h"

#define BIT(n)	       (UINT64_C(1) << (n))
#define ECX_SUPERVISOR 1u
#define ECX_ALIGN64    2u
#define ECX_XFD	       4u
#define ECX_RESERVED   (~7u)
#define MPX	       (BIT(3) | BIT(4))
#define APX_BIT	       19
#define APX_OFFSET     960
#define LEAF	       0xd
#define LAST_COMPONENT 62
#define AMX_TILES      8
#define AMX_TILE_BYTES 1024
#define AMX_TILE_ROWS  16
#define AMX_ROW_BYTES  64

static bool same_regs(struct cpuid_regs a, struct cpuid_regs b)
{
	return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

static uint64_t all_supported(void)
{
	return (facts.xcr0_supported | facts.xss_supported) & ~UINT64_C(3);
}

/* Sizes that the SDM gives no figure for in the text are E06's. */
static const char *rule_of_size(unsigned int bit)
{
	if (bit == APX_BIT)
		return "A01";
	return BIT(bit) & (BIT(8) | BIT(10) | BIT(13) | BIT(14) | BIT(15) | BIT(16)) ? "E06"
										     : "C10";
}

static void check_flags(unsigned int bit, uint32_t ecx)
{
	bool supervisor = facts.xss_supported >> bit & 1;

	expect_equal(ecx & ECX_SUPERVISOR, supervisor ? ECX_SUPERVISOR : 0, "C06",
		     "CPUID.(0DH,%u):ECX[0] as IA32_XSS supports it", bit);
	expect_equal(ecx & ECX_RESERVED, 0, "C06", "CPUID.(0DH,%u):ECX, reserved bits", bit);
	expect_true(!(ecx & ECX_XFD) || facts.xfd, "C06",
		    "CPUID.(0DH,%u):ECX[2] is 0 without CPUID.(0DH,1):EAX[4] XFD", bit);
	if (oracle_size(bit))
		expect_equal(!!(ecx & ECX_ALIGN64), oracle_align64(bit), "C06",
			     "CPUID.(0DH,%u):ECX[1], alignment in compacted format", bit);
}

static void check_place(unsigned int bit, const struct cpuid_regs *sub)
{
	if (facts.xss_supported >> bit & 1) {
		expect_equal(sub->ebx, 0, "C06", "CPUID.(0DH,%u):EBX of a supervisor component",
			     bit);
		return;
	}
	expect_true(sub->ebx >= ORACLE_EXTENDED, "C09",
		    "component %u at %u lies in the extended region", bit, sub->ebx);
	expect_true(sub->ebx + sub->eax <= probe_ops->cpuid(LEAF, 0).ecx, "C12",
		    "component %u at %u, %u bytes, ends within CPUID.(0DH,0):ECX=%u", bit, sub->ebx,
		    sub->eax, probe_ops->cpuid(LEAF, 0).ecx);
	if (bit == APX_BIT)
		expect_equal(sub->ebx, APX_OFFSET, "A01", "CPUID.(0DH,19):EBX");
}

static void check_component(unsigned int bit)
{
	struct cpuid_regs sub = probe_ops->cpuid(LEAF, bit);

	if (!expect_true(sub.eax, "C07", "CPUID.(0DH,%u) of a supported component is not zero",
			 bit))
		return;
	if (oracle_size(bit))
		expect_equal(sub.eax, oracle_size(bit), rule_of_size(bit),
			     "CPUID.(0DH,%u):EAX, the size", bit);
	expect_equal(sub.edx, 0, "C06", "CPUID.(0DH,%u):EDX", bit);
	check_flags(bit, sub.ecx);
	check_place(bit, &sub);
}

/* Whether two components may overlap in standard format: those that exclude each other in XCR0. */
static bool may_overlap(unsigned int a, unsigned int b)
{
	uint64_t both = BIT(a) | BIT(b);

	return both & BIT(APX_BIT) && both & MPX;
}

static void check_overlap(unsigned int a, unsigned int b)
{
	uint32_t a_end = facts.offset[a] + probe_ops->cpuid(LEAF, a).eax;
	uint32_t b_end = facts.offset[b] + probe_ops->cpuid(LEAF, b).eax;

	if (!may_overlap(a, b))
		expect_true(a_end <= facts.offset[b] || b_end <= facts.offset[a], "C09",
			    "components %u [%u,%u) and %u [%u,%u) do not overlap", a,
			    facts.offset[a], a_end, b, facts.offset[b], b_end);
}

static void check_overlaps(uint64_t mask)
{
	for (unsigned int a = 2; a <= LAST_COMPONENT; a++) {
		for (unsigned int b = a + 1; b <= LAST_COMPONENT; b++) {
			if (mask >> a & mask >> b & 1)
				check_overlap(a, b);
		}
	}
}

XTEST(cpuid, components_are_architectural, .rules = "A01 C06 C07 C09 C10 C12 E06")
{
	facts_read();
	for (unsigned int bit = 2; bit <= LAST_COMPONENT; bit++) {
		if (all_supported() >> bit & 1)
			check_component(bit);
	}
	check_overlaps(facts.xcr0_supported & ~UINT64_C(3));
	expect_true(probe_ops->cpuid(LEAF, 0).ecx >= ORACLE_EXTENDED, "C12",
		    "CPUID.(0DH,0):ECX holds legacy region and header");
}

/* Sub-leaves of no component: below 64, and numbers whose lower bits are those of a component. */
static void check_empty(uint32_t subleaf)
{
	struct cpuid_regs sub = probe_ops->cpuid(LEAF, subleaf);

	expect_equal(sub.eax | sub.ebx | sub.ecx | sub.edx, 0, "C07",
		     "CPUID.(0DH,0x%x), a sub-leaf of no component: all bits", subleaf);
}

XTEST(cpuid, other_subleaves_are_zero, .rules = "C07")
{
	facts_read();
	for (uint32_t i = 2; i < 64; i++) {
		if (!(all_supported() >> i & 1))
			check_empty(i);
		check_empty(i | 64);
		check_empty(i | 256);
		check_empty(i | 65536);
		check_empty(i | UINT32_C(1) << 31);
	}
	for (unsigned int i = 6; i < 32; i++) {
		check_empty(UINT32_C(1) << i);
		check_empty(UINT32_C(1) << i | 1);
	}
	check_empty(UINT32_MAX);
}

/* Known components are on their own side: of XCR0 or of IA32_XSS. */
static void check_side(unsigned int bit)
{
	bool supervisor = oracle_supervisor(bit);

	if (facts.xcr0_supported >> bit & 1)
		expect_true(!supervisor, "C08", "CPUID.(0DH,0):EDX:EAX has no supervisor bit %u",
			    bit);
	if (facts.xss_supported >> bit & 1)
		expect_true(supervisor || !oracle_size(bit), "C08",
			    "CPUID.(0DH,1):EDX:ECX has no user bit %u", bit);
}

XTEST(cpuid, user_and_supervisor_bits_are_disjoint, .rules = "C01 C08")
{
	facts_read();
	expect_equal(facts.xcr0_supported & 3, 3, "C01", "CPUID.(0DH,0):EAX[1:0]");
	expect_equal(facts.xcr0_supported & facts.xss_supported, 0, "C08",
		     "bits in both CPUID.(0DH,0):EDX:EAX and CPUID.(0DH,1):EDX:ECX");
	expect_equal((facts.xcr0_supported | facts.xss_supported) >> 63, 0, "C08",
		     "bit 63, which is no component");
	for (unsigned int bit = 0; bit <= LAST_COMPONENT; bit++)
		check_side(bit);
}

XTEST(cpuid, extensions_need_each_other, .rules = "C11")
{
	facts_read();
	expect_true(!facts.xsaves || facts.xsavec, "C11", "XSAVES comes with XSAVEC");
	expect_true(!facts.xfd || facts.xsaves, "C11", "XFD comes with XSAVES");
	expect_true(!facts.xss_supported || facts.xsaves, "C11",
		    "supervisor components 0x%lx come with XSAVES", facts.xss_supported);
}

/* Features, and the components without which they would have no state. */
static const struct {
	const char *name;
	struct gate_feature feature;
	uint64_t xcr0, xss;
} features[] = {
	{ "AVX", { 1, 0, 2, 28 }, BIT(2), 0 },
	{ "MPX", { 7, 0, 1, 14 }, MPX, 0 },
	{ "AVX512F", { 7, 0, 1, 16 }, BIT(5) | BIT(6) | BIT(7), 0 },
	{ "PKU", { 7, 0, 2, 3 }, BIT(9), 0 },
	{ "AMX-TILE", { 7, 0, 3, 24 }, BIT(17) | BIT(18), 0 },
	{ "APX_F", { 7, 1, 3, 21 }, BIT(APX_BIT), 0 },
	{ "CET_SS", { 7, 0, 2, 7 }, 0, BIT(11) | BIT(12) },
	{ "CET_IBT", { 7, 0, 3, 20 }, 0, BIT(11) | BIT(12) },
	{ "UINTR", { 7, 0, 3, 5 }, 0, BIT(14) },
};

XTEST(cpuid, features_have_their_components, .rules = "C13")
{
	unsigned int found = 0;

	facts_read();
	for (unsigned int i = 0; i < sizeof(features) / sizeof(*features); i++) {
		if (!gate_feature(&features[i].feature))
			continue;
		found++;
		expect_equal(facts.xcr0_supported & features[i].xcr0, features[i].xcr0, "C13",
			     "CPUID.(0DH,0):EDX:EAX, components of %s", features[i].name);
		expect_equal(facts.xss_supported & features[i].xss, features[i].xss, "C13",
			     "CPUID.(0DH,1):EDX:ECX, components of %s", features[i].name);
	}
	facts_skip(found, "CPUID.1:ECX[28] AVX, or any other feature with a component");
}

XTEST(cpuid, tile_palette_fills_the_component, .rules = "C14")
{
	static const struct gate_feature amx = { 7, 0, 3, 24 };
	struct cpuid_regs palette;

	facts_read();
	if (facts_skip(gate_feature(&amx), "CPUID.(7,0):EDX[24] AMX-TILE"))
		return;
	palette = probe_ops->cpuid(0x1d, 1);
	expect_equal(palette.eax & 0xffff, AMX_TILES * AMX_TILE_BYTES, "C14",
		     "CPUID.(1DH,1):EAX[15:0], bytes of all tiles");
	expect_equal(palette.eax >> 16, AMX_TILE_BYTES, "C14", "CPUID.(1DH,1):EAX[31:16]");
	expect_equal(palette.ebx & 0xffff, AMX_ROW_BYTES, "C14", "CPUID.(1DH,1):EBX[15:0]");
	expect_equal(palette.ebx >> 16, AMX_TILES, "C14", "CPUID.(1DH,1):EBX[31:16]");
	expect_equal(palette.ecx & 0xffff, AMX_TILE_ROWS, "C14", "CPUID.(1DH,1):ECX[15:0]");
	expect_equal(probe_ops->cpuid(LEAF, 18).eax, palette.eax & 0xffff, "C14",
		     "CPUID.(0DH,18):EAX, the size of XTILEDATA");
	expect_true(probe_ops->cpuid(0x1d, 0).eax >= 1, "C14", "CPUID.(1DH,0):EAX, last palette");
}

/* What does not depend on XCR0 stays the same under each of its values. */
static void check_constant(uint64_t xcr0, const struct cpuid_regs before[64])
{
	struct cpuid_regs d0 = probe_ops->cpuid(LEAF, 0), d1 = probe_ops->cpuid(LEAF, 1);

	expect_true(d0.eax == before[0].eax && d0.edx == before[0].edx, "C03",
		    "CPUID.(0DH,0):EDX:EAX with XCR0=0x%lx as before", xcr0);
	expect_equal(d0.ecx, before[0].ecx, "C03", "CPUID.(0DH,0):ECX with XCR0=0x%lx", xcr0);
	expect_true(d1.eax == before[1].eax && d1.ecx == before[1].ecx && d1.edx == before[1].edx,
		    "C03", "CPUID.(0DH,1):EAX, EDX:ECX with XCR0=0x%lx as before", xcr0);
	for (uint32_t i = 2; i < 64; i++)
		expect_true(same_regs(probe_ops->cpuid(LEAF, i), before[i]), "C06",
			    "CPUID.(0DH,%u) with XCR0=0x%lx as before", i, xcr0);
}

XTEST(cpuid, leaf_is_constant_but_for_sizes, .rules = "C03 C06")
{
	static struct cpuid_regs before[64];
	uint64_t xcr0, old;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	old = probe_ops->get(PROBE_XCR0);
	for (uint32_t i = 0; i < 64; i++)
		before[i] = probe_ops->cpuid(LEAF, i);
	table_begin("cpuid_constant", gate_count_xcr0(facts_xcr0_next));
	for (xcr0 = facts_xcr0_next(0); xcr0; xcr0 = facts_xcr0_next(xcr0)) {
		if (!table_case())
			continue;
		probe_ops->set(PROBE_XCR0, xcr0);
		check_constant(xcr0, before);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, old);
}
