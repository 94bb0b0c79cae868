/* SPDX-License-Identifier: MIT */
/*
 * Saves whose area ends, begins or has a hole at a page that is not there or cannot be written: a
 * #PF where it may or must be, and no other; every byte of memory old or new; and when the page is
 * there, the same save works.
 *
 * Rules: N01 N02 N05 V09; N04 is recorded.
 * Sources: SDM vol. 1, "Memory Accesses by the XSAVE Feature Set"; vol. 3, "Exception
 * Classifications" (a fault lets the program restart), "Page-Fault Exceptions".
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "footprint.h"
#include "oracle.h"
#include "save_area.h"

/*
 * A case is an instruction, with and without REX.W, at one CPL, one mask, and one state: all
 * components dirty, or some. At depth=quick each takes every fourth position of the hole; the four
 * cases of the same mask and CPL take all.
 */
#define QUARTERS 4
#define CASES	 (2 * QUARTERS) /* of a form and a mask: CPL, REX.W, state */

static uint8_t before[FOOTPRINT_AREA_MAX], between[FOOTPRINT_AREA_MAX];
static struct probe_result result;
static uint64_t faulted, had_written;
static bool avx_alone; /* whether the table is of masks with AVX and not SSE: MXCSR goes with it */

static void count_written(uint32_t span)
{
	faulted++;
	had_written += memcmp(before, between, span) != 0;
}

/* Memory after the fault, @between, is a mixture of that before and that of the completed save. */
static bool judge_mixture(const struct save *s, const struct footprint *f, uint32_t span)
{
	for (uint32_t i = 0; i < span; i++) {
		if (between[i] != before[i] && between[i] != s->area[i])
			return expect_true(false, f->rule,
					   "byte %u is old or new after the #PF, %s", i,
					   save_where(s));
	}
	test_checked(f->rule, 1);
	return true;
}

/* The page is there again. */
static bool save_again(const struct save *s, const struct footprint *f)
{
	uint32_t span = area_span(s);

	if (result.fault == NO_FAULT)
		return area_judge(s, oracle_get64(s->area + ORACLE_BV));
	memcpy(between, s->area, span);
	count_written(span);
	return save_run(s) && area_judge(s, oracle_get64(s->area + ORACLE_BV)) &&
	       judge_mixture(s, f, span);
}

static bool probe_save(struct save *s, const struct hole *h)
{
	struct footprint f;
	struct probe p;

	s->area = hole_area(h);
	area_fill(s, OLD_JUNK);
	memcpy(before, s->area, area_span(s));
	f = footprint_of_save(s);
	p = footprint_probe(save_insn(s), s->cpl, s->area, s->mask);
	if (!hole_close(h))
		return expect_true(false, f.rule, "a page of the arena can be protected");
	probe_run(&p, &result);
	hole_open();
	table_probe(area_span(s) + sizeof(result.gprs));
	return footprint_judge(&f, h, &result, save_where(s)) &&
	       footprint_gprs(&p, &result, "V13", save_where(s)) && save_again(s, &f);
}

static void slide(struct save *s, unsigned int quarter)
{
	uint32_t count = hole_positions(area_span(s));

	for (uint32_t i = options.depth_full ? 0 : quarter; i < count;
	     i += options.depth_full ? 1 : QUARTERS) {
		struct hole h = { .at = hole_position(i) };

		for (unsigned int kind = 0; kind < HOLE_KINDS; kind++) {
			if (hole_access(&h, kind) && !probe_save(s, &h) && !save_reload(s))
				return;
		}
	}
}

/* SSE is not left initial in a compacted save: when MXCSR is written then is save.c's matter. */
static uint64_t with_mxcsr(const struct save *s)
{
	return form_compacted(s->form) ? SAVE_SSE : 0;
}

static void run_case(struct save *s, unsigned int i)
{
	bool all = i & 2;

	s->rex_w = i & 1;
	s->cpl = i & QUARTERS ? 3 : 0;
	if (!save_runs_at(s->form, s->cpl) || !table_case() ||
	    avx_alone != footprint_avx_alone(save_rfbm(s)))
		return;
	s->area = probe_ops->arena;
	s->dirty = save_dirty(s->xcr0, all ? s->xcr0 : table_random() | with_mxcsr(s));
	if (area_span(s) > FOOTPRINT_AREA_MAX)
		test_error("xcr0=0x%lx: an area of %u bytes", s->xcr0, area_span(s));
	else if (save_state(s))
		slide(s, i % QUARTERS);
}

/* Of the XCR0 that the machine has, all masks; of smaller ones, which bound the footprint of the
 * same mask, all ones alone. */
static unsigned int first_mask(uint64_t x, uint64_t xcr0)
{
	return x == xcr0 ? 0 : 1;
}

static unsigned int masks_end(uint64_t x, uint64_t xcr0)
{
	return x == xcr0 ? footprint_masks(save_known(x)) : 2;
}

static uint64_t count_cases(const enum rules_form *forms, uint64_t xcr0)
{
	uint64_t ways = 0, masks = 0;

	for (unsigned int i = 0; i < 2; i++)
		ways += (save_runs_at(forms[i], 0) + save_runs_at(forms[i], 3)) * QUARTERS;
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		masks += masks_end(x, xcr0) - first_mask(x, xcr0);
	return masks * ways;
}

static void run_xcr0(enum rules_form form, uint64_t x, uint64_t xcr0)
{
	struct save s = { .form = form, .xcr0 = x };

	s.xss = form == FORM_XSAVES ? probe_ops->get(PROBE_XSS) : 0;
	for (unsigned int m = first_mask(x, xcr0); m < masks_end(x, xcr0); m++) {
		s.mask = footprint_mask(save_known(x), m) & ~(x & ~save_known(x));
		for (unsigned int i = 0; i < CASES; i++)
			run_case(&s, i);
	}
}

/* Two forms: XSAVE and XSAVEOPT, or XSAVEC and XSAVES. */
static void run_table(const char *name, const enum rules_form *forms, bool alone)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0);

	avx_alone = alone;
	faulted = had_written = 0;
	table_begin(name, count_cases(forms, xcr0));
	for (unsigned int i = 0; i < 2; i++) {
		for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
			save_set(PROBE_XCR0, x, "X15");
			run_xcr0(forms[i], x, xcr0);
		}
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	table_end();
	save_counted();
	test_info("observed: N04 faulting saves that had written to memory: %lu of %lu",
		  had_written, faulted);
}

static const enum rules_form standard[] = { FORM_XSAVE, FORM_XSAVEOPT };
static const enum rules_form compacted[] = { FORM_XSAVEC, FORM_XSAVES };

XTEST(footprint, saves_touch_what_they_save, .rules = "N01 N05 V09 V13")
{
	if (!save_skip(FORM_XSAVE))
		run_table("footprint_saves", standard, false);
}

XTEST(footprint, saves_of_avx_alone_touch_mxcsr, .rules = "N01 N05 M01 V13")
{
	if (!save_skip(FORM_XSAVE))
		run_table("footprint_saves_avx", standard, true);
}

XTEST(footprint, compacted_saves_touch_what_they_save, .rules = "N02 N05 V09 V13")
{
	if (!save_skip(FORM_XSAVEC))
		run_table("footprint_compacted_saves", compacted, false);
}

XTEST(footprint, compacted_saves_of_avx_alone_touch_it, .rules = "N02 N05 M02 V13")
{
	if (!save_skip(FORM_XSAVEC))
		run_table("footprint_compacted_saves_avx", compacted, true);
}
