/* SPDX-License-Identifier: MIT */
/*
 * What is this file, and where are its images? Decided by content, never by name.
 */
#include "xstate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "xsave/linux.h"

static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name, out);
}

__attribute__((format(printf, 3, 0))) static void say(FILE *err, const char *name,
						      const char *format, va_list arguments)
{
	fputs("xstate: ", err);
	print_name(err, name);
	fputs(": ", err);
	vfprintf(err, format, arguments);
	fputc('\n', err);
}

int xstate_say(FILE *err, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(err, name, format, arguments);
	va_end(arguments);
	return XSTATE_TROUBLE;
}

int input_trouble(const struct input *in, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(in->err, in->name, format, arguments);
	va_end(arguments);
	return XSTATE_TROUBLE;
}

void state_title(const struct input *in, const struct state *state, FILE *out)
{
	print_name(out, in->name);
	if (state->has_thread)
		fprintf(out, ", thread %ld", state->thread);
}

const char *format_name(enum xsave_format format)
{
	static const char *const names[] = { "none", "fxsave", "standard", "compacted" };

	return names[format];
}

const char *component_name(unsigned int bit, char name[16])
{
	const struct xsave_component *component = xsave_component(bit);

	if (component)
		snprintf(name, 16, "%s", component->name);
	else
		snprintf(name, 16, "component %u", bit);
	return name;
}

struct state *input_add(struct input *in)
{
	size_t room = in->room ? in->room * 2 : 4;
	struct state *states = in->states;

	if (in->count == in->room) {
		states = realloc(states, room * sizeof(*states));
		if (!states) {
			input_trouble(in, "out of memory: give fewer threads");
			return NULL;
		}
		in->states = states;
		in->room = room;
	}
	states[in->count] = (struct state){ .image.data = NULL };
	return &states[in->count++];
}

void input_free(struct input *in)
{
	free(in->states);
	free(in->bytes);
}

/* The offsets of the vendors differ for a component in use, so a wrong guess shows wrong values. */
static bool vendors_differ(uint64_t in_use)
{
	xsave_for_each_bit (bit, in_use) {
		if (xsave_layout_intel.offset[bit] != xsave_layout_amd.offset[bit])
			return true;
	}
	return false;
}

static bool ends_at(const struct xsave_layout *layout, size_t size)
{
	xsave_for_each_bit (bit, layout->mask & ~XSAVE_SUPERVISOR_MASK & ~XSAVE_LEGACY_MASK) {
		if ((size_t)layout->offset[bit] + layout->size[bit] == size)
			return true;
	}
	return false;
}

/* The vendor that has @intel or @amd to its credit, when it is one of them only. */
static const struct xsave_layout *only_one(bool intel, bool amd)
{
	if (intel == amd)
		return NULL;
	return intel ? &xsave_layout_intel : &xsave_layout_amd;
}

/* Without XCR0: who knows all components in use, or has one end where the image ends. */
static const struct xsave_layout *guess_by_content(const struct xsave_image *image)
{
	uint64_t in_use = xsave_image_xstate_bv(image);
	const struct xsave_layout *guess;

	guess = only_one(!(in_use & ~xsave_layout_intel.mask), !(in_use & ~xsave_layout_amd.mask));
	if (guess)
		return guess;
	return only_one(ends_at(&xsave_layout_intel, image->size),
			ends_at(&xsave_layout_amd, image->size));
}

/*
 * The layout of a standard image that no note describes: that of the command line; else whose XCR0
 * and size agree; else Intel's. XCR0 of a raw image counts only when its size agrees: nothing
 * promises that memory has Linux's software bytes.
 */
static void place_standard(const struct input *in, struct state *state)
{
	const struct xsave_layout *guess;

	state->xcr0 = xsave_linux_xcr0(&state->image);
	guess = xsave_layout_guess(state->xcr0, state->image.size);
	if (!guess) {
		state->xcr0 = state->has_thread ? state->xcr0 : 0;
		guess = guess_by_content(&state->image);
	}
	state->image.layout = guess ? guess : &xsave_layout_intel;
	state->layout = state->image.layout == &xsave_layout_amd ? "amd" : "intel";
	if (in->options->from.layout) {
		state->image.layout = in->options->from.layout;
		state->layout = in->options->from.name;
	}
	state->assumed = !guess && !in->options->from.layout &&
			 vendors_differ(xsave_image_xstate_bv(&state->image));
}

/* The image's bytes are known: find its format and layout. */
static void place(const struct input *in, struct state *state)
{
	state->image.layout = in->has_layout ? &in->layout : &xsave_layout_common;
	state->layout = NULL;
	state->format = xsave_image_format(&state->image);
	if (state->format != XSAVE_FORMAT_STANDARD)
		return;
	if (in->has_layout) {
		state->xcr0 = xsave_linux_xcr0(&state->image);
		state->layout = "note";
	} else {
		place_standard(in, state);
	}
}

/* Components whose bytes are partly those of @bit in the standard format: no CPU enables both. */
static uint64_t sharing(const struct xsave_layout *layout, unsigned int bit)
{
	uint64_t start = layout->offset[bit], end = start + layout->size[bit], mask = 0;

	xsave_for_each_bit (other, layout->mask & ~layout->supervisor & ~XSAVE_MASK(bit)) {
		if (layout->offset[other] < end &&
		    start < (uint64_t)layout->offset[other] + layout->size[other])
			mask |= XSAVE_MASK(other);
	}
	return mask;
}

uint64_t state_room(const struct state *state)
{
	const struct xsave_layout *layout = state->image.layout;
	uint64_t room = xsave_image_components(&state->image);
	uint64_t in_use = xsave_image_xstate_bv(&state->image), sure = in_use;

	if (state->format != XSAVE_FORMAT_STANDARD)
		return room;
	if (state->xcr0)
		return room & state->xcr0;
	/* MPX, APX and LWP are rare: there only when in use, as is what has a place with them. */
	sure |= ~(XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR) | XSAVE_MASK(XSAVE_APX) |
		  XSAVE_MASK(XSAVE_LWP));
	xsave_for_each_bit (bit, in_use & room & ~XSAVE_LEGACY_MASK)
		sure &= in_use | ~sharing(layout, bit);
	return room & sure;
}

/*
 * Bits that MXCSR may have. The image's own MXCSR_MASK may be anything, as XSAVEC leaves old bytes
 * there; but where it is that of a CPU with the misaligned exception mask, bit 17 is no error.
 */
static uint32_t mxcsr_mask(const struct state *state)
{
	const uint8_t *data = state->image.data;
	bool amd = state->layout && !strcmp(state->layout, "amd");

	if (state->image.size >= XSAVE_LEGACY_SIZE && le32(data + 28) == 0x2ffff)
		amd = true;
	return amd ? 0x2ffff : 0xffff;
}

enum xsave_error state_validate(const struct state *state)
{
	const struct xsave_layout *layout = state->image.layout;
	uint64_t supervisor = layout->supervisor & xsave_image_xcomp_bv(&state->image);
	struct xsave_cpu cpu = {
		.insn = supervisor ? XSAVE_INSN_XSAVES : XSAVE_INSN_XSAVEC,
		.compaction = true,
		.insns = (1u << XSAVE_INSNS) - 1,
		.enabled = (state->xcr0 ? state->xcr0 : layout->mask) | supervisor,
		.mxcsr_mask = mxcsr_mask(state),
		.layout = *layout,
	};

	cpu.mask = cpu.enabled;
	return xsave_validate(&state->image, &cpu);
}

/*
 * Errors that leave open where components lie, or whether this is an image at all: one that holds
 * nothing but a wrong MXCSR is none.
 */
static bool is_unreadable(const struct state *state, enum xsave_error error)
{
	if (error == XSAVE_ERR_MXCSR && !xsave_image_xstate_bv(&state->image))
		return true;
	return error >= XSAVE_ERR_LENGTH && error <= XSAVE_ERR_HEADER_REST;
}

static uint32_t swapped(uint32_t x)
{
	return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

/*
 * Was the image written as words of a big-endian machine? Then what is reserved in MXCSR, or in the
 * MXCSR_MASK that takes its place, is set as it stands, and clear the other way round.
 */
static bool is_swapped(const struct xsave_image *image)
{
	uint32_t mxcsr;

	if (image->size < XSAVE_LEGACY_SIZE)
		return false;
	mxcsr = le32((const uint8_t *)image->data + 24);
	return mxcsr & ~0x2ffffu && !(swapped(mxcsr) & ~0x2ffffu);
}

static int check_state(const struct input *in, const struct state *state)
{
	enum xsave_error error = state_validate(state);
	bool unreadable = is_unreadable(state, error);

	if ((unreadable || error == XSAVE_ERR_MXCSR) && is_swapped(&state->image))
		return input_trouble(in,
				     "big-endian words: dump it again as bytes, first byte first");
	if (!unreadable)
		return XSTATE_SAME;
	if (error == XSAVE_ERR_TRUNCATED)
		return input_trouble(in,
				     "truncated: %s, %zu bytes: dump the whole area from its first "
				     "byte, or give the right --layout",
				     xsave_strerror(error), state->image.size);
	return input_trouble(in, "not a sound image: %s%s%s: dump it from the area's first byte",
			     xsave_error_rule(error), *xsave_error_rule(error) ? ": " : "",
			     xsave_strerror(error));
}

void input_notes(const struct input *in)
{
	bool assumed = false;

	for (size_t i = 0; i < in->count; i++)
		assumed |= in->states[i].assumed;
	if (assumed)
		xstate_say(in->err, in->name,
			   "note: nothing says whose offsets these are; Intel's are assumed: give "
			   "--layout");
	if (in->dropped)
		xstate_say(in->err, in->name, "note: no image for %zu of its %zu threads",
			   in->dropped, in->dropped + in->count);
}

int input_check(const struct input *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (check_state(in, &in->states[i]) != XSTATE_SAME)
			return XSTATE_TROUBLE;
	}
	input_notes(in);
	return XSTATE_SAME;
}

static int read_raw(struct input *in, const uint8_t *data, size_t size)
{
	struct state *state;

	if (size < XSAVE_LEGACY_SIZE)
		return input_trouble(in,
				     "truncated: %zu bytes, an image has 512 (FXSAVE) or at least "
				     "576: dump the whole area",
				     size);
	if (size > XSTATE_IMAGE_MAX)
		return input_trouble(
			in,
			"oversized: %zu bytes, neither an ELF core nor an image, which "
			"has at most %d: cut the area out",
			size, XSTATE_IMAGE_MAX);
	state = input_add(in);
	if (!state)
		return XSTATE_TROUBLE;
	state->image.data = data;
	state->image.size = size;
	return XSTATE_SAME;
}

static int read_any(struct input *in, const uint8_t *data, size_t size)
{
	if (!size)
		return input_trouble(in, "empty: give an image, an ELF core or a dump");
	if (core_is(data, size))
		return core_read(in, data, size);
	if (!dump_is(data, size))
		return read_raw(in, data, size);
	if (dump_read(in, data, size) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	return read_raw(in, in->bytes, in->bytes_size);
}

/* Keep the thread that was asked for; what is no core has none. */
static int choose_thread(struct input *in)
{
	if (!in->states[0].has_thread)
		return XSTATE_SAME;
	for (size_t i = 0; i < in->count; i++) {
		if (in->states[i].has_thread && in->states[i].thread == in->options->thread) {
			in->states[0] = in->states[i];
			in->count = 1;
			return XSTATE_SAME;
		}
	}
	return input_trouble(in, "no thread %ld: 'xstate show' lists them", in->options->thread);
}

int input_read(struct input *in, const char *name, const uint8_t *data, size_t size,
	       const struct xstate_options *options, FILE *err)
{
	*in = (struct input){ .name = name, .options = options, .err = err };
	if (read_any(in, data, size) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	if (options->has_thread && choose_thread(in) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	for (size_t i = 0; i < in->count; i++)
		place(in, &in->states[i]);
	return XSTATE_SAME;
}
