/* SPDX-License-Identifier: MIT */
/*
 * The verb show for scripts: one line with one JSON object for each image. xstate.1 describes it.
 */
#include "xstate.h"

#include <inttypes.h>
#include <string.h>

/* Any bytes as a JSON string; what is not ASCII as the escape of a single byte. */
static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_name(FILE *out, const char *name)
{
	fputs(", \"", out);
	fputs(name, out);
	fputs("\": ", out);
}

/* Highest byte first. */
static void put_hex(FILE *out, const uint8_t *bytes, size_t size)
{
	fputs("\"0x", out);
	while (size > 0)
		fprintf(out, "%02x", bytes[--size]);
	fputc('"', out);
}

static void put_tile(FILE *out, const struct value *value)
{
	for (unsigned int i = 0; i < value->rows; i++) {
		fputs(i ? ", " : "[", out);
		put_hex(out, value->bytes + (size_t)64 * i, value->columns);
	}
	fputs(value->rows ? "]" : "[]", out);
}

static void put_value(FILE *out, const struct value *value)
{
	bool integer =
		value->row->kind == XSAVE_REG_INTEGER || value->row->kind == XSAVE_REG_ADDRESS;

	if (integer && value->row->size <= 4)
		fprintf(out, "%" PRIu64, value_number(value));
	else if (value->row->kind == XSAVE_REG_TILE)
		put_tile(out, value);
	else
		put_hex(out, value->bytes, value->row->size);
}

static void put_registers(FILE *out, const struct state *state, uint64_t mask, unsigned int home)
{
	const struct xsave_reg *row;
	const char *before = "";
	char name[XSAVE_REG_NAME_SIZE];
	struct value value;

	for (size_t i = 0; (row = xsave_reg(i)); i++) {
		if (row_home(row) != home || !row_shown(row, mask))
			continue;
		for (unsigned int n = row->first; n < row->first + row->count; n++) {
			value_read(&value, state, row, n);
			fprintf(out, "%s\"%s\": ", before, xsave_reg_name(row, n, name));
			put_value(out, &value);
			before = ", ";
		}
	}
}

/* Below each component its own view of the registers: XMM3 below SSE, YMM3 below AVX. */
static void put_component(FILE *out, const struct state *state, unsigned int bit, bool registers)
{
	uint64_t below = (XSAVE_MASK(bit) << 1) - 1;
	char name[16];

	fprintf(out, "{\"bit\": %u", bit);
	put_name(out, "name");
	put_string(out, component_name(bit, name));
	put_name(out, "offset");
	fprintf(out, "%zu",
		xsave_offset(state->image.layout, xsave_image_xcomp_bv(&state->image), bit));
	put_name(out, "size");
	fprintf(out, "%u", state->image.layout->size[bit]);
	put_name(out, "in_use");
	fputs(xsave_image_xstate_bv(&state->image) & XSAVE_MASK(bit) ? "true" : "false", out);
	if (registers) {
		put_name(out, "registers");
		fputc('{', out);
		put_registers(out, state, below, bit);
		fputc('}', out);
	}
	fputc('}', out);
}

static void put_valid(FILE *out, const struct state *state)
{
	static const char *const effects[] = { "nothing", "faults", "changes", "ignores" };
	enum xsave_error error = state_validate(state);

	put_name(out, "valid");
	if (error == XSAVE_OK) {
		fputs("{\"ok\": true}", out);
		return;
	}
	fputs("{\"ok\": false", out);
	put_name(out, "error");
	put_string(out, xsave_error_name(error));
	put_name(out, "rule");
	put_string(out, xsave_error_rule(error));
	put_name(out, "effect");
	put_string(out, effects[xsave_error_effect(error)]);
	put_name(out, "text");
	put_string(out, xsave_strerror(error));
	fputc('}', out);
}

static void put_components(FILE *out, const struct input *in, const struct state *state)
{
	uint64_t in_use = xsave_image_xstate_bv(&state->image);
	const char *before = "";

	put_name(out, "components");
	fputc('[', out);
	xsave_for_each_bit (bit, state_room(state) | in_use) {
		fputs(before, out);
		put_component(out, state, bit, in->options->all || in_use & XSAVE_MASK(bit));
		before = ", ";
	}
	fputc(']', out);
}

void json_print(FILE *out, const struct input *in, const struct state *state)
{
	fputs("{\"file\": ", out);
	put_string(out, in->name);
	put_name(out, "thread");
	fprintf(out, state->has_thread ? "%ld" : "null", state->thread);
	put_name(out, "format");
	put_string(out, format_name(state->format));
	put_name(out, "layout");
	if (state->layout)
		put_string(out, state->layout);
	else
		fputs("null", out);
	put_name(out, "size");
	fprintf(out, "%zu", state->image.size);
	fprintf(out, ", \"xstate_bv\": \"0x%" PRIx64 "\", \"xcomp_bv\": \"0x%" PRIx64 "\"",
		xsave_image_xstate_bv(&state->image), xsave_image_xcomp_bv(&state->image));
	put_valid(out, state);
	put_components(out, in, state);
	fputs("}\n", out);
}
