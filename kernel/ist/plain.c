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

STACK_DEFINE(stack_nmi, 16 * 1024);
STACK_DEFINE(stack_db, 16 * 1024);
STACK_DEFINE(stack_mc, 16 * 1024);

void plain_nmi(void);
void plain_db(void);
void plain_mc(void);

IST_DESIGN(plain,
	   .summary = "one fixed stack per vector; the same vector again overwrites its own frame",
	   .entry = { { VEC_NMI, plain_nmi, IST_NMI, &stack_nmi_stack },
		      { VEC_DB, plain_db, IST_DB, &stack_db_stack },
		      { VEC_MC, plain_mc, IST_MC, &stack_mc_stack } });
