/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the modes share.
 */
#include "mode.h"

#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"

#define X87	      UINT64_C(1)
#define HI16_ZMM      7
#define PART(n)	      (UINT64_C(1) << (n))
#define STATUS_FLAGS  0x8d5 /* CF PF AF ZF SF OF */
#define RANDOM_QUICK  8
#define RANDOM_FULL   64
#define UPPER_VECTORS 8 /* the first of the upper registers */

const struct way ways[WAYS] = {
	{ "compatibility mode, 32-bit, CPL 0", PROBE_COMPAT32, 0 },
	{ "compatibility mode, 32-bit, CPL 3", PROBE_COMPAT32, 3 },
	{ "compatibility mode, 16-bit, CPL 0", PROBE_COMPAT16, 0 },
	{ "compatibility mode, 16-bit, CPL 3", PROBE_COMPAT16, 3 },
	{ "protected mode", PROBE_PROTECTED32, 0 },
	{ "real-address mode", PROBE_REAL, 0 },
	{ "virtual-8086 mode", PROBE_V86, 3 },
};

const char *way_missing(const struct way *way)
{
	static struct probe p = { .insn = &insn_nop_bytes };

	p.mode = way->mode;
	p.cpl = way->cpl;
	return probe_ops->why_not(&p);
}

bool way_skip(void)
{
	const char *missing = NULL;

	facts_read();
	if (facts_skip(facts.xcr0_supported, "CPUID.1:ECX[26] XSAVE"))
		return true;
	for (unsigned int i = 0; i < WAYS; i++) {
		missing = way_missing(&ways[i]);
		if (!missing)
			return false;
	}
	test_skip("%s", missing);
	return true;
}

struct probe way_probe(const struct way *way, const struct probe_insn *insn, uint32_t offset,
		       uint64_t edx_eax)
{
	struct probe p = { .insn = insn, .mode = way->mode, .cpl = way->cpl };

	p.gprs.rax = (uint32_t)edx_eax;
	p.gprs.rdx = edx_eax >> 32;
	p.gprs.rbx = offset;
	p.gprs.rcx = 0; /* of XGETBV and XSETBV */
	p.gprs.rsi = table_random();
	p.gprs.rbp = table_random();
	p.gprs.rflags = table_random() & STATUS_FLAGS;
	p.gprs.rdi = (uint32_t)(uintptr_t)probe_ops->arena + offset;
	return p;
}

void way_check_gprs(const struct probe *p, const struct probe_result *r, const char *rule,
		    const char *where)
{
	const uint64_t *want = &p->gprs.rax, *got = &r->gprs.rax;
	bool same = (r->gprs.rflags & STATUS_FLAGS) == p->gprs.rflags;

	for (; want < &p->gprs.r8; want++, got++)
		same &= (uint32_t)*want == (uint32_t)*got;
	expect_true(same, rule, "%s general registers and flags", where);
}

bool way_loses_upper(const struct way *way)
{
	return way->mode != PROBE_COMPAT32 && way->mode != PROBE_COMPAT16;
}

uint64_t mode_mask(uint64_t xcr0)
{
	return xcr0 & facts.movable & ~MODE_AMX;
}

uint32_t mode_lower_size(unsigned int bit)
{
	if (bit == HI16_ZMM)
		return 0;
	return MODE_LOWER >> bit & 1 ? oracle_size(bit) / 2 : oracle_size(bit);
}

/* The place of the components in MODE_UPPER in a vector register. */
static const struct part {
	uint8_t bit, offset, size;
} parts[] = {
	{ 1, 0, XREGS_YMM_HI128 },
	{ 2, XREGS_YMM_HI128, XREGS_ZMM_HI256 - XREGS_YMM_HI128 },
	{ 6, XREGS_ZMM_HI256, 64 - XREGS_ZMM_HI256 },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

bool mode_lower_initial(const struct xregs *regs, unsigned int bit)
{
	static struct xregs lower;

	if (bit == HI16_ZMM)
		return true;
	if (!(MODE_LOWER >> bit & 1))
		return oracle_is_initial(regs, bit);
	lower = *regs;
	memset(lower.vector[UPPER_VECTORS], 0, sizeof(lower.vector) / 32 * 24);
	return oracle_is_initial(&lower, bit);
}

static void copy_others(struct xregs *to, const struct xregs *from, uint64_t mask)
{
	if (mask & X87)
		to->x87 = from->x87;
	if (mask & PART(1))
		to->mxcsr = from->mxcsr;
	if (mask & PART(3))
		memcpy(to->bnd, from->bnd, sizeof(to->bnd));
	if (mask & PART(4)) {
		to->bndcfgu = from->bndcfgu;
		to->bndstatus = from->bndstatus;
	}
	if (mask & PART(5))
		memcpy(to->k, from->k, sizeof(to->k));
	if (mask & PART(9))
		to->pkru = from->pkru;
}

void mode_copy_lower(struct xregs *to, const struct xregs *from, uint64_t mask)
{
	copy_others(to, from, mask);
	for (unsigned int i = 0; i < PARTS * UPPER_VECTORS; i++) {
		const struct part *part = &parts[i % PARTS];
		unsigned int n = i / PARTS;

		if (mask >> part->bit & 1)
			memcpy(to->vector[n] + part->offset, from->vector[n] + part->offset,
			       part->size);
	}
}

void mode_copy_upper(struct xregs *to, const struct xregs *from)
{
	memcpy(to->vector[UPPER_VECTORS], from->vector[UPPER_VECTORS],
	       sizeof(to->vector) / 32 * 24);
}

void mode_forget_exceptions(void)
{
	static struct probe_result result;
	struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = 3, .init = X87 };

	if (probe_ops->why_not(&p))
		p.cpl = 0;
	probe_run(&p, &result);
}

static unsigned int count(uint64_t mask)
{
	unsigned int n = 0;

	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

static uint64_t nth(uint64_t mask, unsigned int n)
{
	while (n--)
		mask &= mask - 1;
	return mask & -mask;
}

uint64_t mode_subset(uint64_t all, unsigned int n)
{
	unsigned int components = count(all);

	if (n == 0)
		return 0;
	if (n == 1)
		return all;
	n -= 2;
	if (n < components)
		return nth(all, n);
	n -= components;
	return n < components ? all & ~nth(all, n) : all & table_random();
}

unsigned int mode_subsets(uint64_t all)
{
	return 2 + 2 * count(all) + (options.depth_full ? RANDOM_FULL : RANDOM_QUICK);
}
