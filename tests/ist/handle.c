/* SPDX-License-Identifier: MIT */
/*
 * The laboratory's handler, the same for every design and vector: it judges what the entry design
 * hands it, fills every register with a pattern of its nest level, lets further events in, and
 * judges whether the pattern has outlived them.
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/panic.h>
#include <xtk/string.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "engine.h"

#define CR2_OF_LEVEL UINT64_C(0x1e7e10000)
#define CHANGED	     0xc4a06ed0000000 /* in the frame, by its handler: to be returned to */
#define SEED	     0x1ab000	      /* levels lie less than 16 apart: xregs_pattern() */

static struct xregs patterns[IST_LEVELS + 1], now;

void lab_handle_init(void)
{
	for (unsigned int level = 0; level <= IST_LEVELS; level++)
		xregs_pattern(&patterns[level], XREGS_MASK, SEED + level);
}

uint64_t lab_handler_rip(void)
{
	return (uint64_t)lab_window;
}

static void check_stack(const struct ist_state *state, const struct trap_frame *frame)
{
	const struct stack *s = stack_find(state->entry_rsp);

	if (state->entry_rflags & (EFLAGS_DF | EFLAGS_AC | EFLAGS_IF | EFLAGS_NT | EFLAGS_TF))
		lab_fail("flags_in_handler", "rflags=0x%lx", state->entry_rflags);
	if (state->entry_rsp % 16)
		lab_fail("alignment", "rsp=0x%lx", state->entry_rsp);
	if (!s || !ist_may_run_on(s, frame))
		lab_fail("stack", "rsp=0x%lx on %s", state->entry_rsp, s ? s->name : "none");
}

/* A context inside the entry code, not the window of a handler. */
static bool is_inside_design(const struct trap_frame *frame)
{
	const struct path_function *f = lab_place(frame->rip).label;

	return f && !starts_with(f->name, "lab_window") && !(frame->cs & 3);
}

/*
 * The handler is called with the context that its event interrupted. Only an event that hit an
 * entry may come with another one: a design that finishes the interrupted entry's work in its place
 * returns to where that work is done, with what registers it likes.
 */
static void check_frame(struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;
	char at[64];

	if (is_inside_design(frame))
		return;
	for (unsigned int i = c->deliveries; i--;) {
		struct lab_delivery *d = &c->delivered[i];
		const char *different;

		if (d->vector != frame->vector || d->frame.rip != frame->rip ||
		    d->frame.rsp != frame->rsp)
			continue;
		different = frame_difference(&d->frame, frame);
		if (different)
			lab_fail("frame", "vec=%lu register=%s", frame->vector, different);
		else if (!i && !lab_setup.base->window)
			c->base.r15 = d->frame.r15 = frame->r15 ^= CHANGED;
		return;
	}
	lab_place_name(at, sizeof(at), frame->rip);
	lab_fail("frame", "vec=%lu rip=%s rsp=0x%lx", frame->vector, at, frame->rsp);
}

/* None of the vectors has an error code, and a frame has 0 in its place. */
static void check_error(const struct trap_frame *frame)
{
	if (frame->error)
		lab_fail("frame", "vec=%lu error=0x%lx", frame->vector, frame->error);
}

static unsigned int times_delivered(enum vector vector)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < lab_case.deliveries; i++)
		n += lab_case.delivered[i].vector == vector;
	return n;
}

static void count_run(const struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;

	if (frame->vector >= VEC_EXCEPTIONS ||
	    ++c->ran[frame->vector] > times_delivered((enum vector)frame->vector)) {
		lab_fail("ran_again", "vec=%lu", frame->vector);
		lab_give_up();
	}
	if (frame->vector == VEC_NMI)
		c->nmi_answered = c->deliveries;
}

/* The window, with a pattern in all registers; nested levels have other ones. */
static void run_window(enum vector vector, unsigned int level, uint64_t mask)
{
	uint32_t open = ~(vector == VEC_NMI || vector == VEC_DF ? 0 : LAB_MASK(vector));
	struct xregs_diff first;
	uint64_t lost;

	xregs_load(&patterns[level], mask);
	write_cr2(CR2_OF_LEVEL + level);
	lost = lab_body(lab_setup.rearm_early ? open : ~0u, open, level + 1);
	if (lost)
		lab_fail("handler_gprs", "level=%u lost=0x%lx", level, lost);
	if (read_cr2() != CR2_OF_LEVEL + level)
		lab_fail("handler_cr2", "level=%u cr2=0x%lx", level, read_cr2());
	xregs_store(&now, mask);
	if (xregs_compare(&patterns[level], &now, mask, &first))
		lab_fail("handler_state", "level=%u register=%s", level, first.name);
}

static void handle(struct trap_frame *frame, struct ist_state *state)
{
	struct lab_case *c = &lab_case;
	unsigned int level = c->level;
	uint64_t xcr0 = cpu.has_xsave ? insn_xgetbv(0) : XSAVE_LEGACY_MASK;

	lab_event_line("enter", (enum vector)frame->vector, frame->rip, (uint64_t)frame);
	lab_real_arrived(frame);
	count_run(frame);
	if (level > IST_LEVELS) {
		lab_fail("too_deep", "level=%u", level);
		lab_give_up();
	}
	c->back[level] = state->back;
	c->level++;
	check_stack(state, frame);
	check_frame(frame);
	check_error(frame);
	run_window((enum vector)frame->vector, level, xcr0 & XREGS_MASK);
	c->level = level;
}

/* Back in a piece of code, all is judged where the first event hit it. The mark comes this late
 * because the load of the state may use the very code. */
static void leave(const struct trap_frame *frame)
{
	const struct lab_case *c = &lab_case;

	lab_event_line("leave", (enum vector)frame->vector, frame->rip, frame->rsp);
	if (lab_setup.base->window && !c->level && c->begun == c->count && !c->recording)
		mark_set(c->base.rip);
}

const struct ist_handler lab_handler = { handle, leave };

/*
 * #DF is an abort: its handler sees the context exactly, may itself be interrupted, and does not
 * return. What the interrupted stack holds must not change meanwhile, because a report reads it.
 */
bool lab_on_double_fault(struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;
	const struct stack *s = stack_find(frame->rsp);
	uint64_t live[32], now_live[32];
	size_t size = s && stack_top(s) - frame->rsp < sizeof(live) ? stack_top(s) - frame->rsp
		      : s					    ? sizeof(live)
								    : 0;

	if (!times_delivered(VEC_DF))
		return false;
	memcpy(live, (const void *)frame->rsp, size);
	check_frame(frame);
	c->ran[VEC_DF]++;
	clts();
	run_window(VEC_DF, c->level++,
		   (cpu.has_xsave ? insn_xgetbv(0) : XSAVE_LEGACY_MASK) & XREGS_MASK);
	memcpy(now_live, (const void *)frame->rsp, size);
	if (memcmp(live, now_live, size))
		lab_fail("overwritten", "the stack that #DF interrupted, rsp=0x%lx", frame->rsp);
	if (c->delivered[c->deliveries - 1].vector == VEC_NMI && c->nmi_answered < c->deliveries)
		lab_fail("lost", "vec=2");
	lab_give_up();
}
