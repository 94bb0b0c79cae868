/* SPDX-License-Identifier: MIT */
/*
 * KTAP on the console, and the counts behind the last line. docs/protocol.md has the grammar.
 */
#ifndef XTK_REPORT_H
#define XTK_REPORT_H

#include <xtk/test.h>

#include "exit.h"

enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_ERROR, OUTCOME_SKIP, OUTCOMES };

void report_plan(unsigned int tests);

/* Begin and end of one test; @rules may be NULL. report_end() prints its line and returns what it
 * was. */
void report_begin(const char *name, const char *rules);
enum outcome report_end(void);

/* report_finish() - the last line; leaves the machine with the status that the counts give */
void report_finish(void) __attribute__((noreturn));

#endif
