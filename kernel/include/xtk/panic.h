/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own invariants.
 */
#ifndef XTK_PANIC_H
#define XTK_PANIC_H

/* panic() - reason and backtrace on the console, then leave the machine: a crash, without the last
 * line of an orderly end */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define BUG_ON(condition)                                                                          \
	do {                                                                                       \
		if (condition)                                                                     \
			panic("%s:%d: %s", __FILE__, __LINE__, #condition);                        \
	} while (0)

#endif
