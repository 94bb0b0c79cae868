/* SPDX-License-Identifier: MIT */
/*
 * That probe_ops keeps what xtk/probe.h promises: the rule tables are worth no more than this.
 *
 * The rule word is "probe", for no manual says it.
 */
#include <stddef.h>

#include <xtk/probe.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "../../rules/insns.h"
#include "../../rules/oracle.h"

#define STATUS_FLAGS UINT64_C(0x8d5) /* CF PF AF ZF SF OF */
#define PAGE	     4096

static struct xregs want;
static struct probe_result result;

/* Every way in which the implementation can run an instruction. */
static bool next_way(struct probe *p)
{
	do {
		p->cpl ^= 3;
		if (!p->cpl && ++p->mode == PROBE_MODES)
			return false;
	} while (probe_ops->why_not(p));
	return true;
}

static struct probe first_way(const struct probe_insn *insn)
{
	return (struct probe){ .insn = insn, .mode = PROBE_64 - 1, .cpl = 3 };
}

/* Bits of a general register that the mode has, and how many registers. */
static uint64_t width(const struct probe *p)
{
	return p->mode == PROBE_64 ? ~UINT64_C(0) : UINT32_MAX;
}

static unsigned int registers(const struct probe *p)
{
	return p->mode == PROBE_64 ? 15 : 7;
}

static void fill_gprs(struct probe *p, uint64_t flags)
{
	uint64_t *gpr = &p->gprs.rax;

	for (unsigned int i = 0; i < 15; i++)
		gpr[i] = table_random();
	p->gprs.rflags = flags;
}

static void check_gprs(const struct probe *p, const struct probe_gprs *left)
{
	const uint64_t *in = &left->rax, *out = &result.gprs.rax;

	for (unsigned int i = 0; i < registers(p); i++)
		expect_equal(out[i] & width(p), in[i] & width(p), "probe",
			     "%s mode=%u cpl=%u register=%u", p->insn->name, p->mode, p->cpl, i);
	expect_equal(result.gprs.rflags & (STATUS_FLAGS | EFLAGS_DF | EFLAGS_AC), left->rflags,
		     "probe", "%s mode=%u cpl=%u RFLAGS", p->insn->name, p->mode, p->cpl);
}

static void nop(struct probe *p, uint64_t flags)
{
	fill_gprs(p, flags);
	probe_run(p, &result);
	expect_equal(__builtin_ia32_readeflags_u64() & (EFLAGS_DF | EFLAGS_AC), 0, "probe",
		     "DF and AC of this program, mode=%u cpl=%u", p->mode, p->cpl);
	expect_fault(result.fault, NO_FAULT, "probe", "NOP mode=%u cpl=%u", p->mode, p->cpl);
	check_gprs(p, &p->gprs);
}

XTEST(probe, general_registers_go_through, .without_xsave = true)
{
	table_begin("ops_nop", 16);
	for (unsigned int i = 0; i < 16; i++) {
		if (!table_case())
			continue;
		for (struct probe p = first_way(&insn_nop_bytes); next_way(&p);) {
			nop(&p, 0);
			nop(&p, STATUS_FLAGS | EFLAGS_DF | EFLAGS_AC);
			nop(&p, table_random() & STATUS_FLAGS);
		}
	}
	table_end();
}

/* Modes in which the operand's address is RDI and counts from 0. */
static bool flat(const struct probe *p)
{
	return p->mode == PROBE_64 || p->mode == PROBE_COMPAT32;
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* A load or a store somewhere in the arena or at its edge; the address comes by RDI or BX. */
static void check_page(struct probe *p, int32_t offset, fault_t fault)
{
	uint8_t *at = probe_ops->arena + offset;
	uint64_t moved = flat(p) ? UINT32_MAX : UINT16_MAX, kept = flat(p) ? 0 : ~moved;
	struct probe_gprs left;

	fill_gprs(p, STATUS_FLAGS);
	p->gprs.rdi = (uint64_t)at;
	if (!flat(p))
		p->gprs.rbx = (uint64_t)offset;
	probe_run(p, &result);
	expect_fault(result.fault, fault, "probe", "%s mode=%u cpl=%u", p->insn->name, p->mode,
		     p->cpl);
	left = p->gprs;
	if (fault)
		expect_equal(result.cr2, (uint64_t)at, "probe", "CR2 mode=%u cpl=%u", p->mode,
			     p->cpl);
	else if (p->insn == &insn_load_bytes)
		left.rax = (left.rax & kept) | (word_at(at) & moved);
	else
		expect_equal(word_at(at) & moved, p->gprs.rax & moved, "probe",
			     "stored, mode=%u cpl=%u", p->mode, p->cpl);
	check_gprs(p, &left);
}

static fault_t page_fault(const struct probe *p, uint32_t code)
{
	return FAULT(PF, code | (p->cpl == 3 ? 4 : 0));
}

/* The error code is without U/S. SDM vol. 3, "Page-Fault Exceptions". */
static const struct access {
	enum probe_access access;
	const struct probe_insn *insn;
	bool faults;
	uint32_t code;
} accesses[] = {
	{ PROBE_READ_ONLY, &insn_load_bytes, false, 0 },
	{ PROBE_READ_ONLY, &insn_store_bytes, true, 3 },
	{ PROBE_NOT_PRESENT, &insn_load_bytes, true, 0 },
	{ PROBE_NOT_PRESENT, &insn_store_bytes, true, 2 },
};

static void check_access(const struct access *a)
{
	for (struct probe p = first_way(a->insn); next_way(&p);) {
		if (!flat(&p) && p.mode != PROBE_COMPAT16)
			continue; /* without paging */
		probe_ops->protect(1, a->access, 0);
		check_page(&p, PAGE + 8, a->faults ? page_fault(&p, a->code) : NO_FAULT);
		probe_ops->protect(1, PROBE_READ_WRITE, 0);
		check_page(&p, PAGE + 8, NO_FAULT);
		if (!flat(&p))
			continue;
		check_page(&p, PROBE_ARENA_SIZE,
			   page_fault(&p, a->insn == &insn_store_bytes ? 2 : 0));
		check_page(&p, -4, page_fault(&p, a->insn == &insn_store_bytes ? 2 : 0));
	}
}

XTEST(probe, pages_have_their_protection, .without_xsave = true)
{
	for (unsigned int i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
		check_access(&accesses[i]);
}

/* Not a probe: the exception table, which xregs_init() needs where there is AMX. */
XTEST(probe, faults_are_values, .without_xsave = true)
{
	expect_fault(read_byte_safe((const void *)8), FAULT(PF, 4), "probe", "a null pointer");
	expect_fault(read_byte_safe(&want), NO_FAULT, "probe", "a variable");
}

static uint64_t components(void)
{
	return xregs_cpu.mask & (cpu.has_xsave ? probe_ops->get(PROBE_XCR0) : 3);
}

static void check_regs(uint64_t mask, const char *where)
{
	struct xregs_diff d;
	unsigned int differing = xregs_compare(&want, &result.regs, mask, &d);

	expect_true(!differing, "probe", "%s: %u registers differ, the first is %s", where,
		    differing, differing ? d.name : "none");
}

/* Whatever the instruction does, the registers are there afterwards: also when it faults. */
static void check_kept(const struct probe_insn *insn, uint64_t rcx, fault_t fault)
{
	for (struct probe p = first_way(insn); next_way(&p);) {
		fill_gprs(&p, 0);
		p.gprs.rcx = rcx;
		p.regs = &want;
		p.load = p.store = components();
		memset(&want, 0, sizeof(want));
		xregs_pattern(&want, p.load, table_seed());
		memset(&result, 0, sizeof(result));
		probe_run(&p, &result);
		expect_fault(result.fault, fault, "probe", "%s mode=%u cpl=%u", insn->name, p.mode,
			     p.cpl);
		check_regs(p.load, insn->name);
		p.load = 0;
		memset(&result, 0, sizeof(result));
		probe_run(&p, &result);
		check_regs(p.store, "one probe later");
	}
}

XTEST(probe, extended_registers_stay)
{
	table_begin("ops_registers", 16);
	for (unsigned int i = 0; i < 16; i++) {
		if (!table_case())
			continue;
		check_kept(&insn_nop_bytes, 0, NO_FAULT);
		check_kept(&insn_xgetbv_bytes, UINT32_MAX, FAULT(GP, 0));
	}
	table_end();
}

/* One component becomes initial, no other register changes; MXCSR goes with SSE. */
static void check_initial(unsigned int bit)
{
	for (struct probe p = first_way(&insn_nop_bytes); next_way(&p);) {
		p.load = p.store = components();
		p.regs = &want;
		memset(&want, 0, sizeof(want));
		xregs_pattern(&want, p.load, table_seed());
		probe_run(&p, &result);
		p.load = 0;
		p.init = XSAVE_MASK(bit);
		oracle_initial(&want, p.init);
		if (bit == XSAVE_SSE)
			want.mxcsr = XSAVE_DEFAULT_MXCSR;
		memset(&result, 0, sizeof(result));
		probe_run(&p, &result);
		check_regs(p.store, "one component initialised");
	}
}

XTEST(probe, components_become_initial)
{
	uint64_t some = components() & ~(XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA));

	table_begin("ops_initial", 20);
	for (unsigned int bit = 0; bit < 20; bit++)
		if (table_case() && some >> bit & 1)
			check_initial(bit);
	table_end();
}
