/* SPDX-License-Identifier: MIT */
/*
 * The timer interrupt. The legacy interrupt controller is masked and CR8 keeps all other vectors
 * out, for nobody knows what a firmware left pending.
 *
 * Source: SDM vol. 3, "APIC Timer", "Task Priority in IA-32e Mode"; Intel 8259A data sheet,
 * "Operation Command Words".
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/timer.h>

#include "apic.h"
#include "timer.h"

#define PIC_MASK_1 0x21
#define PIC_MASK_2 0xa1
#define TIMER_ONLY (APIC_TIMER_VECTOR / 16 - 1)

static void (*on_tick)(void); /* NULL: interrupts are off */
static struct idt_entry old_gate;
static uint8_t old_masks[2];

static void write_cr8(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

void timer_begin(void (*tick)(void))
{
	on_tick = tick;
	old_gate = idt_set(APIC_TIMER_VECTOR, timer_entry, IST_NONE);
	old_masks[0] = inb(PIC_MASK_1);
	old_masks[1] = inb(PIC_MASK_2);
	outb(PIC_MASK_1, 0xff);
	outb(PIC_MASK_2, 0xff);
	write_cr8(TIMER_ONLY);
	__asm__ volatile("sti" : : : "memory");
}

void timer_once(uint32_t count)
{
	apic_timer(count);
}

void timer_handle(void)
{
	on_tick();
	apic_eoi();
}

void timer_end(void)
{
	if (!on_tick)
		return;
	__asm__ volatile("cli" : : : "memory");
	apic_timer(0);
	write_cr8(0);
	outb(PIC_MASK_1, old_masks[0]);
	outb(PIC_MASK_2, old_masks[1]);
	idt_restore(APIC_TIMER_VECTOR, old_gate);
	on_tick = NULL;
}
