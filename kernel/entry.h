/* SPDX-License-Identifier: MIT */
/*
 * What entry.asm offers to C.
 */
#ifndef XTK_ENTRY_H
#define XTK_ENTRY_H

#include <stdint.h>

#include <xtk/cpu.h>
#include <xtk/frame.h>

#define VECTOR_STUB_SIZE 16

/* One stub of VECTOR_STUB_SIZE bytes for each of the 256 vectors; each ends in trap_handle(). */
extern const uint8_t vector_stubs[];

void gdt_load(const struct table_pointer *gdt, uint64_t code, uint64_t data);

/* trap.c */
void trap_handle(struct trap_frame *frame);

#endif
