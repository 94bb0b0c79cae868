/* SPDX-License-Identifier: MIT */
/*
 * CR4.OSXSAVE: what is #UD without it, its mirror in CPUID, and XCR0 behind it. Two of the tests
 * also run where there is no XSAVE at all. Whether it can be set is in tests/osxsave.c.
 *
 * Rules: G02, G03, G13; SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features";
 * vol. 2, "CPUID", and the instruction pages, "64-Bit Mode Exceptions".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"

#define FAMILY 8

static const struct probe_insn *const family[FAMILY] = {
	&insn_xgetbv_bytes, &insn_xsetbv_bytes, &insn_xsave_bytes,  &insn_xsaveopt_bytes,
	&insn_xsavec_bytes, &insn_xsaves_bytes, &insn_xrstor_bytes, &insn_xrstors_bytes,
};

static bool osxsave_now(void)
{
	return probe_ops->cpuid(1, 0).ecx >> 27 & 1;
}

static void probe_without_osxsave(const struct probe_insn *insn, unsigned int cpl)
{
	struct probe p = gate_probe(insn, cpl);

	p.gprs.rax = 1;
	p.cr4_flip = osxsave_now() ? CR4_OSXSAVE : 0;
	if (gate_can(&p))
		expect_fault(gate_run(&p)->fault, FAULT(UD, 0), "G03", "%s cpl=%u with OSXSAVE=0",
			     insn->name, cpl);
}

static void probe_family(const char *table, unsigned int cpl)
{
	gate_begin();
	gate_area(false);
	table_begin(table, FAMILY);
	for (unsigned int i = 0; i < FAMILY; i++) {
		if (table_case() && !(cpl && family[i] == &insn_xsetbv_bytes))
			probe_without_osxsave(family[i], cpl);
	}
	table_end();
	gate_end();
}

XTEST(osxsave, family_is_ud_without_it, .rules = "G03", .without_xsave = true)
{
	probe_family("osxsave_family", 0);
}

/* Of XSETBV see gate/users_xsetbv_is_ud_before_gp. */
XTEST(osxsave, users_family_is_ud_without_it, .rules = "G03", .without_xsave = true)
{
	probe_family("osxsave_users_family", 3);
}

/* CPUID as a probe, while CR4.OSXSAVE has the other value. */
static void probe_mirror(unsigned int cpl, uint64_t flip)
{
	struct probe p = gate_probe(&gate_cpuid_bytes, cpl);
	bool want = osxsave_now() && !flip;

	p.gprs.rax = 1;
	p.gprs.rcx = 0;
	p.cr4_flip = flip;
	if (gate_can(&p))
		expect_equal(gate_run(&p)->gprs.rcx >> 27 & 1, want, "G02",
			     "CPUID.1:ECX[27] cpl=%u with OSXSAVE=%u", cpl, want);
}

XTEST(osxsave, mirrored_in_cpuid, .rules = "G02", .without_xsave = true)
{
	bool before;

	gate_begin();
	before = osxsave_now();
	table_begin("osxsave_mirror", 2 * GATE_CPLS);
	for (unsigned int i = 0; i < 2 * GATE_CPLS; i++) {
		if (table_case())
			probe_mirror(gate_cpl[i / 2], i & 1 && before ? CR4_OSXSAVE : 0);
	}
	table_end();
	expect_equal(osxsave_now(), before, "G02", "CPUID.1:ECX[27] after it is set again");
	gate_end();
}

/* With each legal XCR0: an instruction runs while OSXSAVE is 0, and XCR0 is still there. */
XTEST(osxsave, toggling_keeps_xcr0, .rules = "G13")
{
	struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cr4_flip = CR4_OSXSAVE };
	uint64_t before;

	gate_begin();
	before = probe_ops->get(PROBE_XCR0);
	if (facts_skip(gate_can(&p), "CPL 0, to write CR4"))
		return;
	table_begin("osxsave_toggle", gate_count_xcr0(facts_xcr0_next));
	for (uint64_t xcr0 = facts_xcr0_next(0); xcr0; xcr0 = facts_xcr0_next(xcr0)) {
		if (!table_case())
			continue;
		probe_ops->set(PROBE_XCR0, xcr0);
		gate_run(&p);
		expect_equal(probe_ops->get(PROBE_XCR0), xcr0, "G13",
			     "XCR0 after OSXSAVE was cleared and set");
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}
