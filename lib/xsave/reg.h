/* SPDX-License-Identifier: MIT */
/*
 * The registers in an image, by name.
 *
 * One table has a row for each array of registers of each component: where the parts lie, how many
 * there are, what they look like. It also says which bytes of a component hold state at all; the
 * others are pads.
 *
 * Sources: SDM vol. 1, "Legacy Region of an XSAVE Area", "XSAVE-Managed State"; APM vol. 2,
 * "XSAVE/XRSTOR Instructions", "Lightweight Profiling" for LWP.
 */
#ifndef XSAVE_REG_H
#define XSAVE_REG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"

/* What the bytes of a register are; for those who print. */
enum xsave_reg_kind {
	XSAVE_REG_INTEGER, /* little-endian, 1 to 8 bytes */
	XSAVE_REG_ADDRESS, /* an INTEGER that is a linear address */
	XSAVE_REG_X87,	   /* 80-bit floating point: 64-bit significand, then sign and exponent */
	XSAVE_REG_VECTOR,  /* 16, 32 or 64 bytes */
	XSAVE_REG_TILE,	   /* 16 rows of 64 bytes */
};

/* struct xsave_reg_part - where a part of a register lies, lowest bytes of the register first */
struct xsave_reg_part {
	uint8_t component;
	uint8_t first;	 /* register number at @offset */
	uint16_t offset; /* in the component; for x87 and SSE in the area */
	uint16_t stride; /* from one register to the next */
	uint16_t size;	 /* bytes */
};

#define XSAVE_REG_PARTS	    3
#define XSAVE_REG_SIZE	    1024 /* bytes of the largest: a tile */
#define XSAVE_REG_NAME_SIZE 32	 /* bytes of the longest name with any number and NUL, at most */

/*
 * struct xsave_reg - an array of registers, or a single one
 *
 * Names are the SDM's, with a '#' for the number: "FCW", "ST#", "XMM#", "YMM#", "BND#.LB", "TMM#";
 * "YMM#_H" and "ZMM#_H" are the upper halves that AVX and ZMM_Hi256 hold. XMM, YMM and ZMM have a
 * row for numbers 0 to 15 and one for 16 to 31, which lie in Hi16_ZMM. A view has bytes of other
 * registers only (YMM# starts with XMM#; palette is in TILECFG); every byte of state belongs to
 * exactly one row that is no view, which has one part.
 */
struct xsave_reg {
	const char *name;
	enum xsave_reg_kind kind;
	uint8_t first;	  /* number of the first; 0 for one without a number */
	uint8_t count;	  /* how many */
	uint8_t parts;	  /* used of part[] */
	bool view;	  /* every byte belongs to another row as well */
	uint16_t size;	  /* bytes of one */
	uint32_t initial; /* value in the initial configuration; 0 for views, whose parts have it */
	struct xsave_reg_part part[XSAVE_REG_PARTS];
};

/* xsave_reg() - row @i of the table, by component; NULL past the last */
const struct xsave_reg *xsave_reg(size_t i);

/**
 * xsave_reg_find() - a register by its name
 * @name:   "MXCSR", "xmm3", "ZMM31", "bnd2.ub"; upper and lower case are the same
 * @number: set to its number; 0 for one without
 *
 * Return: the row, NULL when there is none. "XMM3" gives the row of XMM, not a view, and "XMM16"
 * the view into Hi16_ZMM.
 */
const struct xsave_reg *xsave_reg_find(const char *name, unsigned int *number);

/* xsave_reg_name() - the name with its number, "XMM3", into @name; returns @name */
const char *xsave_reg_name(const struct xsave_reg *reg, unsigned int number,
			   char name[XSAVE_REG_NAME_SIZE]);

/**
 * xsave_reg_read() - the value of a register
 * @image:  any bytes
 * @reg:    the row
 * @number: its number
 * @value:  reg->size bytes, filled in the order of the image: the lowest first
 *
 * A part whose component is not in use, or for which the image has no room, yields its initial
 * value (FCW 37FH, MXCSR 1F80H by xsave_image_mxcsr(), else 0): the value that a restore would
 * load.
 *
 * Return: XSAVE_OK; XSAVE_ERR_REG for a number that the row lacks: @value is not changed.
 */
enum xsave_error xsave_reg_read(const struct xsave_image *image, const struct xsave_reg *reg,
				unsigned int number, void *value);

/* xsave_reg_value() - the same as a number, lowest 8 bytes; 0 for a number that the row lacks */
uint64_t xsave_reg_value(const struct xsave_image *image, const struct xsave_reg *reg,
			 unsigned int number);

/*
 * xsave_reg_in_use() - is a component of the register in use in the image, and inside it? MXCSR is
 * so in every standard and legacy image, whatever XSTATE_BV says (rule M04).
 */
bool xsave_reg_in_use(const struct xsave_image *image, const struct xsave_reg *reg);

/**
 * xsave_reg_write() - change a register in an image
 * @data, @size, @layout: the image
 * @reg, @number:	  the register
 * @value:		  reg->size bytes, the lowest first
 *
 * A component that was not in use is initialised first and then in use. An XSAVEOPT or XSAVES into
 * the same place later may keep this edit although the register changed: SDM vol. 1, "Processor
 * Tracking of XSAVE-Managed State".
 *
 * Return: XSAVE_OK; XSAVE_ERR_REG: no such number, no room for one of its components in the image,
 * or another component in use has the same bytes, as MPX and APX do in the standard format.
 */
enum xsave_error xsave_reg_write(void *data, size_t size, const struct xsave_layout *layout,
				 const struct xsave_reg *reg, unsigned int number,
				 const void *value);

#endif
