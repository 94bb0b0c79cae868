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
#include "random.h"

static const struct lab_pattern singles[] = {
	{ "NMI", 1, { VEC_NMI }, false, false },
	{ "DB", 1, { VEC_DB }, false, false },
	{ "MC", 1, { VEC_MC }, false, false },
};

static const struct lab_pattern pairs[] = {
	{ "NMI>DB", 2, { VEC_NMI, VEC_DB }, false, false },
	{ "NMI>MC", 2, { VEC_NMI, VEC_MC }, false, false },
	{ "DB>NMI", 2, { VEC_DB, VEC_NMI }, false, false },
	{ "DB>MC", 2, { VEC_DB, VEC_MC }, false, false },
	{ "MC>NMI", 2, { VEC_MC, VEC_NMI }, false, false },
	{ "MC>DB", 2, { VEC_MC, VEC_DB }, false, false },
	{ "DB>DB", 2, { VEC_DB, VEC_DB }, false, false },
	{ "MC>MC", 2, { VEC_MC, VEC_MC }, false, false },
	{ "NMI>NMI", 2, { VEC_NMI, VEC_NMI }, true, false },
};

static const struct lab_pattern triples[] = {
	{ "NMI>DB>NMI", 3, { VEC_NMI, VEC_DB, VEC_NMI }, false, false },
	{ "NMI>MC>NMI", 3, { VEC_NMI, VEC_MC, VEC_NMI }, false, false },
	{ "DB>NMI>DB", 3, { VEC_DB, VEC_NMI, VEC_DB }, false, false },
	{ "DB>MC>DB", 3, { VEC_DB, VEC_MC, VEC_DB }, false, false },
	{ "MC>NMI>MC", 3, { VEC_MC, VEC_NMI, VEC_MC }, false, false },
	{ "MC>DB>MC", 3, { VEC_MC, VEC_DB, VEC_MC }, false, false },
};

/* #DF ends the case. In its handler NMIs are open, unless an NMI was interrupted. */
static const struct lab_pattern double_faults[] = {
	{ "DF", 1, { VEC_DF }, false, false },
	{ "NMI>DF", 2, { VEC_NMI, VEC_DF }, false, false },
	{ "DB>DF", 2, { VEC_DB, VEC_DF }, false, false },
	{ "MC>DF", 2, { VEC_MC, VEC_DF }, false, false },
	{ "DF>NMI", 2, { VEC_DF, VEC_NMI }, false, false },
	{ "DB>DF>NMI", 3, { VEC_DB, VEC_DF, VEC_NMI }, false, false },
	{ "MC>DF>NMI", 3, { VEC_MC, VEC_DF, VEC_NMI }, false, false },
};

/* The CPU's own #DB, which must do what the written one does. */
static const struct lab_pattern real_debugs[] = {
	{ "NMI>DB", 2, { VEC_NMI, VEC_DB }, false, true },
	{ "MC>DB", 2, { VEC_MC, VEC_DB }, false, true },
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

/* Everything but the kernel's ordinary code: one event, and one inside it; from CPL 3, where a
 * design may have another way, all. */
XTEST(ist, contexts)
{
	for (unsigned int i = 1; i < lab_base_count && !lacks_apic(); i++) {
		each_design(singles, COUNT(singles), &lab_bases[i]);
		each_design(pairs, COUNT(pairs), &lab_bases[i]);
		if (lab_bases[i].user)
			each_design(triples, COUNT(triples), &lab_bases[i]);
	}
}

XTEST(ist, double_faults)
{
	if (!lacks_apic())
		each_design(double_faults, COUNT(double_faults), &lab_bases[0]);
}

XTEST(ist, debug_registers)
{
	if (!lacks_apic())
		each_design(real_debugs, COUNT(real_debugs), &lab_bases[0]);
}

/* What "saved atomically" means: no boundary of a thread switch or of a report notices an event. */
XTEST(ist, state)
{
	if (lacks_apic())
		return;
	lab_windows_begin();
	for (unsigned int i = 0; i < lab_window_base_count; i++)
		each_design(singles, COUNT(singles), &lab_window_bases[i]);
	lab_windows_end();
}

XTEST(ist, random)
{
	if (lacks_apic())
		return;
	for (const struct ist_design *d = next_able(NULL); d; d = next_able(d)) {
		for (int early = 0; early <= 1; early++) {
			const struct lab_setup setup = { d, &lab_bases[0], early };

			random_run(&setup);
		}
	}
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
	lab_text_init();
	unreached = 0;
	lab_visit_unseen(print_unreached);
	test_info("ist-never: instructions=%u", unreached);
	test_checked("ist", 1);
}
