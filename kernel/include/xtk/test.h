/* SPDX-License-Identifier: MIT */
/*
 * Writing a test: one XTEST in any file of tests/. docs/testing.md has the story.
 *
 * Three outcomes are kept apart: a failure (the machine broke a rule), an error (the test or the
 * kernel is broken) and a skip (the machine lacks the feature, with the CPUID bit named). A test
 * that executed no check is an error.
 */
#ifndef XTK_TEST_H
#define XTK_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xtk/fault.h>
#include <xtk/print.h>
#include <xtk/set.h>

struct xtest {
	const char *name;   /* group/name */
	const char *rules;  /* ids of the rules it checks, separated by spaces */
	bool without_xsave; /* also runs where CPUID.1:ECX[26] = 0; every other test skips there */
	void (*run)(void);
};

SET_DECLARE(xtests, struct xtest);

/* XTEST() - define and register a test: XTEST(group, name, .rules = "…") { … } */
#define XTEST(group, id, ...)                                                                      \
	static void group##_##id(void);                                                            \
	static const struct xtest xtest_##group##_##id = { .name = #group "/" #id,                 \
							   .run = group##_##id,                    \
							   __VA_ARGS__ };                          \
	SET_ENTRY(xtests, struct xtest, xtest_##group##_##id);                                     \
	static void group##_##id(void)

/**
 * expect_equal() - check a value
 * @rule:  id of the rule, or a word for what has none ("thread", "nmi")
 * @where: printf text that tells which case this is
 *
 * The first failures of a test are printed in full, the others counted.
 *
 * Return: whether @got equals @want.
 */
bool expect_equal(uint64_t got, uint64_t want, const char *rule, const char *where, ...)
	__attribute__((format(printf, 4, 5)));
bool expect_fault(fault_t got, fault_t want, const char *rule, const char *where, ...)
	__attribute__((format(printf, 4, 5)));
bool expect_true(bool condition, const char *rule, const char *where, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * expect_bytes() - check memory
 * @got, @want: @size bytes each
 *
 * The failure shows eight bytes around the first difference, as hex digits, the different byte in
 * brackets.
 */
bool expect_bytes(const uint8_t *got, const uint8_t *want, size_t size, const char *rule,
		  const char *where, ...) __attribute__((format(printf, 5, 6)));

/* test_fail() - a failed check whose values the test shows itself; test_checked() counts checks
 * of a rule that passed without a call. */
void test_fail(const char *rule, const char *expected, const char *got, const char *where, ...)
	__attribute__((format(printf, 4, 5)));
void test_checked(const char *rule, uint64_t checks);

/* The test or the kernel is broken: the test ends as an error. Returns; the test should then too.
 */
void test_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The machine lacks something: name the CPUID bit. Returns; the test should then too. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A diagnostic line. */
void test_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Subtests, nested by two spaces: a plan, then one result a case. A case fails if a check failed
 * since the last result. */
void subtest_plan(unsigned int count);
void subtest_done(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * test_attempt() - a part of a test that may go wrong without taking the rest along
 * @where:    names the part in the failure
 * @work:     the part
 * @argument: handed to @work
 *
 * An exception that nobody expected is a failed check and ends @work; threads and injections that
 * it had begun are dropped.
 *
 * Return: whether @work came to its end.
 */
bool test_attempt(const char *where, void (*work)(const void *argument), const void *argument);

/* test_failures() - checks of the running test that failed so far */
unsigned int test_failures(void);

#endif
