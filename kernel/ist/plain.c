/* SPDX-License-Identifier: MIT */
/*
 * plain: one fixed stack per vector, and nothing else.
 *
 * What every kernel starts with. It survives one event of each kind at any boundary. It does not
 * survive a vector that comes again while its stack is live: the CPU loads the same RSP from the
 * TSS, and the second frame overwrites the first.
 *
 * Source: SDM vol. 3, "Interrupt Stack Table".
 */
#include <xtk/ist.h>

STACK_DEFINE(plain_stack_nmi, IST_LEVEL_SIZE);
STACK_DEFINE(plain_stack_db, IST_LEVEL_SIZE);
STACK_DEFINE(plain_stack_mc, IST_LEVEL_SIZE);

void plain_nmi(void);
void plain_db(void);
void plain_mc(void);

IST_DESIGN(plain, .name = "plain",
	   .summary = "one fixed stack per vector; the same vector again overwrites its own frame",
	   .entry = { { VEC_NMI, plain_nmi, IST_NMI, &plain_stack_nmi_stack },
		      { VEC_DB, plain_db, IST_DB, &plain_stack_db_stack },
		      { VEC_MC, plain_mc, IST_MC, &plain_stack_mc_stack } },
	   .claims = {
		   { "NMI", NULL },
		   { "DB", NULL },
		   { "MC", NULL },
		   { "NMI>NMI", NULL },
		   { "NMI>DB", NULL },
		   { "NMI>MC", NULL },
		   { "DB>NMI", NULL },
		   { "DB>MC", NULL },
		   { "MC>NMI", NULL },
		   { "MC>DB", NULL },
		   IST_SURVIVES_DOUBLE_FAULTS,
		   IST_SURVIVES_THREE_VECTORS,
		   { "DB>DB-masked", "*" },
		   { "MC>MC-masked", "*" },
		   { "NMI>DB>NMI", "*" },
		   { "NMI>MC>NMI", "*" },
		   { "DB>NMI>DB", "*" },
		   { "DB>MC>DB", "*" },
		   { "MC>NMI>MC", "*" },
		   { "MC>DB>MC", "*" },
		   { "DB>DB", "*" },
		   { "MC>MC", "*" },
	   });
