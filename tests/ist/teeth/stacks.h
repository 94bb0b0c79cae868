/* SPDX-License-Identifier: MIT */
/*
 * One set of stacks serves a design and all its broken copies, for only one of them is installed at
 * a time and the image has no room for more. The design defines them, with TOOTH a copy declares
 * them. Included before all else.
 */
#ifndef XTK_TESTS_IST_TEETH_STACKS_H
#define XTK_TESTS_IST_TEETH_STACKS_H

#include <xtk/stack.h>
#if __has_include("atomic.h")
#include "atomic.h"
#endif

#undef STACK_DEFINE
#undef ATOMIC_STACK
#undef ATOMIC_STACKS

#ifdef TOOTH

#define STACK_DEFINE(id, bytes)                                                                    \
	extern uint8_t id[PAGE_SIZE + (bytes)];                                                    \
	extern const struct stack id##_stack

#define ATOMIC_STACKS(id)                                                                          \
	extern struct atomic_stacks id##_stacks;                                                   \
	extern const struct stack id##_nmi_stack, id##_db_stack, id##_mc_stack, id##_main_stack

#else

#define STACK_DEFINE(id, bytes)                                                                    \
	extern uint8_t id[PAGE_SIZE + (bytes)];                                                    \
	STACK_MEMORY(id, bytes);                                                                   \
	const struct stack id##_stack = { #id, id, bytes };                                        \
	SET_ENTRY(stacks, struct stack, id##_stack)

#define ATOMIC_STACK(id, part, guard, size)                                                        \
	const struct stack id##_##part##_stack = { #id "_" #part, guard, size };                   \
	SET_ENTRY(stacks, struct stack, id##_##part##_stack)

#define ATOMIC_STACKS(id)                                                                          \
	extern struct atomic_stacks id##_stacks;                                                   \
	struct atomic_stacks id##_stacks                                                           \
		__attribute__((aligned(PAGE_SIZE), section(".bss.stacks")));                       \
	ATOMIC_STACK(id, nmi, id##_stacks.small[0].guard, PAGE_SIZE);                              \
	ATOMIC_STACK(id, db, id##_stacks.small[1].guard, PAGE_SIZE);                               \
	ATOMIC_STACK(id, mc, id##_stacks.small[2].guard, PAGE_SIZE);                               \
	ATOMIC_STACK(id, main, id##_stacks.main_guard, ATOMIC_MAIN_SIZE)

#endif
#endif
