/* SPDX-License-Identifier: MIT */
/*
 * The images in tests/host/images/ against what README.md and the lists of registers there say
 * about them. Nothing here needs an x86: it is also built for other machines. Run from the top of
 * the tree.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "xsave.h"
#include "xsave/image.h"
#include "xsave/reg.h"

#define IMAGES	  "tests/host/images/"
#define ROOM	  12288 /* of the largest image */
#define NAME_SIZE 64

/* The columns of the table, from the left. */
enum column { FILE_NAME, BYTES, FORMAT, LAYOUT, XSTATE_BV, ENABLED, LOADER, VERDICT, COLUMNS };

struct row {
	char cell[COLUMNS][NAME_SIZE];
};

static uint8_t data[ROOM], other[ROOM], third[ROOM];
static unsigned int images, lists;
static bool seen[XSAVE_ERROR_COUNT]; /* verdicts of the table */

static size_t load_file(const char *name, uint8_t *to)
{
	char path[sizeof(IMAGES) + NAME_SIZE];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), IMAGES "%s", name);
	file = fopen(path, "rb");
	if (!file)
		return 0;
	size = fread(to, 1, ROOM, file);
	fclose(file);
	return size;
}

static const struct xsave_layout *layout_of(const struct row *row)
{
	return !strcmp(row->cell[LAYOUT], "amd") ? &xsave_layout_amd : &xsave_layout_intel;
}

/* The CPU that shall load it. */
static struct xsave_cpu cpu_of(const struct row *row)
{
	bool xrstors = !strcmp(row->cell[LOADER], "xrstors");
	bool compaction = !strstr(row->cell[LOADER], "standard only");
	struct xsave_cpu cpu = {
		.insn = xrstors ? XSAVE_INSN_XSAVES : XSAVE_INSN_XSAVE,
		.compaction = compaction,
		.enabled = strtoull(row->cell[ENABLED], NULL, 16),
		.mxcsr_mask = layout_of(row) == &xsave_layout_amd ? 0x2ffff : 0xffff,
		.layout = *layout_of(row),
	};

	cpu.mask = cpu.enabled;
	return cpu;
}

/* -- registers -----------------------------------------------------------------------------------
 */

/* A value, lowest byte first, from hexadecimal digits. */
static void parse_value(const char *digits, uint8_t *value, size_t size)
{
	size_t length = strlen(digits);

	memset(value, 0, size);
	for (size_t i = 0; i < length && i / 2 < size; i++) {
		char digit[2] = { digits[length - 1 - i], 0 };

		value[i / 2] |= (uint8_t)(strtoul(digit, NULL, 16) << 4 * (i % 2));
	}
}

static bool register_is(const struct xsave_image *image, const char *name, const char *digits)
{
	uint8_t want[XSAVE_REG_SIZE], got[XSAVE_REG_SIZE];
	unsigned int number;
	const struct xsave_reg *reg = xsave_reg_find(name, &number);

	if (!reg || xsave_reg_read(image, reg, number, got))
		return false;
	parse_value(digits, want, reg->size);
	return !memcmp(want, got, reg->size);
}

/* Every register of the list; those that are wrong are named. */
static unsigned int wrong_registers(const struct xsave_image *image, const char *list)
{
	static char line[2 * XSAVE_REG_SIZE + NAME_SIZE], digits[2 * XSAVE_REG_SIZE + 1];
	char path[sizeof(IMAGES) + NAME_SIZE], name[NAME_SIZE];
	unsigned int wrong = 0, lines = 0;
	FILE *file;

	snprintf(path, sizeof(path), IMAGES "%s", list);
	file = fopen(path, "r");
	if (!file)
		return 0;
	for (; fgets(line, sizeof(line), file); lines++)
		if (sscanf(line, "%63s %2048s", name, digits) != 2 ||
		    !register_is(image, name, digits)) {
			printf("# %s: %s is not %s\n", list, name, digits);
			wrong++;
		}
	fclose(file);
	lists++;
	return lines ? wrong : 1;
}

/* -- images --------------------------------------------------------------------------------------
 */

static const char *format_name(const struct xsave_image *image)
{
	static const char *const names[] = {
		[XSAVE_FORMAT_NONE] = "none",
		[XSAVE_FORMAT_LEGACY] = "legacy",
		[XSAVE_FORMAT_STANDARD] = "standard",
		[XSAVE_FORMAT_COMPACTED] = "compacted",
	};

	return names[xsave_image_format(image)];
}

/* Sanitising changes no register, and a second time nothing at all. */
static void test_sanitize(const struct xsave_image *image, const char *list)
{
	const struct xsave_image clean = { other, image->size, image->layout };

	memcpy(other, image->data, image->size);
	check_eq(XSAVE_OK, xsave_sanitize(other, image->size, image->layout), "can be sanitised");
	check_eq(0, wrong_registers(&clean, list), "the same registers then");
	memcpy(third, other, image->size);
	check_eq(XSAVE_OK, xsave_sanitize(third, image->size, image->layout), "again");
	check(!memcmp(other, third, image->size), "and is the same");
}

static void test_image(const struct row *row)
{
	char list[NAME_SIZE];
	struct xsave_image image = { data, load_file(row->cell[FILE_NAME], data), layout_of(row) };
	struct xsave_cpu cpu = cpu_of(row);
	enum xsave_error verdict = xsave_validate(&image, &cpu);

	printf("# %s\n", row->cell[FILE_NAME]);
	images++;
	seen[verdict] = true;
	check_eq(strtoul(row->cell[BYTES], NULL, 10), image.size, "its size");
	check(!strcmp(format_name(&image), row->cell[FORMAT]), "its format");
	if (!check_line(!strcmp(xsave_error_name(verdict), row->cell[VERDICT]), "its verdict"))
		printf("# %s in place of %s\n", xsave_error_name(verdict), row->cell[VERDICT]);
	if (verdict)
		return;
	check_eq(strtoull(row->cell[XSTATE_BV], NULL, 16), xsave_image_xstate_bv(&image),
		 "its XSTATE_BV");
	snprintf(list, sizeof(list), "%.*stxt", (int)strlen(row->cell[FILE_NAME]) - 3,
		 row->cell[FILE_NAME]);
	check_eq(0, wrong_registers(&image, list), "its registers");
	test_sanitize(&image, list);
}

/* Each error that is about what an image holds has its image. */
static void test_errors(void)
{
	for (int i = 1; i < XSAVE_ERROR_COUNT; i++)
		if (xsave_error_effect((enum xsave_error)i) != XSAVE_EFFECT_NOTHING)
			check(seen[i], xsave_error_name((enum xsave_error)i));
}

/* "| a | b | …": cells without the blanks around them. */
static bool parse_row(char *line, struct row *row)
{
	size_t column = 0;

	if (strncmp(line, "| ", 2) || !strstr(line, ".bin |"))
		return false;
	for (char *cell = strtok(line, "|"); cell && column < COLUMNS; cell = strtok(NULL, "|")) {
		size_t length = strlen(cell);

		if (length < 3 || length - 2 >= NAME_SIZE)
			return false;
		memcpy(row->cell[column], cell + 1, length - 2);
		row->cell[column++][length - 2] = 0;
	}
	return column == COLUMNS;
}

static void test_table(void)
{
	FILE *file = fopen(IMAGES "README.md", "r");
	char line[512];
	struct row row;

	if (!check_line(file, IMAGES "README.md is there"))
		return;
	while (fgets(line, sizeof(line), file))
		if (parse_row(line, &row))
			test_image(&row);
	fclose(file);
	check(images > 50 && lists > 20, "the table has rows, and the images lists of registers");
}

/* -- pairs ---------------------------------------------------------------------------------------
 */

/* The same registers in two files: one converted is the other, sanitised. */
static void test_pair(const char *from, const struct xsave_layout *from_layout, const char *to,
		      const struct xsave_layout *to_layout)
{
	struct xsave_image image = { data, load_file(from, data), from_layout };
	size_t size = load_file(to, other);
	struct xsave_image target = { other, size, to_layout };
	uint64_t components = xsave_image_xcomp_bv(&target) & ~XSAVE_XCOMP_COMPACTED;

	printf("# %s to %s\n", from, to);
	if (!components)
		components = xsave_image_xstate_bv(&target);
	check(image.size && size, "both are there");
	check_eq(XSAVE_OK,
		 xsave_convert(&image, components, xsave_image_format(&target), to_layout, third,
			       size),
		 "converted");
	check_eq(XSAVE_OK, xsave_sanitize(other, size, to_layout), "the other sanitised");
	check(!memcmp(other, third, size), "they are the same");
}

static void test_pairs(void)
{
	static const struct {
		const char *a, *b;
		const struct xsave_layout *a_layout, *b_layout;
	} pairs[] = {
		{ "intel-amx.bin", "intel-amx-compacted.bin", &xsave_layout_intel,
		  &xsave_layout_intel },
		{ "intel-apx.bin", "intel-apx-compacted.bin", &xsave_layout_intel,
		  &xsave_layout_intel },
		{ "cpu-standard.bin", "cpu-compacted.bin", &xsave_layout_amd, &xsave_layout_amd },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		test_pair(pairs[i].a, pairs[i].a_layout, pairs[i].b, pairs[i].b_layout);
		test_pair(pairs[i].b, pairs[i].b_layout, pairs[i].a, pairs[i].a_layout);
	}
	/* One way: the target has less. */
	test_pair("intel-amx.bin", &xsave_layout_intel, "amd-avx512-pkru.bin", &xsave_layout_amd);
	test_pair("intel-amx-compacted.bin", &xsave_layout_intel, "amd-avx512.bin",
		  &xsave_layout_amd);
	test_pair("intel-avx512-pkru.bin", &xsave_layout_intel, "intel-avx.bin",
		  &xsave_layout_intel);
	test_pair("amd-avx512.bin", &xsave_layout_amd, "legacy.bin", &xsave_layout_intel);
}

int main(void)
{
	test_table();
	test_errors();
	test_pairs();
	return check_end();
}
