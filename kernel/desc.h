/* SPDX-License-Identifier: MIT */
/*
 * GDT, TSS and IDT.
 */
#ifndef XTK_DESC_H
#define XTK_DESC_H

#include <stdint.h>

#include <xtk/desc.h>
#include <xtk/frame.h>

/* SDM vol. 3, "Task Management in 64-bit Mode" */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* ist[0] is IST1 */
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "the 64-bit TSS has 104 bytes");

/* SDM vol. 3, "64-Bit Mode IDT" */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

extern struct tss tss;
extern struct gate idt[VEC_COUNT];

/* idt_set() in another table than the IDT in force */
struct idt_entry idt_set_in(struct gate *table, unsigned int vector, const void *entry,
			    enum ist_slot slot);

/* gdt_base_set() - where the segment of a selector begins; a selector loaded later sees it */
void gdt_base_set(uint16_t selector, uint32_t base);

/* segments_load() - the data segment registers of the kernel, after CPL 3 had its own */
static inline void segments_load(uint16_t selector)
{
	__asm__ volatile("mov %0, %%ss\n\tmov %0, %%ds\n\tmov %0, %%es"
			 :
			 : "r"((uint32_t)selector)
			 : "memory");
}

/* Load GDT, TSS and an IDT whose every vector ends in trap_handle(). */
void desc_init(void);

#endif
