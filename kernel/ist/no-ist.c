/* SPDX-License-Identifier: MIT */
/*
 * no-ist: no stack of its own for any vector.
 *
 * What a kernel without SYSCALL can do. An event at CPL 0 pushes below the interrupted RSP, so no
 * nesting overwrites anything; one from CPL 3 gets the stack in TSS.rsp0. It fails where RSP is not
 * the kernel's at CPL 0: in the SYSCALL gap the CPU pushes wherever the user's RSP points, and on a
 * stack that has overflowed it cannot push at all, which is #DF.
 *
 * Sources: SDM vol. 3, "Stack Switching in IA-32e Mode"; vol. 2, SYSCALL.
 */
#include <xtk/desc.h>
#include <xtk/ist.h>

STACK_DEFINE(no_ist_stack_user, IST_LEVELS *IST_LEVEL_SIZE);

void no_ist_nmi(void);
void no_ist_db(void);
void no_ist_mc(void);

static uint64_t rsp0_before;

static void install(void)
{
	rsp0_before = tss_rsp0_get();
	tss_rsp0_set(stack_top(&no_ist_stack_user_stack));
}

/* Probes at CPL 3 may have set another one since. */
static void remove(void)
{
	if (tss_rsp0_get() == stack_top(&no_ist_stack_user_stack))
		tss_rsp0_set(rsp0_before);
}

IST_DESIGN(no_ist, .name = "no-ist",
	   .summary = "the interrupted stack; fails where RSP is the user's at CPL 0",
	   .entry = { { VEC_NMI, no_ist_nmi, IST_NONE, NULL },
		      { VEC_DB, no_ist_db, IST_NONE, NULL },
		      { VEC_MC, no_ist_mc, IST_NONE, NULL } },
	   .stacks = { &no_ist_stack_user_stack }, .install = install, .remove = remove,
	   .on_interrupted = true,
	   .claims = {
		   IST_SURVIVES_DOUBLE_FAULTS,
		   IST_SURVIVES_THREE_VECTORS,
		   { "DB>DB-masked", NULL },
		   { "MC>MC-masked", NULL },
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
		   { "NMI>DB>NMI", NULL },
		   { "NMI>MC>NMI", NULL },
		   { "DB>NMI>DB", NULL },
		   { "DB>MC>DB", NULL },
		   { "MC>NMI>MC", NULL },
		   { "MC>DB>MC", NULL },
		   { "user:NMI", NULL },
		   { "user:DB", NULL },
		   { "user:MC", NULL },
		   { "gap:NMI", "*" },
		   { "gap:DB", "*" },
		   { "gap:MC", "*" },
		   { "flags:NMI", NULL },
		   { "flags:DB", NULL },
		   { "flags:MC", NULL },
		   { "forged:NMI", "*" },
		   { "forged:DB", "*" },
		   { "forged:MC", "*" },
	   });
