/* SPDX-License-Identifier: MIT */
/*
 * How not to save the extended state around a handler. xtk/ist_state.h says how to do it; each of
 * these is right until an event comes at the wrong moment, or the handler does what it may.
 */
#include <xsave/insn.h>
#include <xtk/ist_state.h>
#include <xtk/thread.h>
#include <xtk/xstate.h>

#include "policies.h"

#define MISALIGNED 16 /* enough for FXSAVE, not for XSAVE */

static struct xsave_large of_this_cpu;

static void save_into(struct ist_state *s, struct xsave_large *area)
{
	s->area = area;
	s->saved = xsave_save_with(&kernel_xsave_cpu, area, sizeof(*area), ~UINT64_C(0));
}

static void load(const struct ist_state *s)
{
	xsave_load_with(&kernel_xsave_cpu, s->area, sizeof(*s->area), s->saved);
}

/* The handler of the next level saves over what that of this one is to load. */
static void save_per_cpu(struct ist_state *s)
{
	save_into(s, &of_this_cpu);
}

const struct ist_state_policy policy_per_cpu = { save_per_cpu, load };

/* As if whoever was interrupted once were interrupted for ever. */
static void save_once(struct ist_state *s)
{
	static uint64_t saved;

	if (!saved) {
		save_per_cpu(s);
		saved = s->saved;
	}
	s->area = &of_this_cpu;
	s->saved = saved;
}

const struct ist_state_policy policy_stale = { save_once, load };

/* As if the current thread were the owner of the registers. While a switch is going on, it is not:
 * the registers are the next one's, or those of nobody. */
static void save_into_thread(struct ist_state *s)
{
	const struct thread *t = switch_state.current;

	save_into(s, (struct xsave_large *)&(t ? t : threads)->state[PART_EAGER]);
}

const struct ist_state_policy policy_thread = { save_into_thread, load };

/* Enough until a handler uses YMM, whose upper half one instruction writes. */
static void save_fxsave(struct ist_state *s)
{
	s->area = s->buffer;
	insn_fxsave(s->area, 0);
}

static void load_fxrstor(const struct ist_state *s)
{
	insn_fxrstor(s->area, 0);
}

const struct ist_state_policy policy_fxsave = { save_fxsave, load_fxrstor };

static void save_nothing(struct ist_state *s)
{
	(void)s;
}

static void load_nothing(const struct ist_state *s)
{
	(void)s;
}

const struct ist_state_policy policy_nothing = { save_nothing, load_nothing };

/* The stack is 16-byte aligned, and that is what the area is. */
static void save_misaligned(struct ist_state *s)
{
	s->area = (struct xsave_large *)((uint64_t)s->buffer + MISALIGNED);
	insn_xsave(s->area, insn_xgetbv(0));
}

static void load_misaligned(const struct ist_state *s)
{
	insn_xrstor(s->area, insn_xgetbv(0));
}

const struct ist_state_policy policy_misaligned = { save_misaligned, load_misaligned };

/* CR2 is taken when the state has been saved, which has raised a #PF meanwhile. */
static void save_after_fault(struct ist_state *s)
{
	save_into(s, s->buffer);
	s->cr2 = (uint64_t)s->area;
}

const struct ist_state_policy policy_cr2_late = { save_after_fault, load };
