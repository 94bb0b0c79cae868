/* SPDX-License-Identifier: MIT */
/*
 * shift-min: ist-shift with the smallest windows that it can have.
 *
 * The first instruction shifts TSS.ist, the last one before IRETQ shifts it back. Two boundaries
 * are left at which the same vector overwrites a live frame. For NMI that is still a way to fail
 * from every step: #DB or #MC anywhere in the entry unblocks NMIs, and the next NMI may come at
 * IRETQ.
 *
 * Source: SDM vol. 3, "Interrupt Stack Table"; the placement is this project's own variant.
 */
#include <xtk/ist.h>

STACK_DEFINE(shift_min_stack_nmi, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(shift_min_stack_db, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(shift_min_stack_mc, IST_LEVELS *IST_LEVEL_SIZE);

void shift_min_nmi(void);
void shift_min_db(void);
void shift_min_mc(void);

IST_DESIGN(shift_min, .name = "shift-min",
	   .summary = "TSS.ist shifts with the first instruction and back with the last one",
	   .entry = { { VEC_NMI, shift_min_nmi, IST_NMI, &shift_min_stack_nmi_stack },
		      { VEC_DB, shift_min_db, IST_DB, &shift_min_stack_db_stack },
		      { VEC_MC, shift_min_mc, IST_MC, &shift_min_stack_mc_stack } },
	   .claims = {
		   IST_SURVIVES_DOUBLE_FAULTS,
		   IST_SURVIVES_THREE_VECTORS,
		   { "DB>DB-masked", "ist_sub" },
		   { "MC>MC-masked", "ist_sub" },
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
		   { "DB>DB", "iret" },
		   { "MC>MC", "iret" },
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
