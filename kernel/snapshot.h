/* SPDX-License-Identifier: MIT */
/*
 * The machine state that every test must leave as it found it.
 */
#ifndef XTK_SNAPSHOT_H
#define XTK_SNAPSHOT_H

/* snapshot_take() - remember it, before a test */
void snapshot_take(void);

/* snapshot_restore() - put everything back. Return: the name of the first thing that had changed,
 * NULL if nothing had. */
const char *snapshot_restore(void);

#endif
