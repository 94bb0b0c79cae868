/* SPDX-License-Identifier: MIT */
/*
 * Switching the machine off by ACPI: the search for the tables in a PC's memory, and the registers.
 *
 * Sources: ACPI Specification 6.4, "Finding the RSDP on IA-PC Systems", "PM1 Control Registers",
 * "Sleep Control and Status Registers", "Legacy/ACPI Select and the SCI Interrupt".
 */
#include <xtk/cpu.h>
#include "acpi.h"
#include "acpi_tables.h"
#include "phys.h"

/* Where a BIOS puts the RSDP: the first KiB of the EBDA, or its own ROM. */
#define EBDA_SEGMENT_WORD 0x40eu
#define EBDA_SEARCHED	  1024u
#define EBDA_LOWEST	  0x500u
#define EBDA_HIGHEST	  0x9fc00u
#define BIOS_START	  0xe0000u
#define BIOS_END	  0x100000u

#define PM1_SCI_EN	    0x1u
#define PM1_SLP_TYP_SHIFT   10
#define PM1_SLP_TYP	    (7u << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN	    (1u << 13)
#define SLEEP_SLP_TYP_SHIFT 2
#define SLEEP_SLP_EN	    (1u << 5)

/* Firmware answers within microseconds to milliseconds; one read of a port takes about one. */
#define ENABLE_POLLS 1000000

static struct acpi_off off;
static uint64_t loader_rsdp, ebda;

static uint64_t search(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at += ACPI_RSDP_ALIGN) {
		if (acpi_rsdp_valid(at))
			return at;
	}
	return 0;
}

static uint64_t find_rsdp(void)
{
	uint64_t found = 0;

	if (ebda >= EBDA_LOWEST && ebda <= EBDA_HIGHEST)
		found = search(ebda, ebda + EBDA_SEARCHED);
	return found ? found : search(BIOS_START, BIOS_END);
}

static uint16_t pm1_read(const struct acpi_register *pm1)
{
	return pm1->memory ? *(volatile uint16_t *)phys_ptr(pm1->address)
			   : inw((uint16_t)pm1->address);
}

static void pm1_write(const struct acpi_register *pm1, uint32_t value)
{
	if (pm1->memory)
		*(volatile uint16_t *)phys_ptr(pm1->address) = (uint16_t)value;
	else
		outw((uint16_t)pm1->address, (uint16_t)value);
}

/* Until the firmware hands the PM1 registers over, a write to them may do nothing. */
static void leave_legacy_mode(void)
{
	if (!off.smi_command || !off.acpi_enable || pm1_read(&off.pm1[0]) & PM1_SCI_EN)
		return;
	outb((uint16_t)off.smi_command, off.acpi_enable);
	for (int i = 0; i < ENABLE_POLLS && !(pm1_read(&off.pm1[0]) & PM1_SCI_EN); i++)
		cpu_relax();
}

/* SLP_TYP goes first and SLP_EN with it afterwards: hardware may latch the two apart. */
static void sleep_by_pm1(void)
{
	uint32_t value[2];

	leave_legacy_mode();
	for (int i = 0; i < 2; i++) {
		if (!off.pm1[i].address)
			continue;
		value[i] = pm1_read(&off.pm1[i]) & ~(PM1_SLP_TYP | PM1_SLP_EN);
		value[i] |= (uint32_t)off.sleep_type[i] << PM1_SLP_TYP_SHIFT;
		pm1_write(&off.pm1[i], value[i]);
	}
	for (int i = 0; i < 2; i++) {
		if (off.pm1[i].address)
			pm1_write(&off.pm1[i], value[i] | PM1_SLP_EN);
	}
}

static void sleep_by_control_register(void)
{
	uint8_t value = (uint8_t)(off.sleep_type[0] << SLEEP_SLP_TYP_SHIFT | SLEEP_SLP_EN);

	if (off.sleep.memory)
		*(volatile uint8_t *)phys_ptr(off.sleep.address) = value;
	else
		outb((uint16_t)off.sleep.address, value);
}

void acpi_init(const struct boot_info *boot)
{
	loader_rsdp = boot->rsdp;
	ebda = (uint64_t) * (const uint16_t *)phys_ptr(EBDA_SEGMENT_WORD) << 4;
}

void acpi_poweroff(void)
{
	uint64_t rsdp = acpi_rsdp_valid(loader_rsdp) ? loader_rsdp : find_rsdp();

	if (!rsdp || !acpi_read_off(&off, rsdp))
		return;
	if (off.hardware_reduced && off.sleep.address)
		sleep_by_control_register();
	else if (!off.hardware_reduced && off.pm1[0].address)
		sleep_by_pm1();
}
