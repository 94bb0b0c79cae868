/* SPDX-License-Identifier: MIT */
/*
 * Names, rules and texts of the errors, for programs that print; the library itself never does.
 */
#include "xsave/error.h"

#include <stddef.h>

struct error {
	const char *name;
	const char *rule;
	const char *text;
	enum xsave_effect effect;
};

#define ROW(id, rule_, does, text_)                                                                \
	[XSAVE_ERR_##id] = {                                                                       \
		.name = "XSAVE_ERR_" #id,                                                          \
		.rule = (rule_),                                                                   \
		.text = (text_),                                                                   \
		.effect = XSAVE_EFFECT_##does,                                                     \
	},

static const struct error errors[XSAVE_ERROR_COUNT] = {
	[XSAVE_OK] = { .name = "XSAVE_OK", .rule = "", .text = "no error" }, XSAVE_ERRORS(ROW)
};

static const struct error unknown = { .name = "unknown", .rule = "", .text = "unknown error" };

static const struct error *row(enum xsave_error err)
{
	size_t i = (size_t)err;

	return i < XSAVE_ERROR_COUNT ? &errors[i] : &unknown;
}

const char *xsave_strerror(enum xsave_error err)
{
	return row(err)->text;
}

const char *xsave_error_name(enum xsave_error err)
{
	return row(err)->name;
}

const char *xsave_error_rule(enum xsave_error err)
{
	return row(err)->rule;
}

enum xsave_effect xsave_error_effect(enum xsave_error err)
{
	return row(err)->effect;
}
