/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's text to struct options.
 */
#ifndef XTK_CMDLINE_H
#define XTK_CMDLINE_H

#include <stdbool.h>
#include <stdint.h>

struct word {
	const char *name;
	/* Takes the text behind '=' (NULL for a word without a value). Return: NULL, or what is
	 * wrong with it. */
	const char *(*take)(char *value);
	bool has_value;
};

/* The words of this program's machine, ended by a row without a name, and what is looked at when
 * all words have been taken. */
extern const struct word machine_words[];
void machine_words_check(void);

/* cmdline_number() - a number, decimal or 0x…. Return: NULL, or what is wrong with @text */
const char *cmdline_number(const char *text, uint64_t *value);

/* Parses @line in place; leaves the machine with a usage line at the first word that is wrong. */
void cmdline_parse(char *line);

/* case_any_selected() - whether case= named a case of the test that just ran; true without case= */
bool case_any_selected(void);

#endif
