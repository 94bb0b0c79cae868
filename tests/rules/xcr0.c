/* SPDX-License-Identifier: MIT */
/*
 * XSETBV and XGETBV: which values XCR0 takes, what a refusal leaves, who may write it.
 *
 * Rules: X02 to X15, G11, G15; SDM vol. 1, "Enabling the XSAVE Feature Set and
 * XSAVE-Enabled Features"; vol. 2, "XSETBV", "XGETBV".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"

#define BIT(n) (UINT64_C(1) << (n))

/* The bits whose combinations are swept: all user components, and one of IA32_XSS. */
static const uint8_t swept[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 17, 18, 19 };
#define COMBINATIONS (1u << sizeof(swept))

static uint64_t combination(unsigned int n)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < sizeof(swept); i++)
		value |= (uint64_t)(n >> i & 1) << swept[i];
	return value;
}

/* Groups of bits that may be there beside the others, and the rule that says so. */
static const struct {
	uint64_t bits;
	const char *rule;
} groups[] = {
	{ BIT(19), "X09" }, { BIT(17) | BIT(18), "X07" },	 { BIT(3) | BIT(4), "X06" },
	{ BIT(9), "X08" },  { BIT(5) | BIT(6) | BIT(7), "X05" }, { BIT(2), "X03" },
	{ BIT(1), "X08" },
};
#define GROUPS (sizeof(groups) / sizeof(*groups))

/* The rule by which a legal value is so. */
static const char *rule_of_legal(uint64_t value)
{
	for (unsigned int i = 0; i < GROUPS; i++) {
		if (value & groups[i].bits)
			return groups[i].rule;
	}
	return "X14";
}

/* Likewise when the machine refused it: the first group without which it is taken. */
static const char *rule_of_refusal(uint64_t value)
{
	for (unsigned int i = 0; i < GROUPS; i++) {
		uint64_t rest = value & ~groups[i].bits;

		if (rest != value && !oracle_xcr0(rest, facts.xcr0_supported) &&
		    probe_ops->set(PROBE_XCR0, rest) == NO_FAULT)
			return groups[i].rule;
	}
	return rule_of_legal(value);
}

static struct probe xsetbv(uint64_t value, unsigned int cpl)
{
	struct probe p = gate_probe(&insn_xsetbv_bytes, cpl);

	p.gprs.rcx = 0;
	p.gprs.rax = (uint32_t)value;
	p.gprs.rdx = value >> 32;
	return p;
}

/* The values that XCR0 is given before a probe: legal ones, at random. */
#define MAX_LEGAL 256
static uint64_t legal[MAX_LEGAL];
static unsigned int legal_count;

static void collect_legal(void)
{
	legal_count = 0;
	for (uint64_t x = facts_xcr0_next(0); x && legal_count < MAX_LEGAL; x = facts_xcr0_next(x))
		legal[legal_count++] = x;
}

/* Return: what XCR0 is now, which a CPU that refuses legal values decides. */
static uint64_t set_some_legal(void)
{
	probe_ops->set(PROBE_XCR0, legal[table_random() % legal_count]);
	return probe_ops->get(PROBE_XCR0);
}

static uint64_t unlike_manual; /* outcomes in the running table */

/* XSETBV of @value at CPL 0: its outcome, the registers, XCR0 at both CPLs. */
static void probe_value(uint64_t value)
{
	const char *broken = oracle_xcr0(value, facts.xcr0_supported);
	uint64_t before = set_some_legal();
	struct probe p = xsetbv(value, 0);
	const struct probe_result *r = gate_run(&p);
	fault_t fault = r->fault;
	const char *kept = fault ? "X13" : "X14";

	unlike_manual += fault != (broken ? FAULT(GP, 0) : NO_FAULT);
	gate_same_gprs(&p, r, true, kept);
	expect_equal(gate_xcr0(table_random() & 1 ? 0 : 3), fault ? before : value, kept,
		     "XCR0 after XSETBV of 0x%lx, before 0x%lx", value, before);
	if (broken)
		expect_fault(fault, FAULT(GP, 0), broken, "XSETBV of 0x%lx, before 0x%lx", value,
			     before);
	else
		expect_fault(fault, NO_FAULT, fault ? rule_of_refusal(value) : rule_of_legal(value),
			     "XSETBV of 0x%lx, before 0x%lx", value, before);
}

static void sweep(const char *table, unsigned int values, uint64_t (*nth)(unsigned int n))
{
	uint64_t before;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	collect_legal();
	unlike_manual = 0;
	table_begin(table, values);
	for (unsigned int i = 0; i < values; i++) {
		if (table_case())
			probe_value(nth(i));
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
	expect_equal(unlike_manual, 0, "X15", "outcomes of XSETBV other than X02 to X10 have them");
}

XTEST(xcr0, combinations_are_legal_or_gp,
      .rules = "G11 X02 X03 X04 X05 X06 X07 X08 X09 X10 X13 X14 X15")
{
	sweep("xcr0_combinations", COMBINATIONS, combination);
}

/* Each single bit with and without bit 0, then all 64 bits at random; and EDX is not forgotten. */
#define SINGLE_BITS 128
#define RANDOM_BITS 256

static uint64_t nth_bits(unsigned int n)
{
	if (n < SINGLE_BITS)
		return BIT(n % 64) | (n < 64);
	return n % 2 ? table_random() : (table_random() & ~UINT64_C(0xffffffff)) | 7;
}

XTEST(xcr0, bits_without_component_are_gp,
      .rules = "G11 X02 X03 X04 X05 X06 X07 X08 X09 X10 X13 X14 X15")
{
	sweep("xcr0_bits", SINGLE_BITS + RANDOM_BITS, nth_bits);
}

/* XSETBV with garbage in the upper halves of RAX, RDX and RCX: each combination of them. */
static void probe_upper_halves(uint64_t value, unsigned int which)
{
	struct probe p = xsetbv(value, 0);
	const struct probe_result *r;

	set_some_legal();
	p.gprs.rax |= which & 1 ? table_random() << 32 : 0;
	p.gprs.rdx |= which & 2 ? table_random() << 32 : 0;
	p.gprs.rcx |= which & 4 ? table_random() << 32 : 0;
	r = gate_run(&p);
	if (expect_fault(r->fault, NO_FAULT, "G15", "XSETBV rax=0x%lx rdx=0x%lx rcx=0x%lx",
			 p.gprs.rax, p.gprs.rdx, p.gprs.rcx)) {
		gate_same_gprs(&p, r, true, "G15");
		expect_equal(probe_ops->get(PROBE_XCR0), value, "G15",
			     "XCR0 after XSETBV rax=0x%lx rdx=0x%lx rcx=0x%lx", p.gprs.rax,
			     p.gprs.rdx, p.gprs.rcx);
	}
}

XTEST(xcr0, upper_halves_are_ignored, .rules = "G15")
{
	uint64_t before;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	collect_legal();
	table_begin("xcr0_upper_halves", legal_count * 8);
	for (unsigned int i = 0; i < legal_count * 8; i++) {
		if (table_case())
			probe_upper_halves(legal[i / 8], i % 8);
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}

/* ECX: single bits, small numbers, random ones; never 0. */
#define ECX_VALUES 96

static uint32_t nth_ecx(unsigned int n)
{
	if (n < 32)
		return UINT32_C(1) << n;
	if (n < 64)
		return n - 30;
	return n < 95 ? (uint32_t)table_random() | 1 : UINT32_MAX;
}

static void probe_ecx(uint32_t ecx, uint64_t value)
{
	struct probe p = xsetbv(value, 0);

	p.gprs.rcx = ecx;
	expect_fault(gate_run(&p)->fault, FAULT(GP, 0), "X11", "XSETBV ecx=0x%x value=0x%lx", ecx,
		     value);
}

XTEST(xcr0, other_registers_are_gp, .rules = "X11 X13")
{
	uint64_t before;

	gate_begin();
	if (gate_needs_xcr0())
		return;
	before = probe_ops->get(PROBE_XCR0);
	table_begin("xcr0_ecx", ECX_VALUES);
	for (unsigned int i = 0; i < ECX_VALUES; i++) {
		if (!table_case())
			continue;
		probe_ecx(nth_ecx(i), before);
		probe_ecx(nth_ecx(i), 1);
		expect_equal(probe_ops->get(PROBE_XCR0), before, "X13",
			     "XCR0 after XSETBV with ecx=0x%x", nth_ecx(i));
	}
	table_end();
	probe_ops->set(PROBE_XCR0, before);
}

/* What a user tries: single bits with bit 0, the present value, 0, then all combinations. */
#define USER_FIRST 66

static uint64_t nth_user(unsigned int n, uint64_t xcr0)
{
	if (n < 64)
		return BIT(n) | 1;
	if (n < USER_FIRST)
		return n == 64 ? xcr0 : 0;
	return combination(n - USER_FIRST);
}

static void probe_user(uint64_t value, uint64_t xcr0)
{
	struct probe p = xsetbv(value, 3);

	expect_fault(gate_run(&p)->fault, FAULT(GP, 0), value == xcr0 ? "G11" : "X12",
		     "XSETBV cpl=3 value=0x%lx, XCR0=0x%lx", value, xcr0);
	expect_equal(gate_xcr0(3), xcr0, "X13", "XCR0 after XSETBV cpl=3 value=0x%lx", value);
}

XTEST(xcr0, users_write_is_gp, .rules = "G11 X12 X13 X14")
{
	const unsigned int count = USER_FIRST + COMBINATIONS;
	uint64_t xcr0;
	struct probe p;

	gate_begin();
	p = xsetbv(1, 3);
	if (!gate_can(&p)) {
		gate_end();
		return;
	}
	xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("xcr0_user", count);
	for (unsigned int i = 0; i < count; i++) {
		if (table_case())
			probe_user(nth_user(i, xcr0), xcr0);
	}
	table_end();
	if (probe_ops->can_set(PROBE_XCR0))
		probe_ops->set(PROBE_XCR0, xcr0);
}
