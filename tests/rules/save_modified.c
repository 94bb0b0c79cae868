/* SPDX-License-Identifier: MIT */
/*
 * The modified optimisation: a save may leave out what is still as the last restore loaded it, if
 * it goes to where that restore read, and nothing else may be left out.
 *
 * Each case restores from an image, changes one circumstance, poisons the image, and saves over it:
 * a component is then either saved whole or, where the optimisation is legal, poison.
 *
 * Rules: O06-O09.
 * Sources: SDM vol. 1, "XRSTOR and the Init and Modified Optimizations", "Operation of XSAVEOPT",
 * "Operation of XSAVEC", "Operation of XSAVES"; vol. 2, "XSAVEOPT", "XSAVES" (XRSTOR_INFO).
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "save.h"
#include "save_area.h"

#define REPEAT_QUICK 64
#define REPEAT_FULL  1024
/* Not restored: an engine that reads it from a wrong place may close the memory of the test itself.
 */
#define PKRU	     (UINT64_C(1) << 9)
#define AWAY	     (8 * 4096) /* where the other area is */

/* What happens between the restore and the save. */
enum circumstance {
	SAME,	      /* nothing */
	MODIFIED,     /* some components are loaded anew */
	ELSEWHERE,    /* the save goes to another address */
	OTHER_LEVEL,  /* the save runs at another CPL */
	RESTORED,     /* another restore from another address */
	OTHER_FORMAT, /* the image had another XCOMP_BV than the save would write */
	CIRCUMSTANCES
};

struct restore {
	enum circumstance circumstance;
	unsigned int cpl;
	uint64_t rfbm, cb;
};

/* How many components were left out, in the table that runs. */
static uint64_t left_out;

/* XSAVES matches the restore by its XCOMP_BV, XSAVEOPT only one of the standard format. */
static uint64_t matching_cb(const struct save *s)
{
	return s->form == FORM_XSAVEOPT ? 0 : ORACLE_COMPACT | save_rfbm(s);
}

static uint64_t restore_cb(const struct save *s, enum circumstance c)
{
	if (c != OTHER_FORMAT)
		return matching_cb(s);
	return ORACLE_COMPACT | save_known(s->xcr0);
}

static bool can_do(enum rules_form form, enum circumstance c, unsigned int cpl)
{
	if (!save_runs_at(form, cpl))
		return false;
	if (c == OTHER_FORMAT)
		return facts.xsavec;
	return c != OTHER_LEVEL || save_runs_at(FORM_XRSTOR, 3 - cpl);
}

/* XSTATE_BV[1] = 1 brings MXCSR along in both formats. */
static void make_image(const struct save *s, uint64_t cb)
{
	uint64_t bv = s->dirty;

	if (s->xcr0 & SAVE_SSE && save_regs.mxcsr != SAVE_MXCSR_INIT)
		bv |= SAVE_SSE;
	if (cb)
		bv &= cb;
	memset(s->area, 0, area_span(s));
	oracle_put64(s->area + ORACLE_BV, bv);
	oracle_put64(s->area + ORACLE_CB, cb);
	memcpy(s->area + ORACLE_MXCSR, &save_regs.mxcsr, sizeof(save_regs.mxcsr));
	for (unsigned int i = 0; bv >> i; i++) {
		if (bv >> i & 1)
			oracle_encode(s->area, i, cb, &save_regs, true);
	}
}

static bool restore_from(const struct save *s, const struct restore *r, uint8_t *area)
{
	struct save from = *s;

	from.area = area;
	from.mask = r->rfbm;
	from.cpl = r->cpl;
	from.other =
		s->form == FORM_XSAVES && !r->cpl ? &insn_xrstors64_bytes : &insn_xrstor64_bytes;
	make_image(&from, r->cb);
	return save_run(&from);
}

/* Loads some components with other values; MXCSR always gets one. Return: which */
static uint64_t modify(const struct save *s)
{
	uint64_t changed = save_dirty(s->xcr0, s->dirty & table_random());

	if (!changed)
		changed = s->dirty;
	oracle_values(&save_regs, changed, table_seed());
	return save_load(s, changed, 0) ? changed : s->xcr0;
}

/* The circumstance; sets what the save may leave out. */
static bool change(struct save *s, const struct restore *r)
{
	s->may_skip = s->form == FORM_XSAVEC ? 0 : r->rfbm;
	switch (r->circumstance) {
	case SAME:
		return true;
	case MODIFIED:
		s->may_skip &= ~modify(s);
		return true;
	case ELSEWHERE:
		s->area += 64;
		break;
	case RESTORED:
		s->may_skip = 0;
		return restore_from(s, r, s->area + AWAY);
	case OTHER_LEVEL:
	case OTHER_FORMAT:
	case CIRCUMSTANCES:
		break;
	}
	s->may_skip = 0;
	return true;
}

/* Some RFBM, with something dirty in it; for OTHER_FORMAT never all of XCR0. */
static void choose(struct save *s, struct restore *r)
{
	uint64_t known = save_known(s->xcr0);

	s->mask = known & table_random();
	s->mask |= known & table_random(); /* so three of four */
	if (oracle_avx_alone(s->mask))
		s->mask |= SAVE_SSE;
	s->dirty = save_dirty(s->xcr0, table_random());
	if (r->circumstance == OTHER_FORMAT && s->mask == known)
		s->mask &= s->mask - 1;
	r->cpl = r->circumstance == OTHER_LEVEL ? 3 - s->cpl : s->cpl;
	r->cb = restore_cb(s, r->circumstance);
	r->rfbm = r->cb ? s->mask : known;
	if (table_random() & 1)
		r->rfbm &= table_random();
	r->rfbm &= ~PKRU;
}

static void run_case(struct save *s, enum circumstance c)
{
	struct restore r = { .circumstance = c };
	uint64_t could;

	choose(s, &r);
	if (!area_choose(s) || !save_state(s) || !restore_from(s, &r, s->area) || !change(s, &r) ||
	    !save_inuse(s) || !save_probe(s, OLD_JUNK))
		return;
	could = s->may_skip & save_rfbm(s) & s->dirty;
	left_out += save_bits(area_unwritten(s, could));
	if (s->form != FORM_XSAVEC)
		save_count(s->form == FORM_XSAVES ? SAVE_O08 : SAVE_O06);
	save_registers(s);
}

static uint64_t repeat(void)
{
	return options.depth_full ? REPEAT_FULL : REPEAT_QUICK;
}

static void run_circumstance(enum rules_form form, enum circumstance c, uint64_t xcr0)
{
	for (uint64_t i = 0; i < 4 * repeat(); i++) {
		struct save s = {
			.form = form, .rex_w = i >> 1 & 1, .cpl = i & 1 ? 3 : 0, .xcr0 = xcr0
		};

		if (can_do(form, c, s.cpl) && table_case())
			run_case(&s, c);
	}
}

static uint64_t cases(enum rules_form form)
{
	uint64_t ways = 0, values = 0;

	for (enum circumstance c = 0; c < CIRCUMSTANCES; c++)
		ways += (uint64_t)can_do(form, c, 0) + can_do(form, c, 3);
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		values++;
	return ways * values * 2 * repeat();
}

static void run_table(const char *name, enum rules_form form, const char *rule)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0);

	left_out = 0;
	table_begin(name, cases(form));
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		save_set(PROBE_XCR0, x, "X15");
		for (enum circumstance c = 0; c < CIRCUMSTANCES; c++)
			run_circumstance(form, c, x);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	table_end();
	save_counted();
	test_info("observed: %s components left out as unmodified: %lu", rule, left_out);
}

XTEST(save, xsaveopt_writes_what_is_modified, .rules = "O06 O09 M01 V01 R05 V13")
{
	if (!save_skip(FORM_XSAVEOPT))
		run_table("save_modified_xsaveopt", FORM_XSAVEOPT, "O06");
}

XTEST(save, xsavec_writes_what_is_unmodified_too, .rules = "O07 M02 V03 R05 V13")
{
	if (!save_skip(FORM_XSAVEC))
		run_table("save_modified_xsavec", FORM_XSAVEC, "O07");
}

XTEST(save, xsaves_writes_what_is_modified, .rules = "O08 M02 V03 R05 V13")
{
	if (!save_skip(FORM_XSAVES))
		run_table("save_modified_xsaves", FORM_XSAVES, "O08");
}
