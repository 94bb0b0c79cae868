/* SPDX-License-Identifier: MIT */
/*
 * linux-nmi: NMI as Linux enters it since 3.3, #DB and #MC as plain.
 *
 * A nested NMI is found out by its entry code and turned into one more run of the handler
 * (linux-nmi.asm tells how), so runs are fewer than NMIs. The entry leaves a window before its
 * frame is copied, in which #DB or #MC with an NMI behind it is fatal, and it does nothing for the
 * other vectors. What the handler changes in RIP, CS, RFLAGS, RSP and SS of an NMI from CPL 0 is
 * not returned to, as in Linux: a nested NMI may have put another address there.
 *
 * Sources: SDM vol. 3, "Handling Multiple NMIs"; Linux, asm_exc_nmi and exc_nmi(), and "The x86 NMI
 * iret problem" (LWN 484932), for the idea.
 */
#include <xtk/cpu.h>
#include <xtk/ist.h>

STACK_DEFINE(linux_nmi_stack_nmi, IST_LEVEL_SIZE);
STACK_DEFINE(linux_nmi_stack_user, IST_LEVEL_SIZE);
STACK_DEFINE(linux_nmi_stack_db, IST_LEVEL_SIZE);
STACK_DEFINE(linux_nmi_stack_mc, IST_LEVEL_SIZE);

void linux_nmi(void);
void linux_nmi_db(void);
void linux_nmi_mc(void);
void linux_nmi_handle(struct trap_frame *frame);

/* Of the C side. One less than it is, it says what is to be done after a run. */
static enum { NOT_RUNNING, EXECUTING, LATCHED } state;

/*
 * Between the entry code and the handler. An NMI from CPL 3 runs without the entry code's flag: if
 * #DB or #MC unblocks NMIs meanwhile, the next one comes here too, and leaves it to the first. CR2
 * is put back because a #PF in the handler changes it; without DR7 no #DB of a breakpoint comes in
 * the handler.
 */
void linux_nmi_handle(struct trap_frame *frame)
{
	uint64_t cr2 = read_cr2(), dr7 = read_dr7();

	if (state != NOT_RUNNING) {
		state = LATCHED;
		return;
	}
	state = EXECUTING;
	do {
		write_dr7(0);
		ist_handle(frame);
		write_dr7(dr7);
		if (read_cr2() != cr2)
			write_cr2(cr2);
	} while (__atomic_sub_fetch(&state, 1, __ATOMIC_SEQ_CST) != NOT_RUNNING);
}

/* An NMI that never returned may have left both flags. The entry code's is the seventh quadword. */
static void install(void)
{
	((uint64_t *)stack_top(&linux_nmi_stack_nmi_stack))[-7] = 0;
	state = NOT_RUNNING;
}

IST_DESIGN(linux_nmi, .name = "linux-nmi",
	   .summary = "a nested NMI makes the outer one run again; #DB and #MC as plain",
	   .entry = { { VEC_NMI, linux_nmi, IST_NMI, &linux_nmi_stack_nmi_stack },
		      { VEC_DB, linux_nmi_db, IST_DB, &linux_nmi_stack_db_stack },
		      { VEC_MC, linux_nmi_mc, IST_MC, &linux_nmi_stack_mc_stack } },
	   .stacks = { &linux_nmi_stack_user_stack }, .coalesces_nmi = true, .install = install,
	   .claims = {
		   IST_SURVIVES_DOUBLE_FAULTS,
		   IST_SURVIVES_THREE_VECTORS,
		   { "DB>DB-masked", "*" },
		   { "MC>MC-masked", "*" },
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
		   { "DB>DB", "*" },
		   { "MC>MC", "*" },
		   { "NMI>DB>NMI",
		     "entry save_rdx test_rip test_executing test_df first copy_outermost" },
		   { "NMI>MC>NMI",
		     "entry save_rdx test_rip test_executing test_df first copy_outermost" },
		   { "DB>NMI>DB", "*" },
		   { "DB>MC>DB", "*" },
		   { "MC>NMI>MC", "*" },
		   { "MC>DB>MC", "*" },
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
		   { "user:NMI>DB>NMI", "entry save_rdx linux_nmi_user switch copy" },
		   { "user:NMI>MC>NMI", "entry save_rdx linux_nmi_user switch copy" },
	   });
