/* SPDX-License-Identifier: MIT */
/*
 * Gates and IST stacks, as tests and entry designs change them.
 */
#ifndef XTK_DESC_H_PUBLIC
#define XTK_DESC_H_PUBLIC

#include <stdbool.h>
#include <stdint.h>

#include <xtk/frame.h>

/* Selectors: index in the GDT * 8, and the RPL. Those with a number are of compatibility mode. */
#define SEL_KERNEL_CODE	  0x08
#define SEL_KERNEL_DATA	  0x10
#define SEL_TSS		  0x18 /* two entries */
#define SEL_KERNEL_CODE32 0x28
#define SEL_KERNEL_CODE16 0x30
#define SEL_USER_CODE	  0x3b
#define SEL_USER_CODE32	  0x43
#define SEL_USER_CODE16	  0x4b
#define SEL_USER_DATA	  0x53
#define SEL_ARENA16	  0x5b /* for CPL 0 and 3: the 64 KiB that a 16-bit probe addresses */

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

/* idt_get(); idt_entry_code() and idt_entry_slot() - what a gate holds */
struct idt_entry idt_get(unsigned int vector);
static inline uint64_t idt_entry_code(struct idt_entry e)
{
	return (e.low & 0xffff) | (e.low >> 32 & 0xffff0000) | e.high << 32;
}
static inline enum ist_slot idt_entry_slot(struct idt_entry e)
{
	return (enum ist_slot)(e.low >> 32 & 7);
}

/* idt_set_stub() - the kernel's own entry (xtk/trap.h) for a vector; with @user, INT n at CPL 3 may
 * use the gate */
struct idt_entry idt_set_stub(unsigned int vector, enum ist_slot slot, bool user);

/* tss_ist_set() - the stack that ISTn loads; @top must be 16-byte aligned */
void tss_ist_set(enum ist_slot slot, uint64_t top);
uint64_t tss_ist_get(enum ist_slot slot);

/* RSP0 of the TSS: what the CPU loads on the way from CPL 3 through a gate without IST */
void tss_rsp0_set(uint64_t top);
uint64_t tss_rsp0_get(void);

#endif
