/* SPDX-License-Identifier: MIT */
/*
 * A table of cases: its size is said before it runs, its probes and compared bytes when it is done,
 * and any one case can be run alone by case=TABLE:NUMBER, which every failure names.
 *
 *	table_begin("saves", 2 * 16);
 *	for (…)
 *		for (…)
 *			if (table_case())
 *				probe_one(…);
 *	table_end();
 */
#ifndef XTK_TABLE_H
#define XTK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * table_begin() - a table starts; print its size
 * @name:  of the table, [a-z0-9_]+, unique in all tests
 * @cases: calls of table_case() that follow; another number is an error of the test
 */
void table_begin(const char *name, uint64_t cases);

/**
 * table_case() - go to the next case
 *
 * Also seeds table_random(), from seed=, the table's name and the number of the case alone: so a
 * case that runs alone has the data that it had among the others.
 *
 * Return: whether the case is to run.
 */
bool table_case(void);

/* table_random() - 64 random bits, never 0; table_fill() - @size random bytes, none of them 0 */
uint64_t table_random(void);
void table_fill(void *out, uint32_t size);

/* table_seed() - of the case, below 2^48, for xregs_pattern() */
uint64_t table_seed(void);

/* table_probe() - one more probe has been judged, with @bytes bytes of memory and registers
 * compared
 */
void table_probe(uint64_t bytes);

/* table_end() - print how many probes and bytes it was */
void table_end(void);

/* table_abandon() - a test that runs no more leaves no table behind */
void table_abandon(void);

/* table_case_name() - "NAME:NUMBER" of the running case; NULL outside of a table */
const char *table_case_name(void);

#endif
