/* SPDX-License-Identifier: MIT */
/*
 * The command line: tables of words, each with the function that takes its value. Here are the
 * words of every program that runs tests; those of the machine are the kernel's in words.c.
 *
 * An unknown word is an error and never "run everything": a run that does something else than what
 * was asked for gives a verdict that nobody should trust.
 */
#include <stddef.h>

#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>

#include "cmdline.h"
#include "exit.h"

struct options options = { .ist = "plain", .seed = 1, .repeat = 1, .shards = 1 };

const char *cmdline_number(const char *text, uint64_t *value)
{
	uint64_t n = 0;
	unsigned int base = starts_with(text, "0x") ? 16 : 10;

	if (base == 16)
		text += 2;
	if (!*text)
		return "wants a number, e.g. 7 or 0x1f";
	for (; *text; text++) {
		unsigned int digit =
			*text >= '0' && *text <= '9'   ? (unsigned int)(*text - '0')
			: *text >= 'a' && *text <= 'f' ? (unsigned int)(*text - 'a' + 10)
			: *text >= 'A' && *text <= 'F' ? (unsigned int)(*text - 'A' + 10)
						       : 16;
		if (digit >= base)
			return "is not a number, e.g. 7 or 0x1f";
		if (n > (UINT64_MAX - digit) / base)
			return "is more than 64 bits";
		n = n * base + digit;
	}
	*value = n;
	return NULL;
}

static const char *take_tests(char *value)
{
	options.tests = value;
	return *value ? NULL : "wants names of tests or globs; the word list prints them";
}

static const char *take_list(char *value)
{
	(void)value;
	options.list = true;
	return NULL;
}

static const char *take_seed(char *value)
{
	return cmdline_number(value, &options.seed);
}

static const char *take_case(char *value)
{
	options.case_id = value;
	return *value ? NULL : "wants the id of a case, as a failure prints it";
}

static const char *take_depth(char *value)
{
	options.depth_full = !strcmp(value, "full");
	return options.depth_full || !strcmp(value, "quick") ? NULL : "wants quick or full";
}

static const char *take_repeat(char *value)
{
	uint64_t n = 0;
	const char *wrong = cmdline_number(value, &n);

	options.repeat = (unsigned int)n;
	return wrong ? wrong : n >= 1 && n <= 1000000 ? NULL : "wants 1 to 1000000";
}

static const char *take_shuffle(char *value)
{
	options.shuffle = true;
	return cmdline_number(value, &options.shuffle_seed);
}

static const struct word common_words[] = {
	{ "tests", take_tests, true },	   { "list", take_list, false },
	{ "seed", take_seed, true },	   { "case", take_case, true },
	{ "depth", take_depth, true },	   { "repeat", take_repeat, true },
	{ "shuffle", take_shuffle, true }, { NULL, NULL, false },
};

static const struct word *const tables[] = { common_words, machine_words };

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const struct word *find_word(const struct word *w, const char *text, char **value)
{
	for (; w->name; w++) {
		size_t n = strlen(w->name);

		if (!starts_with(text, w->name))
			continue;
		*value = text[n] == '=' ? (char *)text + n + 1 : NULL;
		if (text[n] == (w->has_value ? '=' : '\0'))
			return w;
	}
	return NULL;
}

static void __attribute__((noreturn)) refuse_word(const char *text)
{
	char known[256] = "";

	for (size_t i = 0; i < TABLES; i++) {
		for (const struct word *w = tables[i]; w->name; w++) {
			size_t n = strlen(known);

			format_text(known + n, sizeof(known) - n, " %s%s", w->name,
				    w->has_value ? "=" : "");
		}
	}
	usage_exit("unknown word '%s'; known:%s", text, known);
}

static void take_word(char *text)
{
	const struct word *w = NULL;
	const char *wrong;
	char *value;

	for (size_t i = 0; i < TABLES && !w; i++)
		w = find_word(tables[i], text, &value);
	if (!w)
		refuse_word(text);
	wrong = w->take(value);
	if (wrong)
		usage_exit("%s %s", text, wrong);
}

void cmdline_parse(char *line)
{
	while (*line) {
		char *word = line;

		while (*line && *line != ' ' && *line != '\t')
			line++;
		if (*line)
			*line++ = '\0';
		if (*word)
			take_word(word);
	}
	machine_words_check();
}

static bool any_case_selected;

bool case_selected(const char *id)
{
	bool selected = !options.case_id || !strcmp(options.case_id, id);

	any_case_selected = any_case_selected || selected;
	return selected;
}

bool case_any_selected(void)
{
	bool any = any_case_selected || !options.case_id;

	any_case_selected = false;
	return any;
}
