/* SPDX-License-Identifier: MIT */
/*
 * The #DF handler. xtk/df.h says what it promises.
 *
 * Source: SDM vol. 3, "Interrupt 8—Double Fault Exception (#DF)".
 */
#include <stdbool.h>
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/df.h>
#include <xtk/print.h>
#include <xtk/trap.h>
#include <xtk/xstate.h>

#include "dump.h"
#include "event.h"
#include "exit.h"

struct recover_point df_way_out;

static struct df_record unexpected;
static struct df_record *expected;

void df_arm(struct df_record *record)
{
	expected = record;
}

int df_disarm(void)
{
	int pending = expected != NULL;

	expected = NULL;
	return pending;
}

static void report(const struct df_record *r)
{
	print("# double fault on IST1, rsp=0x%lx, components saved 0x%lx\n", r->handler_rsp,
	      r->saved);
	dump_frame(&r->frame);
	dump_control_registers();
	if (r->saved)
		dump_state(&r->state, sizeof(r->state));
	dump_backtrace(r->frame.rbp, r->frame.rip);
}

static bool on_double_fault(struct trap_frame *frame)
{
	struct df_record *r = expected ? expected : &unexpected;
	uint64_t cr0 = read_cr0();

	event("enter", VEC_DF, IST_DF, frame->rip);
	clts();
	if (dump_state_possible())
		r->saved = xsave_save_with(&kernel_xsave_cpu, &r->state, sizeof(r->state),
					   ~UINT64_C(0));
	r->frame = *frame;
	r->cr2 = read_cr2();
	r->handler_rsp = (uint64_t)frame;
	if (r == &unexpected)
		print("\n# panic: unexpected double fault\n");
	report(r);
	if (r == &unexpected)
		machine_exit(EXIT_STATUS_CRASH);
	expected = NULL;
	xsave_load_with(&kernel_xsave_cpu, &r->state, sizeof(r->state), r->saved);
	if (cr0 & CR0_TS)
		write_cr0(cr0);
	event("leave", VEC_DF, IST_DF, frame->rip);
	recover_by_frame(frame, &df_way_out);
	return true;
}

void df_init(void)
{
	trap_install(VEC_DF, on_double_fault);
}
