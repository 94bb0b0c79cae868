/* SPDX-License-Identifier: MIT */
/*
 * The block of stacks of an atomic design, and where a frame stands in it.
 *
 * Everything is at a constant distance from everything else, so that an entry finds it from RSP:
 * the frame of a vector always stands at the top of the vector's small stack. Guard pages lie
 * between.
 *
 *	guard NMI guard #DB guard #MC guard MAIN, and what is known of the stack of #DF
 */
#ifndef XTK_IST_ATOMIC_H
#define XTK_IST_ATOMIC_H

#include <stddef.h>
#include <stdint.h>

#include <xtk/desc.h>
#include <xtk/ist.h>

#define ATOMIC_MAIN_SIZE (IST_LEVELS * IST_LEVEL_SIZE)
#define ATOMIC_CHAIN	 8 /* levels that one entry may find uncommitted, itself included */

/* Where an entry begins and works until it commits. */
struct atomic_small {
	uint8_t guard[PAGE_SIZE], bytes[PAGE_SIZE];
};

struct atomic_stacks {
	struct atomic_small small[IST_ENTRIES]; /* NMI, #DB, #MC */
	uint8_t main_guard[PAGE_SIZE], main[ATOMIC_MAIN_SIZE];
	uint64_t df_bottom, df_top;
};

/* The same in atomic.inc. */
_Static_assert(offsetof(struct atomic_stacks, small[1]) == 2 * PAGE_SIZE, "ATOMIC_TOP_NMI");
_Static_assert(offsetof(struct atomic_stacks, small[2]) == 4 * PAGE_SIZE, "ATOMIC_TOP_DB");
_Static_assert(offsetof(struct atomic_stacks, main_guard) == 6 * PAGE_SIZE, "ATOMIC_TOP_MC");
_Static_assert(offsetof(struct atomic_stacks, main) == 7 * PAGE_SIZE, "ATOMIC_MAIN");
_Static_assert(offsetof(struct atomic_stacks, df_bottom) == 7 * PAGE_SIZE + ATOMIC_MAIN_SIZE,
	       "ATOMIC_MAIN_TOP, ATOMIC_DF_BOTTOM");
_Static_assert(ATOMIC_CHAIN == 8, "ATOMIC_CHAIN");

#define ATOMIC_STACK(id, part, guard, size)                                                        \
	static const struct stack id##_##part##_stack = { #id "_" #part, guard, size };            \
	SET_ENTRY(stacks, struct stack, id##_##part##_stack)

/* ATOMIC_STACKS() - the block of a design, id_stacks, and its parts as id_PART_stack */
#define ATOMIC_STACKS(id)                                                                          \
	static struct atomic_stacks id##_stacks                                                    \
		__attribute__((aligned(PAGE_SIZE), section(".bss.stacks")));                       \
	ATOMIC_STACK(id, nmi, id##_stacks.small[0].guard, PAGE_SIZE);                              \
	ATOMIC_STACK(id, db, id##_stacks.small[1].guard, PAGE_SIZE);                               \
	ATOMIC_STACK(id, mc, id##_stacks.small[2].guard, PAGE_SIZE);                               \
	ATOMIC_STACK(id, main, id##_stacks.main_guard, ATOMIC_MAIN_SIZE)

/* atomic_install() - which stack #DF has; the .install of an atomic design */
static inline void atomic_install(struct atomic_stacks *stacks)
{
	const struct stack *df = stack_find(tss_ist_get(IST_DF) - 1);

	stacks->df_bottom = (uint64_t)df->guard + PAGE_SIZE;
	stacks->df_top = stack_top(df);
}

/* clang-format off */
/* What an atomic design survives: everything that the CPU lets happen. */
#define ATOMIC_CLAIMS                                                                              \
	IST_SURVIVES_DOUBLE_FAULTS,                                                                \
	{ "NMI", NULL }, { "DB", NULL }, { "MC", NULL },                                           \
	{ "NMI>NMI", NULL }, { "NMI>DB", NULL }, { "NMI>MC", NULL },                               \
	{ "DB>NMI", NULL }, { "DB>DB", NULL }, { "DB>MC", NULL },                                  \
	{ "MC>NMI", NULL }, { "MC>DB", NULL }, { "MC>MC", NULL },                                  \
	{ "NMI>DB>NMI", NULL }, { "NMI>MC>NMI", NULL }, { "DB>NMI>DB", NULL },                     \
	IST_SURVIVES_THREE_VECTORS,                                                                \
	{ "DB>DB-masked", NULL }, { "MC>MC-masked", NULL },                                        \
	{ "DB>MC>DB", NULL }, { "MC>NMI>MC", NULL }, { "MC>DB>MC", NULL },                         \
	{ "user:NMI", NULL }, { "user:DB", NULL }, { "user:MC", NULL },                            \
	{ "gap:NMI", NULL }, { "gap:DB", NULL }, { "gap:MC", NULL },                               \
	{ "flags:NMI", NULL }, { "flags:DB", NULL }, { "flags:MC", NULL },                         \
	{ "odd:NMI", NULL }, { "odd:DB", NULL }, { "odd:MC", NULL }
/* clang-format on */

#endif
