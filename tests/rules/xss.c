/* SPDX-License-Identifier: MIT */
/*
 * IA32_XSS, IA32_XFD and IA32_XFD_ERR: which bits they take, who may read them.
 *
 * Rules: S01, S04, S05, S07, G04; SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled
 * Features", "Extended Feature Disable (XFD)"; vol. 2, "RDMSR", "WRMSR", "XGETBV".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"

#define BIT(n)	(UINT64_C(1) << (n))
#define LEAF	0xd
#define ECX_XFD 4u

/* Values: each single bit, with all that are supported as well; then random, with and without bits
 * that are not supported. */
#define SINGLE_BITS 64
#define RANDOM	    192
#define VALUES	    (2 * SINGLE_BITS + RANDOM)

static uint64_t nth_value(unsigned int n, uint64_t supported)
{
	if (n < SINGLE_BITS)
		return BIT(n);
	if (n < 2 * SINGLE_BITS)
		return BIT(n - SINGLE_BITS) ^ supported;
	return n % 4 ? table_random() & supported : table_random();
}

/* A register that takes the bits @supported and no other. */
struct masked_msr {
	uint32_t msr;
	enum probe_register reg;
	const char *name, *rule;
	uint64_t supported;
};

/* A bit of XCR0's components in IA32_XSS has a rule of its own. */
static const char *rule_of(const struct masked_msr *m, uint64_t value)
{
	return m->reg == PROBE_XSS && value & ~m->supported & facts.xcr0_supported ? "S04"
										   : m->rule;
}

static void probe_write(const struct masked_msr *m, uint64_t value)
{
	uint64_t before = table_random() & m->supported, now;
	bool legal = !(value & ~m->supported);
	fault_t fault;

	probe_ops->set(m->reg, before);
	fault = gate_wrmsr(m->msr, value, 0);
	expect_fault(fault, legal ? NO_FAULT : FAULT(GP, 0), rule_of(m, value),
		     "WRMSR %s value=0x%lx supported=0x%lx", m->name, value, m->supported);
	expect_fault(gate_rdmsr(m->msr, &now, 0), NO_FAULT, m->rule, "RDMSR %s", m->name);
	expect_equal(now, fault ? before : value, m->rule, "%s after WRMSR of 0x%lx, before 0x%lx",
		     m->name, value, before);
}

static void sweep(const char *table, const struct masked_msr *m)
{
	uint64_t before = probe_ops->get(m->reg);

	table_begin(table, VALUES);
	for (unsigned int i = 0; i < VALUES; i++) {
		if (table_case())
			probe_write(m, nth_value(i, m->supported));
	}
	table_end();
	probe_ops->set(m->reg, before);
}

static bool skips(bool have, const char *bit, enum probe_register reg)
{
	gate_begin();
	return facts_skip(have, bit) ||
	       facts_skip(probe_ops->can_set(reg), "CPL 0, to write an MSR");
}

XTEST(xss, takes_supervisor_bits_alone, .rules = "S01 S04")
{
	struct masked_msr m = { MSR_XSS, PROBE_XSS, "IA32_XSS", "S01", 0 };

	if (skips(facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES", PROBE_XSS))
		return;
	m.supported = facts.xss_supported;
	sweep("xss_bits", &m);
}

/* The components whose CPUID.(EAX=0DH,ECX=i):ECX[2] is 1. */
static uint64_t xfd_supported(void)
{
	uint64_t mask = 0;

	for (unsigned int bit = 2; bit < 63; bit++) {
		if (probe_ops->cpuid(LEAF, bit).ecx & ECX_XFD)
			mask |= BIT(bit);
	}
	return mask;
}

XTEST(xss, xfd_takes_its_components_alone, .rules = "S07")
{
	struct masked_msr m = { MSR_XFD, PROBE_XFD, "IA32_XFD", "S07", 0 };

	if (skips(facts.xfd, "CPUID.(0DH,1):EAX[4] XFD", PROBE_XFD))
		return;
	m.supported = xfd_supported();
	sweep("xss_xfd", &m);
	expect_equal(m.supported & (BIT(17) | BIT(18)), facts.xcr0_supported & BIT(18), "S07",
		     "of AMX, CPUID marks XTILEDATA for XFD and not XTILECFG");
}

XTEST(xss, xfd_err_takes_its_components_alone, .rules = "S07")
{
	struct masked_msr m = { MSR_XFD_ERR, PROBE_XFD_ERR, "IA32_XFD_ERR", "S07", 0 };

	if (skips(facts.xfd, "CPUID.(0DH,1):EAX[4] XFD", PROBE_XFD_ERR))
		return;
	m.supported = xfd_supported();
	sweep("xss_xfd_err", &m);
}

/* At CPL 3, whether the CPU has the register or not; and by the numbers of XGETBV. */
static void probe_user(uint32_t msr)
{
	struct probe p = gate_probe(&insn_xgetbv_bytes, 3);
	uint64_t value;

	expect_fault(gate_rdmsr(msr, &value, 3), FAULT(GP, 0), "S05", "RDMSR 0x%x cpl=3", msr);
	expect_fault(gate_wrmsr(msr, 0, 3), FAULT(GP, 0), "S05", "WRMSR 0x%x cpl=3", msr);
	p.gprs.rcx = msr;
	expect_fault(gate_run(&p)->fault, FAULT(GP, 0), "S05", "XGETBV ecx=0x%x cpl=3", msr);
}

XTEST(xss, users_access_is_gp, .rules = "S05")
{
	static const uint32_t msrs[] = { MSR_XSS, MSR_XFD, MSR_XFD_ERR };
	struct probe p = { .insn = &insn_rdmsr_bytes, .mode = PROBE_64, .cpl = 3 };

	gate_begin();
	table_begin("xss_user", sizeof(msrs) / sizeof(*msrs));
	for (unsigned int i = 0; i < sizeof(msrs) / sizeof(*msrs); i++) {
		if (table_case() && gate_can(&p))
			probe_user(msrs[i]);
	}
	table_end();
	gate_end();
}
