/* SPDX-License-Identifier: MIT */
/*
 * Restores of an image that ends, begins or has a hole at a page that is not there: a #PF where it
 * may or must be, and no other; every register old, new or initial; and when the page is there, the
 * same restore works. A page that cannot be written is no hole.
 *
 * Rules: N01 N02 N05; R10 is recorded.
 * Sources: SDM vol. 1, "Memory Accesses by the XSAVE Feature Set", "Operation of XRSTOR"; vol. 3,
 * "Exception Classifications" (a fault lets the program restart), "Page-Fault Exceptions".
 */
#include <stddef.h>

#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "footprint.h"
#include "oracle.h"

/* A case is an instruction, with and without REX.W, at one CPL, and one mask, of an image with all
 * of it or some; positions are quartered as in footprint_save.c. */
#define QUARTERS 4
#define PKRU	 9
#define CASES	 (2 * QUARTERS)

static struct xregs loaded, initial;
static struct probe_result result;
static uint64_t faulted, had_loaded;

/* Which cases a table has. */
static struct {
	bool differ; /* the image has components that are not asked for, and lacks some that are */
	bool avx_alone; /* masks with AVX and not SSE: in standard format MXCSR goes with it */
} only;

static void make_mixture(const struct restore *r)
{
	uint64_t rfbm = restore_rfbm(r) & restore_movable(r), get = rfbm & restore_bv(r);

	loaded = initial = restore_before;
	for (unsigned int i = 0; get >> i; i++) {
		if (get >> i & 1)
			oracle_decode(&loaded, i, restore_cb(r), r->area, r->rex_w);
	}
	oracle_initial(&initial, rfbm);
	if (restore_mxcsr_loaded(r))
		loaded.mxcsr = restore_mxcsr(r);
	if (rfbm & RESTORE_SSE)
		initial.mxcsr = RESTORE_MXCSR_INIT;
}

/* x87 registers are not judged: their stack order depends on FSW.TOP, which is one of them. */
static bool judge_mixture(const struct restore *r, const struct footprint *f)
{
	const uint8_t *old = (const uint8_t *)&restore_before, *got = (const uint8_t *)&result.regs;
	const uint8_t *new = (const uint8_t *)&loaded, *init = (const uint8_t *)&initial;
	bool changed = false;

	make_mixture(r);
	for (size_t i = offsetof(struct xregs, vector); i < sizeof(struct xregs); i++) {
		changed |= got[i] != old[i];
		if (got[i] != old[i] && got[i] != new[i] && got[i] != init[i])
			return expect_true(false, f->rule,
					   "byte %lu of struct xregs is old, new or initial after "
					   "the #PF, %s",
					   i, restore_where(r));
	}
	faulted++;
	had_loaded += changed;
	test_checked(f->rule, 1);
	return true;
}

void footprint_image(struct restore *r, const struct hole *h, uint64_t bv, uint64_t cb)
{
	const uint32_t size = oracle_image_size(cb, save_known(r->xcr0));

	r->area = hole_area(h);
	table_fill(r->area, size);
	restore_open_area(r, size);
	memset(r->area + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	oracle_put64(r->area + ORACLE_BV, bv);
	oracle_put64(r->area + ORACLE_CB, cb);
	restore_encode(r);
}

/* Whatever a broken restore has put into PKRU: the image can be looked at again. */
static void open_keys(const struct restore *r)
{
	static struct probe_result aside;
	struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = r->cpl };

	p.load = restore_movable(r) & UINT64_C(1) << PKRU;
	p.regs = &restore_before;
	if (p.load)
		probe_run(&p, &aside);
}

static bool run_closed(const struct restore *r, const struct footprint *f, const struct hole *h)
{
	struct probe p = footprint_probe(restore_insn(r), r->cpl, r->area, r->mask);

	p.regs = &restore_before;
	p.load = p.store = restore_movable(r);
	result.regs = restore_before;
	if (!hole_close(h))
		return expect_true(false, f->rule, "a page of the arena can be protected");
	probe_run(&p, &result);
	hole_open();
	open_keys(r);
	table_probe(sizeof(result.gprs) + sizeof(result.regs));
	return footprint_judge(f, h, &result, restore_where(r)) &&
	       footprint_gprs(&p, &result, "R11", restore_where(r));
}

static void probe_restore(struct restore *r, const struct hole *h, uint64_t bv, uint64_t cb)
{
	struct footprint f;

	footprint_image(r, h, bv, cb);
	f = footprint_of_restore(r);
	if (run_closed(r, &f, h) && (result.fault == NO_FAULT || judge_mixture(r, &f))) {
		restore_reload();
		restore_probe(r);
	}
}

static void slide(struct restore *r, unsigned int quarter, uint64_t bv, uint64_t cb)
{
	uint32_t count = hole_positions(oracle_image_size(cb, save_known(r->xcr0)) + 64);

	for (uint32_t i = options.depth_full ? 0 : quarter; i < count;
	     i += options.depth_full ? 1 : QUARTERS) {
		struct hole h = { .at = hole_position(i) };

		for (unsigned int kind = 0; kind < HOLE_KINDS; kind++) {
			if (hole_access(&h, kind))
				probe_restore(r, &h, bv, cb);
		}
	}
}

/* Tiles can be read as their configuration has them: the two components go together. */
static uint64_t with_amx(uint64_t mask, uint64_t movable)
{
	return mask & RESTORE_AMX ? mask | (RESTORE_AMX & movable) : mask;
}

/* AVX is in each standard image: what its initialisation leaves alone is restore.c's matter. */
static void choose_image(const struct restore *r, unsigned int i, uint64_t *bv, uint64_t *cb)
{
	uint64_t movable = restore_movable(r);

	*bv = r->mask & movable;
	*cb = 0;
	if (i & 2 && r->kind == RESTORE_STANDARD)
		*bv = with_amx((table_random() | RESTORE_AVX) & movable, movable);
	if (r->kind != RESTORE_STANDARD)
		*cb = restore_rfbm(r);
	if (only.differ) {
		*cb = with_amx(table_random() & movable, movable);
		*bv = with_amx(table_random() & *cb, movable);
	}
	if (r->kind != RESTORE_STANDARD)
		*cb |= ORACLE_COMPACT;
}

static void run_case(struct restore *r, unsigned int i)
{
	uint64_t bv, cb;

	r->rex_w = i & 1;
	r->cpl = i & QUARTERS ? 3 : 0;
	if (!restore_runs_at(r->kind, r->cpl) || !table_case() ||
	    only.avx_alone != footprint_avx_alone(restore_rfbm(r)))
		return;
	choose_image(r, i, &bv, &cb);
	r->about = cb ? "N02" : "N01";
	restore_values(r);
	slide(r, i % QUARTERS, bv, cb);
}

static unsigned int masks(uint64_t x, uint64_t xcr0)
{
	return x == xcr0 ? footprint_masks(save_known(x)) : 2;
}

static uint64_t count_cases(enum restore_kind kind, uint64_t xcr0)
{
	uint64_t count = 0;

	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		count += masks(x, xcr0);
	return count * QUARTERS * (restore_runs_at(kind, 0) + restore_runs_at(kind, 3));
}

/* Components that nothing here can load are not asked for. */
static void run_xcr0(enum restore_kind kind, uint64_t x, uint64_t xcr0)
{
	struct restore r = { .kind = kind, .xcr0 = x };

	for (unsigned int m = 0; m < masks(x, xcr0); m++) {
		r.mask = footprint_mask(save_known(x), m) & ~(x & ~facts.movable);
		r.mask = with_amx(r.mask, x);
		if (only.differ) /* a wrong PKRU may close the arena */
			r.mask &= ~(UINT64_C(1) << PKRU);
		for (unsigned int i = 0; i < CASES; i++)
			run_case(&r, i);
	}
}

static void run_table(const char *name, enum restore_kind kind, bool differ, bool avx_alone)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), xss = probe_ops->get(PROBE_XSS);

	faulted = had_loaded = 0;
	only.differ = differ;
	only.avx_alone = avx_alone;
	save_set(PROBE_XSS, 0, "S01");
	table_begin(name, count_cases(kind, xcr0));
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		save_set(PROBE_XCR0, x, "X15");
		run_xcr0(kind, x, xcr0);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	save_set(PROBE_XSS, xss, "S01");
	table_end();
	restore_end();
	test_info("observed: R10 faulting restores that had changed registers: %lu of %lu",
		  had_loaded, faulted);
}

XTEST(footprint, restores_touch_what_they_load, .rules = "N01 N05 R11")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_table("footprint_restores", RESTORE_STANDARD, false, false);
}

XTEST(footprint, restores_of_avx_alone_touch_mxcsr, .rules = "N01 N05 M04 R11")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_table("footprint_restores_avx", RESTORE_STANDARD, false, true);
}

XTEST(footprint, compacted_restores_touch_what_they_load, .rules = "N02 N05 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("footprint_compacted", RESTORE_COMPACTED, false, false);
}

XTEST(footprint, compacted_restores_of_avx_alone_touch_it, .rules = "N02 N05 M05 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("footprint_compacted_avx", RESTORE_COMPACTED, false, true);
}

XTEST(footprint, compacted_restores_touch_cb_and_rfbm, .rules = "N02 N05 L04 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("footprint_differs", RESTORE_COMPACTED, true, false);
}

XTEST(footprint, xrstors_touches_what_it_loads, .rules = "N02 N05 R11")
{
	if (!restore_skip(RESTORE_XRSTORS))
		run_table("footprint_xrstors", RESTORE_XRSTORS, false, false);
}
