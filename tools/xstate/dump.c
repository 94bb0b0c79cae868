/* SPDX-License-Identifier: MIT */
/*
 * Text that holds bytes: gdb's x/NNxb (h, w, g), the x and xp of QEMU's monitor, hexdump -C, xxd.
 *
 * A line is an address and what lies there. A value that starts with 0x is a little-endian number
 * of as many bytes as it has digits for; digits without 0x are bytes in their order.
 */
#include "xstate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct dump {
	struct input *in;
	const char *at; /* in the text; a NUL does not end it, so it is bounded by end */
	const char *end;
	size_t line;
	uint64_t base; /* address of the first byte */
	size_t count;  /* bytes read */
	bool begun;
	bool starred; /* "*": lines like the one before were left out */
	bool memory;  /* the addresses are those of memory, not of a file */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Old bytes may make text of an image's start, but not of its XSAVE header, or of MXCSR in
 * FXSAVE's. */
bool dump_is(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && i < XSAVE_EXTENDED; i++) {
		if ((data[i] < ' ' && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') ||
		    data[i] >= 0x7f)
			return false;
	}
	return true;
}

static int refuse(const struct dump *dump, const char *why)
{
	return input_trouble(dump->in,
			     "line %zu: %s: give one whole dump of gdb's x, QEMU's x or xp, "
			     "hexdump -C or xxd",
			     dump->line, why);
}

static size_t skip_spaces(struct dump *dump)
{
	const char *start = dump->at;

	while (dump->at < dump->end && is_space(*dump->at))
		dump->at++;
	return (size_t)(dump->at - start);
}

static bool take(struct dump *dump, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(dump->end - dump->at) < size || memcmp(dump->at, text, size) != 0)
		return false;
	dump->at += size;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits, 16 at most; returns how many. */
static int take_digits(struct dump *dump, uint64_t *value)
{
	int count = 0;

	for (*value = 0; dump->at < dump->end && digit(*dump->at) >= 0 && count < 17; count++)
		*value = *value << 4 | (uint64_t)digit(*dump->at++);
	return count;
}

static bool put(struct dump *dump, uint8_t byte)
{
	if (dump->count == XSTATE_IMAGE_MAX)
		return false;
	dump->in->bytes[dump->count++] = byte;
	return true;
}

/*
 * "0x1f80", or in a line with a colon (xxd's) "801f". Without one, as hexdump and od print words,
 * the order of the bytes of more than one would be anybody's guess.
 */
static int take_value(struct dump *dump, bool colon)
{
	bool number = take(dump, "0x");
	uint64_t value;
	int digits = take_digits(dump, &value);
	bool ends = dump->at == dump->end || is_space(*dump->at);

	if (!number && !colon && digits > 2)
		return refuse(dump, "words of unknown byte order");
	if (!ends || !digits || digits > 16 || digits % 2 || (number && digits & (digits - 1)))
		return refuse(dump, "a value that is not 1, 2, 4 or 8 bytes in hexadecimal");
	dump->memory |= number;
	for (int i = 0; i < digits / 2; i++) {
		int shift = number ? 8 * i : 4 * digits - 8 - 8 * i;

		if (!put(dump, (uint8_t)(value >> shift)))
			return refuse(dump, "oversized: more bytes than an image has");
	}
	return XSTATE_SAME;
}

/* What "*" left out: 16 bytes again and again, up to the address of the line after it. */
static int take_repeats(struct dump *dump, uint64_t address)
{
	if (dump->count < 16 || address - dump->base > XSTATE_IMAGE_MAX)
		return refuse(dump, "a '*' that stands for more than an image has");
	while (dump->base + dump->count < address)
		put(dump, dump->in->bytes[dump->count - 16]);
	dump->starred = false;
	return XSTATE_SAME;
}

static int take_address(struct dump *dump)
{
	uint64_t address;
	int digits;

	take(dump, "0x");
	digits = take_digits(dump, &address);
	if (!digits || digits > 16)
		return refuse(dump, "no address at its start");
	skip_spaces(dump);
	if (dump->at < dump->end && *dump->at == '<') {
		while (dump->at < dump->end && *dump->at != '>')
			dump->at++;
		take(dump, ">");
	}
	if (!dump->begun)
		dump->base = address;
	dump->begun = true;
	if (dump->starred && address > dump->base + dump->count)
		return take_repeats(dump, address);
	if (address != dump->base + dump->count)
		return refuse(dump, "its address does not follow the line before");
	return XSTATE_SAME;
}

/* The values of a line, up to the column of characters: after '|', in xxd after two spaces. */
static int take_values(struct dump *dump)
{
	bool colon = take(dump, ":"), first = true;

	for (;; first = false) {
		size_t spaces = skip_spaces(dump);
		bool number = dump->end - dump->at > 1 && dump->at[1] == 'x';

		if (dump->at == dump->end || *dump->at == '|')
			return XSTATE_SAME;
		if (colon && !first && !number && spaces > 1)
			return XSTATE_SAME;
		if (take_value(dump, colon) != XSTATE_SAME)
			return XSTATE_TROUBLE;
	}
}

static int take_line(struct dump *dump)
{
	skip_spaces(dump);
	/* Prompts with the command, and gdb's pager, come along when a terminal is copied. */
	if (dump->at == dump->end || *dump->at == '(' || take(dump, "--Type <RET>"))
		return XSTATE_SAME;
	if (take(dump, "*")) {
		dump->starred = true;
		return XSTATE_SAME;
	}
	if (take_address(dump) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	return take_values(dump);
}

static int check_place(const struct dump *dump)
{
	unsigned int align = dump->count == XSAVE_LEGACY_SIZE ? 16 : 64;

	if (dump->memory && dump->base % align)
		return input_trouble(dump->in,
				     "misaligned: no image starts at 0x%" PRIx64
				     ", not a multiple of %u: dump it from the area's first byte",
				     dump->base, align);
	return XSTATE_SAME;
}

int dump_read(struct input *in, const uint8_t *data, size_t size)
{
	struct dump dump = { .in = in };
	const char *at = (const char *)data, *end = at + size;

	in->bytes = malloc(XSTATE_IMAGE_MAX);
	if (!in->bytes)
		return input_trouble(in, "out of memory: give the raw image");
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		dump.line++;
		dump.at = at;
		dump.end = newline ? newline : end;
		if (take_line(&dump) != XSTATE_SAME)
			return XSTATE_TROUBLE;
		at = dump.end + 1;
	}
	in->bytes_size = dump.count;
	return check_place(&dump);
}
