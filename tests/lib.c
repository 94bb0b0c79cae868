/* SPDX-License-Identifier: MIT */
/*
 * The library on the bare machine: with every instruction that the CPU has, and with every
 * component it offers.
 *
 * Rules: N08 (never a byte past the area), R02 (loading the default initialises), R05 (round trip);
 * L01, V03 and V04 by the self-test.
 */
#include <xsave/insn.h>
#include <xsave/selftest.h>
#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/paging.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/xstate.h>

#include "context.h"

#define AREA_PAGES 4
#define CANARY	   0xc5

/* The last page is taken out of the map: an area that ends where it begins cannot be overrun
 * unseen. */
static uint8_t arena[(AREA_PAGES + 1) * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* Calls @visit with every instruction of this CPU that can move XCR0's components. */
static void for_each_insn(void (*visit)(const struct xsave_cpu *c))
{
	for (int insn = XSAVE_INSN_FXSAVE; insn <= XSAVE_INSN_XSAVES; insn++) {
		struct xsave_cpu c = boot_xsave_cpu;
		uint64_t mask = insn == XSAVE_INSN_FXSAVE ? XSAVE_LEGACY_MASK : insn_xgetbv(0);

		if (xsave_cpu_restrict(&c, (enum xsave_insn)insn, mask & insn_xgetbv(0)) ==
		    XSAVE_OK)
			visit(&c);
	}
}

static void save_and_load_before_the_hole(const struct xsave_cpu *c)
{
	uint8_t *end = arena + AREA_PAGES * PAGE_SIZE;

	for (size_t size = 0; size <= sizeof(struct xsave_large); size += 64) {
		uint8_t *area = end - size;
		uint64_t saved;

		memset(area - 64, CANARY, 64 + size);
		memset(end - size, 0, size < 576 ? size : 576);
		saved = xsave_save_with(c, area, size, ~UINT64_C(0));
		for (unsigned int i = 1; i <= 64; i++)
			expect_equal(area[-(int)i], CANARY, "N08", "%s size=%zu byte -%u",
				     xsave_insn_name(c->insn), size, i);
		expect_true(size >= 576 ? saved & 1 : !saved, "N08",
			    "%s size=%zu says it saved 0x%lx", xsave_insn_name(c->insn), size,
			    saved);
		if (saved)
			expect_equal(xsave_load_with(c, area, size, saved), saved, "N08",
				     "%s size=%zu loads what it saved", xsave_insn_name(c->insn),
				     size);
	}
}

XTEST(lib, never_past_the_area, .rules = "N08")
{
	uint64_t xcr0 = insn_xgetbv(0);
	uint64_t old = page_protect(arena + AREA_PAGES * PAGE_SIZE, 0);

	context_fill(0, xcr0, options.seed);
	for_each_insn(save_and_load_before_the_hole);
	page_protect(arena + AREA_PAGES * PAGE_SIZE, old);
}

static void round_trip(const struct xsave_cpu *c)
{
	static struct xsave_large area;
	uint64_t mask = c->mask;

	memset(&area, 0xff, sizeof(area)); /* stale bytes of a previous use, header included */
	context_fill(0, mask, options.seed + c->insn);
	expect_equal(xsave_save_with(c, &area, sizeof(area), ~UINT64_C(0)), mask, "R05",
		     "%s saves all", xsave_insn_name(c->insn));
	xregs_junk(mask);
	expect_equal(xsave_load_with(c, &area, sizeof(area), ~UINT64_C(0)), mask, "R05",
		     "%s loads all", xsave_insn_name(c->insn));
	contexts[0].gprs_after = contexts[0].gprs;
	context_check(0, mask, xsave_insn_name(c->insn));
}

XTEST(lib, round_trip_through_a_dirty_area, .rules = "R05")
{
	for_each_insn(round_trip);
}

static void default_clears(const struct xsave_cpu *c)
{
	static const struct xsave initial = XSAVE_DEFAULT;

	context_fill(0, c->mask, options.seed + c->insn);
	xsave_load_with(c, &initial, sizeof(initial), ~UINT64_C(0));
	context_check_initial(c->mask, xsave_insn_name(c->insn));
}

XTEST(lib, default_clears_everything, .rules = "R02 L08")
{
	for_each_insn(default_clears);
}

static void self_test(const struct xsave_cpu *c)
{
	static _Alignas(64) uint8_t scratch[XSAVE_SELFTEST_SIZE];
	struct xsave_cpu now = *c;
	enum xsave_error wrong;

	now.enabled = insn_xgetbv(0);
	wrong = xsave_selftest(&now, scratch, sizeof(scratch));
	expect_true(!wrong, wrong ? xsave_error_rule(wrong) : "R05", "%s: %s",
		    xsave_insn_name(c->insn), xsave_strerror(wrong));
}

XTEST(lib, selftest, .rules = "L01 R02 R05 V03 V04")
{
	for_each_insn(self_test);
}
