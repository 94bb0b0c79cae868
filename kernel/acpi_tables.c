/* SPDX-License-Identifier: MIT */
/*
 * From the RSDP through RSDT or XSDT and FADT to the DSDT, trusting no length and no address.
 *
 * Source: ACPI Specification 6.4, "ACPI System Description Tables".
 */
#include <xtk/string.h>
#include "acpi_tables.h"
#include "phys.h"

#define PACKED __attribute__((packed))

/* Longer is damage; a large server's DSDT has some hundred KiB. */
#define TABLE_SIZE_MAX (16u << 20)

#define FADT_FLAG_HW_REDUCED (1u << 20)

#define GAS_SYSTEM_MEMORY 0
#define GAS_SYSTEM_IO	  1

struct PACKED rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem[6];
	uint8_t revision; /* 2 and up: the fields from @length on are there */
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

#define RSDP_V1_SIZE 20u

struct PACKED table {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	uint8_t oem_and_creator[26];
};

/* "Generic Address Structure" */
struct PACKED gas {
	uint8_t space;
	uint8_t width;
	uint8_t offset;
	uint8_t access;
	uint64_t address;
};

/* "Fixed ACPI Description Table (FADT)"; what lies past a table's length reads as zero. */
struct PACKED fadt {
	struct table head;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved[2];
	uint16_t sci_int;
	uint32_t smi_command;
	uint8_t acpi_enable;
	uint8_t to_pm1_event[11];
	uint32_t pm1_control[2];
	uint8_t to_flags[40];
	uint32_t flags;
	uint8_t to_x_dsdt[24];
	uint64_t x_dsdt;
	struct gas x_pm1_event[2];
	struct gas x_pm1_control[2];
	struct gas to_sleep[4];
	struct gas sleep_control;
};

_Static_assert(sizeof(struct table) == 36, "ACPI, System Description Table Header");
_Static_assert(offsetof(struct fadt, pm1_control) == 64, "ACPI, FADT");
_Static_assert(offsetof(struct fadt, flags) == 112, "ACPI, FADT");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI, FADT");
_Static_assert(offsetof(struct fadt, x_pm1_control) == 172, "ACPI, FADT");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "ACPI, FADT");

static bool sums_to_zero(const void *start, size_t size)
{
	const uint8_t *bytes = start;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

bool acpi_rsdp_valid(uint64_t address)
{
	const struct rsdp *rsdp = phys_ptr(address);

	return phys_range_ok(address, RSDP_V1_SIZE) && !memcmp(rsdp->signature, "RSD PTR ", 8) &&
	       sums_to_zero(rsdp, RSDP_V1_SIZE);
}

/* NULL unless a whole table with this signature lies there. */
static const struct table *table_at(uint64_t address, const char *signature)
{
	const struct table *table = phys_ptr(address);

	if (!phys_range_ok(address, sizeof(*table)) || memcmp(table->signature, signature, 4))
		return NULL;
	if (table->length < sizeof(*table) || table->length > TABLE_SIZE_MAX)
		return NULL;
	if (!phys_range_ok(address, table->length) || !sums_to_zero(table, table->length))
		return NULL;
	return table;
}

/* RSDT and XSDT differ in the width of their entries. */
static const struct table *find_in(const struct table *root, uint32_t width, const char *signature)
{
	const uint8_t *entries = (const uint8_t *)(root + 1);
	const struct table *found = NULL;

	for (uint32_t i = 0; !found && i + width <= root->length - sizeof(*root); i += width) {
		uint64_t address = 0;

		memcpy(&address, entries + i, width);
		found = table_at(address, signature);
	}
	return found;
}

static bool has_xsdt(const struct rsdp *rsdp)
{
	return rsdp->revision >= 2 && phys_range_ok((uint64_t)(uintptr_t)rsdp, sizeof(*rsdp)) &&
	       sums_to_zero(rsdp, sizeof(*rsdp));
}

static const struct table *find_table(uint64_t rsdp_address, const char *signature)
{
	const struct rsdp *rsdp = phys_ptr(rsdp_address);
	const struct table *found = NULL;
	const struct table *root;

	if (has_xsdt(rsdp)) {
		root = table_at(rsdp->xsdt, "XSDT");
		found = root ? find_in(root, sizeof(uint64_t), signature) : NULL;
	}
	if (!found) {
		root = table_at(rsdp->rsdt, "RSDT");
		found = root ? find_in(root, sizeof(uint32_t), signature) : NULL;
	}
	return found;
}

/* The 64-bit field wins where it is there and usable, as the specification has it. */
static struct acpi_register register_at(const struct gas *gas, uint32_t port)
{
	if (gas->space == GAS_SYSTEM_MEMORY && phys_range_ok(gas->address, sizeof(uint32_t)))
		return (struct acpi_register){ .address = gas->address, .memory = true };
	if (gas->space == GAS_SYSTEM_IO && gas->address != 0 && gas->address <= UINT16_MAX)
		port = (uint32_t)gas->address;
	return (struct acpi_register){ .address = port <= UINT16_MAX ? port : 0 };
}

static bool read_s5(const struct fadt *fadt, uint8_t type[2])
{
	const struct table *dsdt = table_at(fadt->x_dsdt, "DSDT");

	if (!dsdt)
		dsdt = table_at(fadt->dsdt, "DSDT");
	return dsdt && aml_find_s5((const uint8_t *)(dsdt + 1), dsdt->length - sizeof(*dsdt), type);
}

bool acpi_read_off(struct acpi_off *off, uint64_t rsdp)
{
	const struct table *table = find_table(rsdp, "FACP");
	struct fadt fadt = { .flags = 0 };

	if (!table)
		return false;
	memcpy(&fadt, table, table->length < sizeof(fadt) ? table->length : sizeof(fadt));
	*off = (struct acpi_off){
		.hardware_reduced = fadt.flags & FADT_FLAG_HW_REDUCED,
		.pm1 = { register_at(&fadt.x_pm1_control[0], fadt.pm1_control[0]),
			 register_at(&fadt.x_pm1_control[1], fadt.pm1_control[1]) },
		.sleep = register_at(&fadt.sleep_control, 0),
		.smi_command = fadt.smi_command,
		.acpi_enable = fadt.acpi_enable,
	};
	return read_s5(&fadt, off->sleep_type);
}
