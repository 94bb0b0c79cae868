/* SPDX-License-Identifier: MIT */
/*
 * Cases and failures by address, and by step.
 */
#include <xtk/panic.h>
#include <xtk/string.h>

#include "lab.h"
#include "tally.h"

/* Rows stand in the order of their addresses. */
static struct tally_row *row_of(struct tally *t, uint64_t rip)
{
	unsigned int at = t->count;

	while (at && t->rows[at - 1].rip >= rip)
		at--;
	if (at < t->count && t->rows[at].rip == rip)
		return &t->rows[at];
	BUG_ON(t->count == TALLY_MAX);
	memmove(&t->rows[at + 1], &t->rows[at], (t->count - at) * sizeof(t->rows[0]));
	t->count++;
	t->rows[at] = (struct tally_row){ .rip = rip };
	return &t->rows[at];
}

void tally_add(struct tally *t, uint64_t rip, bool failed)
{
	struct tally_row *row = row_of(t, rip);

	row->cases++;
	row->failed += failed;
}

static bool is_first_of_step(const struct tally *t, const struct ist_design *design,
			     unsigned int index)
{
	const char *name = lab_step(design, t->rows[index].rip);

	for (unsigned int i = 0; i < index; i++) {
		if (!strcmp(lab_step(design, t->rows[i].rip), name))
			return false;
	}
	return true;
}

bool tally_step(const struct tally *t, const struct ist_design *design, unsigned int *index,
		struct tally_step *step)
{
	while (*index < t->count && !is_first_of_step(t, design, *index))
		++*index;
	if (*index == t->count)
		return false;
	*step = (struct tally_step){ .name = lab_step(design, t->rows[*index].rip) };
	for (unsigned int i = *index; i < t->count; i++) {
		if (strcmp(lab_step(design, t->rows[i].rip), step->name))
			continue;
		step->cases += t->rows[i].cases;
		step->failed += t->rows[i].failed;
	}
	++*index;
	return true;
}
