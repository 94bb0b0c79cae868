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
#include <xtk/cpu.h>

#include "engine.h"

#define STEP_LIMIT 20000
#define DR6_BS	   (UINT64_C(1) << 14)

static struct {
	struct lab_boundary *list;
	unsigned int max, count, steps;
	uint64_t noted;	 /* the boundary before the next instruction is in the list already */
	uint64_t remark; /* a mark to put back after the step over its instruction */
} record;

void record_begin(struct lab_boundary *list, unsigned int max)
{
	record.list = list;
	record.max = max;
	record.count = record.steps = 0;
	record.noted = record.remark = 0;
}

unsigned int record_end(void)
{
	return record.count <= record.max ? record.count : 0;
}

static void note(uint64_t rip)
{
	if (rip == record.noted || !lab_place(rip).label)
		return;
	record.noted = rip;
	if (record.count < record.max)
		record.list[record.count] = (struct lab_boundary){
			rip, lab_masked | (lab_case.nmi_blocked ? LAB_MASK(VEC_NMI) : 0)
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

/* #DB after a step. */
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
	if (!lab_place(frame->rip).label)
		run_freely(frame);
	step(frame);
}
