/* SPDX-License-Identifier: MIT */
/*
 * ist-shift: TSS.ist goes down by one level while a handler runs.
 *
 * Linux had it for #DB until 5.8: the register that the CPU loads RSP from is moved below the level
 * in use, so that the same vector, coming again in the handler, gets a stack of its own. It
 * survives recursion in the handler, and nothing around it: what is saved before the shift and
 * loaded after the shift back lies where the CPU will push next. An entry that never returns leaves
 * TSS.ist shifted; IST_LEVELS levels deep the next push meets the guard page.
 *
 * Sources: SDM vol. 3, "Interrupt Stack Table"; Linux before 5.8, paranoid entry of #DB.
 */
#include <xtk/ist.h>

STACK_DEFINE(ist_shift_stack_nmi, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(ist_shift_stack_db, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(ist_shift_stack_mc, IST_LEVELS *IST_LEVEL_SIZE);

void ist_shift_nmi(void);
void ist_shift_db(void);
void ist_shift_mc(void);

IST_DESIGN(ist_shift, .name = "ist-shift",
	   .summary = "TSS.ist is one level lower during the handler; open before and after it",
	   .entry = { { VEC_NMI, ist_shift_nmi, IST_NMI, &ist_shift_stack_nmi_stack },
		      { VEC_DB, ist_shift_db, IST_DB, &ist_shift_stack_db_stack },
		      { VEC_MC, ist_shift_mc, IST_MC, &ist_shift_stack_mc_stack } },
	   .claims = {
		   IST_SURVIVES_DOUBLE_FAULTS,
		   IST_SURVIVES_THREE_VECTORS,
		   { "DB>DB-masked", "entry push_gprs ist_sub" },
		   { "MC>MC-masked", "entry push_gprs ist_sub" },
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
		   { "DB>DB", "pop_gprs drop iret" },
		   { "MC>MC", "pop_gprs drop iret" },
		   { "NMI>DB>NMI", "*" },
		   { "NMI>MC>NMI", "*" },
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
	   });
