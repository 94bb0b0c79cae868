/* SPDX-License-Identifier: MIT */
/*
 * What a host does to a machine that runs: it is stopped, saved, and goes on in another process.
 *
 * The host (tools/xtklib/scenarios/) waits for the line that says so, does its part, and sends a
 * byte on the serial line. Until then no instruction touches extended state.
 *
 * Rules: I07; SDM vol. 1, "Managing State Using the XSAVE Feature Set".
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/test.h>
#include <xtk/xregs.h>

#include "context.h"
#include "machine.h"

#define COM1_DATA      0x3f8
#define COM1_LSR       0x3fd
#define LSR_DATA_READY 1
#define WAIT_LIMIT     20000000

static struct xregs want, got;

/* Return: whether a byte came. */
static bool wait_for_host(void)
{
	for (unsigned int i = 0; i < WAIT_LIMIT; i++) {
		if (inb(COM1_LSR) & LSR_DATA_READY) {
			inb(COM1_DATA);
			return true;
		}
		cpu_relax();
	}
	return false;
}

static void check_registers(uint64_t mask)
{
	struct xregs_diff first;

	if (xregs_compare(&want, &got, mask, &first))
		context_fail(&first, "I07", "after the pause");
	else
		test_checked("I07", 1);
}

/* Nothing is junk here: the machine itself has to keep what no instruction carries over. */
XTEST(scenario, pause_keeps_all_state, .rules = "I07")
{
	static struct machine before, after;
	uint64_t xcr0 = insn_xgetbv(0), mask = xcr0 & xregs_cpu.mask;

	machine_read(&before);
	xregs_pattern(&want, mask, options.seed);
	xregs_load(&want, mask);
	test_info("scenario: waiting for a byte on COM1");
	if (!wait_for_host()) {
		test_error("no byte came on COM1: run this by a platform that is a scenario");
		return;
	}
	xregs_store(&got, mask);
	machine_read(&after);
	check_registers(mask);
	machine_check(&before, &after, "I07", "after the pause");
}
