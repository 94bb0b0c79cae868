/* SPDX-License-Identifier: MIT */
/*
 * Text on the console: COM1, and the screen where there is one.
 *
 * Nothing here has state that an interrupted print could share with an NMI or #DF handler: each
 * call formats on its own stack and writes byte by byte.
 */
#ifndef XTK_PRINT_H
#define XTK_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/**
 * print() - formatted text to the console
 * @format: as printf: %c %s %d %i %u %x %p %%, with -, 0 and width, .precision for strings, and the
 * lengths l, ll, z
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *format, va_list args);

/**
 * format_text() - formatted text into a buffer
 * @out:  buffer; always NUL-terminated if @size is not 0
 * @size: bytes of @out
 *
 * Return: length of the whole text, which may be more than fits.
 */
size_t format_text(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t vformat_text(char *out, size_t size, const char *format, va_list args);

/**
 * console_capture() - keep a copy of what is printed from now on
 * @buffer: where to; NULL ends the capture
 * @size:   bytes of @buffer; what does not fit is not kept. The text is NUL-terminated
 *
 * A test that judges a report reads the very text that went to the console.
 */
void console_capture(char *buffer, size_t size);

#endif
