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

#include "part.h"
#include "patterns.h"
#include "random.h"

static const struct lab_pattern singles[] = {
	{ "NMI", 1, { VEC_NMI }, false, false, false, NULL },
	{ "DB", 1, { VEC_DB }, false, false, false, NULL },
	{ "MC", 1, { VEC_MC }, false, false, false, NULL },
};

static const struct lab_pattern pairs[] = {
	{ "NMI>DB", 2, { VEC_NMI, VEC_DB }, false, false, false, NULL },
	{ "NMI>MC", 2, { VEC_NMI, VEC_MC }, false, false, false, NULL },
	{ "DB>NMI", 2, { VEC_DB, VEC_NMI }, false, false, false, NULL },
	{ "DB>MC", 2, { VEC_DB, VEC_MC }, false, false, false, NULL },
	{ "MC>NMI", 2, { VEC_MC, VEC_NMI }, false, false, false, NULL },
	{ "MC>DB", 2, { VEC_MC, VEC_DB }, false, false, false, NULL },
	{ "DB>DB", 2, { VEC_DB, VEC_DB }, false, false, false, NULL },
	{ "MC>MC", 2, { VEC_MC, VEC_MC }, false, false, false, NULL },
	{ "NMI>NMI", 2, { VEC_NMI, VEC_NMI }, true, false, false, NULL },
};

static const struct lab_pattern triples[] = {
	{ "NMI>DB>NMI", 3, { VEC_NMI, VEC_DB, VEC_NMI }, false, false, false, NULL },
	{ "NMI>MC>NMI", 3, { VEC_NMI, VEC_MC, VEC_NMI }, false, false, false, NULL },
	{ "DB>NMI>DB", 3, { VEC_DB, VEC_NMI, VEC_DB }, false, false, false, NULL },
	{ "DB>MC>DB", 3, { VEC_DB, VEC_MC, VEC_DB }, false, false, false, NULL },
	{ "MC>NMI>MC", 3, { VEC_MC, VEC_NMI, VEC_MC }, false, false, false, NULL },
	{ "MC>DB>MC", 3, { VEC_MC, VEC_DB, VEC_MC }, false, false, false, NULL },
};

/* Only these leave three entries uncommitted at once. */
static const struct lab_pattern three_vectors[] = {
	{ "NMI>DB>MC", 3, { VEC_NMI, VEC_DB, VEC_MC }, false, false, false, NULL },
	{ "NMI>MC>DB", 3, { VEC_NMI, VEC_MC, VEC_DB }, false, false, false, NULL },
	{ "DB>NMI>MC", 3, { VEC_DB, VEC_NMI, VEC_MC }, false, false, false, NULL },
	{ "DB>MC>NMI", 3, { VEC_DB, VEC_MC, VEC_NMI }, false, false, false, NULL },
	{ "MC>NMI>DB", 3, { VEC_MC, VEC_NMI, VEC_DB }, false, false, false, NULL },
	{ "MC>DB>NMI", 3, { VEC_MC, VEC_DB, VEC_NMI }, false, false, false, NULL },
};

/* #DF ends the case. In its handler NMIs are open, unless an NMI was interrupted. */
static const struct lab_pattern double_faults[] = {
	{ "DF", 1, { VEC_DF }, false, false, false, NULL },
	{ "NMI>DF", 2, { VEC_NMI, VEC_DF }, false, false, false, NULL },
	{ "DB>DF", 2, { VEC_DB, VEC_DF }, false, false, false, NULL },
	{ "MC>DF", 2, { VEC_MC, VEC_DF }, false, false, false, NULL },
	{ "DF>NMI", 2, { VEC_DF, VEC_NMI }, false, false, false, NULL },
	{ "DB>DF>NMI", 3, { VEC_DB, VEC_DF, VEC_NMI }, false, false, false, NULL },
	{ "MC>DF>NMI", 3, { VEC_MC, VEC_DF, VEC_NMI }, false, false, false, NULL },
};

/* The CPU's own #DB, by DR0, which must do what the written one does. */
static const struct lab_pattern real_debugs[] = {
	{ "NMI>DR0", 2, { VEC_NMI, VEC_DB }, false, true, false, "NMI>DB" },
	{ "MC>DR0", 2, { VEC_MC, VEC_DB }, false, true, false, "MC>DB" },
};

/* What must not happen: a vector again while its handler has not re-armed it. Who cannot survive it
 * must stop, never go on with a wrong context. */
static const struct lab_pattern forbidden[] = {
	{ "DB>DB-masked", 2, { VEC_DB, VEC_DB }, false, false, true, NULL },
	{ "MC>MC-masked", 2, { VEC_MC, VEC_MC }, false, false, true, NULL },
};

static void run_pattern(const struct lab_pattern *p, const struct ist_design *design,
			const struct lab_base *base)
{
	for (int early = 0; early <= (pattern_rearms(p) ? 1 : 0); early++) {
		const struct lab_setup setup = { design, base, early };

		pattern_run(p, &setup);
	}
}

/* The next design that the word ist= chooses and the CPU can run. */
static const struct ist_design *next_able(const struct ist_design *after)
{
	const struct ist_design *d = ist_next(after);

	for (; d && d->missing && d->missing(); d = ist_next(d))
		test_info("ist: design=%s skip=%s", d->name, d->missing());
	return d;
}

static void each_design(const struct lab_pattern *list, size_t count, const struct lab_base *base)
{
	for (const struct ist_design *d = next_able(NULL); d; d = next_able(d)) {
		for (size_t i = 0; i < count; i++)
			run_pattern(&list[i], d, base);
	}
}

/* What every test here needs: self-NMIs, and a design that can run. */
static bool can_run(void)
{
	const struct ist_design *first = ist_next(NULL);

	if (!cpu.apic) {
		test_skip("CPUID.1:EDX[9] APIC");
		return false;
	}
	while (first && first->missing && first->missing())
		first = ist_next(first);
	if (!first)
		test_skip("%s", ist_next(NULL)->missing());
	return first != NULL;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

XTEST(ist, singles)
{
	if (!can_run())
		return;
	if (!part_of_shard(0))
		test_skip("shard=1/%u has the cases", options.shards);
	else
		each_design(singles, COUNT(singles), &lab_bases[0]);
	totals_print();
}

XTEST(ist, pairs)
{
	if (!can_run())
		return;
	each_design(pairs, COUNT(pairs), &lab_bases[0]);
	totals_print();
}

XTEST(ist, triples)
{
	if (!can_run())
		return;
	each_design(triples, COUNT(triples), &lab_bases[0]);
	each_design(three_vectors, COUNT(three_vectors), &lab_bases[0]);
	totals_print();
}

/* Everything but the kernel's ordinary code: one event, and one inside it; from CPL 3, where a
 * design may have another way, all. */
XTEST(ist, contexts)
{
	if (!can_run())
		return;
	for (unsigned int i = 1; i < lab_base_count; i++) {
		each_design(singles, COUNT(singles), &lab_bases[i]);
		each_design(pairs, COUNT(pairs), &lab_bases[i]);
		if (!strcmp(lab_bases[i].name, "user"))
			each_design(triples, COUNT(triples), &lab_bases[i]);
	}
	totals_print();
}

XTEST(ist, double_faults)
{
	if (!can_run())
		return;
	each_design(double_faults, COUNT(double_faults), &lab_bases[0]);
	totals_print();
}

XTEST(ist, debug_registers)
{
	if (!can_run())
		return;
	each_design(real_debugs, COUNT(real_debugs), &lab_bases[0]);
	totals_print();
}

XTEST(ist, forbidden)
{
	if (!can_run())
		return;
	each_design(forbidden, COUNT(forbidden), &lab_bases[0]);
	totals_print();
}

/* What "saved atomically" means: no boundary of a thread switch or of a report notices an event. */
XTEST(ist, state)
{
	if (!can_run())
		return;
	lab_windows_begin();
	for (unsigned int i = 0; i < lab_window_base_count; i++)
		each_design(singles, COUNT(singles), &lab_window_bases[i]);
	lab_windows_end();
	totals_print();
}

XTEST(ist, random)
{
	if (!can_run())
		return;
	for (const struct ist_design *d = next_able(NULL); d; d = next_able(d)) {
		for (int early = 0; early <= 1; early++) {
			const struct lab_setup setup = { d, &lab_bases[0], early };

			random_run(&setup);
		}
	}
	test_checked("ist", 1);
	totals_print();
}

static unsigned int unreached;

static void print_unreached(uint64_t rip)
{
	char at[80];

	lab_place_name(at, sizeof(at), rip);
	test_info("ist-never: at=%s rip=0x%lx", at, rip);
	unreached++;
}

/* After all others, whose names come first: instructions of the disassembly that no recorded run
 * has come to. A design need not be reachable as a whole; but it is to be known. */
XTEST(ist, unreached)
{
	if (!can_run())
		return;
	lab_text_init();
	unreached = 0;
	lab_visit_unseen(print_unreached);
	test_info("ist-never: instructions=%u", unreached);
	test_checked("ist", 1);
}
