/* SPDX-License-Identifier: MIT */
/*
 * The machine state that every test must leave as it found it.
 */
#ifndef XTK_SNAPSHOT_H
#define XTK_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "desc.h"

struct snapshot {
	uint64_t cr0, cr3, cr4, xcr0, xss, efer, dr7;
	struct table_pointer idtr, gdtr;
	struct gate idt[VEC_COUNT];
	uint64_t ist[7];
};

void snapshot_take(struct snapshot *s);

/* snapshot_restore() - put everything back. Return: the name of the first thing that had changed,
 * NULL if nothing had. */
const char *snapshot_restore(const struct snapshot *s);

#endif
