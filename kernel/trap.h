/* SPDX-License-Identifier: MIT */
/*
 * Exceptions on their way to whoever knows them: an installed handler, the exception table, the
 * running test, and else a panic.
 */
#ifndef XTK_TRAP_PRIVATE_H
#define XTK_TRAP_PRIVATE_H

#include <xtk/trap.h>

/* All VEC_EXCEPTIONS handlers at once, to put them back after an accident. */
void trap_handlers_read(trap_handler *out);
void trap_handlers_write(const trap_handler *in);

/*
 * The running test's way out of an exception that nobody expected (test.c): called after all
 * others. Return: as a trap_handler.
 */
bool test_unexpected_trap(struct trap_frame *frame);

#endif
