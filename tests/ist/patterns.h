/* SPDX-License-Identifier: MIT */
/*
 * A nesting pattern, all its cases, and what became of them.
 */
#ifndef XTK_TESTS_IST_PATTERNS_H
#define XTK_TESTS_IST_PATTERNS_H

#include "lab.h"

/* Events after each other, each inside the one before: the first hits the base context. */
struct lab_pattern {
	const char *name; /* "NMI>DB>NMI" */
	unsigned int count;
	enum vector vector[3];
	bool latched;	  /* the last one: an NMI where NMIs are blocked */
	bool real;	  /* the last one: a #DB by DR0 */
	bool forbidden;	  /* the last one: though it is masked */
	const char *like; /* whose claim holds; NULL: its own name's */
};

/**
 * pattern_run() - every case of a pattern: all boundaries, or all pairs of them
 * @pattern: which
 * @setup:   the design, the base context, and when handlers re-arm
 *
 * Prints what docs/protocol.md calls the lines of the laboratory, and ends a subtest: it fails if a
 * case fails at a step that the design does not claim to fail at, or if none fails at one that it
 * does.
 */
void pattern_run(const struct lab_pattern *pattern, const struct lab_setup *setup);

/* total_add(), totals_print() - what the designs have done since the last line of theirs */
void total_add(const struct ist_design *design, unsigned int cases, unsigned int failed,
	       uint64_t ticks);
void totals_print(void);

/* pattern_rearms() - whether it matters when handlers re-arm their vector */
bool pattern_rearms(const struct lab_pattern *pattern);

#endif
