/* SPDX-License-Identifier: MIT */
/*
 * switch-off: leave the IST stack as soon as the frame is complete.
 *
 * As Linux enters #VC: the frame is copied below the interrupted RSP, and the handler runs and
 * returns there, so that the IST stack is free again. It survives recursion at any depth once the
 * copy is made; a vector that comes again before that overwrites the frame, which for NMI takes a
 * #DB or #MC in that window. RSP is only used if it lies on a registered stack other than the
 * vector's own and leaves room for a level; from CPL 3, and in the SYSCALL gap, where RSP is still
 * the user's, a stack of the design's own stands for the task's; for everything else there is one
 * fallback stack, whose second user would overwrite the first.
 *
 * Sources: SDM vol. 3, "Interrupt Stack Table"; Linux, vc_switch_off_ist(), for the idea.
 */
#include <stdbool.h>

#include <xtk/ist.h>

STACK_DEFINE(switch_off_stack_nmi, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(switch_off_stack_db, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(switch_off_stack_mc, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(switch_off_task, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(switch_off_fallback, IST_LEVELS *IST_LEVEL_SIZE);

void switch_off_nmi(void);
void switch_off_db(void);
void switch_off_mc(void);
struct trap_frame *switch_off_move(const struct trap_frame *from);

extern const uint8_t lab_syscall_gap_start[], lab_syscall_gap_end[];

/* CPL 3, or CPL 0 before SYSCALL's entry has loaded RSP. */
static bool has_user_rsp(const struct trap_frame *frame)
{
	return frame->cs & 3 || (frame->rip >= (uint64_t)lab_syscall_gap_start &&
				 frame->rip < (uint64_t)lab_syscall_gap_end);
}

/*
 * An empty stack has RSP at its top, where another stack may begin. The vector's own stack will not
 * do: locate() and copy() run there, and below the frame is where they have their return addresses.
 */
static bool is_usable(const struct trap_frame *frame)
{
	const struct stack *s = stack_find(frame->rsp - 1);

	return s && s != stack_find((uint64_t)frame) &&
	       frame->rsp - (uint64_t)s->guard >= PAGE_SIZE + IST_LEVEL_SIZE;
}

/* Where the frame goes: it has 22 quadwords, so what is aligned above it is aligned below it. */
static __attribute__((noinline)) struct trap_frame *locate(const struct trap_frame *from)
{
	uint64_t top = stack_top(&switch_off_fallback_stack);

	if (has_user_rsp(from))
		top = stack_top(&switch_off_task_stack);
	else if (is_usable(from))
		top = from->rsp & ~UINT64_C(15);
	return (struct trap_frame *)top - 1;
}

/* volatile: every quadword is moved on its own, and none of it becomes a call of memcpy(). */
static __attribute__((noinline)) struct trap_frame *copy(struct trap_frame *to,
							 const struct trap_frame *from)
{
	volatile uint64_t *out = (volatile uint64_t *)to;
	const uint64_t *in = (const uint64_t *)from;

#pragma GCC unroll 22
	for (unsigned int i = 0; i < sizeof(*to) / sizeof(*in); i++)
		out[i] = in[i];
	return to;
}

/* Return: the copy of *@from */
struct trap_frame *switch_off_move(const struct trap_frame *from)
{
	return copy(locate(from), from);
}

IST_DESIGN(
	switch_off, .name = "switch-off",
	.summary = "the frame is copied to the interrupted stack, and the IST stack left at once",
	.entry = { { VEC_NMI, switch_off_nmi, IST_NMI, &switch_off_stack_nmi_stack },
		   { VEC_DB, switch_off_db, IST_DB, &switch_off_stack_db_stack },
		   { VEC_MC, switch_off_mc, IST_MC, &switch_off_stack_mc_stack } },
	.stacks = { &switch_off_task_stack, &switch_off_fallback_stack }, .on_interrupted = true,
	.claims = {
		IST_SURVIVES_DOUBLE_FAULTS,
		IST_SURVIVES_THREE_VECTORS,
		{ "DB>DB-masked", "entry push_gprs clear_flags locate switch_off_move copy" },
		{ "MC>MC-masked", "entry push_gprs clear_flags locate switch_off_move copy" },
		{ "NMI", NULL },
		{ "DB", NULL },
		{ "MC", NULL },
		{ "NMI>DB", NULL },
		{ "NMI>MC", NULL },
		{ "DB>NMI", NULL },
		{ "DB>MC", NULL },
		{ "MC>NMI", NULL },
		{ "MC>DB", NULL },
		{ "NMI>NMI", NULL },
		{ "DB>DB", NULL },
		{ "MC>MC", NULL },
		{ "NMI>DB>NMI", "entry push_gprs clear_flags locate switch_off_move copy" },
		{ "NMI>MC>NMI", "entry push_gprs clear_flags locate switch_off_move copy" },
		{ "DB>NMI>DB", NULL },
		{ "DB>MC>DB", NULL },
		{ "MC>NMI>MC", NULL },
		{ "MC>DB>MC", NULL },
		{ "user:NMI", NULL },
		{ "user:DB", NULL },
		{ "user:MC", NULL },
		{ "gap:NMI", NULL },
		{ "gap:DB", NULL },
		{ "gap:MC", NULL },
		{ "flags:NMI", NULL },
		{ "flags:DB", NULL },
		{ "flags:MC", NULL },
		{ "odd:NMI", NULL },
		{ "odd:DB", NULL },
		{ "odd:MC", NULL },
	});
