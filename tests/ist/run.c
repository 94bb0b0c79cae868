/* SPDX-License-Identifier: MIT */
/*
 * Taking the machine, running one case after another, and setting right what a broken design has
 * left behind.
 */
#include <stdarg.h>
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/options.h>
#include <xtk/panic.h>
#include <xtk/paging.h>
#include <xtk/print.h>
#include <xtk/recover.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/trap.h>

#include "../machine.h"
#include "engine.h"

STACK_DEFINE(lab_stack, 16 * 1024); /* #BP, and every exception that no design has to do with */
STACK_DEFINE(lab_step_stack, 16 * 1024);

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1
#define TOP_SIZE  1024 /* of a stack: more than the entry code of a design uses */

struct lab_setup lab_setup;
struct lab_case lab_case;
struct idt_entry lab_gates[VEC_EXCEPTIONS];

static struct {
	const struct ist_design *installed;
	struct machine machine, seeded;
	struct idt_entry idt[VEC_EXCEPTIONS];
	trap_handler traps[VEC_EXCEPTIONS];
	uint64_t ist[8], rsp0, user_page;
	uint8_t masks[2]; /* of the interrupt controllers */
	struct recover_point way_back;
	bool running; /* a case: @way_back leads to its end */
	bool dirty;   /* something may be wrong since the last case */
	unsigned int nmis;
} lab;

void lab_fail(const char *what, const char *format, ...)
{
	struct lab_verdict *v = &lab_case.verdict;
	va_list args;

	if (v->what)
		return;
	v->what = what;
	va_start(args, format);
	vformat_text(v->detail, sizeof(v->detail), format, args);
	va_end(args);
}

void lab_event_line(const char *what, enum vector vector, uint64_t rip, uint64_t rsp)
{
	char at[64];

	if (!options.events || !options.case_id || lab_case.recording)
		return;
	lab_place_name(at, sizeof(at), rip);
	print("# ev t=%lu what=%s", rdtsc(), what);
	if (vector < VEC_EXCEPTIONS)
		print(" vec=%d", vector);
	print(" level=%u rsp=0x%lx rip=%s\n", lab_case.level, rsp, at);
}

/* By IRET, which opens NMIs. */
void lab_give_up(void)
{
	struct trap_frame f = { 0 };

	recover_by_frame(&f, &lab.way_back);
	lab_enter(&f);
}

/* A design that sees what it cannot survive stops with a #DF of its own; the #PF before it has a
 * good stack in the laboratory. */
static bool is_stop(const struct trap_frame *frame)
{
	const struct path_function *f = lab_place(frame->rip).label;
	size_t n = f ? strlen(f->name) : 0;

	return (frame->vector == VEC_DF || frame->vector == VEC_PF) && n >= 5 &&
	       !strcmp(f->name + n - 5, "fatal");
}

/* Exceptions that nobody has delivered: a jump or a stack pointer has gone wild. */
static bool on_fault(struct trap_frame *frame)
{
	char at[64];

	if (!lab.running)
		return false;
	if (frame->vector == VEC_DF && lab_on_double_fault(frame))
		return true;
	if (is_stop(frame) && lab_case.count && lab_case.events[lab_case.count - 1].forbidden) {
		lab.dirty = true;
		lab_case.stopped = true;
		lab_give_up();
	}
	lab_place_name(at, sizeof(at), frame->rip);
	lab_fail(frame->vector == VEC_DF ? "double_fault" : "fault", "vec=%lu error=0x%lx rip=%s",
		 frame->vector, frame->error, at);
	lab_give_up();
}

static bool count_nmi(struct trap_frame *frame)
{
	(void)frame;
	lab.nmis++;
	return true;
}

/* NMIs must be open and none pending: one that we send arrives, and no other. */
static void take_nmis(void)
{
	struct idt_entry gate = idt_set_stub(VEC_NMI, IST_STEP, false);
	trap_handler old = trap_install(VEC_NMI, count_nmi);

	lab.nmis = 0;
	cpu_relax();
	if (lab.nmis)
		lab_fail("nmi_pending", "an NMI that nobody sent");
	nmi_send_self();
	for (unsigned int i = 0; i < 10000 && !lab.nmis; i++)
		cpu_relax();
	idt_restore(VEC_NMI, gate);
	trap_install(VEC_NMI, old);
}

void lab_check_nmi(void)
{
	take_nmis();
	if (!lab.nmis)
		lab_fail("nmi_blocked", "a self-NMI is not taken");
}

static void wipe(const struct stack *s, size_t size)
{
	if (s)
		memset((void *)(stack_top(s) - size), 0, size);
}

/* Whole stacks, or where frames begin: what the case before has left there may be just what this
 * one forgets to save. */
static void wipe_stacks(bool whole)
{
	const struct ist_design *d = lab_setup.design;

	for (unsigned int i = 0; i < IST_ENTRIES; i++) {
		const struct stack *s = d->entry[i].stack;

		wipe(s, whole && s ? s->size : TOP_SIZE);
	}
	for (unsigned int i = 0; i < IST_STACKS; i++) {
		const struct stack *s = d->stacks[i];

		wipe(s, whole && s ? s->size : TOP_SIZE);
	}
}

/* After a case that went wrong. */
static void set_right(void)
{
	machine_write(&lab.seeded);
	wipe_stacks(true);
	ist_install(lab_setup.design);
	base_restore();
	base_load();
	marks_clear_all();
	take_nmis();
	lab.dirty = false;
}

/* The base context is a piece of code, and the case is over before it ends. */
static void run_piece(void)
{
	lab_way_to_first();
	lab_setup.base->window();
	if (!lab_case.home)
		lab_fail("not_reached", "event=%u", lab_case.begun);
}

static void run_case(const struct lab_event *events, unsigned int count, bool recording)
{
	struct trap_frame context;

	lab_case = (struct lab_case){ .events = events, .count = count, .recording = recording };
	lab_masked = 0;
	if (lab.dirty)
		set_right();
	lab.dirty = true;
	lab.running = true;
	if (recover_here(&lab.way_back) == 0) {
		if (!lab_setup.base->window) {
			context = base_context();
			if (lab_setup.base->user && lab_setup.design->user_cr3)
				write_cr3(lab_setup.design->user_cr3());
			lab_enter(&context);
		} else if (recording) {
			record_window();
		} else {
			run_piece();
		}
	}
	lab.running = false;
	if (read_cr3() != lab.machine.cr3)
		write_cr3(lab.machine.cr3);
	lab_breakpoint_forget();
	marks_clear_all();
	lab.dirty = lab_case.verdict.what || lab_case.stopped ||
		    lab_case.ran[VEC_DF]; /* #DF leaves all as it is */
}

bool lab_run(const struct lab_event *events, unsigned int count, struct lab_verdict *verdict)
{
	run_case(events, count, false);
	*verdict = lab_case.verdict;
	return !verdict->what;
}

unsigned int lab_record(const struct lab_event *events, unsigned int count,
			struct lab_boundary *list, unsigned int max, struct lab_verdict *verdict)
{
	record_begin(list, max);
	lab.dirty = true;
	set_right();
	idt_set_stub(VEC_DB, IST_STEP, false);
	trap_install(VEC_DB, record_on_debug);
	run_case(events, count, true);
	trap_install(VEC_DB, NULL);
	idt_restore(VEC_DB, lab_gates[VEC_DB]);
	*verdict = lab_case.verdict;
	return verdict->what ? 0 : record_end();
}

/* The firmware leaves the interrupt controllers open, and one base context has IF = 1. */
static void mask_interrupts(void)
{
	lab.masks[0] = inb(PIC1_MASK);
	lab.masks[1] = inb(PIC2_MASK);
	outb(PIC1_MASK, 0xff);
	outb(PIC2_MASK, 0xff);
}

static bool is_of_design(unsigned int vector)
{
	return vector == VEC_NMI || vector == VEC_DB || vector == VEC_MC;
}

static void take_vectors(void)
{
	tss_ist_set(IST_INJECT, stack_top(&lab_stack_stack));
	tss_ist_set(IST_STEP, stack_top(&lab_step_stack_stack));
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++) {
		enum vector vector = (enum vector)v;

		if (is_of_design(v))
			continue;
		idt_set_stub(v, v == VEC_DF ? IST_DF : IST_INJECT, v == VEC_BP);
		lab.traps[v] = trap_install(vector, v == VEC_BP ? lab_on_breakpoint : on_fault);
	}
}

static void give_vectors_back(void)
{
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++) {
		if (!is_of_design(v))
			trap_install((enum vector)v, lab.traps[v]);
		idt_restore(v, lab.idt[v]);
	}
}

void lab_begin(const struct lab_setup *setup)
{
	lab.installed = ist_installed();
	lab_setup = *setup;
	machine_read(&lab.machine);
	lab.rsp0 = tss_rsp0_get();
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++)
		lab.idt[v] = idt_get(v);
	for (unsigned int slot = IST_DF; slot <= IST_INJECT; slot++)
		lab.ist[slot] = tss_ist_get((enum ist_slot)slot);
	lab_text_init();
	ist_install(setup->design);
	take_vectors();
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++)
		lab_gates[v] = idt_get(v);
	inject_nmi_prepare();
	lab.user_page = page_for_user(lab_base_user);
	lab_handle_init();
	ist_handler_set(&lab_handler);
	iretqs_mark();
	mask_interrupts();
	base_init();
	machine_read(&lab.seeded);
	lab.dirty = true;
}

void lab_end(void)
{
	iretqs_unmark();
	marks_clear_all();
	outb(PIC1_MASK, lab.masks[0]);
	outb(PIC2_MASK, lab.masks[1]);
	ist_handler_set(NULL);
	base_restore();
	page_protect(lab_base_user, lab.user_page);
	ist_install(lab.installed);
	give_vectors_back();
	for (unsigned int slot = IST_DF; slot <= IST_INJECT; slot++)
		tss_ist_set((enum ist_slot)slot, lab.ist[slot]);
	if (tss_rsp0_get() != lab.rsp0)
		test_fail("ist", "TSS.rsp0 as before", "another", "%s: install() or remove()",
			  lab_setup.design->name);
	tss_rsp0_set(lab.rsp0);
	machine_write(&lab.machine);
}
