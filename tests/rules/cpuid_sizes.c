/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH, what follows XCR0 and IA32_XSS: the size of the area in standard and in compacted
 * format, at once and at every CPL.
 *
 * Rules: A02, C02 to C05, C12, S06; SDM vol. 2, "CPUID", leaf 0DH; vol. 1, "Enumeration of CPU
 * Support for XSAVE Instructions and XSAVE-Supported Features".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "oracle.h"

#define LEAF	0xd
#define APX	(UINT64_C(1) << 19)
#define MAX_XSS 64

/* EBX of sub-leaf 0 or 1, by the instruction at @cpl; *@ecx receives ECX. */
static uint32_t ebx_at(unsigned int cpl, uint32_t subleaf, uint32_t *ecx)
{
	struct probe p = gate_probe(&gate_cpuid_bytes, cpl);
	const struct probe_result *r;
	struct cpuid_regs regs;

	p.gprs.rax = LEAF;
	p.gprs.rcx = subleaf;
	if (!gate_can(&p)) {
		regs = probe_ops->cpuid(LEAF, subleaf);
		*ecx = regs.ecx;
		return regs.ebx;
	}
	r = gate_run(&p);
	*ecx = (uint32_t)r->gprs.rcx;
	return (uint32_t)r->gprs.rbx;
}

/* Where the highest bit's component is not the last, C12 decides against its end as the size. */
static const char *rule_of_standard(uint64_t mask, uint32_t got)
{
	uint32_t size = oracle_image_size(0, mask), last = size;

	for (unsigned int bit = 2; bit < 63; bit++) {
		if (mask >> bit & 1)
			last = facts.offset[bit] + oracle_size(bit);
	}
	return last != size && (got == last || got == size) ? "C12" : "C02";
}

static void check_standard(uint64_t xcr0, unsigned int cpl)
{
	uint32_t ecx, ebx = ebx_at(cpl, 0, &ecx);

	expect_equal(ebx, oracle_image_size(0, xcr0), rule_of_standard(xcr0, ebx),
		     "CPUID.(0DH,0):EBX with XCR0=0x%lx cpl=%u", xcr0, cpl);
	expect_true(ebx <= ecx, "C04", "CPUID.(0DH,0):EBX=%u is at most ECX=%u, XCR0=0x%lx", ebx,
		    ecx, xcr0);
	expect_equal(ecx, oracle_image_size(0, facts.xcr0_supported), "C03",
		     "CPUID.(0DH,0):ECX with XCR0=0x%lx cpl=%u", xcr0, cpl);
}

/* Return: the size. */
static uint32_t check_compacted(uint64_t xcr0, uint64_t xss, unsigned int cpl)
{
	uint32_t ecx, ebx = ebx_at(cpl, 1, &ecx);

	if (facts.xsavec || facts.xsaves)
		expect_equal(ebx, oracle_image_size(ORACLE_COMPACT | xcr0 | xss, 0),
			     xcr0 & APX ? "A02" : "C05",
			     "CPUID.(0DH,1):EBX with XCR0=0x%lx IA32_XSS=0x%lx cpl=%u", xcr0, xss,
			     cpl);
	return ebx;
}

/* The next larger subset of what IA32_XSS supports; 0 after the last. */
static uint64_t next_xss(uint64_t last)
{
	return ((last | ~facts.xss_supported) + 1) & facts.xss_supported;
}

/* Where IA32_XSS cannot be read, some value of it must give the size. */
static void check_unknown_xss(uint64_t xcr0)
{
	uint32_t ecx, ebx = ebx_at(3, 1, &ecx);
	uint64_t xss = 0;
	bool found;

	do {
		found = ebx == oracle_image_size(ORACLE_COMPACT | xcr0 | xss, 0);
		xss = next_xss(xss);
	} while (!found && xss);
	expect_true(found, "C05", "CPUID.(0DH,1):EBX=%u with XCR0=0x%lx and any IA32_XSS", ebx,
		    xcr0);
}

/* With XCR0 as it is: also where it cannot be written. */
XTEST(cpuid, sizes_add_up, .rules = "A02 C02 C03 C04 C05 C12")
{
	uint64_t xcr0;
	bool xss_hidden;

	gate_begin();
	xcr0 = probe_ops->get(PROBE_XCR0);
	xss_hidden = facts.xsaves && !probe_ops->can_set(PROBE_XSS);
	table_begin("cpuid_now", GATE_CPLS);
	for (unsigned int c = 0; c < GATE_CPLS; c++) {
		if (!table_case())
			continue;
		check_standard(xcr0, gate_cpl[c]);
		if (xss_hidden)
			check_unknown_xss(xcr0);
		else
			check_compacted(xcr0, facts.xsaves ? probe_ops->get(PROBE_XSS) : 0,
					gate_cpl[c]);
	}
	table_end();
}

/* All subsets, or where they are many, none, each alone, and all. */
static unsigned int collect_xss(uint64_t xss[MAX_XSS])
{
	unsigned int count = 0, subsets = 1;

	for (unsigned int bit = 0; bit < 64; bit++)
		subsets *= facts.xss_supported >> bit & 1 && subsets < MAX_XSS ? 2 : 1;
	if (!probe_ops->can_set(PROBE_XSS) || !facts.xss_supported) {
		xss[count++] = 0;
	} else if (subsets < MAX_XSS) {
		do {
			xss[count] = count ? next_xss(xss[count - 1]) : 0;
		} while (++count < subsets);
	} else {
		xss[count++] = 0;
		xss[count++] = facts.xss_supported;
		for (unsigned int bit = 0; bit < 62; bit++) {
			if (facts.xss_supported >> bit & 1)
				xss[count++] = UINT64_C(1) << bit;
		}
	}
	return count;
}

/* Whether the components @xss fit in front of an aligned one, so that the size stays. */
static bool has_room(uint64_t xcr0, uint64_t xss)
{
	return oracle_image_size(ORACLE_COMPACT | xcr0 | xss, 0) ==
	       oracle_image_size(ORACLE_COMPACT | xcr0, 0);
}

static void check_xcr0(uint64_t xcr0, const uint64_t *xss, unsigned int count)
{
	uint32_t without[GATE_CPLS], size;

	probe_ops->set(PROBE_XCR0, xcr0);
	for (unsigned int i = 0; i < count; i++) {
		if (count > 1)
			probe_ops->set(PROBE_XSS, xss[i]);
		for (unsigned int c = 0; c < GATE_CPLS; c++) {
			check_standard(xcr0, gate_cpl[c]);
			size = check_compacted(xcr0, xss[i], gate_cpl[c]);
			if (!i)
				without[c] = size;
			else
				expect_true(size > without[c] || has_room(xcr0, xss[i]), "S06",
					    "CPUID.(0DH,1):EBX=%u with XCR0=0x%lx IA32_XSS=0x%lx, "
					    "without %u",
					    size, xcr0, xss[i], without[c]);
		}
	}
}

/* Every legal XCR0 with IA32_XSS, going up and going down: what was larger before leaves nothing.
 */
XTEST(cpuid, sizes_follow_xcr0_and_xss, .rules = "A02 C02 C03 C04 C05 C12 S06")
{
	static uint64_t xss[MAX_XSS];
	uint64_t xcr0, old, old_xss = 0, largest;
	unsigned int count;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	old = probe_ops->get(PROBE_XCR0);
	count = collect_xss(xss);
	if (count > 1)
		old_xss = probe_ops->get(PROBE_XSS);
	largest = gate_largest_xcr0();
	table_begin("cpuid_sizes", gate_count_xcr0(facts_xcr0_next) * 2);
	for (xcr0 = facts_xcr0_next(0); xcr0; xcr0 = facts_xcr0_next(xcr0)) {
		for (unsigned int down = 0; down < 2; down++) {
			if (!table_case())
				continue;
			probe_ops->set(PROBE_XCR0, down ? largest : 1);
			check_xcr0(xcr0, xss, count);
		}
	}
	table_end();
	if (count > 1)
		probe_ops->set(PROBE_XSS, old_xss);
	probe_ops->set(PROBE_XCR0, old);
}
