/* SPDX-License-Identifier: MIT */
/*
 * Deep nestings by chance: up to LAB_EVENTS events, each at a boundary of what the events before it
 * run. A design that claims to survive every pattern must survive these, too; what the others do is
 * counted.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "patterns.h"
#include "random.h"

#define MAX_PATH     2048
#define CHAINS	     8
#define CHAINS_FULL  400
#define EVENTS_LEAST 4
#define TRIES	     20 /* for a boundary at which something may come */

static struct lab_boundary paths[LAB_EVENTS][MAX_PATH];
static uint64_t state;

static unsigned int chance(unsigned int below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)((state >> 33) % below);
}

static enum vector any_vector(void)
{
	static const enum vector vectors[] = { VEC_NMI, VEC_DB, VEC_MC };

	return vectors[chance(3)];
}

static bool choose(struct lab_event *e, const struct lab_boundary *path, unsigned int length)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		*e = (struct lab_event){ .vector = any_vector(), .path = path };
		e->index = chance(length);
		if (!(path[e->index].masked & LAB_MASK(e->vector)))
			return true;
	}
	return false;
}

static void describe(char *out, size_t size, const struct lab_event *events, unsigned int count)
{
	size_t n = 0;

	for (unsigned int i = 0; i < count && n < size; i++) {
		n += format_text(out + n, size - n, "%s%d", i ? "/" : "", events[i].vector);
		if (!events[i].path)
			continue;
		n += format_text(out + n, size - n, "@");
		n += lab_place_name(out + n, size - n, events[i].path[events[i].index].rip);
		n += format_text(out + n, size - n, "#%u", events[i].index);
	}
}

/* Return: whether the chain was survived; @events and @count are what it came to. */
static bool run_chain(struct lab_event *events, unsigned int *count, struct lab_verdict *verdict)
{
	unsigned int wanted = EVENTS_LEAST + chance(LAB_EVENTS - EVENTS_LEAST + 1);

	events[0] = (struct lab_event){ .vector = any_vector() };
	for (*count = 1; *count < wanted; ++*count) {
		struct lab_boundary *path = paths[*count];
		unsigned int n = lab_record(events, *count, path, MAX_PATH, verdict);

		if (!n)
			return false;
		if (!choose(&events[*count], path, n))
			break;
	}
	return lab_run(events, *count, verdict);
}

static bool survives_all(const struct ist_design *d)
{
	for (unsigned int i = 0; i < IST_CLAIMS && d->claims[i].pattern; i++) {
		if (d->claims[i].fails && strcmp(d->claims[i].fails, IST_NOT_APPLICABLE))
			return false;
	}
	return true;
}

void random_run(const struct lab_setup *setup)
{
	unsigned int chains = options.depth_full ? CHAINS_FULL : CHAINS, failed = 0;
	struct lab_event events[LAB_EVENTS];
	struct lab_verdict verdict;
	const char *name = setup->design->name, *rearm = setup->rearm_early ? "early" : "late";
	char text[400];
	uint64_t start = rdtsc();

	state = options.seed * 1000003 + options.shard;
	lab_begin(setup);
	for (unsigned int i = 0; i < chains / options.shards + 1; i++) {
		unsigned int count;

		if (run_chain(events, &count, &verdict))
			continue;
		describe(text, sizeof(text), events, count);
		if (!failed++)
			test_info("ist-fail: case=%s/random/%s/%s what=%s seed=%lu %s", name, rearm,
				  text, verdict.what ? verdict.what : "too_long", options.seed,
				  verdict.detail);
	}
	lab_end();
	test_info("ist: design=%s pattern=random rearm=%s cases=%u failed=%u na=0", name, rearm,
		  chains / options.shards + 1, failed);
	total_add(setup->design, chains / options.shards + 1, failed, rdtsc() - start);
	if (!survives_all(setup->design)) {
		test_info("ist-claim: design=%s pattern=random claim=none verdict=unclaimed", name);
		return;
	}
	test_info("ist-claim: design=%s pattern=random rearm=%s claim=survives verdict=%s steps=-",
		  name, rearm, failed ? "worse" : "as_claimed");
	expect_equal(failed, 0, "ist", "%s: chains of up to %u events that it fails", name,
		     LAB_EVENTS);
}
