/* SPDX-License-Identifier: MIT */
/*
 * All results are printed and the machine says "passed", but the last line is missing.
 *
 * sabotage: replaces kernel/report.c
 * caught-by: log
 * at: ^crash: no last line
 * status: 3
 */
#include "../../kernel/report.h"

void product_finish(void) __attribute__((noreturn));

#define report_finish product_finish
#include "../../kernel/report.c"
#undef report_finish

void report_finish(void)
{
	machine_exit(EXIT_STATUS_PASS);
}
