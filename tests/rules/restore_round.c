/* SPDX-License-Identifier: MIT */
/*
 * Round trips: what was saved comes back, what was loaded is saved again, also all zeros, under
 * another XCR0, and from the shortest image that there is.
 *
 * Rules: R05 R12, L08, O02, N01; R10 is recorded.
 * Sources: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "XSAVE Area"; vol. 2,
 * "XRSTOR" (XINUSE after it).
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"
#include "save_area.h"

#define PAGE	     4096
#define LOW_HALF     UINT64_C(0xffffffff)
#define FCW_ZERO     0x40 /* bit 6 reads 1 always */
#define SECOND_AREA  (8 * PAGE)
#define REPEAT_QUICK 8
#define REPEAT_FULL  128

/* Which save makes the image for which restore. */
static const struct pair {
	enum rules_form save;
	enum restore_kind restore;
} pairs[] = {
	{ FORM_XSAVE, RESTORE_STANDARD },   { FORM_XSAVEOPT, RESTORE_STANDARD },
	{ FORM_XSAVEC, RESTORE_COMPACTED }, { FORM_XSAVES, RESTORE_COMPACTED },
	{ FORM_XSAVEC, RESTORE_XRSTORS },   { FORM_XSAVES, RESTORE_XRSTORS },
};
#define PAIRS (sizeof(pairs) / sizeof(*pairs))

static uint64_t repeat(void)
{
	return options.depth_full ? REPEAT_FULL : REPEAT_QUICK;
}

/* Mask number @n: each component of @all alone, with those that go with it; all; then random. */
static uint64_t choose_mask(uint64_t all, uint64_t n)
{
	uint64_t left = all, mask;

	for (; left && n; n--)
		left &= left - 1;
	if (left)
		mask = left & -left;
	else
		mask = n ? all & table_random() : all;
	return mask & RESTORE_AMX ? mask | (RESTORE_AMX & all) : mask;
}

static uint64_t masks(uint64_t all)
{
	return save_bits(all) + repeat();
}

static bool pair_runs(const struct pair *p, struct save *s, struct restore *r, unsigned int way)
{
	*r = (struct restore){ .kind = p->restore,
			       .xcr0 = probe_ops->get(PROBE_XCR0),
			       .judge = RESTORE_JUDGE_REGISTERS };
	*s = (struct save){ .form = p->save, .xcr0 = r->xcr0 };
	r->xss = s->xss = probe_ops->get(PROBE_XSS);
	if (!restore_way(r, way) || !save_runs_at(s->form, r->cpl))
		return false;
	s->cpl = r->cpl;
	s->rex_w = r->rex_w;
	return true;
}

/* The 32-bit form keeps only half of the pointers. */
static void expect_saved(const struct save *s, const struct restore *r, const char *rule)
{
	static struct xregs expected;
	uint64_t mask = s->mask & s->xcr0 & restore_movable(r);

	expected = save_regs;
	if (!s->rex_w) {
		expected.x87.fip &= LOW_HALF;
		expected.x87.fdp &= LOW_HALF;
	}
	oracle_same(&expected, restore_regs(), mask, true, rule, restore_where(r));
}

static void come_back(struct save *s, struct restore *r, uint64_t number)
{
	s->dirty = save_dirty(s->xcr0, s->xcr0);
	s->mask = r->mask = choose_mask(s->dirty, number);
	save_values(s);
	restore_open_keys(&save_regs, s->xcr0);
	if (!area_choose(s) || !save_reload(s))
		return;
	area_fill(s, OLD_FRESH);
	if (!save_run(s))
		return;
	restore_values(r);
	r->area = s->area;
	if (restore_probe(r))
		expect_saved(s, r, "R05");
}

/* Probes: the pairs and forms that there are, times the components of XCR0 and REPEAT masks more;
 * each a save, a restore and two XGETBV. */
static void run_pairs(const char *table, void (*one)(struct save *, struct restore *, uint64_t))
{
	uint64_t count = masks(save_dirty(probe_ops->get(PROBE_XCR0), ~UINT64_C(0)));
	struct restore r;
	struct save s;

	table_begin(table, PAIRS * RESTORE_WAYS * count);
	for (unsigned int i = 0; i < PAIRS * RESTORE_WAYS; i++) {
		for (uint64_t n = 0; n < count; n++) {
			if (table_case() &&
			    pair_runs(&pairs[i / RESTORE_WAYS], &s, &r, i % RESTORE_WAYS))
				one(&s, &r, n);
		}
	}
	table_end();
	restore_end();
	save_counted();
}

XTEST(restore, what_was_saved_comes_back, .rules = "R05 R01 R11 R12 O02")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_pairs("restore_saved", come_back);
}

/* Of x87 without the pointers and the bytes that may be anything. */
static bool is_judged(unsigned int bit, uint64_t cb, uint32_t at)
{
	if (bit == 0 && at >= 5 && at < ORACLE_MXCSR)
		return false;
	return !oracle_open_byte(bit, cb, at);
}

static void expect_component(const struct restore *r, const struct save *s, unsigned int bit)
{
	struct oracle_part to[2], from[2];
	uint64_t cb = oracle_get64(s->area + ORACLE_CB);
	unsigned int count = oracle_parts(bit, cb, to);
	static uint8_t got[8192];

	oracle_parts(bit, restore_cb(r), from);
	while (count--) {
		memcpy(got, s->area + to[count].offset, to[count].size);
		for (uint32_t i = 0; i < to[count].size; i++) {
			if (!is_judged(bit, cb, to[count].offset + i))
				got[i] = r->area[from[count].offset + i];
		}
		expect_bytes(got, r->area + from[count].offset, to[count].size, "R05",
			     "component %u by %s after %s", bit, save_insn(s)->name,
			     restore_where(r));
	}
}

/* The restore and nothing else: no register is looked at. */
static bool restore_only(const struct restore *r)
{
	struct probe p = { .insn = restore_insn(r), .mode = PROBE_64, .cpl = r->cpl };
	static struct probe_result result;

	p.gprs.rdi = (uint64_t)(uintptr_t)r->area;
	p.gprs.rax = (uint32_t)r->mask;
	p.gprs.rdx = r->mask >> 32;
	probe_run(&p, &result);
	table_probe(0);
	return expect_fault(result.fault, NO_FAULT, "R12", "%s", restore_where(r));
}

/* First with an image that has none of them: so it is the restore that puts them in use. */
static bool restore_from_initial(const struct restore *r)
{
	uint64_t bv = restore_bv(r);
	bool good;

	oracle_put64(r->area + ORACLE_BV, 0);
	good = restore_only(r);
	oracle_put64(r->area + ORACLE_BV, bv);
	return good && restore_only(r);
}

/*
 * From an image to an image. Here components count that struct xregs knows, but this CPU's
 * instructions cannot reach.
 */
static void save_again(struct save *s, struct restore *r, uint64_t number)
{
	uint64_t known = save_known(s->xcr0) & XREGS_MASK, bv;

	s->mask = r->mask = choose_mask(known, number);
	restore_values(r);
	restore_fill(r, r->mask, r->kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | known);
	if (!restore_probe(r))
		return;
	s->area = probe_ops->arena + SECOND_AREA;
	memset(s->area, 0, oracle_image_size(0, known) + ORACLE_EXTENDED);
	if (!restore_from_initial(r))
		return;
	if (!save_run(s))
		return;
	table_probe(oracle_image_size(restore_cb(r), known));
	bv = oracle_get64(s->area + ORACLE_BV) & s->mask;
	expect_equal(bv, s->mask, "O02", "XSTATE_BV by %s after %s", save_insn(s)->name,
		     restore_where(r));
	for (unsigned int i = 0; bv >> i; i++) {
		if (bv >> i & 1)
			expect_component(r, s, i);
	}
}

XTEST(restore, what_was_loaded_is_saved_again, .rules = "R05 R01 R02 R11 R12 O02")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_pairs("restore_saved_again", save_again);
}

/* Zeros in the image are values like others, and their component is in use. TILECFG is left out: a
 * configuration of zeros is none. */
static void load_zeros(struct restore *r, uint64_t number)
{
	uint64_t all = restore_movable(r) & ~RESTORE_AMX;
	uint32_t mxcsr;

	r->mask = choose_mask(all, number);
	restore_values(r);
	mxcsr = restore_inside.mxcsr;
	memset(&restore_inside, 0, sizeof(restore_inside));
	restore_inside.mxcsr = mxcsr;
	restore_inside.x87.fcw = FCW_ZERO;
	restore_fill(r, all, r->kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | all);
	restore_probe(r);
}

static void run_kinds(const char *table, uint64_t count, uint64_t xcr0,
		      void (*one)(struct restore *, uint64_t))
{
	struct restore r = { .xcr0 = xcr0,
			     .xss = probe_ops->get(PROBE_XSS),
			     .judge = RESTORE_JUDGE_REGISTERS };

	table_begin(table, (uint64_t)RESTORE_KINDS * RESTORE_WAYS * count);
	for (uint64_t i = 0; i < (uint64_t)RESTORE_KINDS * RESTORE_WAYS * count; i++) {
		r.kind = (enum restore_kind)(i / count / RESTORE_WAYS);
		if (table_case() && restore_way(&r, i / count % RESTORE_WAYS))
			one(&r, i % count);
	}
	table_end();
	restore_end();
}

XTEST(restore, zeros_are_loaded_like_any_value, .rules = "O02 R05 R01 R11 R12")
{
	uint64_t xcr0;

	if (restore_skip(RESTORE_STANDARD))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	run_kinds("restore_zeros", masks(xcr0 & facts.movable & ~RESTORE_AMX), xcr0, load_zeros);
}

/* Legacy region and header end at a page that is not there. */
static void header_alone(struct restore *r, uint64_t number)
{
	if (r->kind == RESTORE_STANDARD)
		return;
	r->mask = choose_mask(restore_movable(r), number);
	r->about = "L08";
	restore_values(r);
	restore_fill(r, 0, ORACLE_COMPACT);
	memmove(probe_ops->arena + PAGE - ORACLE_EXTENDED, r->area, ORACLE_EXTENDED);
	r->area = probe_ops->arena + PAGE - ORACLE_EXTENDED;
	if (!probe_ops->protect(1, PROBE_NOT_PRESENT, 0))
		test_error("a page of the arena cannot be protected");
	restore_probe(r);
	probe_ops->protect(1, PROBE_READ_WRITE, 0);
}

XTEST(restore, header_alone_initialises_everything, .rules = "L08 R01 R11")
{
	uint64_t xcr0;

	if (restore_skip(RESTORE_COMPACTED))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	run_kinds("restore_header_alone", masks(xcr0 & facts.movable), xcr0, header_alone);
}

/* An image that was saved under a smaller XCR0. */
static void other_xcr0(const struct pair *p, uint64_t small, uint64_t large)
{
	struct restore r;
	struct save s;

	if (!pair_runs(p, &s, &r, 1) && !pair_runs(p, &s, &r, 3))
		return;
	s.xcr0 = small;
	s.dirty = s.mask = save_dirty(small, small);
	save_values(&s);
	restore_open_keys(&save_regs, large);
	if (!save_set(PROBE_XCR0, small, "X15") || !area_choose(&s) || !save_reload(&s))
		return;
	area_fill(&s, OLD_FRESH);
	if (!save_run(&s) || !save_set(PROBE_XCR0, large, "X15"))
		return;
	r.xcr0 = large;
	r.mask = save_known(large);
	r.area = s.area;
	restore_values(&r);
	if (restore_probe(&r))
		expect_saved(&s, &r, "R12");
}

static bool contains(uint64_t large, uint64_t small)
{
	return large != small && !(small & ~large);
}

static void run_other(uint64_t *cases, bool counting)
{
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		for (uint64_t y = facts_xcr0_some(0); y; y = facts_xcr0_some(y)) {
			for (unsigned int i = 0; i < PAIRS && contains(y, x); i++) {
				++*cases;
				if (!counting && table_case())
					other_xcr0(&pairs[i], x, y);
			}
		}
	}
}

XTEST(restore, image_of_a_smaller_xcr0_is_loaded, .rules = "R12 R02 R05 L06 O02")
{
	uint64_t xcr0, cases = 0;

	if (restore_skip(RESTORE_STANDARD) ||
	    facts_skip(probe_ops->can_set(PROBE_XCR0), "CPL 0, to write XCR0"))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	run_other(&cases, true);
	table_begin("restore_other_xcr0", cases);
	run_other(&cases, false);
	save_set(PROBE_XCR0, xcr0, "X15");
	table_end();
	restore_end();
	save_counted();
}

/* Legacy region and header are there, the extended region is not: the manuals do not say what a
 * restore has loaded by then. */
static void fault_midway(struct restore *r)
{
	static struct probe_result result;
	struct probe p = { .mode = PROBE_64, .regs = &restore_before, .load = restore_movable(r) };

	restore_values(r);
	restore_fill(r, r->xcr0 & facts.movable & ~RESTORE_AMX, 0);
	memmove(probe_ops->arena + PAGE - ORACLE_EXTENDED, r->area, ORACLE_EXTENDED);
	p.insn = restore_insn(r);
	p.cpl = r->cpl;
	p.store = RESTORE_SSE;
	p.gprs.rdi = (uint64_t)(uintptr_t)probe_ops->arena + PAGE - ORACLE_EXTENDED;
	p.gprs.rax = RESTORE_SSE | RESTORE_AVX;
	probe_ops->protect(1, PROBE_NOT_PRESENT, 0);
	probe_run(&p, &result);
	probe_ops->protect(1, PROBE_READ_WRITE, 0);
	table_probe(sizeof(result.gprs));
	expect_fault(result.fault, FAULT(PF, r->cpl ? 4 : 0), "N01", "%s cpl=%u across a page",
		     p.insn->name, p.cpl);
	test_info("observed: R10 %s cpl=%u that raised #PF has %sloaded XMM registers",
		  p.insn->name, p.cpl,
		  xregs_compare(&restore_before, &result.regs, RESTORE_SSE, NULL) ? "" : "not ");
}

XTEST(restore, faulting_xrstor_is_observed, .rules = "N01")
{
	struct restore r = { .kind = RESTORE_STANDARD };

	if (restore_skip(RESTORE_STANDARD))
		return;
	r.xcr0 = probe_ops->get(PROBE_XCR0);
	if (facts_skip(r.xcr0 & facts.movable & RESTORE_AVX, "CPUID.1:ECX[28] AVX"))
		return;
	table_begin("restore_faulting", RESTORE_WAYS);
	for (unsigned int i = 0; i < RESTORE_WAYS; i++) {
		if (table_case() && restore_way(&r, i))
			fault_midway(&r);
	}
	table_end();
	restore_end();
}
