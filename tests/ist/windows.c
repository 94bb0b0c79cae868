/* SPDX-License-Identifier: MIT */
/*
 * Pieces of code to interrupt at every instruction: a thread switch with its XSAVE and XRSTOR,
 * whose state is in the registers, in an area, or in both; and the reporter's own.
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/test.h>
#include <xtk/thread.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "lab.h"

#define SEED_OF_THREAD 0x7ead

static uint64_t mask;
static struct xregs patterns[2];

/* Whoever is switched to finds another's state in the registers until XRSTOR has run. */
static void other_thread(void *unused)
{
	(void)unused;
	for (;;) {
		xregs_load(&patterns[1], mask);
		thread_switch(&threads[0]);
	}
}

static void switch_window(void)
{
	xregs_load(&patterns[0], mask);
	thread_switch(&threads[1]);
}

static void report_window(void)
{
	char text[80];

	format_text(text, sizeof(text), "# rule=%s expected=0x%lx got=%-8d", "I01", mask, -1);
	print("%s", "");
}

const struct lab_base lab_window_bases[] = {
	{ .name = "switch", .window = switch_window },
	{ .name = "report", .window = report_window },
};
const unsigned int lab_window_base_count = sizeof(lab_window_bases) / sizeof(lab_window_bases[0]);

void lab_windows_begin(void)
{
	mask = (cpu.has_xsave ? insn_xgetbv(0) : XSAVE_LEGACY_MASK) & XREGS_MASK;
	xregs_pattern(&patterns[0], mask, SEED_OF_THREAD);
	xregs_pattern(&patterns[1], mask, SEED_OF_THREAD + 1);
	if (thread_start(SWITCH_EAGER, boot_xsave_cpu.insn, mask) != XSAVE_OK)
		test_error("the library refuses what it said it can do");
	thread_create(1, other_thread, NULL);
	switch_window(); /* the first switch begins the thread */
}

void lab_windows_end(void)
{
	thread_stop();
}
