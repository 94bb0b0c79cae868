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
 * Everything is read now, so that acpi_poweroff() needs no memory but its own: it must also work
 * after a panic. To be called while page 0 is still mapped.
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
