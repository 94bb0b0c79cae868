/* SPDX-License-Identifier: MIT */
/*
 * Registers outlive the time in which XCR0 does not have their component.
 *
 * Rules: X17; SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features": XCR0 says
 * what may be used and saved; nothing there or in vol. 2, "XSETBV", changes a register.
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"

/* SSE, AVX, AVX-512 and PKRU. x87 cannot be cleared; of MPX and AMX the manuals say that software
 * clears them first. */
#define KEPT UINT64_C(0x2e6)

static struct xregs values;
static struct probe_result after;

/* Load all of @mask, run something with XCR0 = @less, read all of it. */
static void probe_kept(uint64_t all, uint64_t less, uint64_t mask)
{
	struct probe load = gate_probe(&insn_nop_bytes, 0), store = load;
	char where[64];

	oracle_values(&values, mask, table_seed());
	load.load = mask;
	load.regs = &values;
	gate_run(&load);
	probe_ops->set(PROBE_XCR0, less);
	load.load = 0;
	gate_run(&load);
	probe_ops->set(PROBE_XCR0, all);
	store.store = mask;
	probe_run(&store, &after);
	format_text(where, sizeof(where), "XCR0 was 0x%lx between 0x%lx", less, all);
	oracle_same(&values, &after.regs, mask, true, "X17", where);
}

XTEST(xcr0, cleared_bit_keeps_registers, .rules = "X17")
{
	uint64_t before, all, mask;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	all = gate_largest_xcr0();
	mask = all & facts.movable & KEPT;
	if (facts_skip(mask, "CPUID.(0DH,0):EAX[2] AVX or another component to clear"))
		return;
	probe_ops->set(PROBE_XCR0, all);
	table_begin("xcr0_keep", gate_count_xcr0(facts_xcr0_next));
	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x)) {
		if (table_case())
			probe_kept(all, x, mask);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}
