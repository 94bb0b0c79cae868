/* SPDX-License-Identifier: MIT */
/*
 * The verb validate: the rule that an image breaks.
 */
#include "xstate.h"

static void print_verdict(FILE *out, const struct input *in, const struct state *state,
			  enum xsave_error error)
{
	static const char *const effects[] = { "", "a restore faults",
					       "a restore changes the value silently",
					       "a restore does not look at it" };
	const char *rule = xsave_error_rule(error);

	state_title(in, state, out);
	fputs(": ", out);
	if (error == XSAVE_OK)
		paint(out, in->options, INK_NEW, "valid");
	else
		paint(out, in->options, INK_BAD, "not valid");
	if (error != XSAVE_OK)
		fprintf(out, ": %s%s%s: %s", rule, *rule ? ": " : "", xsave_strerror(error),
			effects[xsave_error_effect(error)]);
	fputs("\n", out);
}

int xstate_validate_buffer(const char *name, const uint8_t *data, size_t size,
			   const struct xstate_options *options, FILE *out, FILE *err)
{
	struct input in;
	int status = input_read(&in, name, data, size, options, err);

	if (status == XSTATE_SAME)
		input_notes(&in);
	for (size_t i = 0; status != XSTATE_TROUBLE && i < in.count; i++) {
		enum xsave_error error = state_validate(&in.states[i]);

		print_verdict(out, &in, &in.states[i], error);
		if (error != XSAVE_OK)
			status = XSTATE_DIFFERENT;
	}
	input_free(&in);
	return status;
}
