/* SPDX-License-Identifier: MIT */
/*
 * A small printf. See xtk/print.h for what it knows.
 */
#include <stdbool.h>
#include <stdint.h>

#include <xtk/print.h>

#include "console.h"

struct sink {
	char *out; /* NULL: the console */
	size_t size, length;
};

/* A conversion: %[-][0][width][.precision][l|ll|z]letter */
struct conversion {
	bool left, zero_pad;
	unsigned int width;
	int precision; /* -1: none */
	unsigned int longs;
};

static void put(struct sink *s, char c)
{
	if (!s->out)
		console_write(&c, 1);
	else if (s->length + 1 < s->size)
		s->out[s->length] = c;
	s->length++;
}

static void put_padded(struct sink *s, const struct conversion *c, const char *text, size_t length)
{
	for (size_t i = length; i < c->width && !c->left; i++)
		put(s, c->zero_pad ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(s, text[i]);
	for (size_t i = length; i < c->width && c->left; i++)
		put(s, ' ');
}

static void put_number(struct sink *s, const struct conversion *c, uint64_t value,
		       unsigned int base, bool negative)
{
	char text[24];
	size_t i = sizeof(text);

	do {
		text[--i] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		text[--i] = '-';
	put_padded(s, c, text + i, sizeof(text) - i);
}

static void put_string(struct sink *s, const struct conversion *c, const char *text)
{
	size_t length = 0;

	if (!text)
		text = "(null)";
	while (text[length] && (c->precision < 0 || length < (size_t)c->precision))
		length++;
	put_padded(s, c, text, length);
}

static unsigned int parse_number(const char **format)
{
	unsigned int n = 0;

	while (**format >= '0' && **format <= '9')
		n = n * 10 + (unsigned int)(*(*format)++ - '0');
	return n;
}

static struct conversion parse_conversion(const char **format, va_list *args)
{
	struct conversion c = { .precision = -1 };

	if (**format == '-') {
		c.left = true;
		(*format)++;
	}
	if (**format == '0') {
		c.zero_pad = true;
		(*format)++;
	}
	c.width = parse_number(format);
	if (**format == '.') {
		(*format)++;
		if (**format == '*') {
			(*format)++;
			c.precision = va_arg(*args, int);
		} else {
			c.precision = (int)parse_number(format);
		}
	}
	for (; **format == 'l' || **format == 'z'; (*format)++)
		c.longs++;
	return c;
}

static void put_conversion(struct sink *s, const char **format, va_list *args)
{
	struct conversion c = parse_conversion(format, args);
	char letter = *(*format)++;
	int64_t number;

	switch (letter) {
	case 'c':
		put(s, (char)va_arg(*args, int));
		break;
	case 's':
		put_string(s, &c, va_arg(*args, const char *));
		break;
	case 'd':
	case 'i':
		number = c.longs ? va_arg(*args, int64_t) : va_arg(*args, int);
		put_number(s, &c, number < 0 ? -(uint64_t)number : (uint64_t)number, 10,
			   number < 0);
		break;
	case 'u':
	case 'x':
		put_number(s, &c, c.longs ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int),
			   letter == 'u' ? 10 : 16, false);
		break;
	case 'p':
		put_string(s, &c, "0x");
		put_number(s, &c, (uint64_t)va_arg(*args, void *), 16, false);
		break;
	default:
		put(s, letter);
		break;
	}
}

static void format_to(struct sink *s, const char *format, va_list args)
{
	va_list copy;

	va_copy(copy, args);
	while (*format) {
		char c = *format++;

		if (c != '%')
			put(s, c);
		else
			put_conversion(s, &format, &copy);
	}
	va_end(copy);
}

void vprint(const char *format, va_list args)
{
	struct sink console = { 0 };

	format_to(&console, format, args);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint(format, args);
	va_end(args);
}

size_t vformat_text(char *out, size_t size, const char *format, va_list args)
{
	struct sink s = { out, size, 0 };

	format_to(&s, format, args);
	if (size)
		out[s.length < size ? s.length : size - 1] = '\0';
	return s.length;
}

size_t format_text(char *out, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = vformat_text(out, size, format, args);
	va_end(args);
	return length;
}
