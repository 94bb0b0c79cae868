/* SPDX-License-Identifier: MIT */
/*
 * The verb convert: the same registers as a raw image of another format or layout.
 */
#include "xstate.h"

#include <stdlib.h>

/* Components that no CPU enables alone: with one of them goes all of the group (rules X02-X07). */
static const struct {
	uint64_t any, all;
} groups[] = {
	{ XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM),
	  XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM) |
		  XSAVE_MASK(XSAVE_AVX) },
	{ XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR),
	  XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR) },
	{ XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA),
	  XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA) },
};

/*
 * What the new image has room for: what the old one had (XCOMP_BV, or XCR0 when it is known), else
 * the smallest XCR0 that allows what is in use.
 */
static uint64_t wanted(const struct state *state, const struct xstate_options *options)
{
	uint64_t in_use = xsave_image_xstate_bv(&state->image), mask = in_use;

	if (options->format == XSAVE_FORMAT_LEGACY)
		return XSAVE_LEGACY_MASK;
	if (state->format == XSAVE_FORMAT_COMPACTED)
		mask |= state_room(state);
	else if (state->xcr0)
		mask |= state_room(state);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		mask |= mask & groups[i].any ? groups[i].all : 0;
	mask |= XSAVE_LEGACY_MASK;
	/* What is not in use needs no place that the new format or layout lacks. */
	if (options->format == XSAVE_FORMAT_STANDARD)
		mask &= ~XSAVE_SUPERVISOR_MASK & (options->to.layout->mask | in_use);
	return mask;
}

#define NAMES 320 /* bytes: more than the names of all components take */

static const char *names_of(uint64_t mask, char names[NAMES])
{
	size_t length = 0;
	char name[16];

	names[0] = '\0';
	xsave_for_each_bit (bit, mask) {
		if (length + sizeof(name) + 1 < NAMES)
			length += (size_t)snprintf(names + length, NAMES - length, "%s%s",
						   length ? " " : "", component_name(bit, name));
	}
	return names;
}

static void note_left_out(const struct input *in, uint64_t left_out)
{
	char names[NAMES];

	if (left_out)
		xstate_say(in->err, in->name, "note: the new format has no place for %s",
			   names_of(left_out, names));
}

/* In use, but in the standard format of the new layout without a place. */
static int refuse_place(const struct input *in, uint64_t mask)
{
	const struct xstate_layout *to = &in->options->to;
	char names[NAMES];

	return input_trouble(in, "no place for %s in the %s layout: give another --layout",
			     names_of(mask & ~to->layout->mask, names), to->name);
}

static int convert(const struct input *in, FILE *out)
{
	const struct state *state = &in->states[0];
	const struct xstate_options *options = in->options;
	const struct xsave_layout *to = options->to.layout;
	uint64_t mask = wanted(state, options);
	size_t size = xsave_format_size(options->format, to, mask);
	uint8_t *image = size ? malloc(size) : NULL;
	enum xsave_error error;

	if (!size)
		return refuse_place(in, mask);
	if (!image)
		return input_trouble(in, "out of memory: give a smaller image");
	error = xsave_convert(&state->image, mask, options->format, to, image, size);
	if (error == XSAVE_OK) {
		note_left_out(in, xsave_image_xstate_bv(&state->image) & ~mask);
		fwrite(image, 1, size, out);
	}
	free(image);
	if (error != XSAVE_OK)
		return input_trouble(in, "%s: give another --to or --layout",
				     xsave_strerror(error));
	return XSTATE_SAME;
}

int xstate_convert_buffer(const char *name, const uint8_t *data, size_t size,
			  const struct xstate_options *options, FILE *out, FILE *err)
{
	struct xstate_options filled = *options;
	struct input in;
	int status;

	if (!filled.to.layout)
		filled.to = (struct xstate_layout){ "intel", &xsave_layout_intel };
	/* Sizes and order of the compacted format are every CPU's. */
	if (filled.format == XSAVE_FORMAT_COMPACTED)
		filled.to.layout = &xsave_layout_common;
	status = input_read(&in, name, data, size, &filled, err);
	if (status == XSTATE_SAME)
		status = input_check(&in);
	if (status == XSTATE_SAME && in.count > 1)
		status = input_trouble(&in,
				       "%zu threads: give --thread with one that 'xstate show' "
				       "lists",
				       in.count);
	if (status == XSTATE_SAME)
		status = convert(&in, out);
	input_free(&in);
	return status;
}
