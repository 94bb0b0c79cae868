/* SPDX-License-Identifier: MIT */
/*
 * Tables of cases. The random numbers are SplitMix64's: Steele, Lea, Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014.
 */
#include <stddef.h>

#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#define ANY_CASE UINT64_MAX
#define PROGRESS 2048 /* cases; who waits for a line takes silence for a hang */

static struct {
	const char *name; /* NULL: no table runs */
	uint64_t hash;	  /* of the name */
	uint64_t cases, at, probes, bytes;
	uint64_t chosen; /* the one of case=; ANY_CASE: all; 0: none of this table */
	uint64_t random; /* state of the generator */
	char text[48];
} table;

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t hash_of(const char *name)
{
	uint64_t hash = 0;

	while (*name)
		hash = mix(hash + (unsigned char)*name++ + 1);
	return hash;
}

/* The number in case=NAME:NUMBER, if it is this table's. */
static uint64_t chosen_case(const char *name)
{
	const char *id = options.case_id;
	size_t length = strlen(name);
	uint64_t number = 0;

	if (!id)
		return ANY_CASE;
	if (!starts_with(id, name) || id[length] != ':')
		return 0;
	for (id += length + 1; *id >= '0' && *id <= '9'; id++)
		number = number * 10 + (uint64_t)(*id - '0');
	return *id ? 0 : number;
}

void table_begin(const char *name, uint64_t cases)
{
	if (table.name)
		test_error("table %s begins inside table %s", name, table.name);
	memset(&table, 0, sizeof(table));
	table.name = name;
	table.hash = hash_of(name);
	table.cases = cases;
	table.chosen = chosen_case(name);
	test_info("table: %s cases=%lu depth=%s seed=%lu", name, cases,
		  options.depth_full ? "full" : "quick", options.seed);
}

bool table_case(void)
{
	if (++table.at % PROGRESS == 0)
		test_info("at: table=%s case=%lu", table.name, table.at);
	table.random = mix(options.seed + mix(table.hash + table.at));
	if (table.chosen == ANY_CASE)
		return true;
	if (table.chosen != table.at)
		return false;
	case_selected(options.case_id); /* so that the frame knows that there is such a case */
	return true;
}

uint64_t table_random(void)
{
	uint64_t value;

	do {
		table.random += UINT64_C(0x9e3779b97f4a7c15);
		value = mix(table.random);
	} while (!value);
	return value;
}

/* Each byte without its highest bit, so that no carry leaves it, and then not 0. */
static uint64_t no_zero_byte(uint64_t value)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low = 0x7f * ones;
	uint64_t zero = ~(((value & low) + low) | value | low);

	return value | zero >> 7;
}

void table_fill(void *out, uint32_t size)
{
	uint8_t *at = out;
	uint64_t value;

	for (; size >= sizeof(value); size -= sizeof(value), at += sizeof(value)) {
		value = no_zero_byte(table_random());
		__builtin_memcpy(at, &value, sizeof(value));
	}
	value = no_zero_byte(table_random());
	memcpy(at, &value, size);
}

uint64_t table_seed(void)
{
	return table_random() >> 16;
}

void table_probe(uint64_t bytes)
{
	if (++table.probes % PROGRESS == 0)
		test_info("at: table=%s case=%lu", table.name, table.at);
	table.bytes += bytes;
}

void table_end(void)
{
	if (table.at != table.cases)
		test_error("table %s has %lu cases, not the %lu that it said", table.name, table.at,
			   table.cases);
	test_info("probes: table=%s cases=%lu probes=%lu bytes=%lu", table.name, table.at,
		  table.probes, table.bytes);
	table.name = NULL;
}

void table_abandon(void)
{
	table.name = NULL;
}

const char *table_case_name(void)
{
	if (!table.name || !table.at)
		return NULL;
	format_text(table.text, sizeof(table.text), "%s:%lu", table.name, table.at);
	return table.text;
}
