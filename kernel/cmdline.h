/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's text to struct options.
 */
#ifndef XTK_CMDLINE_H
#define XTK_CMDLINE_H

#include <stdbool.h>

/* Parses @line in place; leaves the machine with a usage line at the first word that is wrong. */
void cmdline_parse(char *line);

/* case_any_selected() - whether case= named a case of the test that just ran; true without case= */
bool case_any_selected(void);

#endif
