/* SPDX-License-Identifier: MIT */
/*
 * The verb show: components and registers for a person.
 */
#include "xstate.h"

#include <inttypes.h>
#include <string.h>

#include "xsave.h"

#define NAME_WIDTH 8
#define GROUP	   3 /* rows; IA32_LBR_#_FROM_IP has two with it */

/* "YMM8-15" for a run of registers, "YMM8" for one. */
static void run_name(const struct xsave_reg *row, unsigned int first, unsigned int last, char *name,
		     size_t size)
{
	const char *number = strchr(row->name, '#');

	if (!number)
		snprintf(name, size, "%s", row->name);
	else if (first == last)
		snprintf(name, size, "%.*s%u%s", (int)(number - row->name), row->name, first,
			 number + 1);
	else
		snprintf(name, size, "%.*s%u-%u%s", (int)(number - row->name), row->name, first,
			 last, number + 1);
}

/*
 * struct group - rows whose registers lie between each other's, as BND#.LB and BND#.UB do: they are
 * printed number by number. Most rows are alone.
 */
struct group {
	const struct xsave_reg *rows[GROUP];
	unsigned int count;
};

static bool interleaves(const struct xsave_reg *a, const struct xsave_reg *b)
{
	return a->count > 1 && a->parts == 1 && b->parts == 1 && a->first == b->first &&
	       a->count == b->count && a->part[0].component == b->part[0].component &&
	       a->part[0].stride == b->part[0].stride && a->part[0].offset < b->part[0].offset &&
	       b->part[0].offset < a->part[0].offset + a->part[0].stride;
}

/* The rows from @i on that belong together. */
static struct group group_at(size_t i)
{
	struct group group = { .rows = { xsave_reg(i) }, .count = 1 };
	const struct xsave_reg *next;

	while (group.count < GROUP && (next = xsave_reg(i + group.count)) &&
	       interleaves(group.rows[0], next))
		group.rows[group.count++] = next;
	return group;
}

static bool same_registers(const struct state *state, const struct group *group, unsigned int a,
			   unsigned int b)
{
	struct value values[2];

	for (unsigned int i = 0; i < group->count; i++) {
		value_read(&values[0], state, group->rows[i], a);
		value_read(&values[1], state, group->rows[i], b);
		if (!value_same(&values[0], &values[1]))
			return false;
	}
	return true;
}

static void show_register(FILE *out, const struct xstate_options *options,
			  const struct state *state, const struct xsave_reg *row,
			  unsigned int first, unsigned int last, int width)
{
	char name[XSAVE_REG_NAME_SIZE + 8];
	struct value value;

	run_name(row, first, last, name, sizeof(name));
	paint(out, options, INK_NAME, "  %-*s", width, name);
	fputs(" ", out);
	value_read(&value, state, row, first);
	value_print(out, options, &value, width + 3);
	fputs("\n", out);
}

/* A run of equal registers on one line, unless all are asked for. */
static void show_group(FILE *out, const struct input *in, const struct state *state,
		       const struct group *group, int width)
{
	unsigned int end = group->rows[0]->first + group->rows[0]->count, last;

	for (unsigned int first = group->rows[0]->first; first < end; first = last + 1) {
		last = first;
		while (!in->options->all && last + 1 < end &&
		       same_registers(state, group, first, last + 1))
			last++;
		for (unsigned int i = 0; i < group->count; i++)
			show_register(out, in->options, state, group->rows[i], first, last, width);
	}
}

/* The column of names is as wide as the longest in the section. */
static int name_width(uint64_t mask, unsigned int home)
{
	const struct xsave_reg *row;
	int width = NAME_WIDTH;

	for (size_t i = 0; (row = xsave_reg(i)); i++) {
		int length = (int)strlen(row->name) + (row->first + row->count > 10);

		if (row_home(row) == home && row_shown(row, mask) && length > width)
			width = length;
	}
	return width;
}

static void show_heading(FILE *out, const struct xstate_options *options, const char *text)
{
	fputs("\n", out);
	paint(out, options, INK_HEAD, "%s", text);
	fputs("\n", out);
}

static void show_unknown(FILE *out, const struct xstate_options *options, unsigned int bit,
			 uint32_t size)
{
	char name[16];

	show_heading(out, options, component_name(bit, name));
	fprintf(out, "  %" PRIu32 " bytes of unknown meaning\n", size);
}

static void show_section(FILE *out, const struct input *in, const struct state *state,
			 uint64_t mask, unsigned int home)
{
	int width = name_width(mask, home);
	struct group group;
	char name[16];
	bool begun = false;

	for (size_t i = 0; xsave_reg(i); i += group.count) {
		group = group_at(i);
		if (row_home(group.rows[0]) != home || !row_shown(group.rows[0], mask))
			continue;
		if (!begun)
			show_heading(out, in->options, component_name(home, name));
		begun = true;
		show_group(out, in, state, &group, width);
	}
	if (!xsave_component(home))
		show_unknown(out, in->options, home, state->image.layout->size[home]);
}

static void show_names(FILE *out, const struct xstate_options *options, const char *label,
		       uint64_t mask, enum ink ink)
{
	int column = fprintf(out, "  %-10s", label);

	if (!mask)
		fputs(" none", out);
	print_components(out, options, mask, ink, column);
	fputs("\n", out);
}

static const char *effect_text(enum xsave_effect effect)
{
	static const char *const texts[] = { "", "a restore faults", "a restore changes it",
					     "a restore ignores it" };

	return texts[effect];
}

static void show_error(FILE *out, const struct xstate_options *options, enum xsave_error error)
{
	const char *rule = xsave_error_rule(error);

	fprintf(out, "  %-10s ", "not valid");
	paint(out, options, INK_BAD, "%s%s%s", rule, *rule ? ": " : "", xsave_strerror(error));
	fprintf(out, "\n  %-10s %s\n", "", effect_text(xsave_error_effect(error)));
}

static void show_head(FILE *out, const struct input *in, const struct state *state)
{
	uint64_t in_use = xsave_image_xstate_bv(&state->image);
	enum xsave_error error = state_validate(state);

	state_title(in, state, out);
	fprintf(out, ": %s format", format_name(state->format));
	if (state->layout)
		fprintf(out, ", %s layout", state->layout);
	fprintf(out, ", %zu bytes\n", state->image.size);
	if (state->format != XSAVE_FORMAT_LEGACY)
		fprintf(out, "  %-10s 0x%" PRIx64 "\n  %-10s 0x%" PRIx64 "\n", "XSTATE_BV", in_use,
			"XCOMP_BV", xsave_image_xcomp_bv(&state->image));
	show_names(out, in->options, "in use", in_use, INK_NEW);
	show_names(out, in->options, "initial", state_room(state) & ~in_use, INK_DIM);
	if (error != XSAVE_OK)
		show_error(out, in->options, error);
}

static void show_state(FILE *out, const struct input *in, const struct state *state)
{
	uint64_t in_use = xsave_image_xstate_bv(&state->image);
	uint64_t mask = in_use | (in->options->all ? state_room(state) : 0);
	unsigned int number;

	show_head(out, in, state);
	xsave_for_each_bit (bit, mask)
		show_section(out, in, state, mask, bit);
	/* It is there whatever the image says of SSE (rule M04). */
	if (!(mask & XSAVE_MASK(XSAVE_SSE)) &&
	    xsave_image_mxcsr(&state->image) != XSAVE_DEFAULT_MXCSR) {
		fputs("\n", out);
		show_register(out, in->options, state, xsave_reg_find("MXCSR", &number), 0, 0,
			      NAME_WIDTH);
	}
}

int xstate_show_buffer(const char *name, const uint8_t *data, size_t size,
		       const struct xstate_options *options, FILE *out, FILE *err)
{
	struct input in;
	int status = input_read(&in, name, data, size, options, err);

	if (status == XSTATE_SAME)
		status = input_check(&in);
	for (size_t i = 0; status == XSTATE_SAME && i < in.count; i++) {
		if (options->json) {
			json_print(out, &in, &in.states[i]);
			continue;
		}
		if (i)
			fputs("\n", out);
		show_state(out, &in, &in.states[i]);
	}
	input_free(&in);
	return status;
}
