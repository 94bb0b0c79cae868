/* SPDX-License-Identifier: MIT */
/*
 * The lazy part of a switch: at the first use of a component that CR0.TS gates.
 *
 * An NMI may come between any two instructions of this file (tests/nmi.c sends one to each): there
 * is no moment at which the registers belong to one thread and owner[] names another.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/thread.h>

#include "thread.h"

void thread_lazy_load(void)
{
	struct switch_state *s = &switch_state;
	struct thread *old = s->owner[PART_LAZY];
	struct thread *new = s->current;

	clts(); /* before anything of the XSAVE family: some engines do not raise #NM for it, none
		   must */
	xsave_save_with(&s->policy.cpu, &old->state[PART_LAZY], sizeof(old->state[0]),
			s->policy.mask[PART_LAZY]);
	*(struct thread *volatile *)&s->owner[PART_LAZY] = NULL;
	xsave_load_with(&s->policy.cpu, &new->state[PART_LAZY], sizeof(new->state[0]),
			s->policy.mask[PART_LAZY]);
	*(struct thread *volatile *)&s->owner[PART_LAZY] = new;
}
