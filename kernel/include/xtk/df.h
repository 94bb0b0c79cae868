/* SPDX-License-Identifier: MIT */
/*
 * Double faults. #DF runs on a stack of its own (IST1), saves the whole state, reports it, and then
 * ends the run, unless a test said that it expects one.
 */
#ifndef XTK_DF_H
#define XTK_DF_H

#include <xsave.h>
#include <xtk/frame.h>
#include <xtk/recover.h>

/* What the handler saw. */
struct df_record {
	struct trap_frame frame;
	uint64_t cr2;
	uint64_t handler_rsp;
	uint64_t saved; /* components in @state */
	struct xsave_large state;
};

/**
 * df_expected() - 1 once, to provoke a #DF; 0 when it has been reported and the test goes on
 * @record: filled by the handler
 *
 *	if (df_expected(&record))
 *		provoke();
 *	else
 *		judge(&record);
 *
 * A #DF is an abort: the interrupted context is not resumed. Control comes back here, as from
 *longjmp(); the extended state is as it was at the fault.
 */
#define df_expected(record) (df_arm(record), recover_here(&df_way_out) == 0)

extern struct recover_point df_way_out;
void df_arm(struct df_record *record);

/* df_disarm() - whether the #DF that was expected has not come; forgets it */
int df_disarm(void);

void df_init(void);

#endif
