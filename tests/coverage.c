/* SPDX-License-Identifier: MIT */
/*
 * Coverage of the disassembly.
 */
#include <xtk/inject.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "coverage.h"

#define MAX_FUNCTIONS	 64
#define MAX_INSTRUCTIONS 256 /* of one function */

enum { EXECUTED = 1, INTERRUPTED = 2, FAILED = 4 };

static uint8_t seen[MAX_FUNCTIONS][MAX_INSTRUCTIONS];

void coverage_begin(void)
{
	memset(seen, 0, sizeof(seen));
	if (path_function_count > MAX_FUNCTIONS)
		test_error("more than %u functions on the path", MAX_FUNCTIONS);
	for (uint64_t f = 0; f < path_function_count; f++) {
		if (path_functions[f].count > MAX_INSTRUCTIONS)
			test_error("%s has more than %u instructions", path_functions[f].name,
				   MAX_INSTRUCTIONS);
	}
}

static void note(uint64_t rip, uint8_t what)
{
	unsigned int index;
	const struct path_function *f = path_find(rip, &index);

	if (f && f - path_functions < MAX_FUNCTIONS && index < MAX_INSTRUCTIONS)
		seen[f - path_functions][index] |= what;
}

void coverage_expect(uint64_t rip)
{
	note(rip, EXECUTED);
}

void coverage_mark(uint64_t rip, bool passed)
{
	note(rip, passed ? INTERRUPTED : INTERRUPTED | FAILED);
}

static unsigned int count(uint64_t f, uint8_t what)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < path_functions[f].count && i < MAX_INSTRUCTIONS; i++)
		n += !!(seen[f][i] & what);
	return n;
}

/* One line for every instruction of @f whose marks under @mask are @marks: each has to be named,
 * however many there are. */
static void name_instructions(uint64_t f, uint8_t mask, uint8_t marks, const char *what)
{
	const struct path_function *p = &path_functions[f];
	uint64_t offset = 0;

	for (unsigned int i = 0; i < p->count && i < MAX_INSTRUCTIONS; i++) {
		if ((seen[f][i] & mask) == marks)
			test_info("nmi: %s at %s+0x%lx", what, p->name, offset);
		offset += p->lengths[i];
	}
}

static void judge(uint64_t f)
{
	expect_equal(count(f, INTERRUPTED), path_functions[f].count, "nmi",
		     "instructions of %s that got their NMI", path_functions[f].name);
	name_instructions(f, EXECUTED | INTERRUPTED, 0, "never executed:");
	name_instructions(f, EXECUTED | INTERRUPTED, EXECUTED, "executed, but no NMI");
}

void coverage_end(bool complete)
{
	unsigned int interrupted = 0, expected = 0;

	for (uint64_t f = 0; f < path_function_count && f < MAX_FUNCTIONS; f++) {
		interrupted += count(f, INTERRUPTED);
		expected += (unsigned int)path_functions[f].count;
		name_instructions(f, FAILED, FAILED, "a check failed");
		if (complete)
			judge(f);
	}
	test_info("nmi: disassembly %u/%u", interrupted, expected);
}
