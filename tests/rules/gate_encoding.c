/* SPDX-License-Identifier: MIT */
/*
 * Encodings next to those of the XSAVE family and FXSAVE: prefixes that make #UD or another
 * instruction of them, and register operands.
 *
 * Rules: G07, G08, X16; SDM vol. 2, the instruction pages ("NP", "#UD If the LOCK prefix is used");
 * "Opcode Extensions for One-byte and Two-byte Opcodes by Group Number", groups 9 and 15.
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"

/* Two opcode bytes and ModR/M with a memory operand, or three bytes without one. */
struct encoding {
	const char *name;
	uint8_t bytes[3];
	uint8_t others; /* bits of PREFIX_: with these it is another instruction */
	const char *rule;
};

enum { PREFIX_LOCK = 1, PREFIX_66 = 2, PREFIX_F2 = 4, PREFIX_F3 = 8, PREFIXES = 16 };
#define F3_CET PREFIXES /* F3H gives another instruction where CPUID has CET_SS */

static const struct encoding encodings[] = {
	{ "XSAVE", { 0x0f, 0xae, 0x27 }, PREFIX_F3 /* PTWRITE */, "G07" },
	{ "XRSTOR", { 0x0f, 0xae, 0x2f }, 0, "G07" },
	{ "XSAVEOPT", { 0x0f, 0xae, 0x37 }, PREFIX_66 | F3_CET /* CLWB, CLRSSBSY */, "G07" },
	{ "XRSTORS", { 0x0f, 0xc7, 0x1f }, 0, "G07" },
	{ "XSAVEC", { 0x0f, 0xc7, 0x27 }, 0, "G07" },
	{ "XSAVES", { 0x0f, 0xc7, 0x2f }, 0, "G07" },
	{ "XGETBV", { 0x0f, 0x01, 0xd0 }, 0, "G07" },
	{ "XSETBV", { 0x0f, 0x01, 0xd1 }, 0, "X16" },
	{ "FXSAVE", { 0x0f, 0xae, 0x07 }, 0, "G07" },
	{ "FXRSTOR", { 0x0f, 0xae, 0x0f }, 0, "G07" },
};
#define ENCODINGS  (sizeof(encodings) / sizeof(*encodings))
#define FXSAVE_ROW (ENCODINGS - 2)

static void append(struct probe_insn *insn, uint8_t byte)
{
	insn->bytes[insn->length++] = byte;
}

/* Prefixes in the order of their bits, REX.W behind them as it must be. */
static struct probe_insn prefixed(const struct encoding *e, unsigned int prefixes, bool rex_w)
{
	static const uint8_t bytes[] = { 0xf0, 0x66, 0xf2, 0xf3 };
	struct probe_insn insn = { .name = e->name };

	for (unsigned int i = 0; i < sizeof(bytes); i++) {
		if (prefixes >> i & 1)
			append(&insn, bytes[i]);
	}
	if (rex_w)
		append(&insn, 0x48);
	for (unsigned int i = 0; i < sizeof(e->bytes); i++)
		append(&insn, e->bytes[i]);
	return insn;
}

static void probe_prefixes(const struct encoding *e, unsigned int prefixes, bool rex_w,
			   unsigned int cpl)
{
	struct probe_insn insn = prefixed(e, prefixes, rex_w);
	struct probe p = gate_probe(&insn, cpl);

	p.gprs.rcx = 0;
	p.gprs.rax = (uint32_t)probe_ops->get(PROBE_XCR0);
	if (!gate_can(&p))
		return;
	expect_fault(gate_run(&p)->fault, FAULT(UD, 0), e->rule, "%s%s%s%s%s%s cpl=%u",
		     prefixes & PREFIX_LOCK ? "LOCK " : "", prefixes & PREFIX_66 ? "66H " : "",
		     prefixes & PREFIX_F2 ? "F2H " : "", prefixes & PREFIX_F3 ? "F3H " : "",
		     rex_w ? "REX.W " : "", e->name, cpl);
}

/* CLRSSBSY is #UD where it does not exist. Other instructions may execute though CPUID hides them,
 * under a hypervisor for one. */
static unsigned int others(const struct encoding *e)
{
	static const struct gate_feature cet_ss = { 7, 0, 2, 7 };

	return e->others | (e->others & F3_CET && gate_feature(&cet_ss) ? PREFIX_F3 : 0);
}

/* Every combination of prefixes of which none gives another instruction, or LOCK with any. */
static void probe_encoding(const struct encoding *e, unsigned int prefixes)
{
	if (!(prefixes & PREFIX_LOCK) && prefixes & others(e))
		return;
	gate_area(false);
	for (unsigned int i = 0; i < 2 * GATE_CPLS; i++)
		probe_prefixes(e, prefixes, i & 1, gate_cpl[i / 2]);
}

/* The encodings from @first to before @end, with every @step-th combination of prefixes. */
static void run_prefixes(const char *table, unsigned int first, unsigned int end, unsigned int from,
			 unsigned int step)
{
	gate_begin();
	table_begin(table, (end - first) * ((PREFIXES - from + step - 1) / step));
	for (unsigned int i = first; i < end; i++) {
		for (unsigned int prefixes = from; prefixes < PREFIXES; prefixes += step) {
			if (table_case())
				probe_encoding(&encodings[i], prefixes);
		}
	}
	table_end();
	gate_end();
}

XTEST(gate, prefixes_are_ud, .rules = "G07 X16")
{
	run_prefixes("gate_prefixes", 0, FXSAVE_ROW, 1, 1);
}

/* Of FXSAVE and FXRSTOR by two tests: with LOCK, and with what the manual forbids by "NP". */
XTEST(gate, lock_and_fxsave_is_ud, .rules = "G07")
{
	run_prefixes("gate_lock_fxsave", FXSAVE_ROW, ENCODINGS, PREFIX_LOCK, 2 * PREFIX_LOCK);
}

XTEST(gate, prefixes_and_fxsave_are_ud, .rules = "G07")
{
	run_prefixes("gate_prefixes_fxsave", FXSAVE_ROW, ENCODINGS, PREFIX_66, 2 * PREFIX_LOCK);
}

/* Prefixes without a meaning here: the address size (the arena lies below 4 GiB), segments other
 * than FS and GS, REX. */
#define HARMLESS 8

static const uint8_t harmless[HARMLESS] = { 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x40, 0x44, 0x48 };

static void probe_harmless(const struct encoding *e, uint8_t prefix, unsigned int cpl)
{
	struct probe_insn insn = { .name = e->name };
	struct probe p;

	append(&insn, prefix);
	for (unsigned int i = 0; i < sizeof(e->bytes); i++)
		append(&insn, e->bytes[i]);
	p = gate_probe(&insn, cpl);
	p.gprs.rcx = 0;
	p.gprs.rax = (uint32_t)probe_ops->get(PROBE_XCR0);
	if (!gate_can(&p))
		return;
	gate_area(false);
	expect_fault(gate_run(&p)->fault, e->bytes[2] == 0xd1 && cpl ? FAULT(GP, 0) : NO_FAULT,
		     e->rule, "%02xH %s cpl=%u", prefix, e->name, cpl);
}

/* XSAVE, XRSTOR, XGETBV and XSETBV. */
#define ALWAYS_THERE 4

XTEST(gate, other_prefixes_are_ignored, .rules = "G07 X16")
{
	static const uint8_t which[ALWAYS_THERE] = { 0, 1, 6, 7 };

	gate_begin();
	table_begin("gate_harmless", ALWAYS_THERE * HARMLESS);
	for (unsigned int i = 0; i < ALWAYS_THERE * HARMLESS; i++) {
		if (!table_case())
			continue;
		for (unsigned int c = 0; c < GATE_CPLS; c++)
			probe_harmless(&encodings[which[i / HARMLESS]], harmless[i % HARMLESS],
				       gate_cpl[c]);
	}
	table_end();
	gate_end();
}

/* 0F AE /r and 0F C7 /r with mod = 3, without a prefix, for each r/m. */
static const struct {
	const char *name;
	uint8_t opcode, reg;
	bool executes;
} register_forms[] = {
	{ "FXSAVE", 0xae, 0, false },  { "FXRSTOR", 0xae, 1, false }, { "LDMXCSR", 0xae, 2, false },
	{ "STMXCSR", 0xae, 3, false }, { "XSAVE", 0xae, 4, false },   { "LFENCE", 0xae, 5, true },
	{ "MFENCE", 0xae, 6, true },   { "SFENCE", 0xae, 7, true },   { "XRSTORS", 0xc7, 3, false },
	{ "XSAVEC", 0xc7, 4, false },  { "XSAVES", 0xc7, 5, false },
};
#define REGISTER_FORMS (sizeof(register_forms) / sizeof(*register_forms))

static void probe_register_form(unsigned int form, uint8_t rm, bool rex_w, unsigned int cpl)
{
	struct encoding e = {
		register_forms[form].name, { 0x0f, register_forms[form].opcode }, 0, "G08"
	};
	struct probe_insn insn;
	struct probe p;

	e.bytes[2] = (uint8_t)(0xc0 | register_forms[form].reg << 3 | rm);
	insn = prefixed(&e, 0, rex_w);
	p = gate_probe(&insn, cpl);
	if (gate_can(&p))
		expect_fault(gate_run(&p)->fault,
			     register_forms[form].executes ? NO_FAULT : FAULT(UD, 0), "G08",
			     "%s%02x %02x %02x (%s) cpl=%u", rex_w ? "REX.W " : "", e.bytes[0],
			     e.bytes[1], e.bytes[2], e.name, cpl);
}

XTEST(gate, register_operands_are_ud, .rules = "G08")
{
	gate_begin();
	table_begin("gate_register_forms", REGISTER_FORMS * 8);
	for (unsigned int i = 0; i < REGISTER_FORMS * 8; i++) {
		if (!table_case())
			continue;
		for (unsigned int k = 0; k < 2 * GATE_CPLS; k++)
			probe_register_form(i / 8, i % 8, k & 1, gate_cpl[k / 2]);
	}
	table_end();
	gate_end();
}
