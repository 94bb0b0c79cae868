/* SPDX-License-Identifier: MIT */
/*
 * Probes of instructions that only raise or do not raise.
 */
#include "gate.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "insns.h"
#include "oracle.h"

#define STATUS_FLAGS  0x8d5 /* CF PF AF ZF SF OF */
#define LEGACY	      3	    /* x87 and SSE */
#define FCW_INITIAL   0x37f
#define MXCSR_INITIAL 0x1f80

const unsigned int gate_cpl[GATE_CPLS] = { 0, 3 };

const struct probe_insn gate_cpuid_bytes = { "CPUID", 2, { 0x0f, 0xa2 } };

static struct probe_result result;
static unsigned int ran;
static const char *reason;

struct probe gate_probe(const struct probe_insn *insn, unsigned int cpl)
{
	struct probe p = { .insn = insn, .mode = PROBE_64, .cpl = cpl };

	p.gprs = (struct probe_gprs){ .rax = LEGACY, .rdi = (uintptr_t)probe_ops->arena };
	p.gprs.rbx = table_random();
	p.gprs.rsi = table_random();
	p.gprs.rbp = table_random();
	p.gprs.r8 = table_random();
	p.gprs.r11 = table_random();
	p.gprs.r15 = table_random();
	p.gprs.rflags = table_random() & STATUS_FLAGS;
	return p;
}

bool gate_can(const struct probe *p)
{
	const char *why = probe_ops->why_not(p);

	if (why)
		reason = why;
	return !why;
}

const struct probe_result *gate_run(const struct probe *p)
{
	ran++;
	probe_run(p, &result);
	table_probe(sizeof(result.gprs));
	return &result;
}

/* A pending x87 exception of an earlier test would be raised by an instruction of this one. */
static void forget_exceptions(void)
{
	struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = 3 };

	if (!facts.xcr0_supported)
		return;
	p.init = probe_ops->get(PROBE_XCR0) & LEGACY;
	if (probe_ops->why_not(&p))
		p.cpl = 0;
	if (!probe_ops->why_not(&p))
		probe_run(&p, &result);
}

void gate_begin(void)
{
	facts_read();
	forget_exceptions();
	ran = 0;
	reason = "a case that this CPU has";
}

void gate_end(void)
{
	if (!ran)
		test_skip("%s", reason);
}

bool gate_needs_xcr0(void)
{
	return facts_skip(probe_ops->can_set(PROBE_XCR0), "CPL 0, to write XCR0");
}

void gate_area(bool compacted)
{
	memset(probe_ops->arena, 0, PROBE_ARENA_SIZE);
	oracle_put64(probe_ops->arena, FCW_INITIAL);
	oracle_put64(probe_ops->arena + ORACLE_MXCSR, MXCSR_INITIAL);
	if (compacted)
		oracle_put64(probe_ops->arena + ORACLE_CB, ORACLE_COMPACT);
}

bool gate_same_gprs(const struct probe *p, const struct probe_result *r, bool rax_rdx,
		    const char *rule)
{
	struct probe_gprs want = p->gprs, got = r->gprs;

	if (!rax_rdx) {
		want.rax = got.rax;
		want.rdx = got.rdx;
	}
	want.rflags &= STATUS_FLAGS;
	got.rflags &= STATUS_FLAGS;
	return expect_true(!memcmp(&want, &got, sizeof(want)), rule,
			   "%s cpl=%u changes no register but its own", p->insn->name, p->cpl);
}

uint64_t gate_pair(const struct probe_result *r, const char *rule)
{
	expect_equal((r->gprs.rax | r->gprs.rdx) >> 32, 0, rule, "upper halves of RAX and RDX");
	return r->gprs.rdx << 32 | (uint32_t)r->gprs.rax;
}

uint64_t gate_xcr0(unsigned int cpl)
{
	struct probe p = gate_probe(&insn_xgetbv_bytes, cpl);
	const struct probe_result *r;

	p.gprs.rax = p.gprs.rdx = table_random();
	r = gate_run(&p);
	expect_fault(r->fault, NO_FAULT, cpl ? "G11" : "X14", "XGETBV ecx=0 cpl=%u", cpl);
	gate_same_gprs(&p, r, false, "X14");
	return gate_pair(r, "X14");
}

uint64_t gate_largest_xcr0(void)
{
	uint64_t last = 0;

	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x))
		last = x;
	return last;
}

uint64_t gate_count_xcr0(uint64_t (*next)(uint64_t last))
{
	uint64_t count = 0;

	for (uint64_t x = next(0); x; x = next(x))
		count++;
	return count;
}

bool gate_feature(const struct gate_feature *f)
{
	struct cpuid_regs regs;
	uint32_t words[4];

	if (f->leaf > probe_ops->cpuid(f->leaf & 0x80000000, 0).eax)
		return false;
	if (f->subleaf && f->subleaf > probe_ops->cpuid(f->leaf, 0).eax)
		return false;
	regs = probe_ops->cpuid(f->leaf, f->subleaf);
	memcpy(words, &regs, sizeof(words));
	return words[f->reg] >> f->bit & 1;
}

fault_t gate_wrmsr(uint32_t msr, uint64_t value, unsigned int cpl)
{
	struct probe p = gate_probe(&insn_wrmsr_bytes, cpl);

	p.gprs.rcx = msr;
	p.gprs.rax = (uint32_t)value;
	p.gprs.rdx = value >> 32;
	return gate_run(&p)->fault;
}

fault_t gate_rdmsr(uint32_t msr, uint64_t *value, unsigned int cpl)
{
	struct probe p = gate_probe(&insn_rdmsr_bytes, cpl);
	const struct probe_result *r;

	p.gprs.rcx = msr;
	r = gate_run(&p);
	*value = r->gprs.rdx << 32 | (uint32_t)r->gprs.rax;
	return r->fault;
}

const char *gate_outcome(fault_t fault, char *out)
{
	if (fault == NO_FAULT)
		return memcpy(out, "ok", 3);
	return fault_text(fault, out);
}
