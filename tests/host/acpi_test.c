/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables that say how to switch off: a whole set, each way of damaging it, and the \_S5
 * encodings that compilers of ACPI code produce.
 *
 * Offsets are written as numbers, from the specification's tables, not with the kernel's
 * structures.
 *
 * Links: kernel/acpi_tables.c kernel/aml.c
 */
#include "acpi_tables.h"

#include "check.h"
#include "low_memory.h"

#define FADT_V1_SIZE 116
#define FADT_SIZE    276
#define PAST_4G	     0x100000000ull

/* Where the set lies, from LOW_START. */
#define AT_RSDP 0x1000
#define AT_ROOT 0x2000
#define AT_FADT 0x3000
#define AT_DSDT 0x4000
#define AT_SSDT 0x5000

static const uint8_t s5_qemu[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0, 0, 0 };

static struct acpi_off off;

static uint8_t *low(uint32_t offset)
{
	return (uint8_t *)(uintptr_t)(LOW_START + offset);
}

static void store(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void fix_sum(uint8_t *start, size_t size, size_t sum_at)
{
	uint8_t sum = 0;

	start[sum_at] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + start[i]);
	start[sum_at] = (uint8_t)-sum;
}

static uint8_t *table(uint32_t offset, const char *signature, uint32_t size)
{
	uint8_t *t = low(offset);

	memcpy(t, signature, 4);
	store(t + 4, size, 4);
	fix_sum(t, size, 9);
	return t;
}

static void put_dsdt(const uint8_t *aml, size_t size)
{
	memset(low(AT_DSDT), 0, 0x1000);
	memcpy(low(AT_DSDT) + 36, aml, size);
	table(AT_DSDT, "DSDT", (uint32_t)(36 + size));
}

static void put_root(const char *signature, int width)
{
	memset(low(AT_ROOT), 0, 0x1000);
	store(low(AT_ROOT) + 36, LOW_START + AT_SSDT, width);
	store(low(AT_ROOT) + 36 + width, LOW_START + AT_FADT, width);
	store(low(AT_ROOT) + 36 + 2 * width, LOW_START + AT_SSDT, width);
	table(AT_ROOT, signature, 36 + 3 * (uint32_t)width);
}

static void fix_rsdp(void)
{
	fix_sum(low(AT_RSDP), 20, 8);
	fix_sum(low(AT_RSDP), 36, 32);
}

static void put_rsdp(uint8_t revision)
{
	memset(low(AT_RSDP), 0, 36);
	memcpy(low(AT_RSDP), "RSD PTR ", 8);
	low(AT_RSDP)[15] = revision;
	store(low(AT_RSDP) + (revision ? 24 : 16), LOW_START + AT_ROOT, revision ? 8 : 4);
	fix_rsdp();
}

/* The set of a PC: ACPI 1.0 tables, PM1a at port 604H, as QEMU's pc machine has it. */
static void put_set(void)
{
	put_rsdp(0);
	put_root("RSDT", 4);
	table(AT_SSDT, "SSDT", 36);
	memset(low(AT_FADT), 0, FADT_SIZE);
	store(low(AT_FADT) + 40, LOW_START + AT_DSDT, 4);
	store(low(AT_FADT) + 48, 0xb2, 4);
	low(AT_FADT)[52] = 0xf1;
	store(low(AT_FADT) + 64, 0x604, 4);
	table(AT_FADT, "FACP", FADT_V1_SIZE);
	put_dsdt(s5_qemu, sizeof(s5_qemu));
}

static bool read_off(void)
{
	memset(&off, 0xcc, sizeof(off));
	return acpi_rsdp_valid(LOW_START + AT_RSDP) && acpi_read_off(&off, LOW_START + AT_RSDP);
}

static void test_whole(void)
{
	put_set();
	check(read_off(), "a PC's tables");
	check(!off.hardware_reduced && off.pm1[0].address == 0x604 && !off.pm1[0].memory, "PM1a");
	check(!off.pm1[1].address && !off.sleep.address, "no PM1b, no sleep control register");
	check(off.smi_command == 0xb2 && off.acpi_enable == 0xf1, "the way out of legacy mode");
	check(off.sleep_type[0] == 0 && off.sleep_type[1] == 0, "SLP_TYP");
}

static void test_xsdt(void)
{
	put_set();
	put_rsdp(2);
	put_root("XSDT", 8);
	check(read_off() && off.pm1[0].address == 0x604, "by the XSDT");
	low(AT_RSDP)[32]++;
	check(!read_off(), "not if the extended checksum is wrong");
	put_rsdp(2);
	store(low(AT_RSDP) + 24, PAST_4G + LOW_START + AT_ROOT, 8);
	fix_rsdp();
	check(!read_off(), "not above 4 GiB");
	store(low(AT_RSDP) + 16, LOW_START + AT_ROOT, 4);
	put_root("RSDT", 4);
	fix_rsdp();
	check(read_off(), "but by the RSDT instead");
}

static void put_gas(uint32_t at, uint8_t space, uint64_t address)
{
	low(AT_FADT)[at] = space;
	store(low(AT_FADT) + at + 4, address, 8);
}

static void test_long_fadt(void)
{
	put_set();
	store(low(AT_FADT) + 40, 0, 4);
	store(low(AT_FADT) + 140, LOW_START + AT_DSDT, 8);
	put_gas(172, 1, 0x1804);
	put_gas(184, 0, LOW_START);
	table(AT_FADT, "FACP", FADT_SIZE);
	check(read_off() && off.pm1[0].address == 0x1804, "the 64-bit fields win");
	check(off.pm1[1].address == LOW_START && off.pm1[1].memory, "a register in memory");
	put_gas(172, 1, 0x10604);
	put_gas(184, 0, PAST_4G);
	table(AT_FADT, "FACP", FADT_SIZE);
	check(read_off() && off.pm1[0].address == 0x604, "no port above FFFFH");
	check(!off.pm1[1].address, "no register above 4 GiB");
	put_gas(172, 1, 0x1804);
	table(AT_FADT, "FACP", 172 + 4);
	check(read_off() && off.pm1[0].address == 0x604, "nothing is read past the FADT's length");
}

static void test_hardware_reduced(void)
{
	put_set();
	store(low(AT_FADT) + 112, 1 << 20, 4);
	put_gas(244, 0, 0xfea00000);
	table(AT_FADT, "FACP", FADT_SIZE);
	check(read_off() && off.hardware_reduced, "hardware-reduced ACPI");
	check(off.sleep.address == 0xfea00000 && off.sleep.memory, "sleep control register");
}

static void check_refused(const char *what)
{
	check(!read_off(), what);
	put_set();
}

static void test_damage(void)
{
	static const uint32_t tables[] = { AT_ROOT, AT_FADT, AT_DSDT };
	static const uint32_t sizes[] = { 0, 35, 0x7fffffff, 0xffffffff };

	put_set();
	low(AT_RSDP)[0] = 'r';
	fix_rsdp();
	check_refused("RSDP: signature");
	low(AT_RSDP)[8]++;
	check_refused("RSDP: checksum");
	for (size_t i = 0; i < 3; i++) {
		low(tables[i])[9]++;
		check_refused("table: checksum");
		low(tables[i])[0]++;
		low(tables[i])[9]--;
		check_refused("table: signature");
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			store(low(tables[i]) + 4, sizes[k], 4);
			check_refused("table: length");
		}
	}
	check(!acpi_rsdp_valid(0) && !acpi_rsdp_valid(PAST_4G - 19) && !acpi_rsdp_valid(PAST_4G),
	      "RSDP out of reach");
}

/* A table that runs out of the mapped memory: its head lies in the last page below 4 GiB. */
static void test_end_of_memory(void)
{
	uint8_t *head = map_at(PAST_4G - 0x1000, 0x1000, PROT_READ | PROT_WRITE);

	put_set();
	head += 0x1000 - 64;
	memcpy(head, "DSDT", 4);
	memcpy(head + 36, s5_qemu, sizeof(s5_qemu));
	store(head + 4, 64, 4);
	fix_sum(head, 64, 9);
	store(low(AT_FADT) + 40, PAST_4G - 64, 4);
	table(AT_FADT, "FACP", FADT_V1_SIZE);
	check(read_off(), "a table that ends at 4 GiB");
	store(head + 4, 65, 4);
	fix_sum(head, 64, 9);
	check(!read_off(), "and one that goes on");
	store(low(AT_FADT) + 40, PAST_4G - 35, 4);
	table(AT_FADT, "FACP", FADT_V1_SIZE);
	check(!read_off(), "and one without room for its head");
}

static bool find_s5(const uint8_t *aml, size_t size, uint8_t type[2])
{
	uint64_t at = low_place(aml, size);

	type[0] = type[1] = 0xcc;
	return aml_find_s5((const uint8_t *)(uintptr_t)at, size, type);
}

static void test_s5_encodings(void)
{
	static const struct {
		uint8_t size, aml[24], want[2];
	} good[] = {
		{ 12, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0 }, { 0, 0 } },
		{ 11, { 8, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 5, 1 }, { 5, 1 } },
		{ 13, { 8, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 0x0a, 6 }, { 7, 6 } },
		{ 13, { 8, '_', 'S', '5', '_', 0x12, 0x47, 0, 2, 0x0b, 5, 0, 0 }, { 5, 0 } },
		{ 15, { 8, 8, '_', 'S', '5', '_', 0x12, 8, 2, 0x0c, 5, 0, 0, 0, 1 }, { 5, 1 } },
		{ 16,
		  { '_', 'S', '5', '_', 8, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 13, 1 },
		  { 5, 1 } },
	};
	uint8_t type[2];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		check(find_s5(good[i].aml, good[i].size, type), "an encoding of _S5");
		check(!memcmp(type, good[i].want, 2), "its values");
	}
}

/* PkgLength in two bytes: the first has the low four bits. */
static void test_s5_long_package(void)
{
	uint8_t aml[6 + 0x152] = { 8, '_', 'S', '5', '_', 0x12, 0x42, 0x15, 2, 1, 0x0a, 5 };
	uint8_t type[2];

	check(find_s5(aml, sizeof(aml), type) && type[0] == 1 && type[1] == 5, "a long package");
	check(!find_s5(aml, sizeof(aml) - 1, type), "longer than the table by one byte");
}

static void test_s5_refused(void)
{
	static const struct {
		uint8_t size, aml[24];
		const char *what;
	} bad[] = {
		{ 12, { 8, '_', 'S', '4', '_', 0x12, 6, 4, 0, 0, 0, 0 }, "another name" },
		{ 12, { 9, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0 }, "no definition" },
		{ 12, { 8, '_', 'S', '5', '_', 0x13, 6, 4, 0, 0, 0, 0 }, "no package" },
		{ 12, { 8, '_', 'S', '5', '_', 0x12, 6, 1, 0, 0, 0, 0 }, "one element" },
		{ 12, { 8, '_', 'S', '5', '_', 0x12, 7, 4, 0, 0, 0, 0 }, "longer than the table" },
		{ 12,
		  { 8, '_', 'S', '5', '_', 0x12, 3, 4, 0, 0, 0, 0 },
		  "shorter than its values" },
		{ 12, { 8, '_', 'S', '5', '_', 0x12, 0, 4, 0, 0, 0, 0 }, "without length" },
		{ 12, { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0x70, 0, 0, 0 }, "no number" },
		{ 19, { 8, '_', 'S', '5', '_', 0x12, 13, 2, 0x0d }, "a string" },
		{ 8, { 8, '_', 'S', '5', '_', 0x12, 0xc6, 4 }, "a length cut short" },
		{ 0, { 0 }, "no code" },
	};
	uint8_t type[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(!find_s5(bad[i].aml, bad[i].size, type), bad[i].what);
	for (size_t size = 0; size < 10; size++)
		check(!find_s5(s5_qemu, size, type), "cut short");
}

/* Random code in front of the guard page: no read past it, no value out of range. */
static void test_s5_mutations(void)
{
	uint32_t seed = 1, good = 0;

	for (int n = 0; n < 200000; n++) {
		uint8_t aml[sizeof(s5_qemu)], type[2];

		memcpy(aml, s5_qemu, sizeof(aml));
		for (uint32_t i = random_next(&seed) % 3; i < 3; i++)
			aml[random_next(&seed) % sizeof(aml)] = (uint8_t)random_next(&seed);
		if (!find_s5(aml, sizeof(aml) - random_next(&seed) % 4, type))
			continue;
		good++;
		if (type[0] > 7 || type[1] > 7)
			check(false, "SLP_TYP has three bits");
	}
	check(good > 1000 && good < 199000, "mutations are both accepted and refused");
}

int main(void)
{
	low_memory_map();
	test_whole();
	test_xsdt();
	test_long_fadt();
	test_hardware_reduced();
	test_damage();
	test_end_of_memory();
	test_s5_encodings();
	test_s5_long_package();
	test_s5_refused();
	test_s5_mutations();
	return check_end();
}
