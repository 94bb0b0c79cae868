/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's text to struct options.
 */
#ifndef XTK_CMDLINE_H
#define XTK_CMDLINE_H

/* Parses @line in place; leaves the machine with a usage line at the first word that is wrong. */
void cmdline_parse(char *line);

#endif
