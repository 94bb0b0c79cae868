/* SPDX-License-Identifier: MIT */
/*
 * PKRU as a register: what RDPKRU and WRPKRU need and refuse, and what a restore puts into it.
 *
 * Rules: P01 P02 P05.
 * Sources: SDM vol. 2, "RDPKRU", "WRPKRU"; vol. 1, "PKRU State", "Operation of XRSTOR"; vol. 3,
 * "Protection Keys".
 */
#include "pkru.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "gate.h"
#include "insns.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define HIGH  UINT64_C(0xffffffff00000000)
#define CASES 64
#define UPPER 4 /* bytes of PKRU; the component has as many again */

enum { LOCK = 0xf0, OSIZE = 0x66, REPNE = 0xf2 };

bool pkru_begin(void)
{
	struct probe p = gate_probe(&insn_rdpkru_bytes, 3);

	gate_begin();
	if (facts_skip(gate_feature(&pkru_feature), "CPUID.(7,0):ECX[3] PKU"))
		return false;
	p.gprs.rcx = 0;
	return !facts_skip(gate_run(&p)->fault == NO_FAULT || probe_ops->can_set(PROBE_XCR0),
			   "CR4.PKE, which the operating system leaves 0");
}

const struct gate_feature pkru_feature = { 7, 0, 2, 3 };

void pkru_write(uint32_t value, unsigned int cpl)
{
	struct probe p = gate_probe(&insn_wrpkru_bytes, cpl);

	p.gprs.rax = (p.gprs.rbx & HIGH) | value;
	p.gprs.rcx = p.gprs.rdx = p.gprs.rsi & HIGH;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "P05", "WRPKRU eax=0x%x cpl=%u", value, cpl);
}

uint32_t pkru_read(unsigned int cpl)
{
	struct probe p = gate_probe(&insn_rdpkru_bytes, cpl);
	const struct probe_result *r;

	p.gprs.rax = p.gprs.rdx = p.gprs.rbx;
	p.gprs.rcx = p.gprs.rsi & HIGH;
	r = gate_run(&p);
	expect_fault(r->fault, NO_FAULT, "P05", "RDPKRU cpl=%u", cpl);
	expect_equal(r->gprs.rdx, 0, "P05", "RDX after RDPKRU cpl=%u", cpl);
	expect_equal(r->gprs.rax >> 32, 0, "P05", "RAX[63:32] after RDPKRU cpl=%u", cpl);
	gate_same_gprs(&p, r, false, "P05");
	return (uint32_t)r->gprs.rax;
}

uint32_t pkru_random(void)
{
	return (uint32_t)table_random() & ~UINT32_C(3);
}

bool pkru_runs_at(unsigned int cpl)
{
	struct probe p = gate_probe(&insn_wrpkru_bytes, cpl);

	return gate_can(&p);
}

/* What is written is read, at each CPL, whatever XCR0 has. */
static void probe_moves(uint64_t xcr0)
{
	for (unsigned int i = 0; i < GATE_CPLS * GATE_CPLS; i++) {
		unsigned int writer = gate_cpl[i % 2], reader = gate_cpl[i / 2];
		uint32_t value = pkru_random();

		if (!pkru_runs_at(writer) || !pkru_runs_at(reader))
			continue;
		pkru_write(value, writer);
		expect_equal(pkru_read(reader), value, "P05", "PKRU xcr0=0x%lx written at CPL %u",
			     xcr0, writer);
	}
	pkru_write(0, pkru_runs_at(3) ? 3 : 0);
}

XTEST(pkru, is_read_and_written_whatever_xcr0_is, .rules = "P05")
{
	uint64_t xcr0;

	if (!pkru_begin())
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("pkru_moves", gate_count_xcr0(facts_xcr0_some) * 8);
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		save_set(PROBE_XCR0, x, "X15");
		for (unsigned int i = 0; i < 8; i++) {
			if (table_case())
				probe_moves(x);
		}
	}
	table_end();
	save_set(PROBE_XCR0, xcr0, "X15");
	gate_end();
}

/* What each of the two refuses. PKRU stays as it is. */
static const struct refusal {
	uint64_t rcx, rdx;
	uint64_t cr4_flip;
	fault_t fault;
	bool write;
	uint8_t prefix;
} refusals[] = {
	{ 1, 0, 0, FAULT(GP, 0), false, 0 },
	{ 0x80000000, 0, 0, FAULT(GP, 0), false, 0 },
	{ 0xffffffff, 0, 0, FAULT(GP, 0), false, 0 },
	{ 1, 0, 0, FAULT(GP, 0), true, 0 },
	{ 0x80000000, 0, 0, FAULT(GP, 0), true, 0 },
	{ 0, 1, 0, FAULT(GP, 0), true, 0 },
	{ 0, 0x80000000, 0, FAULT(GP, 0), true, 0 },
	{ 0xffffffff, 0xffffffff, 0, FAULT(GP, 0), true, 0 },
	{ 0, 0, CR4_PKE, FAULT(UD, 0), false, 0 },
	{ 1, 0, CR4_PKE, FAULT(UD, 0), false, 0 },
	{ 0, 0, CR4_PKE, FAULT(UD, 0), true, 0 },
	{ 1, 1, CR4_PKE, FAULT(UD, 0), true, 0 },
	{ 0, 0, 0, FAULT(UD, 0), false, LOCK },
	{ 0, 0, 0, FAULT(UD, 0), true, LOCK },
	{ 1, 0, 0, FAULT(UD, 0), true, LOCK },
	{ 0, 0, 0, FAULT(UD, 0), false, OSIZE },
	{ 0, 0, 0, FAULT(UD, 0), false, REPNE },
	{ 0, 0, 0, FAULT(UD, 0), true, OSIZE },
	{ 0, 0, 0, FAULT(UD, 0), true, REPNE },
};
#define REFUSALS (sizeof(refusals) / sizeof(*refusals))

static void probe_refusal(const struct refusal *f, unsigned int cpl)
{
	struct probe p = gate_probe(f->write ? &insn_wrpkru_bytes : &insn_rdpkru_bytes, cpl);
	struct probe_insn prefixed = *p.insn;
	uint32_t before = pkru_random();

	p.gprs.rcx = f->rcx;
	p.gprs.rdx = f->rdx;
	p.cr4_flip = f->cr4_flip;
	if (f->prefix) {
		prefixed.bytes[0] = f->prefix;
		memcpy(prefixed.bytes + 1, p.insn->bytes, p.insn->length);
		prefixed.length++;
		p.insn = &prefixed;
	}
	if (!gate_can(&p))
		return;
	pkru_write(before, cpl);
	p.gprs.rax = (uint32_t)~before & ~UINT32_C(3);
	expect_fault(gate_run(&p)->fault, f->fault, "P05",
		     "%s cpl=%u prefix=0x%x ecx=0x%lx edx=0x%lx pke=%u", p.insn->name, cpl,
		     f->prefix, f->rcx, f->rdx, !f->cr4_flip);
	expect_equal(pkru_read(cpl), before, "P05", "PKRU after a refused %s", p.insn->name);
	pkru_write(0, cpl);
}

/* Prefixes that vol. 2 forbids by "NP" in the opcode; of F3H there are CLUI and STUI. */
static bool is_np(const struct refusal *f)
{
	return f->prefix && f->prefix != LOCK;
}

/* Refusals of one fault, #GP or #UD; with such a prefix, or without. */
static void run_refusals(const char *table, fault_t fault, bool np)
{
	if (!pkru_begin())
		return;
	table_begin(table, REFUSALS * GATE_CPLS);
	for (unsigned int i = 0; i < REFUSALS * GATE_CPLS; i++) {
		const struct refusal *f = &refusals[i / GATE_CPLS];

		if (table_case() && f->fault == fault && is_np(f) == np &&
		    pkru_runs_at(gate_cpl[i % GATE_CPLS]))
			probe_refusal(f, gate_cpl[i % GATE_CPLS]);
	}
	table_end();
	gate_end();
}

XTEST(pkru, ecx_and_edx_must_be_zero, .rules = "P05")
{
	run_refusals("pkru_operands", FAULT(GP, 0), false);
}

XTEST(pkru, pke_and_lock_are_ud, .rules = "P05")
{
	run_refusals("pkru_undefined", FAULT(UD, 0), false);
}

XTEST(pkru, prefixes_are_ud, .rules = "P05")
{
	run_refusals("pkru_prefixes", FAULT(UD, 0), true);
}

void pkru_image(uint8_t *area, bool compacted, bool in_use, uint32_t value)
{
	uint64_t cb = compacted ? ORACLE_COMPACT | PKRU_BIT : 0;
	uint32_t offset = oracle_offset(cb, PKRU);

	table_fill(area, ORACLE_BV);
	memset(area + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	oracle_put64(area + ORACLE_BV, in_use ? PKRU_BIT : 0);
	oracle_put64(area + ORACLE_CB, cb);
	memcpy(area + offset, &value, sizeof(value));
	table_fill(area + offset + sizeof(value), UPPER);
}

/* PKRU is loaded, initialised, or left alone where RFBM does not have it. */
static void probe_load(enum restore_kind kind, unsigned int cpl, bool in_use, bool asked)
{
	enum rules_form form = kind == RESTORE_XRSTORS ? FORM_XRSTORS : FORM_XRSTOR;
	struct probe p = gate_probe(form_insn(form, table_random() & 1), cpl);
	uint32_t before = pkru_random(), value = pkru_random();
	uint32_t want = !asked ? before : in_use ? value : 0;

	pkru_image(probe_ops->arena, kind != RESTORE_STANDARD, in_use, value);
	pkru_write(before, cpl);
	p.gprs.rax = asked ? PKRU_BIT : 0;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "P02", "%s cpl=%u of PKRU", p.insn->name, cpl);
	expect_equal(pkru_read(cpl), want,
		     !asked   ? "R01"
		     : in_use ? "P02"
			      : "P01",
		     "PKRU after %s cpl=%u xcomp_bv[63]=%u bv=%u rfbm=%u, from 0x%x", p.insn->name,
		     cpl, kind != RESTORE_STANDARD, in_use, asked, before);
	pkru_write(0, cpl);
}

static void run_loads(const char *table, enum restore_kind kind)
{
	if (restore_skip(kind) || !pkru_begin() ||
	    facts_skip(probe_ops->get(PROBE_XCR0) & PKRU_BIT, "XCR0[9]"))
		return;
	table_begin(table, GATE_CPLS * 4 * CASES);
	for (unsigned int i = 0; i < GATE_CPLS * 4 * CASES; i++) {
		unsigned int cpl = gate_cpl[i / (4 * CASES)];

		if (table_case() && restore_runs_at(kind, cpl))
			probe_load(kind, cpl, i & 1, i & 2);
	}
	table_end();
	gate_end();
}

XTEST(pkru, xrstor_loads_and_initialises, .rules = "P01 P02 P05 R01")
{
	run_loads("pkru_standard", RESTORE_STANDARD);
}

XTEST(pkru, compacted_xrstor_loads_and_initialises, .rules = "P01 P02 P05 R01")
{
	run_loads("pkru_compacted", RESTORE_COMPACTED);
}

XTEST(pkru, xrstors_loads_and_initialises, .rules = "P01 P02 P05 R01")
{
	run_loads("pkru_xrstors", RESTORE_XRSTORS);
}
