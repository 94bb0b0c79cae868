/* SPDX-License-Identifier: MIT */
/*
 * Every restore instruction, with every requested-feature bitmap, from images with every mixture of
 * components present, initial and absent.
 *
 * Rules: R01-R05 R11 R12, L04 L06, O02. What becomes of MXCSR is in mxcsr.c.
 * Sources: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "Extended Region of an XSAVE
 * Area".
 */
#include <xtk/options.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

/*
 * A case is one image and one RFBM; its probes are a restore, and where there is one XGETBV with
 * ECX = 1, in each form and at each level. About each component a standard image and RFBM say 4
 * things (XSTATE_BV and RFBM, 0 or 1), a compacted one 6 (or it is not in XCOMP_BV at all).
 *
 * The product over all components is complete up to 4 components, and up to 6 at depth=full and, of
 * standard images, for the largest XCR0. Otherwise each pair of components is in all mixtures, the
 * other components at random; and some cases are all at random. The two components of AMX go
 * together: only instructions of AMX can tell them apart.
 */
#define ALWAYS_COMPLETE 4
#define COMPLETE	6
#define RANDOM_QUICK	256
#define RANDOM_FULL	4096
#define COMPONENTS	63

static uint64_t largest;

static unsigned int kinds_of(const struct restore *r)
{
	return r->kind == RESTORE_STANDARD ? 4 : 6;
}

static bool complete(const struct restore *r)
{
	unsigned int n = save_bits(save_known(r->xcr0));
	bool more = options.depth_full || (r->kind == RESTORE_STANDARD && r->xcr0 == largest);

	return n <= ALWAYS_COMPLETE || (n <= COMPLETE && more);
}

static uint64_t mixtures(const struct restore *r)
{
	uint64_t n = save_bits(save_known(r->xcr0)), kinds = kinds_of(r), count = 1;

	if (!complete(r))
		return n * (n - 1) / 2 * kinds * kinds +
		       (options.depth_full ? RANDOM_FULL : RANDOM_QUICK);
	while (n--)
		count *= kinds;
	return count;
}

/* What is said about component i: bit 0 RFBM; above it, 0 absent, 1 present or, in compacted
 * format, 1 initial and 2 present. */
static void choose_complete(uint64_t number, unsigned int kinds, uint8_t *chosen, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++, number /= kinds)
		chosen[i] = (uint8_t)(number % kinds);
}

static void choose_pair(uint64_t number, unsigned int kinds, uint8_t *chosen, unsigned int n)
{
	uint64_t pair = number / (kinds * kinds);
	unsigned int a = 0, b = 1;

	for (unsigned int i = 0; i < n; i++)
		chosen[i] = (uint8_t)(table_random() % kinds);
	if (pair >= (uint64_t)n * (n - 1) / 2)
		return;
	for (; pair; pair--) {
		if (++b == n)
			b = ++a + 1;
	}
	chosen[a] = (uint8_t)(number % kinds);
	chosen[b] = (uint8_t)(number / kinds % kinds);
}

static uint64_t join_amx(uint64_t mask)
{
	return mask & RESTORE_AMX ? mask | RESTORE_AMX : mask;
}

/* Supervisor state is asked for, or has a place in the image, but is never in it. */
static void choose(struct restore *r, uint64_t number)
{
	uint64_t known = save_known(r->xcr0), cb = 0, bv = 0, rfbm = 0;
	unsigned int n = save_bits(known), kinds = kinds_of(r), i = 0;
	uint8_t chosen[COMPONENTS];

	if (complete(r))
		choose_complete(number, kinds, chosen, n);
	else
		choose_pair(number, kinds, chosen, n);
	for (uint64_t left = known; left; left &= left - 1, i++) {
		uint64_t bit = left & -left;

		rfbm |= chosen[i] & 1 ? bit : 0;
		cb |= chosen[i] >= 2 ? bit : 0;
		bv |= chosen[i] >= kinds - 2 ? bit : 0;
	}
	r->mask = join_amx(rfbm) & (r->xcr0 | ~RESTORE_AMX);
	cb = join_amx(cb) & known;
	bv = join_amx(bv) & cb & facts.movable;
	if (r->kind == RESTORE_STANDARD) {
		restore_fill(r, bv, 0);
		return;
	}
	r->mask |= table_random() & save_known(r->xss);
	cb |= r->kind == RESTORE_XRSTORS ? table_random() & save_known(r->xss) : 0;
	restore_fill(r, bv, ORACLE_COMPACT | cb);
}

/* EDX:EAX may have bits that neither XCR0 nor IA32_XSS has. */
static void run_case(struct restore *r, uint64_t number)
{
	uint64_t foreign = ~(r->xcr0 | r->xss), mask;

	restore_values(r);
	choose(r, number);
	mask = r->mask;
	for (unsigned int i = 0; i < RESTORE_WAYS; i++) {
		r->mask = mask | (foreign & table_random());
		if (restore_way(r, i))
			restore_probe(r);
	}
}

static uint64_t cases(struct restore *r)
{
	uint64_t count = 0;

	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		r->xcr0 = x;
		count += mixtures(r);
	}
	return count;
}

static void find_largest(void)
{
	largest = 0;
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		largest = x;
}

static void run_xcr0(struct restore *r)
{
	uint64_t count = mixtures(r);

	for (uint64_t i = 0; i < count; i++) {
		if (table_case())
			run_case(r, i);
	}
}

/* Every XCR0, under one IA32_XSS. */
static void run_table(const char *name, enum restore_kind kind, uint64_t xss)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), old_xss = probe_ops->get(PROBE_XSS);
	struct restore r = { .kind = kind, .xss = xss, .judge = RESTORE_JUDGE_REGISTERS };

	find_largest();
	table_begin(name, cases(&r));
	if (kind == RESTORE_XRSTORS && !save_set(PROBE_XSS, xss, "S01"))
		test_error("IA32_XSS cannot be set to 0x%lx", xss);
	for (r.xcr0 = facts_xcr0_some(0); r.xcr0; r.xcr0 = facts_xcr0_some(r.xcr0)) {
		if (save_set(PROBE_XCR0, r.xcr0, "X15"))
			run_xcr0(&r);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	if (kind == RESTORE_XRSTORS)
		save_set(PROBE_XSS, old_xss, "S01");
	table_end();
	restore_end();
}

#define RULES	      "R01 R02 R03 R04 R05 R11 R12 O02"
#define COMPACT_RULES RULES " L04 L06"

XTEST(restore, xrstor_loads_what_is_requested, .rules = RULES)
{
	if (!restore_skip(RESTORE_STANDARD))
		run_table("restore_standard", RESTORE_STANDARD, 0);
}

XTEST(restore, compacted_xrstor_loads_what_is_requested, .rules = COMPACT_RULES)
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_table("restore_compacted", RESTORE_COMPACTED, 0);
}

XTEST(restore, xrstors_loads_what_is_requested, .rules = COMPACT_RULES)
{
	if (!restore_skip(RESTORE_XRSTORS))
		run_table("restore_xrstors", RESTORE_XRSTORS, 0);
}

XTEST(restore, xrstors_skips_room_for_supervisor_state, .rules = COMPACT_RULES " R08")
{
	if (restore_skip(RESTORE_XRSTORS) ||
	    facts_skip(save_known(facts.xss_supported), "CPUID.(0DH,1):EDX:ECX IA32_XSS"))
		return;
	run_table("restore_xrstors_xss", RESTORE_XRSTORS, save_known(facts.xss_supported));
}
