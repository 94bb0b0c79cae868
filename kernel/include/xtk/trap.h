/* SPDX-License-Identifier: MIT */
/*
 * A handler of one's own for an exception.
 */
#ifndef XTK_TRAP_H
#define XTK_TRAP_H

#include <stdbool.h>

#include <xtk/frame.h>

/* Return: true if the exception is dealt with and the (possibly changed) frame is to be resumed. */
typedef bool (*trap_handler)(struct trap_frame *frame);

/**
 * trap_install() - a handler that comes before the exception table and before the running test's
 * way out
 * @vector:  below 32
 * @handler: NULL for none
 *
 * Return: the one before, to put back.
 */
trap_handler trap_install(enum vector vector, trap_handler handler);

#endif
