/* SPDX-License-Identifier: MIT */
/*
 * Finding one's way in an image: its format, its header, its components.
 *
 * Sources: SDM vol. 1, "Legacy Region of an XSAVE Area", "XSAVE Header", "Extended Region of an
 * XSAVE Area".
 */
#include "xsave/image.h"

#include "bytes.h"
#include "xsave.h"

static const uint8_t *field(const struct xsave_image *image, size_t offset)
{
	return (const uint8_t *)image->data + offset;
}

static uint64_t header_word(const struct xsave_image *image, size_t offset)
{
	return xsave_bytes_get64(field(image, XSAVE_LEGACY_SIZE + offset));
}

enum xsave_format xsave_image_format(const struct xsave_image *image)
{
	if (image->size == XSAVE_LEGACY_SIZE)
		return XSAVE_FORMAT_LEGACY;
	if (image->size < XSAVE_EXTENDED)
		return XSAVE_FORMAT_NONE;
	return header_word(image, offsetof(struct xsave_header, xcomp_bv)) & XSAVE_XCOMP_COMPACTED
		       ? XSAVE_FORMAT_COMPACTED
		       : XSAVE_FORMAT_STANDARD;
}

uint64_t xsave_image_xstate_bv(const struct xsave_image *image)
{
	if (image->size == XSAVE_LEGACY_SIZE)
		return XSAVE_LEGACY_MASK;
	if (image->size < XSAVE_EXTENDED)
		return 0;
	return header_word(image, offsetof(struct xsave_header, xstate_bv)) &
	       ~XSAVE_MASK(XSAVE_BITS);
}

uint64_t xsave_image_xcomp_bv(const struct xsave_image *image)
{
	if (image->size < XSAVE_EXTENDED)
		return 0;
	return header_word(image, offsetof(struct xsave_header, xcomp_bv));
}

uint64_t xsave_image_components(const struct xsave_image *image)
{
	uint64_t components = 0;

	for (unsigned int bit = 0; bit < XSAVE_BITS; bit++)
		components |= xsave_image_component(image, bit) ? XSAVE_MASK(bit) : 0;
	return components;
}

/* x87 and SSE have their place in every layout. */
static bool has_legacy(const struct xsave_image *image, unsigned int bit)
{
	switch (xsave_image_format(image)) {
	case XSAVE_FORMAT_LEGACY:
	case XSAVE_FORMAT_STANDARD:
		return true;
	case XSAVE_FORMAT_COMPACTED:
		return xsave_image_xcomp_bv(image) & XSAVE_MASK(bit);
	case XSAVE_FORMAT_NONE:
	default:
		return false;
	}
}

/* So that who reads a register of a known component stays inside it. */
static bool wrong_size(const struct xsave_layout *layout, unsigned int bit)
{
	const struct xsave_component *row = xsave_component(bit);

	return row && row->size != layout->size[bit];
}

const uint8_t *xsave_image_component(const struct xsave_image *image, unsigned int bit)
{
	const struct xsave_layout *layout = image->layout;
	uint64_t xcomp_bv = xsave_image_xcomp_bv(image);
	uint64_t offset;

	if (bit >= XSAVE_BITS)
		return NULL;
	if (XSAVE_MASK(bit) & XSAVE_LEGACY_MASK)
		return has_legacy(image, bit) ? image->data : NULL;
	if (wrong_size(layout, bit))
		return NULL;
	/* The standard format has no supervisor components, whatever the layout says. */
	if (!(xcomp_bv & XSAVE_XCOMP_COMPACTED) && layout->supervisor & XSAVE_MASK(bit))
		return NULL;
	offset = xsave_offset(layout, xcomp_bv, bit);
	/* N08 */
	if (offset < XSAVE_EXTENDED || offset > image->size ||
	    layout->size[bit] > image->size - offset)
		return NULL;
	return field(image, (size_t)offset);
}

uint32_t xsave_image_mxcsr(const struct xsave_image *image)
{
	enum xsave_format format = xsave_image_format(image);

	if (format == XSAVE_FORMAT_NONE)
		return XSAVE_DEFAULT_MXCSR;
	/* M04, M05 */
	if (format == XSAVE_FORMAT_COMPACTED &&
	    !(xsave_image_xstate_bv(image) & xsave_image_xcomp_bv(image) & XSAVE_MASK(XSAVE_SSE)))
		return XSAVE_DEFAULT_MXCSR;
	return xsave_bytes_get32(field(image, offsetof(struct xsave_legacy, mxcsr)));
}
