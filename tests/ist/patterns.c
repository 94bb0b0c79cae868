/* SPDX-License-Identifier: MIT */
/*
 * All cases of a pattern. patterns.h says what is printed and judged.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/panic.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "part.h"
#include "patterns.h"
#include "tally.h"

#define MAX_PATH  4096
#define MAX_SHOWN 3 /* failures of a pattern that are printed in full */
#define QUICK_STRIDE                                                                               \
	7 /* of the third event's boundaries, at quick depth and out of the ordinary               \
	   */
#define WINDOW_CASES 250 /* boundaries of a piece of code, at quick depth */

static struct lab_boundary first_path[MAX_PATH], second_path[MAX_PATH];

static struct {
	const struct lab_pattern *pattern;
	const struct lab_setup *setup;
	struct lab_event events[3];
	char name[96]; /* design, pattern with its base, re-arm */
	unsigned int cases, failed, unreachable;
	const char *shown_step; /* the step whose failures are printed now, and how many were */
	unsigned int shown;
	unsigned int own_way; /* boundaries in second_path, for a real #DB */
	unsigned int stride;  /* every n-th second boundary only */
	struct tally second, third;
} run;

bool pattern_rearms(const struct lab_pattern *p)
{
	for (unsigned int i = 1; i < p->count; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (p->vector[i] == p->vector[j] && p->vector[i] != VEC_NMI)
				return true;
		}
	}
	return false;
}

static size_t pattern_name(char *out, size_t size)
{
	const char *base = run.setup->base->name;
	bool plain = !strcmp(base, "kernel");

	return format_text(out, size, "%s%s%s", plain ? "" : base, plain ? "" : ":",
			   run.pattern->name);
}

static const char *rearm_name(void)
{
	if (!pattern_rearms(run.pattern))
		return "-";
	return run.setup->rearm_early ? "early" : "late";
}

static unsigned int occurrence(const struct lab_event *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->index; i++)
		n += e->path[i].rip == e->path[e->index].rip;
	return n;
}

/* The id of a case: its pattern, and label+distance.occurrence of each event but the first. */
static void case_name(char *out, size_t size)
{
	size_t n = format_text(out, size, "%s", run.name);

	for (unsigned int i = 0; i < run.pattern->count && n < size; i++) {
		const struct lab_event *e = &run.events[i];

		if (!e->path)
			continue;

		n += format_text(out + n, size - n, "/");
		n += lab_place_name(out + n, size - n, e->path[e->index].rip);
		n += format_text(out + n, size - n, ".%u", occurrence(e));
	}
}

static void count_case(bool failed)
{
	const struct lab_event *e = run.events;

	run.cases++;
	run.failed += failed;
	if (run.pattern->count > 1)
		tally_add(&run.second, e[1].path[e[1].index].rip, failed);
	if (e[2].path)
		tally_add(&run.third, e[2].path[e[2].index].rip, failed);
}

/* The places of the last two events: the first counts for the position, too, in a piece of code. */
static unsigned int place(void)
{
	return run.events[run.pattern->count > 1 ? 1 : 0].index;
}

static bool is_wanted(char *name, size_t size)
{
	bool third = run.pattern->count > 2;
	unsigned int j = third ? run.events[2].index : 0;

	if (!part_has(run.name, place(), j))
		return false;
	*name = '\0';
	if (options.case_id || options.each)
		case_name(name, size);
	if (options.case_id && !case_selected(name))
		return false;
	part_case(run.name, place(), j, third, name);
	return true;
}

/* The first few of each step: another step is another window. */
static bool is_new_failure(void)
{
	const struct lab_event *e = &run.events[run.pattern->count > 1];
	const char *step = e->path ? lab_step(run.setup->design, e->path[e->index].rip) : "base";

	if (!run.shown_step || strcmp(run.shown_step, step)) {
		run.shown_step = step;
		run.shown = 0;
	}
	return run.shown++ < MAX_SHOWN;
}

static void run_one(void)
{
	struct lab_verdict verdict;
	char name[256];
	bool good;

	if (!is_wanted(name, sizeof(name)))
		return;
	good = lab_run(run.events, run.pattern->count, &verdict);
	if (verdict.unreachable) {
		run.unreachable++;
		return;
	}
	count_case(!good);
	if (good || (!is_new_failure() && !options.case_id))
		return;
	case_name(name, sizeof(name));
	test_info("ist-fail: case=%s what=%s %s", name, verdict.what, verdict.detail);
}

/*
 * A breakpoint in code that the #DB itself executes on the way to its handler would raise #DB again
 * and again. second_path holds that way: a pattern with a real #DB has two events.
 */
static bool is_on_own_way(uint64_t rip)
{
	for (unsigned int i = 0; i < run.own_way; i++) {
		if (second_path[i].rip == rip)
			return true;
	}
	return false;
}

/* From the entry of the #DB to the handler. */
static void record_own_way(void)
{
	const struct lab_event debug = { .vector = VEC_DB };
	struct lab_verdict verdict;
	unsigned int n = lab_record(&debug, 1, second_path, MAX_PATH, &verdict);

	while (run.own_way < n && second_path[run.own_way].rip != lab_handler_rip())
		run.own_way++;
}

/* Whether the event may come at a boundary: a blocked NMI only if the pattern wants it latched. */
static bool may_come(unsigned int event, const struct lab_boundary *at)
{
	const struct lab_event *e = &run.events[event];
	bool masked = at->masked & LAB_MASK(e->vector);

	if (e->real && (occurrence(e) || is_on_own_way(at->rip)))
		return false;
	return masked == (e->latched || e->forbidden);
}

/* Without a run of two events there are no boundaries for the third. */
static void pair_fails(const struct lab_verdict *recorded)
{
	struct lab_verdict verdict;

	if (lab_run(run.events, 2, &verdict))
		test_error("%s: no recorded run of two events: %s %s", run.name,
			   recorded->what ? recorded->what : "too long", recorded->detail);
	else
		run.unreachable++;
}

/* Every so many boundaries, and each at which something has just been unmasked. */
static bool is_sample(unsigned int i)
{
	return i % run.stride == 0 || second_path[i - 1].masked & ~second_path[i].masked;
}

static void each_third(void)
{
	struct lab_verdict verdict;
	unsigned int n = lab_record(run.events, 2, second_path, MAX_PATH, &verdict);

	run.events[2].path = NULL;
	if (!n) {
		pair_fails(&verdict);
		return;
	}
	run.events[2].path = second_path;
	for (unsigned int i = 0; i < n; i++) {
		if (!is_sample(i))
			continue;
		run.events[2].index = i;
		if (may_come(2, &second_path[i]))
			run_one();
		else
			run.unreachable++;
	}
}

/* One event at the boundaries of a piece of code. */
static void each_first(void)
{
	struct lab_verdict verdict;
	unsigned int n = lab_record(NULL, 0, first_path, MAX_PATH, &verdict);

	if (!n) {
		test_error("%s: no recorded run: %s %s", run.name,
			   verdict.what ? verdict.what : "too long", verdict.detail);
		return;
	}
	run.stride = n > WINDOW_CASES && !options.depth_full ? n / WINDOW_CASES : 1;
	run.events[0].path = first_path;
	for (unsigned int i = 0; i < n; i += run.stride) {
		run.events[0].index = i;
		if (part_of_shard(i / run.stride))
			run_one();
	}
}

/* What the first event does alone is judged by its own pattern. */
static void first_fails(const struct lab_verdict *recorded)
{
	struct lab_verdict verdict;

	if (lab_run(run.events, 1, &verdict))
		test_error("%s: no recorded run of the first event: %s %s", run.name,
			   recorded->what ? recorded->what : "too long", recorded->detail);
	else
		test_info("note: %s has no cases: the first event alone fails: %s", run.name,
			  verdict.what);
}

static void each_second(void)
{
	struct lab_verdict verdict;
	unsigned int n = lab_record(run.events, 1, first_path, MAX_PATH, &verdict);

	if (!n) {
		first_fails(&verdict);
		return;
	}
	if (run.pattern->real)
		record_own_way();
	run.events[1].path = first_path;
	for (unsigned int i = 0; i < n; i++) {
		run.events[1].index = i;
		if (!part_of_shard(i))
			continue;
		if (!may_come(1, &first_path[i]))
			run.unreachable++;
		else if (run.pattern->count == 2)
			run_one();
		else if (part_has(run.name, i, UINT32_MAX)) {
			part_block(run.name, i);
			each_third();
		}
	}
}

/* what the design claims  */

static const struct ist_claim *claim_for(const char *pattern)
{
	const struct ist_design *d = run.setup->design;

	for (unsigned int i = 0; i < IST_CLAIMS && d->claims[i].pattern; i++) {
		if (!strcmp(d->claims[i].pattern, pattern))
			return &d->claims[i];
	}
	return NULL;
}

static bool is_claimed(const struct ist_claim *claim, const char *step)
{
	size_t n = strlen(step);

	if (!claim->fails)
		return false;
	if (!strcmp(claim->fails, "*"))
		return true;
	for (const char *s = claim->fails; *s; s += *s == ' ') {
		if (starts_with(s, step) && (s[n] == ' ' || !s[n]))
			return true;
		while (*s && *s != ' ')
			s++;
	}
	return false;
}

/* What is claimed for a pattern holds in every base context that has no claim of its own; and what
 * is claimed for CPL 3, for each of its contexts. */
static const struct ist_claim *find_claim(const char *pattern)
{
	const char *name = run.pattern->like ? run.pattern->like : run.pattern->name;
	const struct ist_claim *claim = claim_for(pattern);
	char user[64];

	format_text(user, sizeof(user), "user:%s", name);
	if (!claim && run.setup->base->user)
		claim = claim_for(user);
	return claim ? claim : claim_for(name);
}

struct comparison {
	bool worse, better;
	char steps[160]; /* those that differ */
};

static void compare_step(struct comparison *c, const struct ist_claim *claim, const char *step,
			 unsigned int failed)
{
	size_t n = strlen(c->steps);

	if (is_claimed(claim, step) == (failed != 0))
		return;
	if (!failed && (run.stride > 1 || !part_is_whole()))
		return; /* the case that fails may be among those left out */
	c->worse = c->worse || failed;
	c->better = c->better || !failed;
	format_text(c->steps + n, sizeof(c->steps) - n, "%s%s", n ? "," : "", step);
}

static void judge(void)
{
	struct comparison c = { 0 };
	struct tally_step step;
	unsigned int index = 0;
	char pattern[64];
	const struct ist_claim *claim;
	const char *verdict;

	pattern_name(pattern, sizeof(pattern));
	claim = find_claim(pattern);
	if (!claim) {
		test_info("ist-claim: design=%s pattern=%s claim=none verdict=unclaimed",
			  run.setup->design->name, pattern);
		return;
	}
	if (run.pattern->count == 1)
		compare_step(&c, claim, "base", run.failed);
	while (tally_step(&run.second, run.setup->design, &index, &step))
		compare_step(&c, claim, step.name, step.failed);
	verdict = c.worse ? "worse" : c.better ? "better" : "as_claimed";
	test_info("ist-claim: design=%s pattern=%s rearm=%s claim=%s verdict=%s steps=%s",
		  run.setup->design->name, pattern, rearm_name(),
		  claim->fails ? claim->fails : "survives", verdict, *c.steps ? c.steps : "-");
	if (!c.worse && !c.better)
		test_checked("ist", run.cases);
	else
		test_fail("ist", claim->fails ? claim->fails : "survives", c.steps,
			  "%s %s than claimed", run.name, verdict);
}

/* what is printed  */

#define MAX_DESIGNS 64

static struct {
	const struct ist_design *design;
	uint64_t cases, failed, ticks;
} totals[MAX_DESIGNS];

void total_add(const struct ist_design *design, unsigned int cases, unsigned int failed,
	       uint64_t ticks)
{
	unsigned int i = 0;

	while (totals[i].design && totals[i].design != design)
		i++;
	BUG_ON(i == MAX_DESIGNS - 1);
	totals[i].design = design;
	totals[i].cases += cases;
	totals[i].failed += failed;
	totals[i].ticks += ticks;
}

void totals_print(void)
{
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d))
		total_add(d, 0, 0, 0);
	for (unsigned int i = 0; totals[i].design; i++)
		test_info("ist-total: design=%s cases=%lu failed=%lu ticks=%lu",
			  totals[i].design->name, totals[i].cases, totals[i].failed,
			  totals[i].ticks);
	memset(totals, 0, sizeof(totals));
}

static void print_steps(const struct tally *t, unsigned int event)
{
	const struct ist_design *d = run.setup->design;
	struct tally_step step;
	unsigned int index = 0;
	char pattern[64];

	pattern_name(pattern, sizeof(pattern));
	while (tally_step(t, d, &index, &step))
		test_info("ist-step: design=%s pattern=%s rearm=%s event=%u step=%s cases=%u "
			  "failed=%u",
			  d->name, pattern, rearm_name(), event, step.name, step.cases,
			  step.failed);
}

static void print_boundaries(const struct tally *t, unsigned int event)
{
	char pattern[64], at[80];

	pattern_name(pattern, sizeof(pattern));
	for (unsigned int i = 0; i < t->count; i++) {
		lab_place_name(at, sizeof(at), t->rows[i].rip);
		test_info("ist-at: design=%s pattern=%s rearm=%s event=%u at=%s rip=0x%lx cases=%u "
			  "failed=%u",
			  run.setup->design->name, pattern, rearm_name(), event, at, t->rows[i].rip,
			  t->rows[i].cases, t->rows[i].failed);
	}
}

static void print_results(void)
{
	char pattern[64];

	pattern_name(pattern, sizeof(pattern));
	test_info("ist: design=%s pattern=%s rearm=%s cases=%u failed=%u na=%u",
		  run.setup->design->name, pattern, rearm_name(), run.cases, run.failed,
		  run.unreachable);
	print_steps(&run.second, 2);
	print_steps(&run.third, 3);
	print_boundaries(&run.second, 2);
	print_boundaries(&run.third, 3);
}

static void begin(const struct lab_pattern *pattern, const struct lab_setup *setup)
{
	char name[64];
	bool whole;

	memset(&run, 0, sizeof(run));
	run.pattern = pattern;
	run.setup = setup;
	whole = options.depth_full && setup->base == &lab_bases[0];
	run.stride = pattern->count == 3 && !whole ? QUICK_STRIDE : 1;
	for (unsigned int i = 0; i < pattern->count; i++)
		run.events[i].vector = pattern->vector[i];
	run.events[pattern->count - 1].latched = pattern->latched;
	run.events[pattern->count - 1].real = pattern->real;
	run.events[pattern->count - 1].forbidden = pattern->forbidden;
	pattern_name(name, sizeof(name));
	format_text(run.name, sizeof(run.name), "%s/%s/%s", setup->design->name, name,
		    rearm_name());
}

void pattern_run(const struct lab_pattern *pattern, const struct lab_setup *setup)
{
	uint64_t start = rdtsc();

	begin(pattern, setup);
	lab_begin(setup);
	if (setup->base->window)
		each_first();
	else if (pattern->count > 1)
		each_second();
	else if (part_of_shard(0))
		run_one();
	lab_end();
	part_end(run.name);
	total_add(setup->design, run.cases, run.failed, rdtsc() - start);
	if (!run.cases)
		return;
	print_results();
	judge();
}
