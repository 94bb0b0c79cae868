/* SPDX-License-Identifier: MIT */
/*
 * GDT, TSS and IDT as data.
 *
 * Source: SDM vol. 3, "Segment Descriptor Tables in IA-32e Mode", "Task Management in 64-bit Mode",
 * "64-Bit Mode IDT".
 */
#include <xtk/cpu.h>
#include <xtk/stack.h>
#include <xtk/string.h>

#include "desc.h"
#include "entry.h"
#include "probe.h"

#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate */
#define GATE_USER      0x60 /* DPL 3: INT n may be used at CPL 3 */

STACK_DEFINE(stack_df, 16 * 1024);

struct tss tss = { .io_map_base = sizeof(struct tss) };
struct gate idt[VEC_COUNT] __attribute__((aligned(16)));

/* Limits count in compatibility mode only: 4 GiB, or the 64 KiB from a base that is set later. */
static uint64_t gdt[12] __attribute__((aligned(16))) = {
	[SEL_KERNEL_CODE / 8] = 0x00209a0000000000,   /* 64-bit code, DPL 0 */
	[SEL_KERNEL_DATA / 8] = 0x00cf92000000ffff,   /* writable data, DPL 0 */
	[SEL_KERNEL_CODE32 / 8] = 0x00cf9a000000ffff, /* 32-bit code, DPL 0 */
	[SEL_KERNEL_CODE16 / 8] = 0x00009a000000ffff, /* 16-bit code, DPL 0 */
	[SEL_USER_CODE / 8] = 0x0020fa0000000000,     /* the same at DPL 3 */
	[SEL_USER_CODE32 / 8] = 0x00cffa000000ffff,   [SEL_USER_CODE16 / 8] = 0x0000fa000000ffff,
	[SEL_USER_DATA / 8] = 0x00cff2000000ffff,     [SEL_ARENA16 / 8] = 0x0000f2000000ffff,
};

void gdt_base_set(uint16_t selector, uint32_t base)
{
	uint64_t *entry = &gdt[selector / 8];

	*entry = (*entry & ~UINT64_C(0xff0000ffffff0000)) | (uint64_t)(base & 0xffffff) << 16 |
		 (uint64_t)(base >> 24) << 56;
}

static void gdt_init(void)
{
	uint64_t base = (uint64_t)&tss;
	struct table_pointer p = { sizeof(gdt) - 1, (uint64_t)gdt };

	gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	gdt_load(&p, SEL_KERNEL_CODE, SEL_KERNEL_DATA);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

struct idt_entry idt_set_in(struct gate *table, unsigned int vector, const void *entry,
			    enum ist_slot slot)
{
	uint64_t address = (uint64_t)entry;
	struct gate gate = {
		.offset_low = (uint16_t)address,
		.selector = SEL_KERNEL_CODE,
		.ist = (uint8_t)slot,
		.type = GATE_INTERRUPT,
		.offset_middle = (uint16_t)(address >> 16),
		.offset_high = (uint32_t)(address >> 32),
	};
	struct idt_entry old;

	__builtin_memcpy(&old, &table[vector], sizeof(old));
	table[vector] = gate;
	return old;
}

struct idt_entry idt_set(unsigned int vector, const void *entry, enum ist_slot slot)
{
	return idt_set_in(idt, vector, entry, slot);
}

void idt_restore(unsigned int vector, struct idt_entry old)
{
	__builtin_memcpy(&idt[vector], &old, sizeof(old));
}

struct idt_entry idt_clear(unsigned int vector)
{
	struct idt_entry old;

	__builtin_memcpy(&old, &idt[vector], sizeof(old));
	memset(&idt[vector], 0, sizeof(idt[vector]));
	return old;
}

struct idt_entry idt_get(unsigned int vector)
{
	struct idt_entry e;

	__builtin_memcpy(&e, &idt[vector], sizeof(e));
	return e;
}

struct idt_entry idt_set_stub(unsigned int vector, enum ist_slot slot, bool user)
{
	struct idt_entry old = idt_set(vector, vector_stubs + vector * VECTOR_STUB_SIZE, slot);

	idt[vector].type |= user ? GATE_USER : 0;
	return old;
}

void tss_ist_set(enum ist_slot slot, uint64_t top)
{
	tss.ist[slot - 1] = top;
}

uint64_t tss_ist_get(enum ist_slot slot)
{
	return tss.ist[slot - 1];
}

void tss_rsp0_set(uint64_t top)
{
	tss.rsp[0] = top;
}

uint64_t tss_rsp0_get(void)
{
	return tss.rsp[0];
}

void desc_init(void)
{
	struct table_pointer p = { sizeof(idt) - 1, (uint64_t)idt };

	gdt_init();
	for (unsigned int v = 0; v < VEC_COUNT; v++)
		idt_set(v, vector_stubs + v * VECTOR_STUB_SIZE, IST_NONE);
	tss_ist_set(IST_DF, stack_top(&stack_df_stack));
	idt_set(VEC_DF, vector_stubs + VEC_DF * VECTOR_STUB_SIZE, IST_DF);
	idt_set(VEC_PROBE, probe_interrupt, IST_NONE);
	idt[VEC_PROBE].type |= GATE_USER;
	lidt(&p);
}
