/* SPDX-License-Identifier: MIT */
/*
 * A register as text.
 *
 * Sources: SDM vol. 1, "x87 FPU Control Word", "x87 FPU Status Word", "MXCSR Control and Status
 * Register"; SDM vol. 3, "Protection Keys"; APM vol. 1, "Misaligned Exception Mask".
 */
#include "xstate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define WIDTH	  80
#define TILE_ROW  64
#define TILE_ROWS 16
#define TILES	  8

void paint(FILE *out, const struct xstate_options *options, enum ink ink, const char *format, ...)
{
	static const char *const codes[] = { "0", "1", "36", "2", "1;31", "31", "32" };
	va_list arguments;

	if (options->colour && ink != INK_NONE)
		fprintf(out, "\033[%sm", codes[ink]);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	if (options->colour && ink != INK_NONE)
		fputs("\033[0m", out);
}

void print_components(FILE *out, const struct xstate_options *options, uint64_t mask, enum ink ink,
		      int column)
{
	int start = column;
	char name[16];

	xsave_for_each_bit (bit, mask) {
		int length = (int)strlen(component_name(bit, name));

		if (column + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", start, "");
			column = start;
		}
		fputs(" ", out);
		paint(out, options, ink, "%s", name);
		column += 1 + length;
	}
}

/* A register of one number, by name; 0 when the table lacks it. */
static uint64_t number_of(const struct state *state, const char *name)
{
	unsigned int number;
	const struct xsave_reg *row = xsave_reg_find(name, &number);

	return row ? xsave_reg_value(&state->image, row, number) : 0;
}

/* A CPU saves zeros beyond the rows and columns that are configured (rule T05). */
static bool has_bytes_beyond(const struct value *value)
{
	if (value->rows > TILE_ROWS || value->columns > TILE_ROW)
		return true;
	for (unsigned int i = 0; i < XSAVE_REG_SIZE; i++) {
		if ((i / TILE_ROW >= value->rows || i % TILE_ROW >= value->columns) &&
		    value->bytes[i])
			return true;
	}
	return false;
}

/* Where XTILECFG is not in use nothing says which rows count. */
static void read_tile_size(struct value *value, const struct state *state)
{
	char name[XSAVE_REG_NAME_SIZE];

	value->rows = TILE_ROWS;
	value->columns = TILE_ROW;
	if (!number_of(state, "palette") || value->number >= TILES)
		return;
	snprintf(name, sizeof(name), "rows%u", value->number);
	value->rows = (uint16_t)number_of(state, name);
	snprintf(name, sizeof(name), "colsb%u", value->number);
	value->columns = (uint16_t)number_of(state, name);
	if (has_bytes_beyond(value)) {
		value->rows = TILE_ROWS;
		value->columns = TILE_ROW;
	}
}

/* ST(i) is register TOP + i; FTW has a bit for each register. */
static bool is_empty(const struct state *state, unsigned int number)
{
	unsigned int top = number_of(state, "FSW") >> 11 & 7;

	return !(number_of(state, "FTW") >> ((top + number) & 7) & 1);
}

void value_read(struct value *value, const struct state *state, const struct xsave_reg *row,
		unsigned int number)
{
	*value = (struct value){ .row = row, .number = number };
	xsave_reg_read(&state->image, row, number, value->bytes);
	if (row->kind == XSAVE_REG_TILE)
		read_tile_size(value, state);
	if (row->kind == XSAVE_REG_X87)
		value->empty = is_empty(state, number);
}

bool value_same(const struct value *a, const struct value *b)
{
	return a->row == b->row && a->empty == b->empty && a->rows == b->rows &&
	       a->columns == b->columns && !memcmp(a->bytes, b->bytes, a->row->size);
}

bool value_zero(const struct value *value)
{
	size_t i = 0;

	while (i < value->row->size && !value->bytes[i])
		i++;
	return i == value->row->size;
}

uint64_t value_number(const struct value *value)
{
	uint64_t number = 0;

	for (size_t i = value->row->size < 8 ? value->row->size : 8; i > 0; i--)
		number = number << 8 | value->bytes[i - 1];
	return number;
}

/* A word of a vector or tile, @size bytes; "3*" before one that stands three times. */
static int word_text(const uint8_t *word, unsigned int size, unsigned int times, char text[32])
{
	uint64_t number = size == 8 ? le64(word) : le32(word);
	int length = times > 1 ? snprintf(text, 32, "%u*", times) : 0;

	if (!number)
		return length + snprintf(text + length, 32 - (size_t)length, "0");
	return length +
	       snprintf(text + length, 32 - (size_t)length, "%0*" PRIx64, (int)size * 2, number);
}

/* @count words of @size bytes from @first, @step apart (backwards when it is negative). */
static void print_words(FILE *out, const struct xstate_options *options, const uint8_t *first,
			unsigned int count, int step, int indent)
{
	unsigned int size = step < 0 ? 8 : 4, times;
	int column = indent;
	char text[32];

	for (unsigned int i = 0; i < count; i += times, first += (int)times * step) {
		int length;

		for (times = 1; i + times < count; times++) {
			if (memcmp(first, first + (int)times * step, size) != 0)
				break;
		}
		length = word_text(first, size, times, text);
		if (i && column + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (i) {
			column += fprintf(out, " ");
		}
		column += length;
		paint(out, options, text[length - 1] == '0' && length < 8 ? INK_DIM : INK_NONE,
		      "%s", text);
	}
}

static void print_x87(FILE *out, const struct xstate_options *options, const struct value *value)
{
	char text[X87_TEXT];

	x87_text(value->bytes, text);
	fprintf(out, "%04x_%016" PRIx64, le16(value->bytes + 8), le64(value->bytes));
	paint(out, options, INK_NAME, "  %s", text);
	if (value->empty)
		paint(out, options, INK_DIM, "  empty");
}

/*
 * Rows of double words, column 0 first, eight on a line of 80; what is not configured is left out,
 * runs of equal rows stand once.
 */
static void print_tile(FILE *out, const struct xstate_options *options, const struct value *value)
{
	const uint8_t *row = value->bytes;

	paint(out, options, INK_DIM, "%u rows of %u bytes", value->rows, value->columns);
	for (unsigned int i = 0, times; i < value->rows; i += times, row += TILE_ROW * times) {
		char label[16];

		for (times = 1; i + times < value->rows; times++) {
			if (memcmp(row, row + TILE_ROW * times, value->columns) != 0)
				break;
		}
		snprintf(label, sizeof(label), times > 1 ? "%u-%u" : "%u", i, i + times - 1);
		paint(out, options, INK_DIM, "\n    %-4s ", label);
		print_words(out, options, row, (value->columns + 3u) / 4, 4, 9);
	}
}

void value_print(FILE *out, const struct xstate_options *options, const struct value *value,
		 int indent)
{
	unsigned int size = value->row->size;

	switch (value->row->kind) {
	case XSAVE_REG_X87:
		print_x87(out, options, value);
		break;
	case XSAVE_REG_TILE:
		if (value_zero(value))
			paint(out, options, INK_DIM, "0");
		else
			print_tile(out, options, value);
		break;
	case XSAVE_REG_VECTOR:
		if (value_zero(value))
			paint(out, options, INK_DIM, "0");
		else
			print_words(out, options, value->bytes + size - 8, size / 8, -8, indent);
		break;
	case XSAVE_REG_INTEGER:
	case XSAVE_REG_ADDRESS:
		fprintf(out, "0x%0*" PRIx64, (int)size * 2, value_number(value));
		value_explain(out, value);
		break;
	}
}

/* A bit, or a field whose values have names. */
struct bits {
	unsigned int low;
	unsigned int width;
	const char *const *names; /* of a field's values; NULL: one bit, with the name below */
	const char *name;
};

static const char *const rounding[] = { "round to nearest", "round down", "round up",
					"round to zero" };
static const char *const precision[] = { "24-bit precision", "precision reserved",
					 "53-bit precision", "64-bit precision" };
static const char *const top[] = { "TOP 0", "TOP 1", "TOP 2", "TOP 3",
				   "TOP 4", "TOP 5", "TOP 6", "TOP 7" };

/* clang-format off */
#define BIT(low, name) { (low), 1, NULL, (name) }
#define FIELD(low, width, names) { (low), (width), (names), NULL }

static const struct bits fcw[] = {
	BIT(0, "IM"), BIT(1, "DM"), BIT(2, "ZM"), BIT(3, "OM"), BIT(4, "UM"), BIT(5, "PM"),
	BIT(12, "X"), FIELD(8, 2, precision), FIELD(10, 2, rounding),
};
static const struct bits fsw[] = {
	FIELD(11, 3, top), BIT(0, "IE"), BIT(1, "DE"), BIT(2, "ZE"), BIT(3, "OE"), BIT(4, "UE"),
	BIT(5, "PE"), BIT(6, "SF"), BIT(7, "ES"), BIT(8, "C0"), BIT(9, "C1"), BIT(10, "C2"),
	BIT(14, "C3"), BIT(15, "B"),
};
static const struct bits ftw[] = {
	BIT(0, "R0"), BIT(1, "R1"), BIT(2, "R2"), BIT(3, "R3"), BIT(4, "R4"), BIT(5, "R5"),
	BIT(6, "R6"), BIT(7, "R7"),
};
static const struct bits mxcsr[] = {
	BIT(0, "IE"), BIT(1, "DE"), BIT(2, "ZE"), BIT(3, "OE"), BIT(4, "UE"), BIT(5, "PE"),
	BIT(6, "DAZ"), BIT(7, "IM"), BIT(8, "DM"), BIT(9, "ZM"), BIT(10, "OM"), BIT(11, "UM"),
	BIT(12, "PM"), BIT(15, "FZ"), BIT(17, "MM"), FIELD(13, 2, rounding),
};
static const struct bits bndcfgu[] = { BIT(0, "EN"), BIT(1, "BNDPRESERVE") };

#define ROW(name, before, bits) { (name), (before), (bits), sizeof(bits) / sizeof((bits)[0]) }

/* before: what stands before the bits, when there are any */
static const struct {
	const char *name;
	const char *before;
	const struct bits *bits;
	size_t count;
} explained[] = {
	ROW("FCW", "", fcw), ROW("FSW", "", fsw), ROW("FTW", "not empty:", ftw),
	ROW("MXCSR", "", mxcsr), ROW("BNDCFGU", "", bndcfgu),
};
/* clang-format on */

/* Bits in a row, a comma around the values of fields. */
static void explain_bits(FILE *out, const char *before, const struct bits *bits, size_t count,
			 uint64_t number)
{
	bool begun = false, comma = false;

	for (; count > 0; count--, bits++) {
		uint64_t field = number >> bits->low & ((UINT64_C(1) << bits->width) - 1);

		if (!bits->names && !field)
			continue;
		fputs(!begun ? "  " : comma || bits->names ? ", " : " ", out);
		if (!begun && *before)
			fprintf(out, "%s ", before);
		fputs(bits->names ? bits->names[field] : bits->name, out);
		begun = true;
		comma = bits->names;
	}
}

/* Two bits a key: access disable, write disable. Keys without either are left out. */
static void explain_pkru(FILE *out, uint64_t number)
{
	static const char *const rights[] = { NULL, "no access", "no write", "no access" };
	unsigned int key, last;

	for (key = 0; key < 16; key = last + 1) {
		unsigned int right = number >> 2 * key & 3;

		for (last = key; last < 15 && (number >> (2 * last + 2) & 3) == right; last++)
			;
		if (right && key == last)
			fprintf(out, "  key %u: %s", key, rights[right]);
		else if (right)
			fprintf(out, "  keys %u-%u: %s", key, last, rights[right]);
	}
}

void value_explain(FILE *out, const struct value *value)
{
	uint64_t number = value_number(value);

	for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
		if (!strcmp(value->row->name, explained[i].name))
			explain_bits(out, explained[i].before, explained[i].bits,
				     explained[i].count, number);
	}
	if (!strcmp(value->row->name, "PKRU"))
		explain_pkru(out, number);
	/* SDM vol. 1, "Intel MPX Operating Environment": in one's complement, so that 0 allows all.
	 */
	if (!strcmp(value->row->name, "BND#.UB"))
		fprintf(out, "  up to 0x%016" PRIx64, ~number);
}
