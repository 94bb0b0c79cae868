/* SPDX-License-Identifier: MIT */
/*
 * The injector. xtk/inject.h says how it works.
 */
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/inject.h>
#include <xtk/paging.h>
#include <xtk/panic.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/thread.h>
#include <xtk/trap.h>

#include "desc.h"
#include "entry.h"
#include "inject.h"

#define INT3	   0xcc
#define PUSHFQ	   0x9c
#define WAIT_LIMIT 1000000
#define DR6_CLEAR  UINT64_C(0xffff0ff0)

STACK_DEFINE(stack_inject, 16 * 1024);
STACK_DEFINE(stack_catcher, PAGE_SIZE);

struct trap_frame *inject_frame;

static struct gate catcher_idt[VEC_COUNT] __attribute__((aligned(16)));

/* The one instruction that is marked. */
static struct {
	bool set;
	uint64_t rip;
	uint8_t byte;
} mark;

static enum { IDLE, TRACING, ARMED, STEPPING, FIRED, RETURNING, FINISHED, LOST } phase;

static struct {
	struct boundary *list;
	unsigned int max, count;
} trace;

static struct {
	struct boundary at;
	unsigned int to_skip;
	const struct inject_hooks *hooks;
} shot;

const struct path_function *path_find(uint64_t rip, unsigned int *index)
{
	for (uint64_t f = 0; f < path_function_count; f++) {
		const struct path_function *p = &path_functions[f];
		uint64_t at = p->start;

		for (unsigned int i = 0; rip >= p->start && i < p->count && at <= rip; i++) {
			*index = i;
			if (at == rip)
				return p;
			at += p->lengths[i];
		}
	}
	return NULL;
}

static void mark_set(uint64_t rip)
{
	volatile uint8_t *text = phys_alias((const void *)rip);

	BUG_ON(mark.set);
	mark.set = true;
	mark.rip = rip;
	mark.byte = *text;
	*text = INT3;
	cpuid(0, 0); /* SDM vol. 3, "Handling Self- and Cross-Modifying Code": serialise before it
			runs */
}

static void mark_clear(void)
{
	if (mark.set)
		*(volatile uint8_t *)phys_alias((const void *)mark.rip) = mark.byte;
	mark.set = false;
}

static unsigned int occurrence_of(uint64_t rip)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < trace.count && i < trace.max; i++)
		n += trace.list[i].rip == rip;
	return n;
}

void inject_trace_note(uint64_t rip)
{
	unsigned int index;

	if (phase != TRACING || !path_find(rip, &index))
		return;
	if (trace.count < trace.max) {
		unsigned int n = occurrence_of(rip);

		trace.list[trace.count] = (struct boundary){ rip, n };
	}
	trace.count++;
}

/* A PUSHFQ that was stepped pushed our TF: it must not come back when those flags are loaded later.
 */
static void clean_pushed_flags(const struct trap_frame *frame)
{
	static uint64_t stepped;

	if (stepped && *(const uint8_t *)stepped == PUSHFQ)
		*(uint64_t *)frame->rsp &= ~EFLAGS_TF;
	stepped = frame->rip;
}

/* #DB after a single step. TF is put back every time, because POPFQ on the path loads the flags of
 * another thread. */
static bool on_debug(struct trap_frame *frame)
{
	write_dr6(DR6_CLEAR);
	clean_pushed_flags(frame);
	frame->rflags &= ~EFLAGS_TF;
	if (phase == TRACING) {
		inject_trace_note(frame->rip);
		frame->rflags |= EFLAGS_TF;
	} else if (phase == STEPPING) {
		mark_set(shot.at.rip);
		phase = ARMED;
	}
	return true;
}

static void nmi_delivered(const struct nmi_record *record)
{
	if (phase != FIRED)
		return;
	phase = record->frame.rip == shot.at.rip ? RETURNING : LOST;
	shot.hooks->delivered(record);
}

/* The last thing before the entry design returns: from here on the mark catches the return. */
static void nmi_leaving(void)
{
	if (phase == RETURNING)
		mark_set(shot.at.rip);
}

static const struct nmi_observer observer = { nmi_delivered, nmi_leaving };

void inject_latch(void)
{
	const struct table_pointer kernel_idt = { sizeof(idt) - 1, (uint64_t)idt };

	nmi_send_self();
	lidt(&kernel_idt);
}

void inject_nmi_prepare(void)
{
	tss_ist_set(IST_CATCHER, stack_top(&stack_catcher_stack));
	memcpy(catcher_idt, idt, sizeof(catcher_idt));
	idt_set_in(catcher_idt, VEC_NMI, inject_catcher, IST_CATCHER);
}

void inject_nmi(struct trap_frame *frame)
{
	const struct table_pointer p = { sizeof(catcher_idt) - 1, (uint64_t)catcher_idt };
	const struct table_pointer kernel_idt = { sizeof(idt) - 1, (uint64_t)idt };

	inject_frame = frame;
	lidt(&p);
	nmi_send_self();
	for (int i = 0; i < WAIT_LIMIT; i++)
		cpu_relax();
	lidt(&kernel_idt);
}

static void at_target(struct trap_frame *frame)
{
	if (shot.to_skip) {
		shot.to_skip--;
		frame->rflags |= EFLAGS_TF;
		phase = STEPPING;
		return;
	}
	shot.hooks->before(frame);
	phase = FIRED;
	inject_nmi(frame);
}

static bool on_breakpoint(struct trap_frame *frame)
{
	if (!mark.set || frame->rip - 1 != mark.rip)
		return false;
	mark_clear();
	frame->rip--;
	if (phase == TRACING) {
		inject_trace_note(frame->rip);
		frame->rflags |= EFLAGS_TF;
	} else if (phase == ARMED) {
		at_target(frame);
	} else if (phase == RETURNING) {
		shot.hooks->after(frame);
		phase = FINISHED;
	}
	return true;
}

static trap_handler old_debug, old_breakpoint;
static struct idt_entry old_gate;

static void take_vectors(void)
{
	tss_ist_set(IST_INJECT, stack_top(&stack_inject_stack));
	old_gate = idt_set_stub(VEC_BP, IST_INJECT, false);
	inject_nmi_prepare();
	old_debug = trap_install(VEC_DB, on_debug);
	old_breakpoint = trap_install(VEC_BP, on_breakpoint);
}

static void give_vectors_back(void)
{
	mark_clear();
	idt_restore(VEC_BP, old_gate);
	trap_install(VEC_DB, old_debug);
	trap_install(VEC_BP, old_breakpoint);
	tss_ist_set(IST_INJECT, 0);
	tss_ist_set(IST_CATCHER, 0);
}

static void set_tf(uint64_t tf)
{
	__asm__ volatile("pushfq\n\tandq %0, (%%rsp)\n\torq %1, (%%rsp)\n\tpopfq"
			 :
			 : "r"(~EFLAGS_TF), "r"(tf)
			 : "memory", "cc");
}

void inject_trace_begin(struct boundary *list, unsigned int max)
{
	BUG_ON(phase != IDLE);
	trace.list = list;
	trace.max = max;
	trace.count = 0;
	take_vectors();
	mark_set((uint64_t)thread_nm_entry);
	phase = TRACING;
	set_tf(EFLAGS_TF);
}

unsigned int inject_trace_end(void)
{
	phase = IDLE;
	set_tf(0);
	give_vectors_back();
	return trace.count;
}

void inject_arm(const struct boundary *at, const struct inject_hooks *hooks)
{
	BUG_ON(phase != IDLE);
	shot.at = *at;
	shot.to_skip = at->occurrence;
	shot.hooks = hooks;
	take_vectors();
	nmi_observe(&observer);
	phase = ARMED;
	mark_set(at->rip);
}

void inject_abandon(void)
{
	if (phase == IDLE)
		return;
	phase = IDLE;
	nmi_observe(NULL);
	give_vectors_back();
}

enum inject_outcome inject_disarm(void)
{
	enum inject_outcome outcome = phase == FINISHED ? INJECT_DONE
				      : phase == LOST	? INJECT_ELSEWHERE
				      : phase == ARMED	? INJECT_NOT_REACHED
							: INJECT_NOT_TAKEN;

	give_vectors_back();
	nmi_observe(NULL);
	phase = IDLE;
	return outcome;
}
