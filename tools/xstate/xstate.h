/* SPDX-License-Identifier: MIT */
/*
 * xstate, the inspector of extended state: what its files share.
 *
 * input.c finds out what a file is and fills a struct input; core.c and dump.c read ELF cores and
 * text dumps for it. The verbs (show.c, json.c, diff.c, convert.c, validate.c, draw.c, cpu.c) work
 * on that. All of it works on bytes in memory; main.c alone opens files.
 */
#ifndef XSTATE_H
#define XSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "xsave/image.h"
#include "xsave/layout.h"
#include "xsave/reg.h"

/* Exit statuses, as diff and grep have them. */
enum xstate_status {
	XSTATE_SAME = 0,      /* also: valid, done */
	XSTATE_DIFFERENT = 1, /* also: not valid */
	XSTATE_TROUBLE = 2,   /* bad input or usage: one line on stderr */
};

#define XSTATE_IMAGE_MAX 65536 /* bytes of the largest image that is taken for one */

/* struct xstate_layout - a standard layout and what it is called */
struct xstate_layout {
	const char
		*name; /* "intel", "amd", "cpu", "note"; NULL: not given, or it does not matter */
	const struct xsave_layout *layout;
};

/* struct xstate_options - what the command line asks for */
struct xstate_options {
	bool all;
	bool json;
	bool colour;
	bool utf8;
	bool has_thread;
	long thread;
	struct xstate_layout from; /* of standard images that do not say */
	struct xstate_layout to;   /* convert: of the new image */
	enum xsave_format format;  /* convert: of the new image */
};

/**
 * xstate_show_buffer() - the verb show, on the bytes of a file
 * @name: what messages call it
 * @data: the file; any bytes
 * @size: how many
 * @options: what was asked for
 * @out:  gets the text or JSON; nothing when there is trouble
 * @err:  gets notes, and one line when there is trouble
 *
 * The other verbs below have the same arguments.
 *
 * Return: enum xstate_status.
 */
int xstate_show_buffer(const char *name, const uint8_t *data, size_t size,
		       const struct xstate_options *options, FILE *out, FILE *err);
int xstate_validate_buffer(const char *name, const uint8_t *data, size_t size,
			   const struct xstate_options *options, FILE *out, FILE *err);
int xstate_convert_buffer(const char *name, const uint8_t *data, size_t size,
			  const struct xstate_options *options, FILE *out, FILE *err);
int xstate_layout_buffer(const char *name, const uint8_t *data, size_t size,
			 const struct xstate_options *options, FILE *out, FILE *err);

/* struct xstate_file - a file in memory */
struct xstate_file {
	const char *name;
	const uint8_t *data;
	size_t size;
	void *heap; /* what main.c must free */
};

/* xstate_diff_buffers() - the verb diff */
int xstate_diff_buffers(const struct xstate_file *a, const struct xstate_file *b,
			const struct xstate_options *options, FILE *out, FILE *err);

/* xstate_layouts() - the verb layout without a file: the layouts that the library knows */
int xstate_layouts(const struct xstate_options *options, FILE *out);

/* xstate_show_cpu() - the verb show-cpu */
int xstate_show_cpu(const struct xstate_options *options, FILE *out, FILE *err);

/* xstate_cpu_layout() - the layout of the CPU at hand, for --layout cpu; NULL: there is none */
const struct xsave_layout *xstate_cpu_layout(void);

/* input.c */

/* struct state - one image: of a raw file, or of a thread in a core */
struct state {
	struct xsave_image image;
	enum xsave_format format;
	const char *layout; /* as in struct xstate_layout */
	uint64_t xcr0;	    /* 0: not known */
	bool assumed;	    /* the layout is Intel's for want of a sign, and that matters */
	bool has_thread;
	long thread;
};

struct input {
	const char *name;
	const struct xstate_options *options;
	FILE *err;
	struct state *states;
	size_t count;
	size_t room;	/* of states[] */
	size_t dropped; /* threads without an image */
	uint8_t *bytes; /* what a text dump holds */
	size_t bytes_size;
	struct xsave_layout layout; /* from a core's layout note */
	bool has_layout;
};

/**
 * input_read() - find out what a file is, and where its images are
 * @in:  filled; input_free() it also after an error. It points into @data.
 *
 * Return: XSTATE_SAME; XSTATE_TROUBLE after one line on @err.
 */
int input_read(struct input *in, const char *name, const uint8_t *data, size_t size,
	       const struct xstate_options *options, FILE *err);
void input_free(struct input *in);

/*
 * input_check() - XSTATE_TROUBLE after one line when the header of an image does not make sense;
 * else input_notes(): what had to be assumed or left out
 */
int input_check(const struct input *in);
void input_notes(const struct input *in);

/* input_add() - a new image without bytes; NULL after one line when there is no memory */
struct state *input_add(struct input *in);

/* input_trouble() - "xstate: NAME: reason: remedy" on in->err; returns XSTATE_TROUBLE */
__attribute__((format(printf, 2, 3))) int input_trouble(const struct input *in, const char *format,
							...);

/* xstate_say() - the same for any name and stream; what cannot be printed of the name is '?' */
__attribute__((format(printf, 3, 4))) int xstate_say(FILE *err, const char *name,
						     const char *format, ...);

/* state_validate() - xsave_validate() for a CPU that has all that the image says its CPU had */
enum xsave_error state_validate(const struct state *state);

/* state_room() - the components that one CPU can have had of those that the image has room for */
uint64_t state_room(const struct state *state);

/* state_title() - "FILE, thread 7", control characters as '?' */
void state_title(const struct input *in, const struct state *state, FILE *out);

const char *format_name(enum xsave_format format);
const char *component_name(unsigned int bit, char name[16]);

/* core.c: the threads of an ELF core; dump.c: the bytes of a text dump */
bool core_is(const uint8_t *data, size_t size);
int core_read(struct input *in, const uint8_t *data, size_t size);
bool dump_is(const uint8_t *data, size_t size);
int dump_read(struct input *in, const uint8_t *data, size_t size);

/* row.c: which rows of the register table to print */

/* row_home() - the component under which a row is printed: the last that it has a part in */
unsigned int row_home(const struct xsave_reg *row);

/* row_shown() - is a row the widest view of its registers among those whose home is in @mask? */
bool row_shown(const struct xsave_reg *row, uint64_t mask);

/* value.c: a register as text */

enum ink { INK_NONE, INK_HEAD, INK_NAME, INK_DIM, INK_BAD, INK_OLD, INK_NEW };

/* paint() - printf() in a colour, when colours are asked for */
__attribute__((format(printf, 4, 5))) void paint(FILE *out, const struct xstate_options *options,
						 enum ink ink, const char *format, ...);

/* print_components() - " x87 SSE …", on lines that go on at @column and end before column 80 */
void print_components(FILE *out, const struct xstate_options *options, uint64_t mask, enum ink ink,
		      int column);

/* struct value - a register's value, with what else decides how it prints */
struct value {
	const struct xsave_reg *row;
	unsigned int number;
	uint8_t bytes[XSAVE_REG_SIZE];
	uint16_t rows;	  /* a tile's; 16 without a configuration */
	uint16_t columns; /* bytes of each row */
	bool empty;	  /* an x87 register that is marked so */
};

void value_read(struct value *value, const struct state *state, const struct xsave_reg *row,
		unsigned int number);
bool value_same(const struct value *a, const struct value *b);
bool value_zero(const struct value *value);
uint64_t value_number(const struct value *value);

/* value_print() - the rest of a line that stands at column @indent; wraps before column 80 */
void value_print(FILE *out, const struct xstate_options *options, const struct value *value,
		 int indent);

/* value_explain() - the bits of a control or status register in words; nothing for others */
void value_explain(FILE *out, const struct value *value);

/* x87_text() - an 80-bit floating-point value in decimal, 21 digits at most */
#define X87_TEXT 48
void x87_text(const uint8_t value[10], char text[X87_TEXT]);

/* json.c */
void json_print(FILE *out, const struct input *in, const struct state *state);

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

#endif
