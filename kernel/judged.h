/* SPDX-License-Identifier: MIT */
/*
 * How many checks of each rule the running test has made: what a run can say it judged.
 */
#ifndef XTK_JUDGED_H
#define XTK_JUDGED_H

#include <stdint.h>

void judged_reset(void);
void judged_add(const char *rule, uint64_t checks);

/* judged_print() - one line, if there is anything: "# judged: test=NAME V01=12 V02=3" */
void judged_print(const char *test);

/* judged_section() - the manual sections that docs/rules.md names above @rule; NULL for what is no
 * rule of it */
const char *judged_section(const char *rule);

#endif
