/* SPDX-License-Identifier: MIT */
/*
 * Stacks with a guard page below. paging.c takes the guard page of every stack in the set out of
 * the map, so that an overflow is a #PF (and, on the same dead stack, a #DF) instead of somebody
 * else's data.
 */
#ifndef XTK_STACK_H
#define XTK_STACK_H

#include <stddef.h>
#include <stdint.h>

#include <xtk/set.h>

#define PAGE_SIZE 4096

struct stack {
	const char *name;
	uint8_t *guard; /* one page; the usable bytes follow it */
	size_t size;	/* of the usable part */
};

#define STACK_MEMORY(id, bytes)                                                                    \
	uint8_t id[PAGE_SIZE + (bytes)] __attribute__((aligned(PAGE_SIZE), section(".bss."         \
										   "stacks")))

/* STACK_DEFINE() - a stack of @bytes usable bytes (a multiple of the page size), known to the
 * guard-page code as @id */
#define STACK_DEFINE(id, bytes)                                                                    \
	extern uint8_t id[PAGE_SIZE + (bytes)];                                                    \
	STACK_MEMORY(id, bytes);                                                                   \
	static const struct stack id##_stack = { #id, id, bytes };                                 \
	SET_ENTRY(stacks, struct stack, id##_stack)

SET_DECLARE(stacks, struct stack);

/* stack_find() - the stack whose memory, guard page included, holds @address; NULL if none */
const struct stack *stack_find(uint64_t address);

static inline uint64_t stack_top(const struct stack *s)
{
	return (uint64_t)s->guard + PAGE_SIZE + s->size;
}

#endif
