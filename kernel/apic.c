/* SPDX-License-Identifier: MIT */
/*
 * Self-NMI through the interrupt command register.
 *
 * Source: SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)": "Interrupt Command
 * Register (ICR)", "Extended XAPIC (X2APIC)". The self shorthand does not go with delivery mode
 * NMI, so the NMI is addressed to our own APIC ID.
 */
#include <stdint.h>

#include <xtk/cpu.h>

#include "apic.h"
#include "exit.h"

#define BASE_X2APIC  (UINT64_C(1) << 10)
#define BASE_EN	     (UINT64_C(1) << 11)
#define BASE_ADDRESS UINT64_C(0xffffff000)

#define REG_ID		0x20
#define REG_SVR		0xf0
#define REG_ICR		0x300
#define REG_ICR_HIGH	0x310
#define MSR_X2APIC(reg) (0x800 + (reg) / 16)

#define SVR_ENABLE  0x100
#define ICR_NMI	    0x400
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  0x4000
#define SPURIOUS    0xff

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
	if ((base & BASE_X2APIC) || (chosen && x2apic)) {
		wrmsr(MSR_APIC_BASE, base | BASE_EN);
		wrmsr(MSR_APIC_BASE, base | BASE_EN | BASE_X2APIC);
	} else {
		wrmsr(MSR_APIC_BASE, base | BASE_EN);
		xapic = (volatile uint32_t *)(base & BASE_ADDRESS);
	}
	apic_write(REG_SVR, SVR_ENABLE | SPURIOUS);
}

void nmi_send_self(void)
{
	if (!xapic) {
		wrmsr(MSR_X2APIC(REG_ICR),
		      (uint64_t)apic_read(REG_ID) << 32 | ICR_ASSERT | ICR_NMI);
		return;
	}
	apic_write(REG_ICR_HIGH, apic_read(REG_ID));
	apic_write(REG_ICR, ICR_ASSERT | ICR_NMI);
	while (apic_read(REG_ICR) & ICR_PENDING)
		cpu_relax();
}
