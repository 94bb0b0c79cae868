/* SPDX-License-Identifier: MIT */
/*
 * The string functions that the kernel and its tests use; memcpy and friends also serve the
 * compiler.
 */
#ifndef XTK_STRING_H
#define XTK_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
bool starts_with(const char *s, const char *prefix);
/* glob_match() - * stands for any characters, '/' included, ? for one */
bool glob_match(const char *pattern, const char *text);

#endif
