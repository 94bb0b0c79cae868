/* SPDX-License-Identifier: MIT */
/*
 * ACPI, for one thing: switching the machine off.
 */
#ifndef XTK_ACPI_H
#define XTK_ACPI_H

#include <xtk/bootinfo.h>

/**
 * acpi_init() - find out how this machine is switched off
 * @boot: gives the RSDP's address where the loader knew it; else the places of a PC's BIOS are
 *        searched
 *
 * Only what page 0 says is read now, while it is still mapped. The tables, in memory that nobody
 * writes, are read by acpi_poweroff(): few runs come so far, and all would pay for it.
 */
void acpi_init(const struct boot_info *boot);

/**
 * acpi_poweroff() - enter the soft-off state S5
 *
 * Return: only if this is impossible, or before it takes effect; the caller halts.
 * Source: ACPI Specification 6.4, "Sleeping States", "Transitioning from the Working to the Soft
 *         Off State".
 */
void acpi_poweroff(void);

#endif
