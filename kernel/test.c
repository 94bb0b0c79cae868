/* SPDX-License-Identifier: MIT */
/*
 * Choosing and running the tests of the linker set. The hosted programs of tests/host/rules/ do it
 * with this very file, so what a machine has is behind cpu, snapshot.h and
 * test_attempt().
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/panic.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "cmdline.h"
#include "report.h"
#include "snapshot.h"
#include "test.h"

#define MAX_TESTS 512

static const struct xtest *chosen[MAX_TESTS];
static unsigned int chosen_count;
static bool wanted[MAX_TESTS]; /* in the order of the set */

/* One element of tests=: @length bytes at @text, without a leading '-'. */
struct pattern {
	char text[64];
	bool exclude;
};

/* Takes the next element off a comma-separated list. Return: what is left, NULL at its end. */
static const char *next_pattern(const char *list, struct pattern *p)
{
	size_t n = 0;

	if (!list || !*list)
		return NULL;
	p->exclude = *list == '-';
	list += p->exclude;
	while (*list && *list != ',') {
		if (n == sizeof(p->text) - 1)
			usage_exit("tests=: a name is longer than %zu characters",
				   sizeof(p->text) - 1);
		p->text[n++] = *list++;
	}
	p->text[n] = '\0';
	return *list ? list + 1 : list;
}

/*
 * Groups that go wrong on purpose, only measure or list, wait for a host, or may take a whole
 * emulator down, so that they want a boot of their own: nothing but a pattern that spells the group
 * out reaches them.
 */
static const char *const on_request[] = { "selftest/", "bench/", "hazard/", "table/", "scenario/" };

static const char *request_group(const char *name)
{
	for (size_t i = 0; i < sizeof(on_request) / sizeof(on_request[0]); i++) {
		if (starts_with(name, on_request[i]))
			return on_request[i];
	}
	return NULL;
}

static bool matches(const struct pattern *p, const struct xtest *t)
{
	const char *group = request_group(t->name);

	if (group && !starts_with(p->text, group))
		return false;
	return glob_match(p->text, t->name);
}

/*
 * One element of tests=, applied to all tests. A name that matches nothing is a mistake, and
 * running something else would hide it.
 */
static void apply_pattern(const struct pattern *p)
{
	bool found = false;
	size_t i = 0;

	set_for_each (it, xtests) {
		if (matches(p, *it)) {
			wanted[i] = !p->exclude;
			found = true;
		}
		i++;
	}
	if (!found)
		usage_exit("tests=: '%s' matches no test; the word list prints their names",
			   p->text);
}

static uint64_t shuffle_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* The order in a linker set is the linker's: sort by name, then shuffle if asked to. */
static void order_tests(void)
{
	uint64_t state = options.shuffle_seed;

	for (unsigned int i = 1; i < chosen_count; i++) {
		const struct xtest *t = chosen[i];
		unsigned int j = i;

		for (; j && strcmp(chosen[j - 1]->name, t->name) > 0; j--)
			chosen[j] = chosen[j - 1];
		chosen[j] = t;
	}
	for (unsigned int i = chosen_count; options.shuffle && i > 1; i--) {
		unsigned int j = (unsigned int)(shuffle_next(&state) % i);
		const struct xtest *t = chosen[i - 1];

		chosen[i - 1] = chosen[j];
		chosen[j] = t;
	}
}

static void choose_tests(void)
{
	bool by_default = !options.tests || *options.tests == '-';
	struct pattern p;
	size_t i = 0;

	BUG_ON(__stop_xtests - __start_xtests > MAX_TESTS);
	set_for_each (it, xtests)
		wanted[i++] = by_default && !request_group((*it)->name);
	for (const char *rest = next_pattern(options.tests, &p); rest;
	     rest = next_pattern(rest, &p))
		apply_pattern(&p);
	i = 0;
	set_for_each (it, xtests) {
		if (wanted[i++])
			chosen[chosen_count++] = *it;
	}
	order_tests();
}

static void run_whole(const void *test)
{
	((const struct xtest *)test)->run();
}

static void run_test(const struct xtest *t)
{
	const char *changed;

	report_begin(t->name, t->rules);
	if (!cpu.has_xsave && !t->without_xsave) {
		test_skip("CPUID.1:ECX[26] XSAVE");
	} else {
		snapshot_take();
		test_attempt("", run_whole, t);
		if (!case_any_selected())
			test_error("case=%s names no case of this test", options.case_id);
		changed = snapshot_restore();
		if (changed)
			test_error("the test left %s changed", changed);
	}
	report_end();
}

static void list_tests(void)
{
	for (unsigned int i = 0; i < chosen_count; i++)
		print("# test: %s rules: %s\n", chosen[i]->name,
		      chosen[i]->rules ? chosen[i]->rules : "");
	report_plan(0);
	report_finish();
}

void tests_run(void)
{
	choose_tests();
	if (!chosen_count)
		usage_exit("tests=%s leaves no test to run", options.tests);
	if (options.list)
		list_tests();
	report_plan(chosen_count * options.repeat);
	for (unsigned int i = 0; i < chosen_count * options.repeat; i++)
		run_test(chosen[i % chosen_count]);
	report_finish();
}
