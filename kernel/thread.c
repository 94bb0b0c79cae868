/* SPDX-License-Identifier: MIT */
/*
 * Making threads. The switch itself is in switch.asm, the lazy part in lazy.asm and lazy.c.
 */
#include <stdbool.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/panic.h>
#include <xtk/string.h>
#include <xtk/thread.h>
#include <xtk/xstate.h>

#include "thread.h"

#define THREAD_STACK_SIZE (16 * 1024)

struct switch_state switch_state;
struct thread threads[THREADS];

static struct idt_entry old_nm_gate;
static bool started;

/* clang-format off */
STACK_DEFINE(stack_thread1, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread2, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread3, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread4, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread5, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread6, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread7, THREAD_STACK_SIZE);
STACK_DEFINE(stack_thread8, THREAD_STACK_SIZE);
/* clang-format on */

static const struct stack *const thread_stacks[THREADS] = {
	NULL,
	&stack_thread1_stack,
	&stack_thread2_stack,
	&stack_thread3_stack,
	&stack_thread4_stack,
	&stack_thread5_stack,
	&stack_thread6_stack,
	&stack_thread7_stack,
	&stack_thread8_stack,
};

/* FXSAVE moves x87 and SSE together whatever its mask: with it the two stay in one part. */
static uint64_t lazy_mask(enum switch_mode mode, uint64_t mask)
{
	return mode == SWITCH_LAZY ? mask & XSAVE_TS_MASK : 0;
}

enum xsave_error thread_start(enum switch_mode mode, enum xsave_insn insn, uint64_t mask)
{
	struct switch_state *s = &switch_state;
	enum xsave_error wrong;

	BUG_ON(started);
	s->policy.cpu = boot_xsave_cpu;
	wrong = xsave_cpu_restrict(&s->policy.cpu, insn, mask);
	if (wrong)
		return wrong;
	s->policy.mask[PART_LAZY] = lazy_mask(mode, mask);
	s->policy.mask[PART_EAGER] = mask & ~s->policy.mask[PART_LAZY];
	memset(threads, 0, sizeof(threads));
	s->current = &threads[0];
	s->owner[PART_EAGER] = s->owner[PART_LAZY] = &threads[0];
	old_nm_gate = idt_set(VEC_NM, thread_nm_entry, IST_NONE);
	started = true;
	return XSAVE_OK;
}

/* Lazy state of thread 0 may still lie in its area: a touch would fetch it, and so does this. */
void thread_stop(void)
{
	struct switch_state *s = &switch_state;

	BUG_ON(!started || s->current != &threads[0]);
	if (s->policy.mask[PART_LAZY] && s->owner[PART_LAZY] != &threads[0])
		thread_lazy_load();
	idt_restore(VEC_NM, old_nm_gate);
	started = false;
}

void thread_abandon(void)
{
	if (!started)
		return;
	clts();
	idt_restore(VEC_NM, old_nm_gate);
	started = false;
}

void thread_create(unsigned int index, void (*entry)(void *argument), void *argument)
{
	static const struct xsave_large initial = XSAVE_DEFAULT;
	struct thread *t = &threads[index];
	struct thread_stack *top = (struct thread_stack *)stack_top(thread_stacks[index]) - 1;

	t->entry = entry;
	t->argument = argument;
	memcpy(t->state, &initial, sizeof(initial));
	memcpy(t->state + 1, &initial, sizeof(initial));
	memset(top, 0, sizeof(*top));
	top->rflags = EFLAGS_FIXED;
	top->rip = (uint64_t)thread_run;
	t->rsp = (uint64_t)top;
}

void thread_run(void)
{
	struct thread *t = switch_state.current;

	t->entry(t->argument);
	panic("a thread returned");
}
