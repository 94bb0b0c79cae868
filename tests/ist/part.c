/* SPDX-License-Identifier: MIT */
/*
 * Which cases this boot runs. part.h tells more.
 */
#include <stddef.h>
#include <stdint.h>

#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "part.h"

#define BETWEEN_BLOCKS 16 /* places between two lines, where the places are single cases */

static bool reached; /* from=, or a case behind it */
static bool ended;   /* to= */

bool part_is_whole(void)
{
	return options.shards == 1 && !options.from && !options.to && !options.case_id;
}

bool part_of_shard(unsigned int index)
{
	return index % options.shards == options.shard;
}

static unsigned int number(const char **text)
{
	unsigned int n = 0;

	for (; **text >= '0' && **text <= '9'; ++*text)
		n = n * 10 + (unsigned int)(**text - '0');
	return n;
}

/* Whether @position, "PATTERN/I" or "PATTERN/I.J", is of @pattern. */
static bool is_of(const char *position, const char *pattern)
{
	size_t n = strlen(pattern);

	return starts_with(position, pattern) && position[n] == '/';
}

/* Whether (@i, @j) is at @position of its pattern, or behind it. */
static bool is_at(const char *position, const char *pattern, unsigned int i, unsigned int j)
{
	const char *text = position + strlen(pattern) + 1;
	unsigned int want_i = number(&text), want_j = 0;

	if (*text == '.') {
		text++;
		want_j = number(&text);
	}
	return i > want_i || (i == want_i && j >= want_j);
}

bool part_has(const char *pattern, unsigned int i, unsigned int j)
{
	if (options.from && !reached && is_of(options.from, pattern))
		reached = is_at(options.from, pattern, i, j);
	if (options.to && is_of(options.to, pattern) && is_at(options.to, pattern, i, j))
		ended = true;
	return (!options.from || reached) && !ended;
}

void part_end(const char *pattern)
{
	if (options.from && is_of(options.from, pattern))
		reached = true;
	if (options.to && is_of(options.to, pattern))
		ended = true;
}

void part_block(const char *pattern, unsigned int i)
{
	if (!options.each)
		test_info("ist-at-case: %s/%u", pattern, i);
}

void part_case(const char *pattern, unsigned int i, unsigned int j, bool third, const char *id)
{
	if (options.each && third)
		test_info("ist-at-case: %s/%u.%u case=%s", pattern, i, j, id);
	else if (options.each)
		test_info("ist-at-case: %s/%u case=%s", pattern, i, id);
	else if (!third && i % BETWEEN_BLOCKS == 0)
		part_block(pattern, i);
}
