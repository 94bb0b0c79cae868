/* SPDX-License-Identifier: MIT */
/*
 * KTAP version 1 on the console: one line a test, the details of failures before it, and the last
 * line.
 *
 * Source: Linux, Documentation/dev-tools/ktap.rst, "KTAP version 1".
 */
#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "judged.h"
#include "report.h"

#define FAILURES_IN_FULL 8

static unsigned int counts[OUTCOMES];
static unsigned int number, planned;

static struct {
	const char *name;
	uint64_t checks;
	unsigned int failures, hidden, subtests, subtest_failures;
	char shown_rules[128]; /* those that a failure in full has named, each behind a blank */
	char skip[128], error[192];
} running;

void report_plan(unsigned int tests)
{
	planned = tests;
	print("1..%u\n", tests);
}

void report_begin(const char *name, const char *rules)
{
	memset(&running, 0, sizeof(running));
	judged_reset();
	table_abandon();
	running.name = name;
	if (rules && *rules)
		print("# rules %s: %s\n", name, rules);
}

static enum outcome outcome(void)
{
	if (running.failures)
		return OUTCOME_FAIL;
	if (running.error[0])
		return OUTCOME_ERROR;
	if (running.skip[0])
		return OUTCOME_SKIP;
	if (!running.checks) {
		format_text(running.error, sizeof(running.error), "the test executed no check");
		return OUTCOME_ERROR;
	}
	return OUTCOME_PASS;
}

enum outcome report_end(void)
{
	enum outcome o = outcome();

	if (o == OUTCOME_SKIP && number + 1 == planned && counts[OUTCOME_SKIP] == number) {
		/* the last test of a run in which no check was executed: that is no verdict */
		format_text(running.error, sizeof(running.error),
			    "no check was executed; skipped for want of %s", running.skip);
		o = OUTCOME_ERROR;
	}
	if (running.hidden)
		print("# fail: test=%s %u more failed checks, not shown\n", running.name,
		      running.hidden);
	if (o == OUTCOME_FAIL && running.error[0])
		print("# error: test=%s %s\n", running.name, running.error);
	if (running.checks)
		print("# checks: test=%s %lu\n", running.name, running.checks);
	judged_print(running.name);
	print("%s %u %s", o == OUTCOME_PASS || o == OUTCOME_SKIP ? "ok" : "not ok", ++number,
	      running.name);
	if (o == OUTCOME_SKIP)
		print(" # SKIP %s", running.skip);
	if (o == OUTCOME_ERROR)
		print(" # ERROR %s", running.error);
	print("\n");
	counts[o]++;
	running.name = NULL;
	return o;
}

void report_finish(void)
{
	print("xtk: %u passed, %u failed, %u errors, %u skipped\n", counts[OUTCOME_PASS],
	      counts[OUTCOME_FAIL], counts[OUTCOME_ERROR], counts[OUTCOME_SKIP]);
	machine_exit(counts[OUTCOME_ERROR]  ? EXIT_STATUS_ERROR
		     : counts[OUTCOME_FAIL] ? EXIT_STATUS_FAIL
					    : EXIT_STATUS_PASS);
}

/* Whether @rule is among those already shown; from now on it is. */
static bool rule_was_shown(const char *rule)
{
	size_t n = strlen(running.shown_rules), length = strlen(rule);

	for (const char *at = running.shown_rules; *at; at++) {
		if (*at == ' ' && starts_with(at + 1, rule) &&
		    (at[1 + length] == ' ' || !at[1 + length]))
			return true;
	}
	format_text(running.shown_rules + n, sizeof(running.shown_rules) - n, " %s", rule);
	return false;
}

/* Where the rule comes from, once for each, and the words that repeat exactly this case. */
static void print_origin(const char *rule, bool shown)
{
	const char *section = shown ? NULL : judged_section(rule);

	if (section)
		print("#   %s: %s\n", rule, section);
	if (table_case_name())
		print("#   repeat: tests=%s case=%s seed=%lu%s\n", running.name, table_case_name(),
		      options.seed, options.depth_full ? " depth=full" : "");
}

/* The first few in full, and the first of every rule, because who knows a failure knows it by its
 * rule. */
static void fail(const char *rule, const char *expected, const char *got, const char *where,
		 va_list args)
{
	bool shown = rule_was_shown(rule);

	running.checks++;
	judged_add(rule, 1);
	if (running.failures++ >= FAILURES_IN_FULL && shown) {
		running.hidden++;
		return;
	}
	print("# fail: test=%s rule=%s expected=%s got=%s where=", running.name, rule, expected,
	      got);
	if (table_case_name())
		print("%s ", table_case_name());
	vprint(where, args);
	print("\n");
	print_origin(rule, shown);
}

static bool passed(const char *rule)
{
	running.checks++;
	judged_add(rule, 1);
	return true;
}

bool expect_equal(uint64_t got, uint64_t want, const char *rule, const char *where, ...)
{
	char expected[24], actual[24];
	va_list args;

	if (got == want)
		return passed(rule);
	format_text(expected, sizeof(expected), "0x%lx", want);
	format_text(actual, sizeof(actual), "0x%lx", got);
	va_start(args, where);
	fail(rule, expected, actual, where, args);
	va_end(args);
	return false;
}

bool expect_fault(fault_t got, fault_t want, const char *rule, const char *where, ...)
{
	char expected[FAULT_TEXT_SIZE], actual[FAULT_TEXT_SIZE];
	va_list args;

	if (got == want)
		return passed(rule);
	va_start(args, where);
	fail(rule, fault_text(want, expected), fault_text(got, actual), where, args);
	va_end(args);
	return false;
}

bool expect_true(bool condition, const char *rule, const char *where, ...)
{
	va_list args;

	if (condition)
		return passed(rule);
	va_start(args, where);
	fail(rule, "true", "false", where, args);
	va_end(args);
	return false;
}

void test_fail(const char *rule, const char *expected, const char *got, const char *where, ...)
{
	va_list args;

	va_start(args, where);
	fail(rule, expected, got, where, args);
	va_end(args);
}

void test_checked(const char *rule, uint64_t checks)
{
	running.checks += checks;
	judged_add(rule, checks);
}

/* Up to 8 bytes around the first difference, which stands in brackets. */
static void mark_bytes(char *out, size_t size, const uint8_t *bytes, size_t from, size_t to,
		       size_t at)
{
	size_t n = 0;

	for (size_t i = from; i < to && n < size; i++)
		n += format_text(out + n, size - n, i == at ? "[%02x]" : "%02x", bytes[i]);
}

bool expect_bytes(const uint8_t *got, const uint8_t *want, size_t size, const char *rule,
		  const char *where, ...)
{
	char expected[32], actual[32], place[192];
	size_t at = 0, from, to;
	va_list args;

	if (!memcmp(got, want, size))
		return passed(rule);
	while (got[at] == want[at])
		at++;
	from = at & ~(size_t)7;
	to = from + 8 < size ? from + 8 : size;
	mark_bytes(expected, sizeof(expected), want, from, to, at);
	mark_bytes(actual, sizeof(actual), got, from, to, at);
	va_start(args, where);
	vformat_text(place, sizeof(place), where, args);
	va_end(args);
	test_fail(rule, expected, actual, "%s byte %zu, here from %zu on", place, at, from);
	return false;
}

void test_error(const char *format, ...)
{
	va_list args;

	if (running.error[0])
		return; /* the first one is the cause */
	va_start(args, format);
	vformat_text(running.error, sizeof(running.error), format, args);
	va_end(args);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vformat_text(running.skip, sizeof(running.skip), format, args);
	va_end(args);
}

void test_info(const char *format, ...)
{
	va_list args;

	print("# ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
}

void subtest_plan(unsigned int count)
{
	print("  KTAP version 1\n  1..%u\n", count);
	running.subtests = 0;
	running.subtest_failures = running.failures;
}

void subtest_done(const char *format, ...)
{
	va_list args;

	print("  %s %u ", running.failures == running.subtest_failures ? "ok" : "not ok",
	      ++running.subtests);
	running.subtest_failures = running.failures;
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
}

unsigned int test_failures(void)
{
	return running.failures;
}
