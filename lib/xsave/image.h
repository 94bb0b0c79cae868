/* SPDX-License-Identifier: MIT */
/*
 * Images of extended state as bytes: read, check, clean and convert them on any machine.
 *
 * Nothing here executes an instruction of the XSAVE family, assumes an alignment or a byte order,
 * or reads past the size that it is given, whatever the bytes are: an image may come from a core
 * file, a network or a hostile guest.
 *
 * Sources: SDM vol. 1, "XSAVE Area" and "Operation of XRSTOR"; APM vol. 2, "XSAVE/XRSTOR
 * Instructions".
 */
#ifndef XSAVE_IMAGE_H
#define XSAVE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "error.h"
#include "layout.h"

/*
 * struct xsave_image - an image, and what is needed to find one's way in it
 *
 * @layout says where the components of a standard image lie, and how large components are that the
 * table does not know. Any value is safe; a wrong one gives wrong registers.
 */
struct xsave_image {
	const void *data;
	size_t size; /* bytes that may be read */
	const struct xsave_layout *layout;
};

enum xsave_format {
	XSAVE_FORMAT_NONE,	/* too short to be any */
	XSAVE_FORMAT_LEGACY,	/* 512 bytes of FXSAVE: no XSAVE header, x87 and SSE in use */
	XSAVE_FORMAT_STANDARD,	/* XCOMP_BV[63] = 0 */
	XSAVE_FORMAT_COMPACTED, /* XCOMP_BV[63] = 1 */
};

/* xsave_image_format() - from the size and XCOMP_BV[63]; nothing else is checked */
enum xsave_format xsave_image_format(const struct xsave_image *image);

/*
 * The header's two words. XSTATE_BV without bit 63; of a legacy image x87 and SSE. XCOMP_BV as it
 * is; 0 of a legacy image. Both 0 for XSAVE_FORMAT_NONE.
 */
uint64_t xsave_image_xstate_bv(const struct xsave_image *image);
uint64_t xsave_image_xcomp_bv(const struct xsave_image *image);

/**
 * xsave_image_components() - the components that an image has room for
 * @image: any bytes
 *
 * Return: legacy: x87 and SSE; standard: the user components of the layout that lie wholly inside;
 * compacted: those of XCOMP_BV that the layout knows and that lie wholly inside.
 */
uint64_t xsave_image_components(const struct xsave_image *image);

/**
 * xsave_image_component() - the bytes of a component
 * @image: any bytes
 * @bit:   the component
 *
 * For x87 and SSE the start of the area, since the two share their first 32 bytes. Whether the
 * component is in use is not looked at.
 *
 * Return: where it starts; all layout->size[bit] bytes are inside, and of a known component that is
 * its architectural size. NULL: no room for it, or the layout has another size for it.
 */
const uint8_t *xsave_image_component(const struct xsave_image *image, unsigned int bit);

/**
 * xsave_image_mxcsr() - MXCSR as a restore of everything would load it
 * @image: any bytes
 *
 * It has rules of its own: standard and legacy images hold it whatever XSTATE_BV says; in compacted
 * ones it belongs to SSE (rules M04, M05).
 *
 * Return: the value; 1F80H for XSAVE_FORMAT_NONE.
 */
uint32_t xsave_image_mxcsr(const struct xsave_image *image);

/**
 * xsave_validate() - would this image load on this CPU, and as what it says?
 * @image: any bytes; image->layout is that of the CPU that shall load it
 * @cpu:   the CPU that shall load it: enabled components, compaction, whether it takes supervisor
 *         components (its instruction is XSAVES), MXCSR_MASK
 *
 * For a restore of everything that @cpu has enabled: first all that makes it fault or read past the
 * image, in the order of the CPU's checks; then what it changes silently; then what it ignores. The
 * component checks look only at components in use. Addresses count as canonical when they are so
 * with 57 bits: a CPU with 48 may refuse more. Every image that a CPU saved into zeroed memory is
 * valid on that CPU; what was there before may show in the upper half of PKRU and in the header.
 *
 * Return: XSAVE_OK, or the first thing that is wrong; xsave_error_effect() tells how bad it is.
 * Source: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "XSAVE-Managed State".
 */
enum xsave_error xsave_validate(const struct xsave_image *image, const struct xsave_cpu *cpu);

/**
 * xsave_sanitize() - make an image canonical, in place, before somebody else sees it
 * @data:   the image
 * @size:   bytes; all of them will be canonical
 * @layout: that of the CPU that saved it
 *
 * The canonical image has the same format, XCOMP_BV (in the standard format 0) and registers, and
 * no other byte from memory: components with XSTATE_BV[i] = 0 hold their initial configuration, and
 * every byte that belongs to no register is zero: pads, gaps, reserved and software bytes,
 * MXCSR_MASK (it describes the CPU), the upper half of PKRU, everything past the last component.
 * XSTATE_BV[1] is set when MXCSR is not 1F80H.
 *
 * In a standard image the field always counts as MXCSR. A save of neither SSE nor AVX does not
 * write it (M01), so there it is old memory, and the image does not tell.
 *
 * Return: XSAVE_OK; XSAVE_ERR_LENGTH; when a component in use cannot be found: XSAVE_ERR_COMPONENT
 * (the table or the layout does not know it), XSAVE_ERR_XSTATE_BV_XCOMP, XSAVE_ERR_TRUNCATED or
 * XSAVE_ERR_OVERLAP (with another, as MPX and APX would). Then nothing was changed.
 */
enum xsave_error xsave_sanitize(void *data, size_t size, const struct xsave_layout *layout);

/**
 * xsave_format_size() - bytes that an image takes
 * @format:	of the image
 * @layout:	that of the CPU that shall load it
 * @components: those that it shall have room for; bit 63 may be set or not
 *
 * Return: bytes; 0 when the format and layout have no place for one of them, or the layout another
 * size than the architectural one.
 */
size_t xsave_format_size(enum xsave_format format, const struct xsave_layout *layout,
			 uint64_t components);

/**
 * xsave_convert() - make an image of another, in any format and layout
 * @from:	the image; does not overlap @to
 * @components: those that the new image shall have room for: XCOMP_BV of a compacted one; bit 63
 *		may be set or not. What else @from has in use is left out.
 * @format:	of the new image
 * @layout:	that of the CPU that shall load it
 * @to:		the new image, canonical as xsave_sanitize() has it
 * @size:	bytes of @to; all are written. A legacy image is the first 512 of them.
 *
 * Components of @components that @from has no room for are in their initial configuration. MXCSR
 * goes with SSE: without SSE in @components it is 1F80H. A legacy image has x87 and SSE in use,
 * always.
 *
 * Return: XSAVE_OK; what xsave_sanitize() returns, for @from and the components asked for;
 * XSAVE_ERR_PLACE: xsave_format_size() is 0, or two components in use share bytes in the new
 * format; XSAVE_ERR_ROOM: the target is too small. Then nothing was changed.
 */
enum xsave_error xsave_convert(const struct xsave_image *from, uint64_t components,
			       enum xsave_format format, const struct xsave_layout *layout,
			       void *to, size_t size);

#endif
