/* SPDX-License-Identifier: MIT */
/*
 * Cases and failures by address, and by step.
 */
#ifndef XTK_TESTS_IST_TALLY_H
#define XTK_TESTS_IST_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/ist.h>

#define TALLY_MAX 1024

struct tally_row {
	uint64_t rip;
	unsigned int cases, failed;
};

struct tally {
	struct tally_row rows[TALLY_MAX]; /* by address */
	unsigned int count;
};

void tally_add(struct tally *t, uint64_t rip, bool failed);

/* tally_step() - the rows of one step together. @from: row to begin with; becomes the first row of
 * the next step. Return: false behind the last one */
struct tally_step {
	const char *name;
	unsigned int cases, failed;
};
bool tally_step(const struct tally *t, const struct ist_design *design, unsigned int *index,
		struct tally_step *step);

#endif
