/* SPDX-License-Identifier: MIT */
/*
 * What XSETBV changes counts for the very next instruction: the two are one probe.
 *
 * Rules: X14, X18; SDM vol. 2, "XSETBV"; vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled
 * Features"; of MPX, "Enabling Intel MPX".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"
#include "xcr0_units.h"

#define MPX	UINT64_C(0x18)
#define BNDCFGS 3 /* EN; BNDPRESERVE, lest a JMP initialise the bounds */

/* XSETBV and @u behind it. The fault is @u's, if it is one. */
static void probe_pair(const struct unit *u, uint64_t before, uint64_t after)
{
	struct probe_insn both = insn_xsetbv_bytes;
	struct probe p;
	fault_t want = unit_fault(u, after, CR0_MP, CR4_OSXSAVE | CR4_OSFXSR);

	for (unsigned int i = 0; i < u->insn.length; i++)
		both.bytes[both.length++] = u->insn.bytes[i];
	p = gate_probe(&both, 0);
	p.gprs.rcx = p.gprs.rdx = 0;
	p.gprs.rax = (uint32_t)after;
	if (!unit_known(u, want) || !gate_can(&p))
		return;
	probe_ops->set(PROBE_XCR0, before);
	expect_fault(gate_run(&p)->fault, want, u->rule, "XSETBV of 0x%lx, before 0x%lx; %s", after,
		     before, u->insn.name);
	expect_equal(probe_ops->get(PROBE_XCR0), after, "X14",
		     "XCR0 after XSETBV of 0x%lx, before 0x%lx; %s", after, before, u->insn.name);
}

/* Each unit that XCR0 gates, between the largest value and each of those that differ in kind. */
static void probe_pairs(uint64_t xcr0, uint64_t all)
{
	const struct unit *u;

	gate_area(false);
	for (unsigned int i = 0; (u = unit_nth(i)); i++) {
		if (!u->xcr0)
			continue;
		probe_pair(u, all, xcr0);
		probe_pair(u, xcr0, all);
	}
}

XTEST(xcr0, counts_for_the_next_instruction, .rules = "A04 X14 X18")
{
	uint64_t before, all;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	all = gate_largest_xcr0();
	table_begin("xcr0_at_once", gate_count_xcr0(facts_xcr0_some));
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		if (table_case())
			probe_pairs(x, all);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
	gate_end();
}

/* MPX does not raise #UD: without its bits in XCR0 its instructions are NOPs. At CPL 3, where
 * BNDCFGU enables them. */
static struct xregs bounds;
static struct probe_result after;

static void probe_bndmk(uint64_t all, uint64_t xcr0)
{
	static const struct probe_insn bndmk = { "BNDMK", 4, { 0xf3, 0x0f, 0x1b, 0x07 } };
	struct probe p = gate_probe(&insn_nop_bytes, 3);
	bool works = (xcr0 & MPX) == MPX;

	oracle_values(&bounds, MPX, table_seed());
	p.load = MPX;
	p.regs = &bounds;
	gate_run(&p);
	probe_ops->set(PROBE_XCR0, xcr0);
	p = gate_probe(&bndmk, 3);
	expect_fault(gate_run(&p)->fault, NO_FAULT, "X18", "BNDMK cpl=3 XCR0=0x%lx", xcr0);
	probe_ops->set(PROBE_XCR0, all);
	if (works) {
		bounds.bnd[0].lb = p.gprs.rdi;
		bounds.bnd[0].ub = ~p.gprs.rdi;
	}
	p = gate_probe(&insn_nop_bytes, 3);
	p.store = MPX;
	probe_run(&p, &after);
	oracle_same(&bounds, &after.regs, MPX, false, "X18",
		    works ? "BNDMK cpl=3 with XCR0[4:3]=11" : "BNDMK cpl=3 with XCR0[4:3]=00");
}

/* The same at CPL 0, where IA32_BNDCFGS enables it, with XSETBV right before it. */
static void probe_bndmk_at_once(uint64_t all, uint64_t before, uint64_t xcr0)
{
	static const struct probe_insn both = { "XSETBV, BNDMK",
						7,
						{ 0x0f, 0x01, 0xd1, 0xf3, 0x0f, 0x1b, 0x07 } };
	struct probe p = gate_probe(&insn_nop_bytes, 0);

	oracle_values(&bounds, MPX, table_seed());
	p.load = MPX;
	p.regs = &bounds;
	gate_run(&p);
	probe_ops->set(PROBE_XCR0, before);
	p = gate_probe(&both, 0);
	p.gprs.rcx = p.gprs.rdx = 0;
	p.gprs.rax = (uint32_t)xcr0;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "X18", "%s, XCR0 0x%lx to 0x%lx", both.name,
		     before, xcr0);
	probe_ops->set(PROBE_XCR0, all);
	if ((xcr0 & MPX) == MPX) {
		bounds.bnd[0].lb = p.gprs.rdi;
		bounds.bnd[0].ub = ~p.gprs.rdi;
	}
	p = gate_probe(&insn_nop_bytes, 0);
	p.store = MPX;
	probe_run(&p, &after);
	oracle_same(&bounds, &after.regs, MPX, false, "X18",
		    (xcr0 & MPX) == MPX ? "BNDMK cpl=0 behind XSETBV with XCR0[4:3]=11"
					: "BNDMK cpl=0 behind XSETBV with XCR0[4:3]=00");
}

XTEST(xcr0, mpx_counts_for_the_next_instruction, .rules = "X18")
{
	uint64_t before, all, bndcfgs;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	all = gate_largest_xcr0();
	if (facts_skip((all & facts.movable & MPX) == MPX, "CPUID.(0DH,0):EAX[4:3] MPX") ||
	    facts_skip(gate_rdmsr(MSR_BNDCFGS, &bndcfgs, 0) == NO_FAULT &&
			       gate_wrmsr(MSR_BNDCFGS, BNDCFGS, 0) == NO_FAULT,
		       "IA32_BNDCFGS"))
		return;
	probe_ops->set(PROBE_XCR0, all);
	table_begin("xcr0_mpx_at_once", gate_count_xcr0(facts_xcr0_next));
	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x)) {
		if (!table_case())
			continue;
		probe_bndmk_at_once(all, all, x);
		probe_bndmk_at_once(all, x, all);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
	gate_wrmsr(MSR_BNDCFGS, bndcfgs, 0);
}

XTEST(xcr0, mpx_is_nop_without_its_bits, .rules = "X18")
{
	uint64_t before, all;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	all = gate_largest_xcr0();
	if (facts_skip((all & facts.movable & MPX) == MPX, "CPUID.(0DH,0):EAX[4:3] MPX"))
		return;
	probe_ops->set(PROBE_XCR0, all);
	table_begin("xcr0_mpx", gate_count_xcr0(facts_xcr0_next));
	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x)) {
		if (table_case())
			probe_bndmk(all, x);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}
