/* SPDX-License-Identifier: MIT */
/*
 * Exceptions that nobody expected: they end a test, or a part of it, and the rest goes on.
 */
#include <stddef.h>

#include <xtk/nmi.h>
#include <xtk/recover.h>
#include <xtk/smp.h>
#include <xtk/test.h>
#include <xtk/thread.h>
#include <xtk/timer.h>

#include "dump.h"
#include "inject.h"
#include "trap.h"

#define DUMPS_PER_TEST 2

/* Where an exception that nobody expected leads, and what it interrupted. */
static struct way_out {
	bool armed;
	const char *where;
	struct recover_point point;
} way_out;

bool test_unexpected_trap(struct trap_frame *frame)
{
	char text[FAULT_TEXT_SIZE];

	if (!way_out.armed || frame->vector == VEC_DF || frame->vector == VEC_MC)
		return false; /* after these, nothing can be relied on */
	way_out.armed = false;
	if (test_failures() < DUMPS_PER_TEST)
		dump_exception(frame);
	test_fail("-", "none", fault_text(FAULT_OF(frame->vector, frame->error), text),
		  "%s%sunexpected exception at rip=0x%lx", way_out.where, *way_out.where ? " " : "",
		  frame->rip);
	recover_by_frame(frame, &way_out.point);
	return true;
}

bool test_attempt(const char *where, void (*work)(const void *argument), const void *argument)
{
	struct way_out outer = way_out;
	trap_handler handlers[VEC_EXCEPTIONS];
	volatile bool done = false;

	trap_handlers_read(handlers);
	way_out.where = where;
	if (recover_here(&way_out.point) == 0) {
		way_out.armed = true;
		work(argument);
		done = true;
	} else {
		timer_end();
		smp_stop();
		inject_abandon();
		nmi_abandon();
		thread_abandon();
		trap_handlers_write(handlers);
	}
	way_out = outer;
	return done;
}
