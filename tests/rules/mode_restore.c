/* SPDX-License-Identifier: MIT */
/*
 * Restores outside 64-bit mode: they neither load nor initialise the upper registers.
 *
 * After protected, real-address and virtual-8086 mode the upper registers are undefined anyway, so
 * there only the lower ones are judged.
 *
 * Rules: D02, and of the lower registers R01 R02 R05 R11, M04 M05; SDM vol. 1, "Operation of
 * XRSTOR", "Operation of XRSTORS", "XSAVE-Managed State".
 *
 * Probes: 7 modes x 3 forms (XRSTOR standard and compacted, XRSTORS) x 3 XSTATE_BV x (10 + 2 n)
 * masks, n the components of XCR0.
 */
#include <stddef.h>

#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "mode.h"
#include "oracle.h"

#define BVS 3 /* all, none, some */

enum image { STANDARD, COMPACTED, BY_XRSTORS, IMAGES };
static const char *const image_names[] = { "XRSTOR standard", "XRSTOR compacted", "XRSTORS" };

static struct {
	const struct way *way;
	enum image image;
	unsigned int choice; /* of XSTATE_BV */
	uint64_t mask;	     /* the components that are moved */
	uint64_t rfbm, bv, cb;
	bool avx_alone; /* the table takes such RFBMs, and only such */
	char where[160];
} now;

static struct xregs before, inside, want;
static struct probe_result result;

/*
 * Wherever an engine looks for PKRU by mistake, it finds a value that leaves key 0 open: a closed
 * one would take the next test's memory away.
 */
static void keep_key_0_open(struct xregs *r)
{
	uint8_t *bytes = r->vector[0];
	uint32_t size = sizeof(r->vector) + sizeof(r->k);

	for (uint32_t i = 0; i < size; i += sizeof(r->pkru))
		bytes[i] &= 0xfc;
}
_Static_assert(offsetof(struct xregs, k) ==
		       offsetof(struct xregs, vector) + sizeof(((struct xregs *)0)->vector),
	       "k registers follow the vector registers");

/* An image with values in the places of the upper registers, too. */
static void make_image(void)
{
	uint8_t *area = probe_ops->arena;

	table_fill(area, oracle_image_size(now.cb, now.mask));
	memset(area + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	for (unsigned int bit = 0; bit < 63; bit++) {
		if (now.mask >> bit & 1)
			oracle_encode(area, bit, now.cb, &inside, false);
	}
	memcpy(area + ORACLE_MXCSR, &inside.mxcsr, sizeof(inside.mxcsr));
	oracle_put64(area + ORACLE_BV, now.bv);
	oracle_put64(area + ORACLE_CB, now.cb);
}

/* Source: SDM vol. 1, "Operation of XRSTOR". */
static void expect_mxcsr(void)
{
	if (!now.cb && now.rfbm & 6)
		want.mxcsr = inside.mxcsr;
	else if (now.cb && now.rfbm & 2)
		want.mxcsr = now.bv & 2 ? inside.mxcsr : XSAVE_DEFAULT_MXCSR;
	else
		want.mxcsr = before.mxcsr;
}

static void make_expected(void)
{
	static struct xregs loaded;
	uint64_t initial = now.rfbm & ~now.bv;

	loaded = inside;
	if (now.mask & 1)
		oracle_decode(&loaded, 0, now.cb, probe_ops->arena, false);
	oracle_initial(&loaded, initial);
	want = before;
	mode_copy_lower(&want, &loaded, now.rfbm);
	expect_mxcsr();
}

/* The upper registers first, with the lower ones as they are, so that each has its own rule. */
static void check_registers(void)
{
	static struct xregs upper;
	uint64_t others = now.mask & ~now.rfbm;

	if (way_loses_upper(now.way)) {
		mode_copy_upper(&want, &result.regs);
	} else {
		upper = result.regs;
		mode_copy_upper(&upper, &want);
		oracle_same(&upper, &result.regs, now.mask & MODE_UPPER, false, "D02", now.where);
		mode_copy_upper(&want, &result.regs);
	}
	oracle_same(&want, &result.regs, now.rfbm & now.bv, false, "R05", now.where);
	oracle_same(&want, &result.regs, now.rfbm & ~now.bv, false, "R02", now.where);
	oracle_same(&want, &result.regs, others, false, "R01", now.where);
	if (now.mask & 2)
		expect_equal(result.regs.mxcsr, want.mxcsr, now.cb ? "M05" : "M04", "%s MXCSR",
			     now.where);
}

static void choose(unsigned int mask_number)
{
	now.rfbm = mode_subset(now.mask, mask_number);
	now.bv = now.choice == 0 ? now.mask : now.choice == 1 ? 0 : now.mask & table_random();
	now.cb = now.image == STANDARD ? 0 : ORACLE_COMPACT | now.mask;
	format_text(now.where, sizeof(now.where), "%s %s rfbm=0x%lx bv=0x%lx", now.way->name,
		    image_names[now.image], now.rfbm, now.bv);
}

static void probe_restore(void)
{
	enum rules_form form = now.image == BY_XRSTORS ? FORM_XRSTORS : FORM_XRSTOR;
	struct probe p = way_probe(now.way, form_insn(form, false), 0, now.rfbm);

	oracle_values(&before, now.mask, table_seed());
	oracle_values(&inside, now.mask, table_seed() + 1);
	keep_key_0_open(&inside);
	make_image();
	make_expected();
	p.regs = &before;
	p.load = p.store = now.mask;
	probe_run(&p, &result);
	table_probe(sizeof(result.regs));
	if (!expect_fault(result.fault, NO_FAULT, "D02", "%s", now.where))
		return;
	check_registers();
	way_check_gprs(&p, &result, "R11", now.where);
}

static bool possible(void)
{
	if (way_missing(now.way))
		return false;
	if (now.image == BY_XRSTORS)
		return facts.xsaves && now.way->cpl == 0;
	return now.image == STANDARD || facts.xsavec;
}

static void probe_masks(void)
{
	for (unsigned int i = 0; i < mode_subsets(now.mask); i++) {
		if (!table_case())
			continue;
		choose(i);
		if (possible() && oracle_avx_alone(now.rfbm) == now.avx_alone)
			probe_restore();
	}
}

static void run_table(const char *name, bool avx_alone)
{
	if (way_skip() ||
	    (avx_alone && facts_skip(facts.xcr0_supported & 4, "CPUID.(0DH,0):EAX[2] AVX")))
		return;
	now.avx_alone = avx_alone;
	now.mask = mode_mask(probe_ops->get(PROBE_XCR0));
	table_begin(name, (uint64_t)WAYS * IMAGES * BVS * mode_subsets(now.mask));
	for (unsigned int w = 0; w < WAYS; w++) {
		for (unsigned int i = 0; i < IMAGES * BVS; i++) {
			now.way = &ways[w];
			now.image = (enum image)(i / BVS);
			now.choice = i % BVS;
			probe_masks();
		}
	}
	table_end();
}

XTEST(mode, upper_registers_are_not_loaded, .rules = "D02 R01 R02 R05 R11 M04 M05")
{
	run_table("mode_restores", false);
}

XTEST(mode, mxcsr_is_loaded_with_avx_alone, .rules = "D02 R01 R02 R05 R11 M04 M05")
{
	run_table("mode_restores_avx", true);
}
