/* SPDX-License-Identifier: MIT */
/*
 * The last test that was chosen never runs, and nobody says so.
 *
 * sabotage: replaces kernel/test.c
 * caught-by: log
 * at: ^crash: the plan is [0-9]+, results are [0-9]+
 * status: 3
 */
#include "../../kernel/report.h"

#define report_plan(tests) (report_plan(tests), chosen_count--)

#include "../../kernel/test.c"
