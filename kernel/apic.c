/* SPDX-License-Identifier: MIT */
/*
 * Interrupts to CPUs, through the interrupt command register, and the APIC timer.
 *
 * Source: SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)": "Interrupt Command
 * Register (ICR)", "Extended XAPIC (X2APIC)", "APIC Timer". The self shorthand does not go with
 * delivery mode NMI, so the NMI is addressed to our own APIC ID.
 */
#include <stdint.h>

#include <xtk/cpu.h>

#include "apic.h"
#include "exit.h"

#define BASE_X2APIC  (UINT64_C(1) << 10)
#define BASE_EN	     (UINT64_C(1) << 11)
#define BASE_ADDRESS UINT64_C(0xffffff000)

#define REG_ID		0x20
#define REG_EOI		0xb0
#define REG_SVR		0xf0
#define REG_ICR		0x300
#define REG_ICR_HIGH	0x310
#define REG_LVT_TIMER	0x320
#define REG_TIMER_START 0x380
#define REG_TIMER_SCALE 0x3e0
#define MSR_X2APIC(reg) (0x800 + (reg) / 16)

#define SVR_ENABLE  0x100
#define SPURIOUS    0xff
#define ICR_PENDING (1u << 12)
#define ICR_OTHERS  0xc0000 /* all excluding self */
#define LVT_MASKED  0x10000
#define SCALE_1	    0xb

static volatile uint32_t *xapic; /* NULL: x2APIC */

static uint32_t apic_read(uint32_t reg)
{
	return xapic ? xapic[reg / 4] : (uint32_t)rdmsr(MSR_X2APIC(reg));
}

static void apic_write(uint32_t reg, uint32_t value)
{
	if (xapic)
		xapic[reg / 4] = value;
	else
		wrmsr(MSR_X2APIC(reg), value);
}

void apic_init(bool chosen, bool x2apic)
{
	uint64_t base;

	if (!cpu.apic)
		return;
	base = rdmsr(MSR_APIC_BASE);
	if ((base & BASE_X2APIC) && chosen && !x2apic)
		usage_exit("apic=xapic cannot be had: the firmware left x2APIC on; leave the word "
			   "out");
	if (!(base & BASE_X2APIC) && !(chosen && x2apic))
		xapic = (volatile uint32_t *)(base & BASE_ADDRESS);
	apic_enable();
}

void apic_enable(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	wrmsr(MSR_APIC_BASE, base | BASE_EN);
	if (!xapic)
		wrmsr(MSR_APIC_BASE, base | BASE_EN | BASE_X2APIC);
	apic_write(REG_SVR, SVR_ENABLE | SPURIOUS);
}

/* In xAPIC mode the ID stands in the upper byte of its register, as it does in the ICR. */
uint32_t apic_id(void)
{
	return apic_read(REG_ID);
}

void apic_send(uint32_t id, uint32_t command)
{
	if (!xapic) {
		wrmsr(MSR_X2APIC(REG_ICR), (uint64_t)id << 32 | command);
		return;
	}
	apic_write(REG_ICR_HIGH, id);
	apic_write(REG_ICR, command);
	while (apic_read(REG_ICR) & ICR_PENDING)
		cpu_relax();
}

void apic_send_others(uint32_t command)
{
	apic_send(0, ICR_OTHERS | command);
}

void nmi_send_self(void)
{
	apic_send(apic_id(), APIC_NMI);
}

void apic_timer(uint32_t count)
{
	apic_write(REG_LVT_TIMER, count ? APIC_TIMER_VECTOR : LVT_MASKED);
	apic_write(REG_TIMER_SCALE, SCALE_1);
	apic_write(REG_TIMER_START, count);
}

void apic_eoi(void)
{
	apic_write(REG_EOI, 0);
}
