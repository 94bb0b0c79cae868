/* SPDX-License-Identifier: MIT */
/*
 * The disassembly of the entry designs, as the table in the kernel has it (tools/path-table.awk):
 * every label with its instructions.
 */
#include <stddef.h>

#include <xtk/panic.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "lab.h"

#define MAX_LABELS 4096

extern const struct path_function ist_functions[];
extern const uint64_t ist_function_count;

#define MAX_INSTRUCTIONS 32768

static uint8_t seen[MAX_INSTRUCTIONS / 8];
static uint16_t first_number[MAX_LABELS]; /* of a row of the table: its first instruction's */
static const struct path_function *sorted[MAX_LABELS];
static unsigned int labels;

void lab_text_init(void)
{
	unsigned int number = 0;

	if (labels)
		return;
	BUG_ON(ist_function_count > MAX_LABELS);
	for (uint64_t i = 0; i < ist_function_count; i++) {
		unsigned int at = labels++;

		first_number[i] = (uint16_t)number;
		number += (unsigned int)ist_functions[i].count;
		BUG_ON(number > MAX_INSTRUCTIONS);

		for (; at && sorted[at - 1]->start > ist_functions[i].start; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &ist_functions[i];
	}
}

/* The last label at or before @rip; NULL if there is none. */
static const struct path_function *label_before(uint64_t rip)
{
	unsigned int low = 0, high = labels;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (sorted[middle]->start <= rip)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? sorted[low - 1] : NULL;
}

/* A bit for each instruction of the table that a recorded run has come to. */
static bool is_seen(const struct path_function *f, unsigned int index)
{
	unsigned int n = first_number[f - ist_functions] + index;

	return seen[n / 8] >> n % 8 & 1;
}

void lab_see(uint64_t rip)
{
	struct lab_place p = lab_place(rip);
	unsigned int n;

	if (!p.label)
		return;
	n = first_number[p.label - ist_functions] + p.index;
	seen[n / 8] |= (uint8_t)(1 << n % 8);
}

struct lab_place lab_place(uint64_t rip)
{
	const struct path_function *f = label_before(rip);
	uint64_t at = f ? f->start : 0;

	for (unsigned int i = 0; f && i < f->count; at += f->lengths[i++]) {
		if (at == rip)
			return (struct lab_place){ f, i };
	}
	return (struct lab_place){ NULL, 0 };
}

static bool is_entry(const struct ist_design *design, uint64_t address)
{
	for (unsigned int i = 0; i < IST_ENTRIES; i++) {
		if ((uint64_t)design->entry[i].code == address)
			return true;
	}
	return false;
}

const char *lab_step(const struct ist_design *design, uint64_t rip)
{
	const struct path_function *f = lab_place(rip).label;

	if (!f)
		return "-";
	for (const char *dot = f->name; *dot; dot++) {
		if (*dot == '.')
			return dot + 1;
	}
	return is_entry(design, f->start) ? "entry" : f->name;
}

size_t lab_place_name(char *out, size_t size, uint64_t rip)
{
	const struct path_function *f = lab_place(rip).label;

	return f ? format_text(out, size, "%s+0x%lx", f->name, rip - f->start)
		 : format_text(out, size, "0x%lx", rip);
}

/* One label's IRETQs. */
static unsigned int iretqs_of(const struct path_function *f, uint64_t *list, unsigned int max)
{
	uint64_t at = f->start;
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->count; at += f->lengths[i++]) {
		const uint8_t *code = (const uint8_t *)at;

		if (f->lengths[i] == 2 && code[0] == 0x48 && code[1] == 0xcf && n < max)
			list[n++] = at;
	}
	return n;
}

/* Those of all designs: which label belongs to which design, the table does not know, and a jump
 * into another one's code is to be seen, too. */
unsigned int lab_iretqs(uint64_t *list, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < labels; i++)
		n += iretqs_of(sorted[i], list + n, max - n);
	return n;
}

static bool row_is_seen(const struct path_function *f)
{
	for (unsigned int i = 0; i < f->count; i++) {
		if (is_seen(f, i))
			return true;
	}
	return false;
}

/* Length of the part of a label's name that names its function. */
static size_t function_length(const char *name)
{
	size_t n = 0;

	while (name[n] && name[n] != '.')
		n++;
	return n;
}

static bool same_function(const char *a, const char *b)
{
	size_t n = function_length(a);

	return n == function_length(b) && !memcmp(a, b, n);
}

/* A function of which no label has been entered belongs to another design. Its labels stand side by
 * side; two designs may use one name. */
static bool function_is_seen(unsigned int row)
{
	unsigned int first = row;

	while (first && same_function(sorted[first - 1]->name, sorted[row]->name))
		first--;
	for (unsigned int i = first;
	     i < labels && same_function(sorted[i]->name, sorted[row]->name); i++) {
		if (row_is_seen(sorted[i]))
			return true;
	}
	return false;
}

void lab_visit_unseen(void (*visit)(uint64_t rip))
{
	for (unsigned int row = 0; row < labels; row++) {
		uint64_t at = sorted[row]->start;

		for (unsigned int i = 0; i < sorted[row]->count; at += sorted[row]->lengths[i++]) {
			if (!is_seen(sorted[row], i) && function_is_seen(row))
				visit(at);
		}
	}
}
