/* SPDX-License-Identifier: MIT */
/*
 * Gates and IST stacks, as tests and entry designs change them.
 */
#ifndef XTK_DESC_H_PUBLIC
#define XTK_DESC_H_PUBLIC

#include <stdbool.h>
#include <stdint.h>

#include <xtk/frame.h>

/* One gate of the IDT: what idt_set() returns so that the caller can put it back. */
struct idt_entry {
	uint64_t low, high;
};

/**
 * idt_set() - an interrupt gate for a vector
 * @vector: which
 * @entry:  address of the entry code
 * @slot:   stack to switch to; IST_NONE: the current one
 *
 * Return: the gate that was there before.
 * Source: SDM vol. 3, "64-Bit Mode IDT".
 */
struct idt_entry idt_set(unsigned int vector, const void *entry, enum ist_slot slot);
void idt_restore(unsigned int vector, struct idt_entry old);
/* idt_clear() - make a gate not present: delivery through it raises #NP */
struct idt_entry idt_clear(unsigned int vector);

/* tss_ist_set() - the stack that ISTn loads; @top must be 16-byte aligned */
void tss_ist_set(enum ist_slot slot, uint64_t top);

#endif
