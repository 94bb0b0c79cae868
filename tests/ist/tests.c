/* SPDX-License-Identifier: MIT */
/*
 * The entry designs against every nesting of events. lab.h and docs/ist-designs.md tell how.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "patterns.h"

static const struct lab_pattern singles[] = {
	{ "NMI", 1, { VEC_NMI }, false },
	{ "DB", 1, { VEC_DB }, false },
	{ "MC", 1, { VEC_MC }, false },
};

static const struct lab_pattern pairs[] = {
	{ "NMI>DB", 2, { VEC_NMI, VEC_DB }, false },  { "NMI>MC", 2, { VEC_NMI, VEC_MC }, false },
	{ "DB>NMI", 2, { VEC_DB, VEC_NMI }, false },  { "DB>MC", 2, { VEC_DB, VEC_MC }, false },
	{ "MC>NMI", 2, { VEC_MC, VEC_NMI }, false },  { "MC>DB", 2, { VEC_MC, VEC_DB }, false },
	{ "DB>DB", 2, { VEC_DB, VEC_DB }, false },    { "MC>MC", 2, { VEC_MC, VEC_MC }, false },
	{ "NMI>NMI", 2, { VEC_NMI, VEC_NMI }, true },
};

static const struct lab_pattern triples[] = {
	{ "NMI>DB>NMI", 3, { VEC_NMI, VEC_DB, VEC_NMI }, false },
	{ "NMI>MC>NMI", 3, { VEC_NMI, VEC_MC, VEC_NMI }, false },
	{ "DB>NMI>DB", 3, { VEC_DB, VEC_NMI, VEC_DB }, false },
	{ "DB>MC>DB", 3, { VEC_DB, VEC_MC, VEC_DB }, false },
	{ "MC>NMI>MC", 3, { VEC_MC, VEC_NMI, VEC_MC }, false },
	{ "MC>DB>MC", 3, { VEC_MC, VEC_DB, VEC_MC }, false },
};

static void run_pattern(const struct lab_pattern *p, const struct ist_design *design,
			const struct lab_base *base)
{
	for (int early = 0; early <= (pattern_rearms(p) ? 1 : 0); early++) {
		const struct lab_setup setup = { design, base, early };

		pattern_run(p, &setup);
	}
}

/* Each design that the word ist= chooses and the CPU can run. */
static void each_design(const struct lab_pattern *list, size_t count, const struct lab_base *base)
{
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d)) {
		const char *missing = d->missing ? d->missing() : NULL;

		if (missing) {
			test_info("ist: design=%s skip=%s", d->name, missing);
			continue;
		}
		for (size_t i = 0; i < count; i++)
			run_pattern(&list[i], d, base);
	}
}

static bool lacks_apic(void)
{
	if (!cpu.apic)
		test_skip("CPUID.1:EDX[9] APIC");
	return !cpu.apic;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

XTEST(ist, singles)
{
	if (!lacks_apic())
		each_design(singles, COUNT(singles), &lab_bases[0]);
}

XTEST(ist, pairs)
{
	if (!lacks_apic())
		each_design(pairs, COUNT(pairs), &lab_bases[0]);
}

XTEST(ist, triples)
{
	if (!lacks_apic())
		each_design(triples, COUNT(triples), &lab_bases[0]);
}

/* Everything but the kernel's ordinary code: one event, and one inside it. */
XTEST(ist, contexts)
{
	for (unsigned int i = 1; i < lab_base_count && !lacks_apic(); i++) {
		each_design(singles, COUNT(singles), &lab_bases[i]);
		each_design(pairs, COUNT(pairs), &lab_bases[i]);
	}
}
