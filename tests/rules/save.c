/* SPDX-License-Identifier: MIT */
/*
 * Every save instruction, with every requested-feature bitmap, from every mixture of components in
 * and out of their initial configuration, into every kind of old memory.
 *
 * Rules: V01-V08 V10 V11 V13 V14, L01-L03 L05, O01 O04 O05 O07 O09, M01-M03, R05, F03-F05.
 * Sources: SDM vol. 1, "Operation of XSAVE", "Operation of XSAVEOPT", "Operation of XSAVEC",
 * "Operation of XSAVES", "Processor Tracking of XSAVE-Managed State", "Extended Region of an XSAVE
 * Area".
 */
#include <xtk/options.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "save.h"
#include "save_area.h"

/*
 * A case is one instruction, one RFBM and one state; its probes are XGETBV with ECX = 1, where
 * there is one, and a save into each kind of memory.
 *
 * The product of all RFBM and all states is complete up to 4 components, and up to 6 at depth=full
 * and for the largest XCR0. Otherwise each pair of components is in all 16 mixtures of requested
 * and not, initial and not, the other components at random; and some cases are all at random.
 */
#define ALWAYS_COMPLETE 4
#define COMPLETE	6
#define MIXTURES	16
#define RANDOM_QUICK	256
#define RANDOM_FULL	4096

static uint64_t largest;
static const unsigned int levels[] = { 0, 3 };

/* Bit n of @number goes to the n-th bit of @mask. */
static uint64_t spread(uint64_t number, uint64_t mask)
{
	uint64_t result = 0;

	for (; mask; mask &= mask - 1, number >>= 1)
		result |= number & 1 ? mask & -mask : 0;
	return result;
}

static bool complete(uint64_t xcr0)
{
	unsigned int n = save_bits(save_known(xcr0));

	return n <= ALWAYS_COMPLETE || (n <= COMPLETE && (options.depth_full || xcr0 == largest));
}

static uint64_t mixtures(uint64_t xcr0)
{
	unsigned int n = save_bits(save_known(xcr0));

	if (complete(xcr0))
		return UINT64_C(1) << 2 * n;
	return n * (n - 1) / 2 * MIXTURES + (options.depth_full ? RANDOM_FULL : RANDOM_QUICK);
}

/* The mixture @i: of @components, which are requested and which are dirty. */
static void choose_pair(uint64_t i, uint64_t components, uint64_t *rfbm, uint64_t *dirty)
{
	unsigned int n = save_bits(components), a = 0, b = 1;
	uint64_t pair, mixture = i % MIXTURES;

	*rfbm = table_random() & components;
	*dirty = table_random() & components;
	if (i / MIXTURES >= n * (n - 1) / 2)
		return;
	for (i /= MIXTURES; i; i--) {
		if (++b == n)
			b = ++a + 1;
	}
	pair = spread(UINT64_C(1) << a | UINT64_C(1) << b, components);
	*rfbm = (*rfbm & ~pair) | spread(mixture & 3, pair);
	*dirty = (*dirty & ~pair) | spread(mixture >> 2, pair);
}

static void choose_mixture(struct save *s, uint64_t i)
{
	uint64_t components = save_known(s->xcr0), rfbm, dirty;
	unsigned int n = save_bits(components);

	if (complete(s->xcr0)) {
		rfbm = spread(i, components);
		dirty = spread(i >> n, components);
	} else {
		choose_pair(i, components, &rfbm, &dirty);
	}
	s->dirty = save_dirty(s->xcr0, dirty);
	s->mask = rfbm | (table_random() & save_known(s->xss));
}

/* EDX:EAX may have bits that neither XCR0 nor IA32_XSS has: all of them, and some. */
static uint64_t foreign_bits(const struct save *s, enum save_old old)
{
	uint64_t foreign = ~(s->xcr0 | s->xss);

	if (old == OLD_FRESH)
		return 0;
	return old == OLD_JUNK ? foreign : foreign & table_random();
}

static void run_case(struct save *s)
{
	uint64_t mask = s->mask;

	if (!area_choose(s) || !save_state(s))
		return;
	for (enum save_old old = 0; old < OLD_KINDS; old++) {
		s->mask = mask | foreign_bits(s, old);
		if (!save_probe(s, old) && !save_reload(s))
			return;
	}
	save_registers(s);
}

/* Which RFBMs a table of the standard format takes. */
static bool avx_alone;

static bool takes(const struct save *s)
{
	return form_compacted(s->form) || oracle_avx_alone(s->mask) == avx_alone;
}

static void run_mixtures(struct save *s)
{
	uint64_t count = mixtures(s->xcr0);

	for (uint64_t i = 0; i < count; i++) {
		if (!table_case())
			continue;
		choose_mixture(s, i);
		if (takes(s))
			run_case(s);
	}
}

static unsigned int levels_of(enum rules_form form)
{
	return (unsigned int)save_runs_at(form, 0) + save_runs_at(form, 3);
}

static uint64_t cases(enum rules_form form)
{
	uint64_t count = 0;

	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		count += mixtures(x);
	return count * levels_of(form) * 2;
}

static void run_form(enum rules_form form, uint64_t xcr0, uint64_t xss)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct save s = { .form = form,
				  .rex_w = i & 1,
				  .cpl = levels[i >> 1],
				  .xcr0 = xcr0,
				  .xss = xss };

		if (save_runs_at(form, s.cpl))
			run_mixtures(&s);
	}
}

static void find_largest(void)
{
	largest = 0;
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x))
		largest = x;
}

/* Every XCR0, under one IA32_XSS. */
static void run_table(const char *name, enum rules_form form, uint64_t xss, bool alone)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), old_xss = probe_ops->get(PROBE_XSS);

	avx_alone = alone;
	find_largest();
	table_begin(name, cases(form));
	if (form == FORM_XSAVES && !save_set(PROBE_XSS, xss, "S01"))
		test_error("IA32_XSS cannot be set to 0x%lx", xss);
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		if (save_set(PROBE_XCR0, x, "X15"))
			run_form(form, x, xss);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	if (form == FORM_XSAVES)
		save_set(PROBE_XSS, old_xss, "S01");
	table_end();
	save_counted();
}

#define STANDARD_RULES "V01 V02 V04 V05 V06 V07 V08 V10 V11 V13 V14 O01 O04 M01 M03 R05 F03 F04 F05"
#define COMPACT_RULES                                                                              \
	"V03 V04 V05 V06 V07 V10 V11 V13 V14 L01 L02 L03 L05 O01 O04 O05 M02 R05 F03 F04 F05"

XTEST(save, xsave_writes_what_is_requested, .rules = STANDARD_RULES)
{
	if (!save_skip(FORM_XSAVE))
		run_table("save_xsave", FORM_XSAVE, 0, false);
}

XTEST(save, xsaveopt_writes_what_is_in_use, .rules = STANDARD_RULES " O05 O09")
{
	if (!save_skip(FORM_XSAVEOPT))
		run_table("save_xsaveopt", FORM_XSAVEOPT, 0, false);
}

static void run_avx_alone(const char *name, enum rules_form form)
{
	if (save_skip(form) || facts_skip(facts.xcr0_supported & 4, "CPUID.(0DH,0):EAX[2] AVX"))
		return;
	run_table(name, form, 0, true);
}

XTEST(save, xsave_of_avx_alone_writes_mxcsr, .rules = STANDARD_RULES)
{
	run_avx_alone("save_xsave_avx", FORM_XSAVE);
}

XTEST(save, xsaveopt_of_avx_alone_writes_mxcsr, .rules = STANDARD_RULES " O05 O09")
{
	run_avx_alone("save_xsaveopt_avx", FORM_XSAVEOPT);
}

XTEST(save, xsavec_writes_what_is_in_use, .rules = COMPACT_RULES " O07")
{
	if (!save_skip(FORM_XSAVEC))
		run_table("save_xsavec", FORM_XSAVEC, 0, false);
}

XTEST(save, xsaves_writes_what_is_in_use, .rules = COMPACT_RULES)
{
	if (!save_skip(FORM_XSAVES))
		run_table("save_xsaves", FORM_XSAVES, 0, false);
}

XTEST(save, xsaves_makes_room_for_supervisor_state, .rules = COMPACT_RULES)
{
	if (save_skip(FORM_XSAVES) ||
	    facts_skip(save_known(facts.xss_supported), "CPUID.(0DH,1):EDX:ECX IA32_XSS"))
		return;
	run_table("save_xsaves_xss", FORM_XSAVES, save_known(facts.xss_supported), false);
}
