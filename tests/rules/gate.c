/* SPDX-License-Identifier: MIT */
/*
 * What keeps an instruction of the XSAVE family from executing: CR4.OSXSAVE, CR0.TS, CPUID, CPL,
 * and which of several reasons comes first.
 *
 * Rules: G03 to G07, G09 to G11, G15, G16, H01, N07, O04, S03, X13, X14; SDM vol. 1, "Enabling the
 * XSAVE Feature Set and XSAVE-Enabled Features"; vol. 2, the instruction pages, "64-Bit Mode
 * Exceptions"; vol. 3, "Priority Among Concurrent Events".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"

#define MISALIGNED 8 /* bytes; 1, 2 and 4 may be #AC at CPL 3 */

/* LOCK in front of @insn, in *@out. */
static void lock_prefix(const struct probe_insn *insn, struct probe_insn *out)
{
	*out = *insn;
	out->name = insn->name;
	out->length++;
	out->bytes[0] = 0xf0;
	memcpy(out->bytes + 1, insn->bytes, insn->length);
}

/* Reasons for a save or restore not to execute, in the order of their priority. */
enum {
	NO_OSXSAVE = 1,
	LOCKED = 2,
	TASK_SWITCHED = 4,
	OFF_64 = 8,
	NO_PAGE = 16,
	REASONS = 32,
};

static fault_t first_of(unsigned int reasons)
{
	if (reasons & (NO_OSXSAVE | LOCKED))
		return FAULT(UD, 0);
	if (reasons & TASK_SWITCHED)
		return FAULT(NM, 0);
	return reasons & OFF_64 ? FAULT(GP, 0) : NO_FAULT;
}

/* One reason has a rule of its own; of several G10 says which comes first. */
static const char *rule_of(unsigned int reasons)
{
	switch (reasons) {
	case TASK_SWITCHED:
		return "G05";
	case 0:
	case NO_OSXSAVE:
		return "G03";
	case LOCKED:
		return "G07";
	case OFF_64:
		return "H01";
	case NO_PAGE | OFF_64:
		return "N07";
	default:
		return "G10";
	}
}

static void probe_reasons(enum rules_form form, bool rex_w, unsigned int cpl, unsigned int reasons)
{
	struct probe p = gate_probe(form_insn(form, rex_w), cpl);
	struct probe_insn locked;
	fault_t want = first_of(reasons), got;

	if (reasons & NO_OSXSAVE)
		p.cr4_flip = CR4_OSXSAVE;
	if (reasons & TASK_SWITCHED)
		p.cr0_flip = CR0_TS;
	if (reasons & OFF_64)
		p.gprs.rdi += MISALIGNED;
	if (reasons & LOCKED) {
		lock_prefix(p.insn, &locked);
		p.insn = &locked;
	}
	if (!gate_can(&p))
		return;
	if (reasons & NO_PAGE && !probe_ops->protect(0, PROBE_NOT_PRESENT, 0))
		return;
	got = gate_run(&p)->fault;
	if (reasons & NO_PAGE)
		probe_ops->protect(0, PROBE_READ_WRITE, 0);
	expect_fault(got, want, rule_of(reasons), "%s%s cpl=%u osxsave=%u ts=%u offset=%u page=%u",
		     reasons & LOCKED ? "LOCK " : "", form_insn(form, rex_w)->name, cpl,
		     !(reasons & NO_OSXSAVE), !!(reasons & TASK_SWITCHED),
		     reasons & OFF_64 ? MISALIGNED : 0, !(reasons & NO_PAGE));
}

/* Of a missing page alone footprint.c judges the #PF. At CPL 3 XSAVES and XRSTORS raise #GP by
 * themselves, and the manuals do not say whether that comes before #NM. */
static bool has_one_answer(enum rules_form form, unsigned int cpl, unsigned int reasons)
{
	bool supervisor = form == FORM_XSAVES || form == FORM_XRSTORS;

	if (reasons == NO_PAGE)
		return false;
	return !supervisor || !cpl || reasons & (NO_OSXSAVE | LOCKED);
}

static void probe_form(enum rules_form form, unsigned int reasons)
{
	gate_area(form == FORM_XRSTORS);
	if (form_missing(form) && !(reasons & (NO_OSXSAVE | LOCKED)))
		return;
	for (unsigned int i = 0; i < 2 * GATE_CPLS; i++) {
		if (has_one_answer(form, gate_cpl[i / 2], reasons))
			probe_reasons(form, i & 1, gate_cpl[i / 2], reasons);
	}
}

/* 6 forms, with and without REX.W, at CPL 0 and 3, with the combinations of five reasons in which
 * CR0.TS decides (@ts) or does not. */
static void probe_forms(const char *table, bool ts)
{
	gate_begin();
	table_begin(table, FORMS * REASONS);
	for (unsigned int form = 0; form < FORMS; form++) {
		for (unsigned int reasons = 0; reasons < REASONS; reasons++) {
			if (table_case() && ts == (first_of(reasons) == FAULT(NM, 0)))
				probe_form(form, reasons);
		}
	}
	table_end();
	gate_end();
}

XTEST(gate, first_reason_decides, .rules = "G03 G07 G10 H01 N07")
{
	probe_forms("gate_reasons", false);
}

XTEST(gate, task_switched_is_nm, .rules = "G05 G10")
{
	probe_forms("gate_task_switched", true);
}

/* The others of the family: what they do at CPL 0 with these bits flipped. */
static const struct register_gate {
	const struct probe_insn *insn;
	uint32_t ecx;
	uint64_t cr0_flip, cr4_flip;
	fault_t cpl0, cpl3;
	const char *rule;
} register_gates[] = {
	{ &insn_xgetbv_bytes, 0, 0, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G03" },
	{ &insn_xgetbv_bytes, 1, 0, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G03" },
	{ &insn_xgetbv_bytes, 2, 0, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G10" },
	{ &insn_xgetbv_bytes, 2, CR0_TS, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G10" },
	{ &insn_xgetbv_bytes, 0, CR0_TS, 0, NO_FAULT, NO_FAULT, "G05" },
	{ &insn_xgetbv_bytes, 2, CR0_TS, 0, FAULT(GP, 0), FAULT(GP, 0), "G05" },
	{ &insn_xgetbv_bytes, 0, CR0_EM, 0, NO_FAULT, NO_FAULT, "G06" },
	{ &insn_xgetbv_bytes, 0, CR0_EM | CR0_TS | CR0_MP, 0, NO_FAULT, NO_FAULT, "G06" },
	{ &insn_xsetbv_bytes, 0, 0, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G03" },
	{ &insn_xsetbv_bytes, 1, 0, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G10" },
	{ &insn_xsetbv_bytes, 0, CR0_TS, CR4_OSXSAVE, FAULT(UD, 0), FAULT(UD, 0), "G10" },
	{ &insn_xsetbv_bytes, 0, CR0_TS, 0, NO_FAULT, FAULT(GP, 0), "G05" },
	{ &insn_xsetbv_bytes, 1, CR0_TS, 0, FAULT(GP, 0), FAULT(GP, 0), "G05" },
	{ &insn_xsetbv_bytes, 0, CR0_EM, 0, NO_FAULT, FAULT(GP, 0), "G06" },
	{ &insn_xsetbv_bytes, 0, CR0_EM | CR0_TS | CR0_MP, 0, NO_FAULT, FAULT(GP, 0), "G06" },
};
#define REGISTER_GATES (sizeof(register_gates) / sizeof(*register_gates))

static void probe_register_gate(const struct register_gate *g, uint64_t xcr0, unsigned int cpl)
{
	struct probe p = gate_probe(g->insn, cpl);

	p.gprs.rcx = g->ecx;
	p.gprs.rax = (uint32_t)xcr0;
	p.gprs.rdx = xcr0 >> 32;
	p.cr0_flip = g->cr0_flip;
	p.cr4_flip = g->cr4_flip;
	if (!gate_can(&p))
		return;
	expect_fault(gate_run(&p)->fault, cpl ? g->cpl3 : g->cpl0, g->rule,
		     "%s ecx=%u cpl=%u flipped: CR0=0x%lx CR4=0x%lx", p.insn->name, g->ecx, cpl,
		     p.cr0_flip, p.cr4_flip);
}

/* XSETBV at CPL 3 with OSXSAVE = 0 has two reasons, #UD and #GP: a test of its own. */
static bool is_users_xsetbv(const struct register_gate *g, unsigned int cpl)
{
	return g->insn == &insn_xsetbv_bytes && cpl && g->cr4_flip;
}

static void probe_register_gates(const char *table, bool users_xsetbv)
{
	uint64_t xcr0;

	gate_begin();
	xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin(table, REGISTER_GATES * GATE_CPLS);
	for (unsigned int i = 0; i < REGISTER_GATES * GATE_CPLS; i++) {
		const struct register_gate *g = &register_gates[i / GATE_CPLS];
		unsigned int cpl = gate_cpl[i % GATE_CPLS];

		if (table_case() && is_users_xsetbv(g, cpl) == users_xsetbv)
			probe_register_gate(g, xcr0, cpl);
	}
	table_end();
	expect_equal(probe_ops->get(PROBE_XCR0), xcr0, "X13", "XCR0 after all of them");
	gate_end();
}

XTEST(gate, xgetbv_and_xsetbv_obey_osxsave_alone, .rules = "G03 G05 G06 G10 X13")
{
	probe_register_gates("gate_registers", false);
}

XTEST(gate, users_xsetbv_is_ud_before_gp, .rules = "G03 G10 X13")
{
	probe_register_gates("gate_users_xsetbv", true);
}

/* CR0.EM, and CR0.MP, which WAIT alone obeys. */
static void probe_emulation(enum rules_form form, unsigned int flips, unsigned int cpl)
{
	struct probe p = gate_probe(form_insn(form, true), cpl);

	p.cr0_flip = (flips & 1 ? CR0_EM : 0) | (flips & 2 ? CR0_MP : 0);
	if (form_missing(form) || !gate_can(&p) || !has_one_answer(form, cpl, 0))
		return;
	gate_area(form == FORM_XRSTORS);
	expect_fault(gate_run(&p)->fault, NO_FAULT, "G06", "%s cpl=%u em=%u mp=%u", p.insn->name,
		     cpl, flips & 1, !(flips & 2));
}

XTEST(gate, emulation_gates_no_save, .rules = "G06")
{
	gate_begin();
	table_begin("gate_emulation", FORMS * 4);
	for (unsigned int i = 0; i < FORMS * 4; i++) {
		if (!table_case())
			continue;
		for (unsigned int c = 0; c < GATE_CPLS; c++)
			probe_emulation(i / 4, i % 4, gate_cpl[c]);
	}
	table_end();
	gate_end();
}

XTEST(gate, supervisor_forms_are_gp_in_user_mode, .rules = "G09")
{
	static const enum rules_form forms[] = { FORM_XSAVES, FORM_XRSTORS };

	gate_begin();
	if (facts_skip(facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES"))
		return;
	table_begin("gate_user", 2 * 64);
	gate_area(true);
	for (unsigned int i = 0; i < 2 * 64; i++) {
		struct probe p = gate_probe(form_insn(forms[i / 64], i & 1), 3);

		if (!table_case() || !gate_can(&p))
			continue;
		p.gprs.rax = table_random();
		p.gprs.rdi += i % 64 / 2;
		expect_fault(gate_run(&p)->fault, FAULT(GP, 0), "G09",
			     "%s cpl=3 offset=%u rfbm=0x%lx", p.insn->name, i % 64 / 2, p.gprs.rax);
	}
	table_end();
	gate_end();
}

/* What CPUID does not offer, with operands that would do if it did. */
static void probe_absent_form(enum rules_form form, unsigned int cpl)
{
	for (unsigned int rex_w = 0; rex_w < 2; rex_w++) {
		struct probe p = gate_probe(form_insn(form, rex_w), cpl);

		if (gate_can(&p))
			expect_fault(gate_run(&p)->fault, FAULT(UD, 0), "G04",
				     "%s cpl=%u, which %s", p.insn->name, cpl,
				     "CPUID.(0DH,1):EAX does not offer");
	}
}

XTEST(gate, absent_forms_are_ud, .rules = "G04")
{
	gate_begin();
	if (facts_skip(!facts.xsaveopt || !facts.xsavec || !facts.xsaves,
		       "a CPU that lacks one of CPUID.(0DH,1):EAX[0], [1] and [3]"))
		return;
	table_begin("gate_absent", FORMS);
	gate_area(true);
	for (unsigned int form = 0; form < FORMS; form++) {
		if (!table_case() || !form_missing(form))
			continue;
		probe_absent_form(form, 0);
		probe_absent_form(form, 3);
	}
	table_end();
	gate_end();
}

static void probe_absent_msr(uint32_t msr, const char *rule)
{
	struct probe p = gate_probe(&insn_rdmsr_bytes, 0);
	uint64_t value;

	if (!gate_can(&p))
		return;
	expect_fault(gate_rdmsr(msr, &value, 0), FAULT(GP, 0), rule, "RDMSR of 0x%x", msr);
	expect_fault(gate_wrmsr(msr, 0, 0), FAULT(GP, 0), rule, "WRMSR of 0x%x, value=0", msr);
}

XTEST(gate, absent_msrs_are_gp, .rules = "G04 S03")
{
	gate_begin();
	if (facts_skip(!facts.xsaves || !facts.xfd,
		       "a CPU that lacks CPUID.(0DH,1):EAX[3] XSAVES or EAX[4] XFD"))
		return;
	table_begin("gate_absent_msrs", 3);
	if (table_case() && !facts.xsaves)
		probe_absent_msr(MSR_XSS, "S03");
	if (table_case() && !facts.xfd)
		probe_absent_msr(MSR_XFD, "G04");
	if (table_case() && !facts.xfd)
		probe_absent_msr(MSR_XFD_ERR, "G04");
	table_end();
	gate_end();
}

/* ECX of XGETBV: 0 to 63, every single bit, random ones. */
#define ECX_SMALL  64
#define ECX_RANDOM 32
#define ECX_VALUES (ECX_SMALL + 32 + ECX_RANDOM)

static uint32_t nth_ecx(unsigned int n)
{
	if (n < ECX_SMALL)
		return n;
	if (n < ECX_SMALL + 32)
		return UINT32_C(1) << (n - ECX_SMALL);
	return (uint32_t)table_random() | 2;
}

static const char *rule_of_ecx(uint32_t ecx, bool garbage, unsigned int cpl)
{
	if (garbage)
		return "G15";
	if (ecx == GATE_XGETBV_XINUSE && !facts.xgetbv1)
		return "G04";
	return !ecx && cpl ? "G11" : "G16";
}

static void check_xgetbv(const struct probe *p, const struct probe_result *r)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), got = gate_pair(r, "G15");

	gate_same_gprs(p, r, false, "G15");
	if ((uint32_t)p->gprs.rcx == 0)
		expect_equal(got, xcr0, "X14", "XGETBV rcx=0x%lx cpl=%u", p->gprs.rcx, p->cpl);
	else
		expect_equal(got & ~xcr0, 0, "O04", "XGETBV rcx=0x%lx cpl=%u, bits outside XCR0",
			     p->gprs.rcx, p->cpl);
}

/* With and without garbage in RCX[63:32]. */
static void probe_xgetbv(uint32_t ecx, bool garbage, unsigned int cpl)
{
	struct probe p = gate_probe(&insn_xgetbv_bytes, cpl);
	bool legal = !ecx || (ecx == GATE_XGETBV_XINUSE && facts.xgetbv1);
	const struct probe_result *r;

	p.gprs.rcx = ecx | (garbage ? table_random() << 32 : 0);
	p.gprs.rax = table_random();
	p.gprs.rdx = table_random();
	if (!gate_can(&p))
		return;
	r = gate_run(&p);
	expect_fault(r->fault, legal ? NO_FAULT : FAULT(GP, 0), rule_of_ecx(ecx, garbage, cpl),
		     "XGETBV rcx=0x%lx cpl=%u", p.gprs.rcx, cpl);
	if (r->fault == NO_FAULT && legal)
		check_xgetbv(&p, r);
	else
		gate_same_gprs(&p, r, r->fault != NO_FAULT, "G16");
}

XTEST(gate, xgetbv_takes_ecx_0_and_1, .rules = "G04 G11 G15 G16 O04 X14")
{
	gate_begin();
	table_begin("gate_xgetbv", ECX_VALUES * 2 * GATE_CPLS);
	for (unsigned int i = 0; i < ECX_VALUES * 2 * GATE_CPLS; i++) {
		if (table_case())
			probe_xgetbv(nth_ecx(i / GATE_CPLS / 2), i / GATE_CPLS % 2,
				     gate_cpl[i % GATE_CPLS]);
	}
	table_end();
	gate_end();
}
