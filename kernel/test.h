/* SPDX-License-Identifier: MIT */
/*
 * Choosing and running the tests of the linker set.
 */
#ifndef XTK_TEST_RUN_H
#define XTK_TEST_RUN_H

/* Runs what the command line chose, prints the last line and leaves the machine. */
void tests_run(void) __attribute__((noreturn));

#endif
