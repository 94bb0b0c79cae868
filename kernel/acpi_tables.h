/* SPDX-License-Identifier: MIT */
/*
 * What the ACPI tables say about switching off; pure reading, no port is touched.
 */
#ifndef XTK_ACPI_TABLES_H
#define XTK_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_RSDP_ALIGN 16

/* A register; address 0: not there. */
struct acpi_register {
	uint64_t address;
	bool memory; /* else an I/O port */
};

struct acpi_off {
	bool hardware_reduced;	     /* the sleep control register counts, else PM1 */
	struct acpi_register pm1[2]; /* PM1a and PM1b control registers */
	struct acpi_register sleep;  /* sleep control register */
	uint8_t sleep_type[2];	     /* SLP_TYPa and SLP_TYPb of S5; [0] also for @sleep */
	uint32_t smi_command;	     /* port; 0: there is no legacy mode to leave */
	uint8_t acpi_enable;	     /* what to write there; 0 as above */
};

/**
 * acpi_rsdp_valid() - is there a root system description pointer?
 * @address: physical
 *
 * Return: true if signature and checksum are right.
 * Source: ACPI Specification 6.4, "Root System Description Pointer (RSDP) Structure".
 */
bool acpi_rsdp_valid(uint64_t address);

/**
 * acpi_read_off() - how the machine is switched off
 * @off:  result
 * @rsdp: physical address that acpi_rsdp_valid() accepted
 *
 * Every table must lie below 4 GiB, be as long as its fields need and have a right checksum.
 *
 * Return: false if a table is missing or damaged, or S5 is not offered; @off is then undefined.
 */
bool acpi_read_off(struct acpi_off *off, uint64_t rsdp);

/**
 * aml_find_s5() - find the \_S5 package in a definition block
 * @aml:  the block's code, after the table's header
 * @size: bytes
 * @type: result: SLP_TYPa and SLP_TYPb
 *
 * The code is not interpreted: firmware defines \_S5 as a constant package, and its encoding is
 * looked for byte by byte.
 *
 * Return: false if there is none.
 * Source: ACPI Specification 6.4, "\_Sx (System States)", "AML Grammar Definition".
 */
bool aml_find_s5(const uint8_t *aml, size_t size, uint8_t type[2]);

#endif
