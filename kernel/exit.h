/* SPDX-License-Identifier: MIT */
/*
 * Leaving the machine. Every path ends in machine_exit().
 */
#ifndef XTK_EXIT_H
#define XTK_EXIT_H

/* The same numbers as run-qemu.sh's exit status. They are a convenience: the verdict is in the
 * serial text. */
enum exit_status {
	EXIT_STATUS_PASS = 0,
	EXIT_STATUS_FAIL = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_CRASH = 3,
	EXIT_STATUS_ERROR = 5
};

void machine_exit(enum exit_status status) __attribute__((noreturn));

/* usage_exit() - `xtk: usage: …` in the place of the last line */
void usage_exit(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
