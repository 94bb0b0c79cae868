/* SPDX-License-Identifier: MIT */
/*
 * The verb diff: registers that differ, whatever the format, layout and stale bytes.
 */
#include "xstate.h"

#include <string.h>

#define NAME_WIDTH 8

struct side {
	const struct input *in;
	const struct state *state;
};

struct pair {
	FILE *out;
	const struct xstate_options *options;
	struct side a, b;
	bool differ; /* so the titles are printed */
};

static void print_title(FILE *out, const char *sign, const struct side *side)
{
	fputs(sign, out);
	state_title(side->in, side->state, out);
	fputs("\n", out);
}

static void print_side(const struct pair *pair, enum ink ink, const struct value *value)
{
	char name[XSAVE_REG_NAME_SIZE];

	paint(pair->out, pair->options, ink, "%c %-*s ", ink == INK_OLD ? '-' : '+', NAME_WIDTH,
	      xsave_reg_name(value->row, value->number, name));
	value_print(pair->out, pair->options, value, NAME_WIDTH + 3);
	fputs("\n", pair->out);
}

static void diff_register(struct pair *pair, const struct xsave_reg *row, unsigned int number)
{
	struct value old, new;

	value_read(&old, pair->a.state, row, number);
	value_read(&new, pair->b.state, row, number);
	/* Not value_same(): which rows of a tile count, and which x87 registers, XTILECFG and FTW
	 * say. */
	if (!memcmp(old.bytes, new.bytes, row->size))
		return;
	if (!pair->differ) {
		print_title(pair->out, "--- ", &pair->a);
		print_title(pair->out, "+++ ", &pair->b);
	}
	pair->differ = true;
	print_side(pair, INK_OLD, &old);
	print_side(pair, INK_NEW, &new);
}

/* Of what is in use in either; MXCSR is there whatever XSTATE_BV says (rule M04). */
static bool diff_pair(struct pair *pair)
{
	uint64_t mask = XSAVE_MASK(XSAVE_SSE) | xsave_image_xstate_bv(&pair->a.state->image) |
			xsave_image_xstate_bv(&pair->b.state->image);
	const struct xsave_reg *row;

	for (size_t i = 0; (row = xsave_reg(i)); i++) {
		for (unsigned int n = 0; n < row->count && row_shown(row, mask); n++)
			diff_register(pair, row, row->first + n);
	}
	return pair->differ;
}

/* The same thread in @in; single images match each other. */
static const struct state *find_match(const struct input *in, const struct input *other,
				      const struct state *like)
{
	if (in->count == 1 && other->count == 1)
		return &in->states[0];
	for (size_t i = 0; i < in->count; i++) {
		if (in->states[i].has_thread == like->has_thread &&
		    in->states[i].thread == like->thread)
			return &in->states[i];
	}
	return NULL;
}

/* Threads of @in that @other lacks. */
static bool print_alone(FILE *out, const struct input *in, const struct input *other)
{
	bool any = false;

	for (size_t i = 0; i < in->count; i++) {
		if (find_match(other, in, &in->states[i]))
			continue;
		fputs("only in ", out);
		state_title(in, &in->states[i], out);
		fputs("\n", out);
		any = true;
	}
	return any;
}

static bool diff_inputs(FILE *out, const struct input *a, const struct input *b)
{
	bool any = print_alone(out, a, b);

	any |= print_alone(out, b, a);
	for (size_t i = 0; i < a->count; i++) {
		struct pair pair = {
			.out = out,
			.options = a->options,
			.a = { a, &a->states[i] },
			.b = { b, find_match(b, a, &a->states[i]) },
		};

		if (pair.b.state && diff_pair(&pair))
			any = true;
	}
	return any;
}

static int read_side(struct input *in, const struct xstate_file *file,
		     const struct xstate_options *options, FILE *err)
{
	int status = input_read(in, file->name, file->data, file->size, options, err);

	return status == XSTATE_SAME ? input_check(in) : status;
}

int xstate_diff_buffers(const struct xstate_file *a, const struct xstate_file *b,
			const struct xstate_options *options, FILE *out, FILE *err)
{
	struct input old, new = { .name = NULL };
	int status = read_side(&old, a, options, err);

	if (status == XSTATE_SAME)
		status = read_side(&new, b, options, err);
	if (status == XSTATE_SAME && diff_inputs(out, &old, &new))
		status = XSTATE_DIFFERENT;
	input_free(&old);
	input_free(&new);
	return status;
}
