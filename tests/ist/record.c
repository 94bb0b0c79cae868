/* SPDX-License-Identifier: MIT */
/*
 * The boundaries of a run, by single steps.
 *
 * Steps count only in what the table of boundaries has: the designs and the window of the handler.
 * Everything else, ist_handle() and what it calls, runs freely until it returns to a marked
 * instruction. Delivery ends single-stepping, and so does POPFQ; TF is put back at every step.
 *
 * Source: SDM vol. 3, "Single-Step Exception Condition".
 */
#include <stddef.h>

#include <xtk/cpu.h>

#include "engine.h"

#define STEP_LIMIT 100000
#define PUSHFQ	   0x9c
#define DR6_BS	   (UINT64_C(1) << 14)

static struct {
	struct lab_boundary *list;
	unsigned int max, count, steps;
	uint64_t noted;	 /* the boundary before the next instruction is in the list already */
	uint64_t remark; /* a mark to put back after the step over its instruction */
	bool everything; /* not only what the table has, but all from here to @back */
	bool finished;	 /* the piece of code has come to its end */
	uint64_t back;	 /* where it returns to; 0 before it begins */
	uint64_t pushfq; /* the instruction before, if it was PUSHFQ */
} record;

void record_begin(struct lab_boundary *list, unsigned int max)
{
	record.list = list;
	record.max = max;
	record.count = record.steps = 0;
	record.noted = record.remark = record.pushfq = record.back = 0;
	record.everything = record.finished = false;
}

void record_window(void)
{
	record.everything = true;
	__asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(EFLAGS_TF) : "memory", "cc");
	lab_setup.base->window();
}

unsigned int record_end(void)
{
	return record.count <= record.max ? record.count : 0;
}

static bool is_boundary(uint64_t rip)
{
	return record.everything ? record.back && rip != record.back : lab_place(rip).label != NULL;
}

static void note(uint64_t rip)
{
	if (rip == record.noted || !is_boundary(rip))
		return;
	record.noted = rip;
	lab_see(rip);
	if (record.count < record.max)
		record.list[record.count] = (struct lab_boundary){
			(uint32_t)rip, lab_masked | (lab_case.nmi_blocked ? LAB_MASK(VEC_NMI) : 0)
		};
	record.count++;
}

/* Resume by IRET, because POPFQ would set TF too early. No NMI is pending in a recorded run. */
static void step(struct trap_frame *frame) __attribute__((noreturn));
static void step(struct trap_frame *frame)
{
	note(frame->rip);
	frame->rflags |= EFLAGS_TF;
	lab_enter(frame);
}

/* Where handlers come back into the table that were called before the steps began, and the window
 * of those to come. */
void record_from(struct trap_frame *frame)
{
	for (unsigned int i = 0; i < lab_case.level; i++)
		mark_set(lab_case.back[i]);
	mark_set((uint64_t)lab_window);
	step(frame);
}

/* A latched NMI goes on from here to its entry. */
void record_iret(struct trap_frame *frame)
{
	record.noted = 0;
	if (lab_place(frame->rip).label)
		step(frame);
	lab_enter(frame);
}

void record_at_mark(struct trap_frame *frame)
{
	note(frame->rip);
	mark_clear(frame->rip);
	record.remark = frame->rip;
	step(frame);
}

/* Out of the table: a call, or the return from the window. */
static void run_freely(struct trap_frame *frame)
{
	uint64_t back = *(const uint64_t *)frame->rsp;

	if (lab_place(back).label)
		mark_set(back);
	frame->rflags &= ~EFLAGS_TF;
	lab_leave(frame);
}

/* Where the piece of code begins and where it is left for good. */
static void follow_piece(const struct trap_frame *frame)
{
	if (frame->rip == (uint64_t)lab_setup.base->window)
		record.back = *(const uint64_t *)frame->rsp;
	else if (frame->rip == record.back)
		record.finished = true;
}

/* A PUSHFQ that was stepped has pushed our TF. */
static void clean_pushed_flags(const struct trap_frame *frame)
{
	if (record.pushfq)
		*(uint64_t *)frame->rsp &= ~EFLAGS_TF;
	record.pushfq = *(const uint8_t *)frame->rip == PUSHFQ ? frame->rip : 0;
}

bool record_on_debug(struct trap_frame *frame)
{
	if (record.remark) {
		mark_set(record.remark);
		record.remark = 0;
	}
	record.noted = 0;
	write_dr6(read_dr6() & ~DR6_BS);
	if (++record.steps > STEP_LIMIT) {
		lab_fail("livelock", "steps=%u", record.steps);
		lab_give_up();
	}
	frame->rflags &= ~EFLAGS_TF;
	clean_pushed_flags(frame);
	if (record.everything)
		follow_piece(frame);
	if (record.finished)
		return true;
	if (!record.everything && !lab_place(frame->rip).label)
		run_freely(frame);
	step(frame);
}
