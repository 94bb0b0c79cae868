/* SPDX-License-Identifier: MIT */
/*
 * Choosing the entry design.
 */
#ifndef XTK_IST_RUN_H
#define XTK_IST_RUN_H

#include <xtk/ist.h>

/* ist_choose() - the value of the word ist=. Return: NULL, or what is wrong with it */
const char *ist_choose(const char *value);

#endif
