/* SPDX-License-Identifier: MIT */
/*
 * XSAVES and XRSTORS in VMX non-root operation: when they are #UD, when they are a VM exit, and
 * that they do what they do outside when they are neither; and that the other forms know nothing of
 * it.
 *
 * What is to come is computed from the three masks. What an instruction does that is executed, the
 * same instruction shows outside, from the same registers and the same memory.
 *
 * Rules: E08; SDM vol. 3, "Relative Priority of Faults and VM Exits", "Instructions That Cause VM
 * Exits Conditionally", "Changes to Instruction Behavior in VMX Non-Root Operation", "Exit
 * Qualification", "VM-Exit Instruction Information"; vol. 2, "XSAVES", "XRSTORS".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>
#include <xtk/vmx.h>

#include "rules/facts.h"
#include "rules/gate.h"
#include "rules/insns.h"
#include "rules/oracle.h"
#include "rules/restore.h"
#include "rules/supervisor.h"

#define BIT(n)	  (UINT64_C(1) << (n))
#define LEGACY	  UINT64_C(3)
#define ALL	  UINT64_MAX
#define AREA_SIZE 16384u /* no image is larger */
#define PAGE	  4096u

/* VM-exit instruction information that is defined of [RDI]: 64-bit addresses, DS, no index, base
 * RDI; bit 10 is 0. */
#define INFORMATION_DEFINED UINT32_C(0x0fc38780)
#define INFORMATION_OF_RDI  (2u << 7 | 3u << 15 | 1u << 22 | 7u << 23)

/* An instruction of the family. */
struct form {
	const struct probe_insn *insn;
	enum rules_form form;
	int displacement;
};

static const struct probe_insn xsaves_before = { "XSAVES64 [RDI-64]",
						 5,
						 { 0x48, 0x0f, 0xc7, 0x6f, 0xc0 } };
static const struct probe_insn xrstors_before = { "XRSTORS64 [RDI-64]",
						  5,
						  { 0x48, 0x0f, 0xc7, 0x5f, 0xc0 } };

static const struct form supervisor_forms[] = {
	{ &insn_xsaves_bytes, FORM_XSAVES, 0 },	    { &insn_xsaves64_bytes, FORM_XSAVES, 0 },
	{ &xsaves_before, FORM_XSAVES, -64 },	    { &insn_xrstors_bytes, FORM_XRSTORS, 0 },
	{ &insn_xrstors64_bytes, FORM_XRSTORS, 0 }, { &xrstors_before, FORM_XRSTORS, -64 },
};
#define SUPERVISOR_FORMS 6u

static const struct form other_forms[] = {
	{ &insn_xsave_bytes, FORM_XSAVE, 0 },	    { &insn_xsave64_bytes, FORM_XSAVE, 0 },
	{ &insn_xsaveopt_bytes, FORM_XSAVEOPT, 0 }, { &insn_xsaveopt64_bytes, FORM_XSAVEOPT, 0 },
	{ &insn_xsavec_bytes, FORM_XSAVEC, 0 },	    { &insn_xsavec64_bytes, FORM_XSAVEC, 0 },
	{ &insn_xrstor_bytes, FORM_XRSTOR, 0 },	    { &insn_xrstor64_bytes, FORM_XRSTOR, 0 },
};
#define OTHER_FORMS 8u

/* One execution in non-root operation. */
struct stay {
	const struct form *form;
	enum vmx_xsaves xsaves;
	uint64_t mask, xss, bitmap;
	unsigned int cpl;
	uint64_t operand; /* where the area is; RDI is that without the displacement */
};

static const struct supervisor_component *const components[] = {
	&supervisor_cet_u,
	&supervisor_cet_s,
	&supervisor_uintr,
};
#define COMPONENTS (sizeof(components) / sizeof(components[0]))

/* All that an instruction of the family may read or change, but PKRU and memory. */
struct state {
	struct xregs *regs;
	uint64_t fields[COMPONENTS][SUPERVISOR_FIELDS];
};

/* Before, and what is to be after; the latter is first what the image is made from. */
static struct state before = { .regs = &restore_before }, want = { .regs = &restore_inside };
static struct probe_result result;
static char text[160];

/* Behind the area, in the arena too: what is in it before, and what is to be in it after. */
static uint8_t *image(void)
{
	return probe_ops->arena + AREA_SIZE;
}

static uint8_t *want_area(void)
{
	return probe_ops->arena + 2 * AREA_SIZE;
}

static const char *where(const struct stay *s)
{
	static const char *const settings[VMX_XSAVES_SETTINGS] = { "no secondary controls", "0",
								   "1" };

	format_text(text, sizeof(text),
		    "%s cpl=%u edx:eax=0x%lx IA32_XSS=0x%lx control=%s bitmap=0x%lx",
		    s->form->insn->name, s->cpl, s->mask, s->xss, settings[s->xsaves], s->bitmap);
	return text;
}

/* -- the state ----------------------------------------------------------------------------------*/

static uint64_t moved(void)
{
	return facts.movable & probe_ops->get(PROBE_XCR0) & ~RESTORE_PKRU;
}

static bool has(const struct supervisor_component *c)
{
	return facts.xss_supported >> c->bit & 1 && gate_feature(&c->feature);
}

static void run_nop(uint64_t init, const struct state *load, uint64_t store)
{
	struct probe p = gate_probe(&insn_nop_bytes, 0);

	p.init = init;
	p.load = load ? moved() : 0;
	p.regs = load ? load->regs : NULL;
	p.store = store;
	probe_run(&p, &result);
}

static void make_state(struct state *s)
{
	oracle_values(s->regs, moved(), table_seed());
	for (size_t i = 0; i < COMPONENTS; i++)
		supervisor_values(components[i], s->fields[i]);
}

/* The first NOP's initial configuration is an XRSTOR of another area, so that no save may leave
 * anything out as unmodified (O06, O08). */
static void load_state(const struct state *s)
{
	run_nop(LEGACY, NULL, 0);
	run_nop(0, s, 0);
	for (size_t i = 0; i < COMPONENTS; i++) {
		if (has(components[i]))
			supervisor_write(components[i], s->fields[i]);
	}
}

static void store_state(struct state *s)
{
	run_nop(0, NULL, moved());
	*s->regs = result.regs;
	for (size_t i = 0; i < COMPONENTS; i++) {
		if (has(components[i]))
			supervisor_read(components[i], s->fields[i]);
	}
}

static void expect_fields(const struct stay *s, const struct supervisor_component *c,
			  const uint64_t *fields)
{
	uint64_t got[SUPERVISOR_FIELDS];

	supervisor_read(c, got);
	for (unsigned int i = 0; i < c->fields; i++)
		expect_equal(got[i], fields[i], "E08", "%s register=%s", where(s),
			     c->field[i].name);
}

static void expect_state(const struct stay *s)
{
	run_nop(0, NULL, moved());
	oracle_same(want.regs, &result.regs, moved(), true, "E08", where(s));
	for (size_t i = 0; i < COMPONENTS; i++) {
		if (has(components[i]))
			expect_fields(s, components[i], want.fields[i]);
	}
}

/* -- one execution outside ----------------------------------------------------------------------*/

static fault_t run_outside(const struct stay *s)
{
	struct probe p = gate_probe(s->form->insn, 0);

	p.gprs.rax = (uint32_t)s->mask;
	p.gprs.rdx = s->mask >> 32;
	p.gprs.rdi = s->operand - (uint64_t)s->form->displacement;
	return gate_run(&p)->fault;
}

/* The supervisor components that XCOMP_BV has. Return: those */
static uint64_t encode_fields(uint8_t *area, uint64_t cb, const struct state *from)
{
	uint64_t encoded = 0;

	for (size_t i = 0; i < COMPONENTS; i++) {
		const struct supervisor_component *c = components[i];

		if (!has(c) || !(cb & BIT(c->bit)))
			continue;
		encoded |= BIT(c->bit);
		for (unsigned int f = 0; f < c->fields; f++)
			oracle_put64(area + oracle_offset(cb, c->bit) + c->field[f].offset,
				     from->fields[i][f]);
	}
	return encoded;
}

/* What a restore takes, and what a save finds: an image with everything that can be moved. All else
 * in IA32_XSS (PT, PASID, HDC, LBR, HWP) a restore initialises, and the kernel has it no other. */
static void make_image(const struct stay *s, const struct state *from)
{
	bool compacted = s->form->form == FORM_XRSTORS;
	uint64_t cb = compacted ? ORACLE_COMPACT | probe_ops->get(PROBE_XCR0) | s->xss : 0;
	uint8_t *area = image();

	memset(area, 0, AREA_SIZE);
	for (unsigned int bit = 0; bit < 63; bit++) {
		if (moved() & BIT(bit))
			oracle_encode(area, bit, cb, from->regs, true);
	}
	memcpy(area + ORACLE_MXCSR, &from->regs->mxcsr, sizeof(from->regs->mxcsr));
	oracle_put64(area + ORACLE_BV, moved() | encode_fields(area, cb, from));
	oracle_put64(area + ORACLE_CB, cb);
}

static void put_all(void)
{
	memcpy(probe_ops->arena, image(), AREA_SIZE);
	load_state(&before);
}

/* Nothing is to change. */
static void want_nothing(void)
{
	*want.regs = *before.regs;
	memcpy(want.fields, before.fields, sizeof(want.fields));
	memcpy(want_area(), image(), AREA_SIZE);
}

/* What it does outside is to happen. Return: its fault there */
static fault_t want_as_outside(const struct stay *s)
{
	fault_t fault;

	put_all();
	fault = run_outside(s);
	store_state(&want);
	memcpy(want_area(), probe_ops->arena, AREA_SIZE);
	return fault;
}

/* -- and inside ---------------------------------------------------------------------------------*/

static bool has_supervisor_form(const struct stay *s)
{
	return s->form->form == FORM_XSAVES || s->form->form == FORM_XRSTORS;
}

/* How it is to end. */
static struct vmx_exit expected(const struct stay *s)
{
	struct vmx_exit e = { .reason = VMX_REASON_VMCALL, .offset = s->form->insn->length };

	if (!has_supervisor_form(s))
		return e;
	if (s->xsaves != VMX_XSAVES_ON)
		return (struct vmx_exit){ .reason = VMX_REASON_EXCEPTION, .fault = FAULT(UD, 0) };
	if (s->cpl)
		return (struct vmx_exit){ .reason = VMX_REASON_EXCEPTION, .fault = FAULT(GP, 0) };
	if (s->mask & s->xss & s->bitmap)
		return (struct vmx_exit){ .reason = s->form->form == FORM_XSAVES
							    ? VMX_REASON_XSAVES
							    : VMX_REASON_XRSTORS };
	return e;
}

static bool run_inside(const struct stay *s, struct vmx_exit *e)
{
	const struct vmx_guest g = {
		.insn = s->form->insn,
		.cpl = s->cpl,
		.mask = s->mask,
		.operand = s->operand - (uint64_t)s->form->displacement,
		.xsaves = s->xsaves,
		.xss_exiting = s->bitmap,
	};

	return vmx_run(&g, e);
}

/* What a VM exit due to the instruction says of it. */
static void judge_details(const struct stay *s, const struct vmx_exit *e)
{
	expect_equal(e->qualification, (uint64_t)s->form->displacement, "E08",
		     "exit qualification of %s", where(s));
	expect_equal(e->length, s->form->insn->length, "E08", "VM-exit instruction length of %s",
		     where(s));
	expect_equal(e->information & INFORMATION_DEFINED, INFORMATION_OF_RDI, "E08",
		     "VM-exit instruction information of %s", where(s));
}

/* Return: whether it ended as it had to. */
static bool judge_exit(const struct stay *s, const struct vmx_exit *e, const struct vmx_exit *w)
{
	bool good = expect_equal(e->reason, w->reason, "E08", "exit reason of %s", where(s));

	good &= expect_fault(e->fault, w->fault, "E08", "%s", where(s));
	good &= expect_equal(e->offset, w->offset, "E08", "RIP, from the instruction on, of %s",
			     where(s));
	if (good && (w->reason == VMX_REASON_XSAVES || w->reason == VMX_REASON_XRSTORS))
		judge_details(s, e);
	return good;
}

/* What is to come: registers, memory, and how it is to end. */
static struct vmx_exit prepare(struct stay *s)
{
	struct vmx_exit w = expected(s);
	fault_t fault = NO_FAULT;

	s->operand = (uint64_t)(uintptr_t)probe_ops->arena;
	probe_ops->set(PROBE_XSS, s->xss);
	make_state(&want);
	make_state(&before);
	make_image(s, &want);
	if (w.reason == VMX_REASON_VMCALL)
		fault = want_as_outside(s);
	else
		want_nothing();
	if (fault)
		w = (struct vmx_exit){ .reason = VMX_REASON_EXCEPTION, .fault = fault };
	return w;
}

static void probe_stay(struct stay *s)
{
	struct vmx_exit w = prepare(s), e;

	put_all();
	if (!run_inside(s, &e) || !judge_exit(s, &e, &w))
		return;
	expect_state(s);
	expect_bytes(probe_ops->arena, want_area(), AREA_SIZE, "E08", "memory after %s", where(s));
	table_probe(AREA_SIZE + sizeof(*want.regs) + sizeof(want.fields));
}

/* -- the tables ---------------------------------------------------------------------------------*/

static uint64_t old_xss;

/* Return: whether the test runs. */
static bool begin(enum vmx_xsaves xsaves)
{
	const char *missing;

	gate_begin();
	if (facts_skip(facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES"))
		return false;
	missing = vmx_missing(xsaves);
	if (facts_skip(!missing, missing))
		return false;
	old_xss = probe_ops->get(PROBE_XSS);
	return true;
}

static void end(void)
{
	static const uint64_t zero[SUPERVISOR_FIELDS];

	table_end();
	for (size_t i = 0; i < COMPONENTS; i++) {
		if (has(components[i]))
			supervisor_write(components[i], zero);
	}
	probe_ops->set(PROBE_XSS, old_xss);
	restore_end();
}

/* IA32_XSS and EDX:EAX: both with and without supervisor components. */
static void each_mask(struct stay *s)
{
	const uint64_t xss[] = { 0, facts.xss_supported }, mask[] = { LEGACY, ALL };

	for (unsigned int i = 0; i < 2 * 2; i++) {
		s->xss = xss[i / 2];
		s->mask = mask[i % 2];
		if (table_case() && !vmx_missing(s->xsaves) && !form_missing(s->form->form))
			probe_stay(s);
	}
}

XTEST(vmx, supervisor_forms_are_ud_without_the_control, .rules = "E08")
{
	struct stay s = { .bitmap = ALL };

	if (!begin(VMX_NO_SECONDARY))
		return;
	table_begin("vmx_ud", VMX_XSAVES_ON * SUPERVISOR_FORMS * 2 * 2);
	for (s.xsaves = VMX_NO_SECONDARY; s.xsaves < VMX_XSAVES_ON; s.xsaves++) {
		for (unsigned int i = 0; i < SUPERVISOR_FORMS; i++) {
			s.form = &supervisor_forms[i];
			each_mask(&s);
		}
	}
	end();
}

XTEST(vmx, other_forms_do_not_exit, .rules = "E08")
{
	struct stay s = { .bitmap = ALL };

	if (!begin(VMX_NO_SECONDARY))
		return;
	table_begin("vmx_other", VMX_XSAVES_SETTINGS * OTHER_FORMS * 2 * 2);
	for (s.xsaves = VMX_NO_SECONDARY; s.xsaves < VMX_XSAVES_SETTINGS; s.xsaves++) {
		for (unsigned int i = 0; i < OTHER_FORMS; i++) {
			s.form = &other_forms[i];
			each_mask(&s);
		}
	}
	end();
}

/* The component, or components, that the three masks have or lack. */
static void each_bitmap(struct stay *s, uint64_t target)
{
	const uint64_t xss[] = { 0, target, facts.xss_supported };
	const uint64_t mask[] = { LEGACY, LEGACY | target, ~target, ALL };
	const uint64_t bitmap[] = { 0, target, ~target, ALL };

	for (unsigned int i = 0; i < 3 * 4 * 4; i++) {
		s->xss = xss[i / 16];
		s->mask = mask[i / 4 % 4];
		s->bitmap = bitmap[i % 4];
		if (table_case())
			probe_stay(s);
	}
}

static unsigned int count_bits(uint64_t mask)
{
	unsigned int count = 0;

	for (; mask; mask &= mask - 1)
		count++;
	return count;
}

/* Each supported bit of IA32_XSS, and then all. */
XTEST(vmx, xss_exiting_bitmap_decides_on_exits, .rules = "E08")
{
	struct stay s = { .xsaves = VMX_XSAVES_ON };
	uint64_t bits;

	if (!begin(VMX_XSAVES_ON))
		return;
	bits = facts.xss_supported;
	table_begin("vmx_bitmap", (count_bits(bits) + 1) * SUPERVISOR_FORMS * 3 * 4 * 4);
	for (unsigned int i = 0; i < SUPERVISOR_FORMS; i++) {
		s.form = &supervisor_forms[i];
		for (bits = facts.xss_supported; bits; bits &= bits - 1)
			each_bitmap(&s, bits & -bits);
		each_bitmap(&s, facts.xss_supported);
	}
	end();
}

/* -- before other faults ------------------------------------------------------------------------*/

enum obstacle { MISALIGNED, NOT_CANONICAL, NO_PAGE, BAD_HEADER, CPL_3, OBSTACLES };

/* What would be #GP or #PF is a VM exit; CPL 3 alone comes before it. */
static void probe_obstacle(struct stay *s, enum obstacle obstacle)
{
	uint8_t *area = probe_ops->arena;
	struct vmx_exit w, e;

	s->operand = (uint64_t)(uintptr_t)area + (obstacle == MISALIGNED);
	if (obstacle == NOT_CANONICAL)
		s->operand = BIT(63);
	s->cpl = obstacle == CPL_3 ? 3 : 0;
	w = expected(s);
	probe_ops->set(PROBE_XSS, s->xss);
	memset(area, obstacle == BAD_HEADER ? 0xff : 0, PAGE);
	if (obstacle == NO_PAGE)
		probe_ops->protect(0, PROBE_NOT_PRESENT, 0);
	if (run_inside(s, &e))
		judge_exit(s, &e, &w);
	probe_ops->protect(0, PROBE_READ_WRITE, 0);
	table_probe(sizeof(e));
}

XTEST(vmx, exit_comes_before_faults_of_the_operand, .rules = "E08")
{
	struct stay s = { .xsaves = VMX_XSAVES_ON, .bitmap = ALL, .mask = ALL };

	if (!begin(VMX_XSAVES_ON))
		return;
	s.xss = facts.xss_supported;
	if (facts_skip(s.xss, "CPUID.(0DH,1):EDX:ECX, a component of IA32_XSS"))
		return;
	table_begin("vmx_order", OBSTACLES * SUPERVISOR_FORMS);
	for (unsigned int i = 0; i < OBSTACLES * SUPERVISOR_FORMS; i++) {
		s.form = &supervisor_forms[i % SUPERVISOR_FORMS];
		if (table_case())
			probe_obstacle(&s, (enum obstacle)(i / SUPERVISOR_FORMS));
	}
	end();
}
