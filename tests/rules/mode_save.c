/* SPDX-License-Identifier: MIT */
/*
 * Saves outside 64-bit mode: which bytes they write, and what XSTATE_BV says.
 *
 * A component whose lower registers are not in their initial configuration must have its bit in
 * XSTATE_BV and its bytes in the image. The other way round nothing is sure: XINUSE may be 1 for a
 * component that is in its initial configuration, and so for Hi16_ZMM, which outside 64-bit mode
 * always is: Intel's CPUs write 0 for it, a Zen 4 writes 1 and no byte.
 *
 * Rules: D01 D03, and of the rest of the image R05, V01-V04, M01 M02; SDM vol. 1, "Processor
 * Tracking of XSAVE-Managed State", "XSAVE-Managed State", "Operation of XSAVE", "Operation of
 * XSAVEOPT", "Operation of XSAVEC", "Operation of XSAVES".
 *
 * Probes: 7 modes x 4 forms x 3 states x (10 + 2 n) masks, n the components of XCR0.
 */
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "mode.h"
#include "oracle.h"

#define HEADER	 512
#define RESERVED 528 /* bytes of the header behind XCOMP_BV */
#define LEGACY	 512
#define MARGIN	 64 /* bytes behind the image that are looked at, too */
#define SAVES	 4  /* of enum rules_form */

/* What the registers hold. */
enum state { ALL_IN_USE, LOWER_INITIAL, SOME_INITIAL, STATES };
static const char *const state_names[] = { "all", "upper registers only", "some" };

static struct {
	const struct way *way;
	enum rules_form form;
	enum state state;
	uint64_t xcr0, rfbm;
	uint64_t cb;	  /* 0: standard format */
	uint64_t initial; /* components that were initialised, not loaded */
	uint32_t size;	  /* bytes that are compared */
	bool same;	  /* all so far */
	bool avx_alone;	  /* the table takes such RFBMs, and only such */
	char where[192];
} now;

static struct xregs regs;
static struct probe_result result;
static uint8_t old[PROBE_ARENA_SIZE], want[PROBE_ARENA_SIZE];

static void make_registers(void)
{
	uint64_t mask = mode_mask(now.xcr0);

	now.initial = now.state == SOME_INITIAL ? mask & table_random() : 0;
	oracle_values(&regs, mask, table_seed());
	if (now.state == LOWER_INITIAL)
		memset(regs.vector, 0, sizeof(regs.vector) / 32 * 8);
	oracle_initial(&regs, now.initial);
	/* with its initial value it does not put SSE in use by itself */
	if (now.initial & 2 || table_random() & 1)
		regs.mxcsr = XSAVE_DEFAULT_MXCSR;
}

static void make_memory(void)
{
	table_fill(old, now.size);
	memcpy(probe_ops->arena, old, now.size);
}

/* The bytes of one component go to @want, as far as it is saved here. */
static void expect_component(unsigned int bit)
{
	static uint8_t image[PROBE_ARENA_SIZE];
	struct oracle_part parts[2];
	unsigned int n = oracle_parts(bit, now.cb, parts);

	memcpy(image, want, now.size);
	oracle_encode(image, bit, now.cb, &regs, false);
	for (unsigned int i = 0; i < n; i++)
		memcpy(want + parts[i].offset, image + parts[i].offset,
		       n == 2 ? parts[i].size : mode_lower_size(bit));
}

/* Bytes that may have any value: of the x87 part, the pointers where the CPU does not keep them. */
static bool open_byte(unsigned int bit, uint32_t offset)
{
	if (bit == 0 && offset >= 6 && offset < 24)
		return !xregs_cpu.pointers || (offset & 7) >= 4;
	return oracle_open_byte(bit, now.cb, offset);
}

static void expect_open_bytes(unsigned int bit)
{
	struct oracle_part parts[2];
	unsigned int n = oracle_parts(bit, now.cb, parts);

	for (unsigned int i = 0; i < n; i++) {
		for (uint32_t o = parts[i].offset; o < parts[i].offset + parts[i].size; o++) {
			if (open_byte(bit, o))
				want[o] = probe_ops->arena[o];
		}
	}
}

/* XSAVE writes all that is asked for; the others leave out what XSTATE_BV says is initial. */
static bool is_written(unsigned int bit, uint64_t bv)
{
	return now.rfbm >> bit & 1 && (now.form == FORM_XSAVE || bv >> bit & 1);
}

static void expect_mxcsr(uint64_t bv)
{
	uint64_t with = form_compacted(now.form) ? 2 & bv : 6;

	if (!(now.rfbm & with))
		return;
	memcpy(want + ORACLE_MXCSR, &regs.mxcsr, sizeof(regs.mxcsr));
	memcpy(want + ORACLE_MASK, &facts.mxcsr_mask, sizeof(facts.mxcsr_mask));
}

static void make_expected(uint64_t bv)
{
	memcpy(want, old, now.size);
	for (unsigned int bit = 0; bit < 63; bit++) {
		if (!is_written(bit, bv))
			continue;
		expect_component(bit);
		expect_open_bytes(bit);
	}
	expect_mxcsr(bv);
	oracle_put64(want + ORACLE_BV, bv);
	if (now.cb)
		oracle_put64(want + ORACLE_CB, now.cb);
}

/* XSTATE_BV: what is in use must be said; what was not asked for stays, or is 0. */
static void check_bv(uint64_t bv)
{
	uint64_t outside = now.cb ? 0 : oracle_get64(old + ORACLE_BV) & ~now.rfbm;

	expect_equal(bv & ~now.rfbm, outside, now.cb ? "V03" : "V01", "%s XSTATE_BV outside RFBM",
		     now.where);
	for (uint64_t left = now.rfbm & mode_mask(now.xcr0); left; left &= left - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(left);

		if (!mode_lower_initial(&regs, bit))
			expect_true(bv >> bit & 1, MODE_LOWER >> bit & 1 ? "D03" : "O01",
				    "%s XSTATE_BV[%u] of a component in use", now.where, bit);
	}
}

static void check_range(uint32_t from, uint32_t to, const char *rule, const char *what)
{
	if (to > from)
		now.same &= expect_bytes(probe_ops->arena + from, want + from, to - from, rule,
					 "%s %s+%u", now.where, what, from);
}

static void check_component(unsigned int bit)
{
	struct oracle_part parts[2];
	unsigned int n = oracle_parts(bit, now.cb, parts);
	const char *rule = now.rfbm >> bit & 1 ? "R05" : "V04";
	uint32_t lower = parts[0].offset + mode_lower_size(bit);

	if (n == 2) {
		check_range(0, parts[0].size, rule, "x87");
		check_range(parts[1].offset, parts[1].offset + parts[1].size, rule, "ST");
		return;
	}
	check_range(parts[0].offset, lower, rule, "lower registers");
	check_range(lower, parts[0].offset + parts[0].size, MODE_UPPER >> bit & 1 ? "D01" : rule,
		    "upper registers");
}

static void check_memory(void)
{
	uint64_t there = now.cb ? now.cb & ~ORACLE_COMPACT : now.xcr0;

	now.same = true;
	for (unsigned int bit = 0; bit < 63; bit++) {
		if ((there | 3) >> bit & 1)
			check_component(bit);
	}
	check_range(ORACLE_MXCSR, ORACLE_MXCSR + 8, form_compacted(now.form) ? "M02" : "M01",
		    "MXCSR");
	check_range(ORACLE_CB, ORACLE_EXTENDED, now.cb ? "V03" : "V02", "header");
	if (now.same) /* else they have been shown with their own rule */
		check_range(0, now.size, "V04", "byte");
}

static void check_registers(void)
{
	uint64_t mask = mode_mask(now.xcr0);

	if (way_loses_upper(now.way))
		mode_copy_upper(&regs, &result.regs);
	oracle_same(&regs, &result.regs, mask, mask >> 1 & 1, "V13", now.where);
}

static void name_case(void)
{
	format_text(now.where, sizeof(now.where),
		    "%s %s xcr0=0x%lx rfbm=0x%lx in use=%s init=0x%lx", now.way->name,
		    form_insn(now.form, false)->name, now.xcr0, now.rfbm, state_names[now.state],
		    now.initial);
}

static void probe_save(void)
{
	struct probe p = way_probe(now.way, form_insn(now.form, false), 0, now.rfbm);
	uint64_t bv;

	now.cb = form_compacted(now.form) ? ORACLE_COMPACT | now.rfbm : 0;
	now.size = oracle_image_size(now.cb, now.xcr0) + MARGIN;
	make_registers();
	make_memory();
	name_case();
	p.regs = &regs;
	p.init = now.initial;
	p.load = mode_mask(now.xcr0) & ~now.initial;
	p.store = mode_mask(now.xcr0);
	probe_run(&p, &result);
	table_probe(now.size);
	if (!expect_fault(result.fault, NO_FAULT, "D01", "%s", now.where))
		return;
	bv = oracle_get64(probe_ops->arena + ORACLE_BV);
	check_bv(bv);
	make_expected(bv);
	check_memory();
	check_registers();
	way_check_gprs(&p, &result, "V13", now.where);
}

/* Whether a case of this way and form can be run at all. */
static bool possible(void)
{
	if (form_missing(now.form) || way_missing(now.way))
		return false;
	return now.form != FORM_XSAVES || now.way->cpl == 0;
}

static uint64_t some_xcr0(uint64_t last)
{
	uint64_t next = facts_xcr0_some(last);

	while (next && next != 3 && facts_xcr0_some(next))
		next = facts_xcr0_some(next);
	return next;
}

static void probe_masks(void)
{
	unsigned int masks = mode_subsets(mode_mask(now.xcr0));

	for (unsigned int i = 0; i < masks; i++) {
		if (!table_case())
			continue;
		now.rfbm = mode_subset(mode_mask(now.xcr0), i);
		if (possible() && oracle_avx_alone(now.rfbm) == now.avx_alone)
			probe_save();
	}
}

static void probe_states(void)
{
	for (unsigned int w = 0; w < WAYS; w++) {
		for (unsigned int i = 0; i < SAVES * STATES; i++) {
			now.way = &ways[w];
			now.form = (enum rules_form)(i / STATES);
			now.state = (enum state)(i % STATES);
			probe_masks();
		}
	}
}

static void run_table(const char *name, bool avx_alone)
{
	uint64_t before, cases = 0;

	if (way_skip() ||
	    (avx_alone && facts_skip(facts.xcr0_supported & 4, "CPUID.(0DH,0):EAX[2] AVX")))
		return;
	now.avx_alone = avx_alone;
	before = probe_ops->get(PROBE_XCR0);
	for (now.xcr0 = some_xcr0(0); now.xcr0; now.xcr0 = some_xcr0(now.xcr0))
		cases += (uint64_t)WAYS * SAVES * STATES * mode_subsets(mode_mask(now.xcr0));
	table_begin(name, cases);
	for (now.xcr0 = some_xcr0(0); now.xcr0; now.xcr0 = some_xcr0(now.xcr0)) {
		if (probe_ops->can_set(PROBE_XCR0))
			probe_ops->set(PROBE_XCR0, now.xcr0);
		probe_states();
	}
	table_end();
	if (probe_ops->can_set(PROBE_XCR0))
		probe_ops->set(PROBE_XCR0, before);
}

XTEST(mode, upper_registers_are_not_saved, .rules = "D01 D03 R05 V01 V02 V03 V04 V13 M01 M02")
{
	run_table("mode_saves", false);
}

XTEST(mode, mxcsr_is_saved_with_avx_alone, .rules = "D01 D03 R05 V01 V02 V03 V04 V13 M01 M02")
{
	run_table("mode_saves_avx", true);
}
