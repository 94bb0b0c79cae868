/* SPDX-License-Identifier: MIT */
/*
 * Checks of a host-built test program: "ok"/"not ok" lines and the closing line.
 */
#ifndef TESTS_HOST_CHECK_H
#define TESTS_HOST_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static unsigned int check_passed, check_failed, check_skipped;

static inline bool check_line(bool good, const char *what)
{
	printf("%s %u %s\n", good ? "ok" : "not ok", check_passed + check_failed + 1, what);
	check_passed += good;
	check_failed += !good;
	return good;
}

static inline void check_that(bool good, const char *what, const char *text, int line)
{
	if (!check_line(good, what))
		printf("# line %d: %s\n", line, text);
}

static inline void check_same(uint64_t want, uint64_t got, const char *what, int line)
{
	if (!check_line(want == got, what))
		printf("# line %d: expected 0x%llx, got 0x%llx\n", line, (unsigned long long)want,
		       (unsigned long long)got);
}

/* check() - a condition; check_eq() - two numbers; each prints one line */
#define check(cond, what)	  check_that(cond, what, #cond, __LINE__)
#define check_eq(want, got, what) check_same((uint64_t)(want), (uint64_t)(got), what, __LINE__)

static inline void check_skip(const char *what, const char *why)
{
	printf("ok %s # SKIP %s\n", what, why);
	check_skipped++;
}

/* check_end() - the closing line; returns the exit status. A run without a check is a failure. */
static inline int check_end(void)
{
	printf("%u passed, %u failed, %u skipped\n", check_passed, check_failed, check_skipped);
	return check_failed || !check_passed;
}

#endif
