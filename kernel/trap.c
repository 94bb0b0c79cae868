/* SPDX-License-Identifier: MIT */
/*
 * The C side of every exception.
 */
#include <stddef.h>

#include <xtk/fault.h>
#include <xtk/panic.h>
#include <xtk/print.h>
#include <xtk/string.h>

#include "dump.h"
#include "entry.h"
#include "exit.h"
#include "trap.h"

extern const struct extable_entry __start_extable[], __stop_extable[];

static trap_handler handlers[VEC_EXCEPTIONS];

trap_handler trap_install(enum vector vector, trap_handler handler)
{
	trap_handler old = handlers[vector];

	handlers[vector] = handler;
	return old;
}

void trap_handlers_read(trap_handler *out)
{
	memcpy(out, handlers, sizeof(handlers));
}

void trap_handlers_write(const trap_handler *in)
{
	memcpy(handlers, in, sizeof(handlers));
}

static bool extable_resume(struct trap_frame *frame)
{
	for (const struct extable_entry *e = __start_extable; e < __stop_extable; e++) {
		if (e->insn == frame->rip) {
			frame->r11 = FAULT_OF(frame->vector, frame->error);
			frame->rip = e->resume;
			return true;
		}
	}
	return false;
}

/* A fault while one is being reported: say so with as little machinery as possible, and leave. */
static void check_recursion(struct trap_frame *frame)
{
	static unsigned int reporting;

	if (reporting++) {
		print("\n# panic: vector %lu at 0x%lx while reporting another one\n", frame->vector,
		      frame->rip);
		machine_exit(EXIT_STATUS_CRASH);
	}
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector < VEC_EXCEPTIONS && handlers[frame->vector] &&
	    handlers[frame->vector](frame))
		return;
	if (extable_resume(frame) || test_unexpected_trap(frame))
		return;
	check_recursion(frame);
	print("\n# panic: unexpected exception\n");
	dump_exception(frame);
	machine_exit(EXIT_STATUS_CRASH);
}
