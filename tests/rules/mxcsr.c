/* SPDX-License-Identifier: MIT */
/*
 * MXCSR in a restore: when it is loaded, which values it takes, and that no value raises anything
 * but #GP; LDMXCSR as contrast.
 *
 * Rules: M04-M09.
 * Sources: SDM vol. 1, "Operation of XRSTOR" (standard and compacted form), "Guidelines for Writing
 * to the MXCSR Register"; vol. 2, "LDMXCSR"; APM vol. 1, "MXCSR Register".
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define BITS	    32
#define SPECIAL	    8 /* further single values */
#define SINGLES	    (2 * BITS + SPECIAL)
#define PAIRS	    (BITS * (BITS - 1) / 2)
#define VALUES	    (SINGLES + PAIRS)
#define BLOCK	    8 /* values of a case, which share image and registers */
#define BLOCKS	    ((VALUES + BLOCK - 1) / BLOCK)
#define FLAGS	    0x3f /* and their masks 7 bits above */
#define MASKS_SHIFT 7
#define ALL_BITS    0x2ffff /* that any CPU has; bit 17 is AMD's MM */
#define NEEDED_BITS 0xffbf  /* that every CPU has */

/* Each bit alone, and the other way round in the initial value; zeros, ones and the mask; each two
 * bits. */
static uint32_t value_of(unsigned int n)
{
	const uint32_t special[SPECIAL] = {
		0,
		UINT32_MAX,
		facts.mxcsr_mask,
		~facts.mxcsr_mask,
		RESTORE_MXCSR_INIT,
		RESTORE_MXCSR_INIT | FLAGS,
		FLAGS,
		0xffff,
	};
	unsigned int a = 0, b = 1;

	if (n < BITS)
		return UINT32_C(1) << n;
	if (n < 2 * BITS)
		return RESTORE_MXCSR_INIT ^ UINT32_C(1) << (n - BITS);
	if (n < SINGLES)
		return special[n - 2 * BITS];
	for (n -= SINGLES; n; n--) {
		if (++b == BITS)
			b = ++a + 1;
	}
	return UINT32_C(1) << a | UINT32_C(1) << b;
}

/* Which RFBM decides; of the components beyond AVX any. */
static const uint64_t rfbms[] = {
	0, 1, 2, 3, 4, 5, 6, 7, ~UINT64_C(7), ~UINT64_C(3), ~UINT64_C(2), ~UINT64_C(4)
};
#define RFBMS (sizeof(rfbms) / sizeof(*rfbms))

static bool raises(uint32_t value)
{
	return value & ~(value >> MASKS_SHIFT) & FLAGS;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static bool is_reserved(uint32_t value)
{
	return value & ~facts.mxcsr_mask;
}

static bool probe_value(struct restore *r, uint32_t value)
{
	put32(r->area + ORACLE_MXCSR, value);
	if (!restore_probe(r))
		return false;
	if (restore_mxcsr_loaded(r) && !is_reserved(value) && raises(value))
		test_checked("M09", 1);
	return true;
}

/* An image with and without SSE in XSTATE_BV. */
static void fill(struct restore *r, bool sse)
{
	uint64_t known = save_known(r->xcr0), bv = known & facts.movable & table_random();

	bv &= ~(RESTORE_AMX | RESTORE_SSE);
	bv |= sse ? RESTORE_SSE & known : 0;
	restore_values(r);
	restore_fill(r, bv, r->kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | known);
}

/*
 * A test takes one part: what is loaded on account of AVX alone; of the rest, reserved bits that
 * are #GP; and values that are loaded, or not looked at. An engine that fails in one of the first
 * two still shows what it does with the last.
 */
enum part { AVX_ALONE, REFUSED, TAKEN };

static bool is_loaded(const struct restore *r, bool sse)
{
	if (r->kind == RESTORE_STANDARD)
		return restore_rfbm(r) & (RESTORE_SSE | RESTORE_AVX);
	return sse && restore_rfbm(r) & RESTORE_SSE;
}

static enum part part_of(const struct restore *r, bool sse, uint32_t value)
{
	if (r->kind == RESTORE_STANDARD && oracle_avx_alone(restore_rfbm(r)))
		return AVX_ALONE;
	return is_loaded(r, sse) && is_reserved(value) ? REFUSED : TAKEN;
}

static bool has_part(const struct restore *r, bool sse, unsigned int block, enum part part)
{
	unsigned int n = block * BLOCK, end = n + BLOCK < VALUES ? n + BLOCK : VALUES;

	while (n < end && part_of(r, sse, value_of(n)) != part)
		n++;
	return n < end;
}

static void run_block(struct restore *r, bool sse, unsigned int block, enum part part)
{
	unsigned int from = block * BLOCK;

	fill(r, sse);
	for (unsigned int n = from; n < from + BLOCK && n < VALUES; n++) {
		if (part_of(r, sse, value_of(n)) != part)
			continue;
		while (!restore_way(r, (unsigned int)table_random() % RESTORE_WAYS))
			;
		r->about = is_reserved(value_of(n)) ? "M06" : "M08";
		probe_value(r, value_of(n));
	}
}

/* All values of one RFBM, with and without SSE in the image. */
static uint64_t run_kind(struct restore *r, enum part part, bool counting)
{
	uint64_t cases = 0;

	for (unsigned int i = 0; i < RFBMS * 2; i++) {
		r->mask = rfbms[i / 2] & ~(r->xcr0 & RESTORE_AMX);
		for (unsigned int block = 0; block < BLOCKS; block++) {
			if (!has_part(r, i & 1, block, part))
				continue;
			cases++;
			if (!counting && table_case())
				run_block(r, i & 1, block, part);
		}
	}
	return cases;
}

/* At depth=quick each mixture of x87, SSE and AVX in XCR0 once, and the largest. */
static bool is_run_under(uint64_t xcr0)
{
	uint64_t x = facts_xcr0_some(0);

	if (options.depth_full || !facts_xcr0_some(xcr0))
		return true;
	while ((x & 7) != (xcr0 & 7))
		x = facts_xcr0_some(x);
	return x == xcr0;
}

static void run_table(const char *name, enum restore_kind kind, enum part part)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), cases = 0;
	struct restore r = { .kind = kind, .judge = RESTORE_JUDGE_MXCSR };

	for (r.xcr0 = facts_xcr0_some(0); r.xcr0; r.xcr0 = facts_xcr0_some(r.xcr0))
		cases += is_run_under(r.xcr0) ? run_kind(&r, part, true) : 0;
	table_begin(name, cases);
	for (r.xcr0 = facts_xcr0_some(0); r.xcr0; r.xcr0 = facts_xcr0_some(r.xcr0)) {
		if (is_run_under(r.xcr0) && save_set(PROBE_XCR0, r.xcr0, "X15"))
			run_kind(&r, part, false);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	table_end();
	restore_end();
}

XTEST(mxcsr, standard_xrstor_loads_it_with_sse, .rules = "M04 M06 M08 M09 R11")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_table("mxcsr_standard", RESTORE_STANDARD, TAKEN);
}

XTEST(mxcsr, standard_xrstor_loads_it_with_avx_alone, .rules = "M04 M06 M08 M09 R11")
{
	if (!restore_skip(RESTORE_STANDARD) &&
	    !facts_skip(facts.xcr0_supported & RESTORE_AVX, "CPUID.(0DH,0):EAX[2] AVX"))
		run_table("mxcsr_avx_alone", RESTORE_STANDARD, AVX_ALONE);
}

XTEST(mxcsr, standard_xrstor_refuses_reserved_bits, .rules = "M06 R11")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_table("mxcsr_standard_reserved", RESTORE_STANDARD, REFUSED);
}

XTEST(mxcsr, compacted_xrstor_loads_it_with_sse, .rules = "M05 M06 M08 M09 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("mxcsr_compacted", RESTORE_COMPACTED, TAKEN);
}

XTEST(mxcsr, compacted_xrstor_refuses_reserved_bits, .rules = "M06 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("mxcsr_compacted_reserved", RESTORE_COMPACTED, REFUSED);
}

XTEST(mxcsr, xrstors_loads_it_with_sse, .rules = "M05 M06 M08 M09 R11")
{
	if (!restore_skip(RESTORE_XRSTORS))
		run_table("mxcsr_xrstors", RESTORE_XRSTORS, TAKEN);
}

XTEST(mxcsr, xrstors_refuses_reserved_bits, .rules = "M06 R11")
{
	if (!restore_skip(RESTORE_XRSTORS))
		run_table("mxcsr_xrstors_reserved", RESTORE_XRSTORS, REFUSED);
}

static void expect_mxcsr(const struct restore *r, uint32_t value, uint32_t in_image)
{
	struct probe p = {
		.insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = r->cpl, .store = RESTORE_SSE
	};
	static struct probe_result result;

	probe_run(&p, &result);
	table_probe(sizeof(value));
	expect_equal(result.regs.mxcsr, value, "M07", "MXCSR after %s MXCSR_MASK=0x%x",
		     restore_where(r), in_image);
}

/*
 * MXCSR_MASK of the image is no mask: whatever it says, the same values are taken, and whole. First
 * it is the CPU's own: what fails then has nothing to do with it.
 */
static void foreign_mask(struct restore *r, unsigned int bit)
{
	const uint32_t value = UINT32_C(1) << bit;
	const uint32_t in_image[] = { 0, UINT32_MAX, value, ~value };

	fill(r, true);
	put32(r->area + ORACLE_MASK, facts.mxcsr_mask);
	r->mask = RESTORE_SSE;
	r->about = "M08";
	r->judge = RESTORE_JUDGE_MXCSR;
	if (!probe_value(r, value))
		return;
	r->about = "M07";
	r->judge = 0;
	for (unsigned int i = 0; i < sizeof(in_image) / sizeof(*in_image); i++) {
		put32(r->area + ORACLE_MASK, in_image[i]);
		if (probe_value(r, value))
			expect_mxcsr(r, value, in_image[i]);
	}
}

XTEST(mxcsr, mask_in_the_image_is_ignored, .rules = "M07 M04 M05 M08 M09 R11")
{
	struct restore r = { .kind = RESTORE_STANDARD };

	if (restore_skip(RESTORE_STANDARD))
		return;
	r.xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("mxcsr_mask", (uint64_t)RESTORE_KINDS * RESTORE_WAYS * BITS);
	for (unsigned int i = 0; i < RESTORE_KINDS * RESTORE_WAYS * BITS; i++) {
		r.kind = (enum restore_kind)(i / BITS / RESTORE_WAYS);
		if (table_case() && restore_way(&r, i / BITS % RESTORE_WAYS) &&
		    r.xcr0 & RESTORE_SSE && facts.mxcsr_mask >> (i % BITS) & 1)
			foreign_mask(&r, i % BITS);
	}
	table_end();
	restore_end();
}

/* LDMXCSR knows the same bits. */
static void ldmxcsr(unsigned int cpl, uint32_t value)
{
	fault_t fault = is_reserved(value) ? FAULT(GP, 0) : NO_FAULT;
	struct probe p = { .insn = &insn_ldmxcsr_bytes, .mode = PROBE_64, .cpl = cpl };
	static struct probe_result result;

	if (probe_ops->why_not(&p))
		return;
	put32(probe_ops->arena, value);
	p.gprs.rdi = (uint64_t)(uintptr_t)probe_ops->arena;
	probe_run(&p, &result);
	expect_fault(result.fault, fault, "M08", "LDMXCSR 0x%x, MXCSR_MASK=0x%x", value,
		     facts.mxcsr_mask);
	p.insn = &insn_stmxcsr_bytes;
	probe_run(&p, &result);
	table_probe(2 * sizeof(value));
	if (!fault)
		expect_equal(oracle_get64(probe_ops->arena) & UINT32_MAX, value, "M08",
			     "STMXCSR after LDMXCSR");
}

static void run_ldmxcsr(const char *name, bool reserved)
{
	uint64_t cases = 0;

	for (unsigned int i = 0; i < 2 * VALUES; i++)
		cases += is_reserved(value_of(i / 2)) == reserved;
	table_begin(name, cases);
	for (unsigned int i = 0; i < 2 * VALUES; i++) {
		if (is_reserved(value_of(i / 2)) == reserved && table_case())
			ldmxcsr(i & 1 ? 3 : 0, value_of(i / 2));
	}
	table_end();
	restore_end();
}

XTEST(mxcsr, ldmxcsr_takes_the_bits_of_the_mask, .rules = "M08")
{
	if (restore_skip(RESTORE_STANDARD))
		return;
	expect_equal(facts.mxcsr_mask & NEEDED_BITS, NEEDED_BITS, "M08", "MXCSR_MASK");
	expect_equal(facts.mxcsr_mask & ~UINT32_C(ALL_BITS), 0, "M08", "MXCSR_MASK");
	run_ldmxcsr("mxcsr_ldmxcsr", false);
}

/* Every value of the bits that every CPU has, DAZ left out, comes back as it was. */
XTEST(mxcsr, every_value_comes_back, .rules = "M08")
{
	if (restore_skip(RESTORE_STANDARD))
		return;
	table_begin("mxcsr_every", NEEDED_BITS + 1);
	for (uint32_t value = 0; value <= NEEDED_BITS; value++) {
		if (table_case() && !(value & ~NEEDED_BITS)) {
			ldmxcsr(0, value);
			ldmxcsr(3, value);
		}
	}
	table_end();
	restore_end();
}

XTEST(mxcsr, ldmxcsr_refuses_reserved_bits, .rules = "M08")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_ldmxcsr("mxcsr_ldmxcsr_reserved", true);
}
