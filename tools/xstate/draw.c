/* SPDX-License-Identifier: MIT */
/*
 * The verb layout: where each component lies, drawn to scale.
 */
#include "xstate.h"

#include <string.h>

#define BAR 44 /* columns; with what stands before them the line has 79 */

/* struct range - a component, or one of the fixed parts of an area */
struct range {
	size_t start, size;
	char name[16];
	enum ink ink;
};

#define RANGES (XSAVE_BITS + 3)

struct drawing {
	FILE *out;
	const struct xstate_options *options;
	struct range ranges[RANGES];
	size_t count;
	size_t end;
};

/* By offset; of those at the same place the first stays first. */
static void add(struct drawing *drawing, size_t start, size_t size, const char *name, enum ink ink)
{
	size_t i = drawing->count++;

	for (; i > 0 && drawing->ranges[i - 1].start > start; i--)
		drawing->ranges[i] = drawing->ranges[i - 1];
	drawing->ranges[i] = (struct range){ .start = start, .size = size, .ink = ink };
	snprintf(drawing->ranges[i].name, sizeof(drawing->ranges[i].name), "%s", name);
	if (start + size > drawing->end)
		drawing->end = start + size;
}

/* Two steps a column with UTF-8, one without; what there is has one step at least. */
static void draw_bar(const struct drawing *drawing, const struct range *range)
{
	static const char *const blocks[] = { " ", "\u258c", "\u2590", "\u2588" };
	static const char *const ascii[] = { " ", "#", "#", "#" };
	unsigned int steps = BAR * 2;
	size_t first = range->start * steps / drawing->end;
	size_t last = ((range->start + range->size) * steps + drawing->end - 1) / drawing->end;
	size_t columns = (last + 1) / 2;

	for (size_t i = 0; i < columns; i++) {
		unsigned int left = 2 * i >= first && 2 * i < last;
		unsigned int right = 2 * i + 1 >= first && 2 * i + 1 < last;
		const char *const *set = drawing->options->utf8 ? blocks : ascii;

		paint(drawing->out, drawing->options, left || right ? range->ink : INK_NONE, "%s",
		      set[left | right << 1]);
	}
}

static void draw_range(const struct drawing *drawing, const struct range *range)
{
	FILE *out = drawing->out;

	fprintf(out, "%6zu %6zu %6zu  ", range->start, range->start + range->size, range->size);
	paint(out, drawing->options, range->ink, "%-12s", range->name);
	fputs(" ", out);
	draw_bar(drawing, range);
	fputs("\n", out);
}

static void draw_gap(const struct drawing *drawing, size_t start, size_t end)
{
	fprintf(drawing->out, "%6zu %6zu %6zu  ", start, end, end - start);
	paint(drawing->out, drawing->options, INK_DIM, "(gap)");
	fputs("\n", drawing->out);
}

static void draw(const struct drawing *drawing)
{
	size_t end = 0;

	paint(drawing->out, drawing->options, INK_DIM, "%6s %6s %6s  %-12s 0%*zu", "offset", "end",
	      "size", "component", BAR - 1, drawing->end);
	fputs("\n", drawing->out);
	for (size_t i = 0; i < drawing->count; i++) {
		const struct range *range = &drawing->ranges[i];

		if (range->start > end)
			draw_gap(drawing, end, range->start);
		draw_range(drawing, range);
		if (range->start + range->size > end)
			end = range->start + range->size;
	}
	if (drawing->end > end)
		draw_gap(drawing, end, drawing->end);
}

/* x87 and SSE share their first bytes: FXSAVE's header, which holds MXCSR too. */
static void add_legacy(struct drawing *drawing, uint64_t in_use)
{
	enum ink x87 = in_use & XSAVE_MASK(XSAVE_X87) ? INK_NEW : INK_DIM;
	enum ink sse = in_use & XSAVE_MASK(XSAVE_SSE) ? INK_NEW : INK_DIM;

	add(drawing, 0, 160, "x87, MXCSR", x87);
	add(drawing, 160, 256, "SSE", sse);
	add(drawing, 416, 48, "reserved", INK_DIM);
	add(drawing, 464, 48, "software", INK_DIM);
}

static void add_components(struct drawing *drawing, const struct xsave_layout *layout,
			   uint64_t xcomp_bv, uint64_t room, uint64_t in_use)
{
	char name[16];

	add(drawing, XSAVE_LEGACY_SIZE, XSAVE_EXTENDED - XSAVE_LEGACY_SIZE, "XSAVE header",
	    INK_NAME);
	xsave_for_each_bit (bit, room & ~XSAVE_LEGACY_MASK)
		add(drawing, xsave_offset(layout, xcomp_bv, bit), layout->size[bit],
		    component_name(bit, name), in_use & XSAVE_MASK(bit) ? INK_NEW : INK_DIM);
}

static void draw_layout(FILE *out, const struct xstate_options *options, const char *title,
			const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	struct drawing drawing = { .out = out, .options = options };
	uint64_t room = xcomp_bv ? xcomp_bv : layout->mask & ~layout->supervisor;

	paint(out, options, INK_HEAD, "%s", title);
	fputs("\n", out);
	add_legacy(&drawing, ~UINT64_C(0));
	add_components(&drawing, layout, xcomp_bv, room, ~UINT64_C(0));
	draw(&drawing);
}

int xstate_layouts(const struct xstate_options *options, FILE *out)
{
	const struct xstate_layout *given = &options->from;

	if (given->layout) {
		draw_layout(out, options, "standard format", given->layout, 0);
		return XSTATE_SAME;
	}
	draw_layout(out, options, "standard format, intel layout (BNDREGS or APX, never both)",
		    &xsave_layout_intel, 0);
	fputs("\n", out);
	draw_layout(out, options, "standard format, amd layout (opmask or LWP, never both)",
		    &xsave_layout_amd, 0);
	fputs("\n", out);
	draw_layout(out, options,
		    "compacted format, all components (those that an image lacks take no room)",
		    &xsave_layout_common, XSAVE_XCOMP_COMPACTED | xsave_known_mask());
	return XSTATE_SAME;
}

static void draw_state(FILE *out, const struct input *in, const struct state *state)
{
	struct drawing drawing = { .out = out, .options = in->options, .end = state->image.size };
	uint64_t in_use = xsave_image_xstate_bv(&state->image);

	state_title(in, state, out);
	fprintf(out, ": %s format", format_name(state->format));
	if (state->layout)
		fprintf(out, ", %s layout", state->layout);
	fprintf(out, ", %zu bytes\n", state->image.size);
	add_legacy(&drawing, in_use);
	if (state->format != XSAVE_FORMAT_LEGACY)
		add_components(&drawing, state->image.layout, xsave_image_xcomp_bv(&state->image),
			       state_room(state) | in_use, in_use);
	draw(&drawing);
}

int xstate_layout_buffer(const char *name, const uint8_t *data, size_t size,
			 const struct xstate_options *options, FILE *out, FILE *err)
{
	struct input in;
	int status = input_read(&in, name, data, size, options, err);

	if (status == XSTATE_SAME)
		status = input_check(&in);
	for (size_t i = 0; status == XSTATE_SAME && i < in.count; i++) {
		if (i)
			fputs("\n", out);
		draw_state(out, &in, &in.states[i]);
	}
	input_free(&in);
	return status;
}
