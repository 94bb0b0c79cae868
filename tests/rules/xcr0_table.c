/* SPDX-License-Identifier: MIT */
/*
 * The table of XCR0's values, a line each, for `xtk xcr0`: what XSETBV does and what it should, the
 * sizes that CPUID then gives, and which kinds of instruction raise #UD. In a group that runs only
 * when it is asked for.
 *
 * Rules: X15; SDM vol. 2, "XSETBV".
 */
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"
#include "xcr0_units.h"

#define LEAF	   0xd
#define KINDS_TEXT 96

/* The kinds of instruction of which one raises #UD with XCR0 as it is, separated by commas. */
static void list_ud(char out[KINDS_TEXT])
{
	const struct unit *u;
	const char *last = "";
	size_t length = 0;

	out[0] = '\0';
	for (unsigned int i = 0; (u = unit_nth(i)); i++) {
		struct probe p = gate_probe(&u->insn, 0);

		p.gprs.rcx = 0;
		if (!u->xcr0 || !strcmp(u->name, last) || !gate_can(&p) ||
		    gate_run(&p)->fault != FAULT(UD, 0))
			continue;
		last = u->name;
		length += format_text(out + length, KINDS_TEXT - length, "%s%s", length ? "," : "",
				      u->name);
	}
}

static void print_value(uint64_t value)
{
	const char *broken = oracle_xcr0(value, facts.xcr0_supported);
	fault_t want = broken ? FAULT(GP, 0) : NO_FAULT, fault;
	char kinds[KINDS_TEXT] = "", outcome[FAULT_TEXT_SIZE];

	probe_ops->set(PROBE_XCR0, 1);
	fault = probe_ops->set(PROBE_XCR0, value);
	expect_fault(fault, want, broken ? broken : "X15", "XSETBV of 0x%lx", value);
	gate_outcome(fault, outcome);
	if (fault != NO_FAULT) {
		test_info("xcr0: value=0x%lx outcome=%s want=%s", value, outcome,
			  broken ? broken : "ok");
		return;
	}
	list_ud(kinds);
	test_info("xcr0: value=0x%lx outcome=%s want=%s d0=%u d1=%u ud=%s", value, outcome,
		  broken ? broken : "ok", probe_ops->cpuid(LEAF, 0).ebx,
		  probe_ops->cpuid(LEAF, 1).ebx, kinds[0] ? kinds : "none");
}

/* The next combination of supported bits; 0 after the last. */
static uint64_t next_combination(uint64_t last)
{
	return ((last | ~facts.xcr0_supported) + 1) & facts.xcr0_supported;
}

/* Every combination of the bits that CPUID offers, then each other bit with bit 0. */
XTEST(table, xcr0, .rules = "X02 X03 X04 X05 X06 X07 X09 X10 X15")
{
	uint64_t before, value = 0, count = 0;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	do {
		count++;
	} while ((value = next_combination(value)));
	table_begin("xcr0_table", count + 64);
	do {
		if (table_case())
			print_value(value);
	} while ((value = next_combination(value)));
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (table_case() && !(facts.xcr0_supported >> bit & 1))
			print_value(UINT64_C(1) << bit | 1);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}
