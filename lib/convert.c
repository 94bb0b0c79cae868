/* SPDX-License-Identifier: MIT */
/*
 * Canonical images: the registers as they are, and no other byte from memory.
 *
 * Cleaning goes upwards through the image and zeroes what lies between one register and the next,
 * as the table of reg.h has them; so it works in place, and a new component is a row there.
 * Converting is to copy components as they are and then to clean.
 *
 * Sources: SDM vol. 1, "XSAVE Area", "Processor Tracking of XSAVE-Managed State" for the initial
 * configurations; APM vol. 2, "XSAVE/XRSTOR Instructions".
 */
#include "xsave/image.h"

#include "bytes.h"
#include "xsave.h"
#include "xsave/reg.h"

#define SSE XSAVE_MASK(XSAVE_SSE)

struct range {
	size_t start, end;
};

/* The first register of a row that starts at or after @from, when that is before @best. */
static struct range first_of_row(const struct xsave_reg *reg, size_t from, struct range best)
{
	const struct xsave_reg_part *part = &reg->part[0];

	for (size_t i = 0; i < reg->count; i++) {
		size_t start = part->offset + i * part->stride;

		if (start >= from && start < best.start)
			best = (struct range){ start, start + part->size };
	}
	return best;
}

/* The first register of @components that starts at or after @from; @size, @size: none before it. */
static struct range first_register(uint64_t components, size_t from, size_t size)
{
	const struct xsave_reg *reg;
	struct range best = { size, size };

	for (size_t i = 0; (reg = xsave_reg(i)); i++)
		if (!reg->view && components & XSAVE_MASK(reg->part[0].component))
			best = first_of_row(reg, from, best);
	return best;
}

/* Zeroes all of @size bytes that belong to no register of @components. */
static void clean_registers(uint8_t *at, uint64_t components, size_t size)
{
	size_t done = 0;

	while (done < size) {
		struct range next = first_register(components, done, size);

		xsave_bytes_zero(at + done, next.start - done);
		done = next.end;
	}
}

/* The component of @in_use that starts at or after @from and before all others. */
static struct range next_component(const struct xsave_image *image, uint64_t in_use, size_t from,
				   unsigned int *bit)
{
	struct range best = { image->size, image->size };

	for (unsigned int i = XSAVE_AVX; i < XSAVE_BITS; i++) {
		const uint8_t *at = in_use & XSAVE_MASK(i) ? xsave_image_component(image, i) : NULL;
		size_t start = at ? (size_t)(at - (const uint8_t *)image->data) : best.start;

		if (start >= from && start < best.start) {
			best = (struct range){ start, start + image->layout->size[i] };
			*bit = i;
		}
	}
	return best;
}

static void clean_extended(uint8_t *data, const struct xsave_image *image, uint64_t in_use)
{
	size_t done = XSAVE_EXTENDED;

	while (done < image->size) {
		unsigned int bit = 0;
		struct range next = next_component(image, in_use, done, &bit);

		xsave_bytes_zero(data + done, next.start - done);
		clean_registers(data + next.start, XSAVE_MASK(bit), next.end - next.start);
		done = next.end;
	}
}

/* The initial configuration of what is not in use, where that is not 0. */
static void put_initial(uint8_t *data, const struct xsave_image *image, uint64_t in_use)
{
	const struct xsave_reg *reg;

	for (size_t i = 0; (reg = xsave_reg(i)); i++) {
		uint64_t component = XSAVE_MASK(reg->part[0].component);
		const uint8_t *at = component & XSAVE_LEGACY_MASK
					    ? data
					    : xsave_image_component(image, reg->part[0].component);
		uint8_t value[8];

		if (!reg->initial || in_use & component || !at)
			continue;
		xsave_bytes_put64(value, reg->initial);
		xsave_bytes_copy(data + (at - data) + reg->part[0].offset, value, reg->size);
	}
}

/* The header and all that no register of @in_use owns; the registers are in place already. */
static void finish(uint8_t *data, const struct xsave_image *image, uint64_t in_use,
		   uint64_t xcomp_bv, uint32_t mxcsr)
{
	uint8_t *header = data + XSAVE_LEGACY_SIZE;

	clean_registers(data, in_use & XSAVE_LEGACY_MASK, XSAVE_LEGACY_SIZE);
	if (image->size >= XSAVE_EXTENDED) {
		xsave_bytes_zero(header, sizeof(struct xsave_header));
		xsave_bytes_put64(header + offsetof(struct xsave_header, xstate_bv),
				  in_use | (mxcsr == XSAVE_DEFAULT_MXCSR ? 0 : SSE));
		xsave_bytes_put64(header + offsetof(struct xsave_header, xcomp_bv), xcomp_bv);
		clean_extended(data, image, in_use);
	}
	put_initial(data, image, in_use);
	xsave_bytes_put32(data + offsetof(struct xsave_legacy, mxcsr), mxcsr);
}

/*
 * Do two components of @in_use share bytes of the standard format? MPX and APX do, and AMD's LWP
 * and AVX-512, since no CPU enables both (X09).
 */
static bool overlap(enum xsave_format format, const struct xsave_layout *layout, uint64_t in_use)
{
	if (format != XSAVE_FORMAT_STANDARD)
		return false;
	in_use &= ~XSAVE_LEGACY_MASK;
	xsave_for_each_bit (a, in_use) {
		xsave_for_each_bit (b, in_use & ~XSAVE_MASK(a)) {
			uint64_t end = (uint64_t)layout->offset[b] + layout->size[b];

			if (layout->offset[a] >= layout->offset[b] && layout->offset[a] < end)
				return true;
		}
	}
	return false;
}

/* Of the components in @wanted, those in use; or why one of them cannot be found. */
static enum xsave_error find_in_use(const struct xsave_image *image, uint64_t wanted,
				    uint64_t *in_use)
{
	enum xsave_format format = xsave_image_format(image);
	uint64_t xcomp_bv = xsave_image_xcomp_bv(image), missing;

	if (format == XSAVE_FORMAT_NONE)
		return XSAVE_ERR_LENGTH;
	*in_use = xsave_image_xstate_bv(image) & wanted;
	if (*in_use & ~XSAVE_KNOWN_MASK)
		return XSAVE_ERR_COMPONENT;
	if (format == XSAVE_FORMAT_COMPACTED && *in_use & ~xcomp_bv)
		return XSAVE_ERR_XSTATE_BV_XCOMP; /* H07 */
	missing = *in_use & ~xsave_image_components(image);
	xsave_for_each_bit (bit, missing)
		if (!xsave_offset(image->layout, xcomp_bv, bit))
			return XSAVE_ERR_COMPONENT;
	if (missing)
		return XSAVE_ERR_TRUNCATED; /* N08 */
	return overlap(format, image->layout, *in_use) ? XSAVE_ERR_OVERLAP : XSAVE_OK;
}

enum xsave_error xsave_sanitize(void *data, size_t size, const struct xsave_layout *layout)
{
	struct xsave_image image = { data, size, layout };
	uint64_t xcomp_bv = xsave_image_xcomp_bv(&image), in_use;
	enum xsave_error err = find_in_use(&image, ~UINT64_C(0), &in_use);

	if (err)
		return err;
	if (!(xcomp_bv & XSAVE_XCOMP_COMPACTED))
		xcomp_bv = 0;
	finish(data, &image, in_use, xcomp_bv, xsave_image_mxcsr(&image));
	return XSAVE_OK;
}

/* Known components have the size that their registers need, and none lies in the header. */
static bool sound(enum xsave_format format, const struct xsave_layout *layout, uint64_t components)
{
	xsave_for_each_bit (bit, components & ~XSAVE_LEGACY_MASK) {
		const struct xsave_component *row = xsave_component(bit);

		if (row && row->size != layout->size[bit])
			return false;
		if (format == XSAVE_FORMAT_STANDARD && layout->offset[bit] < XSAVE_EXTENDED)
			return false;
	}
	return true;
}

size_t xsave_format_size(enum xsave_format format, const struct xsave_layout *layout,
			 uint64_t components)
{
	components &= ~XSAVE_XCOMP_COMPACTED;
	if (format == XSAVE_FORMAT_LEGACY)
		return components & ~XSAVE_LEGACY_MASK ? 0 : XSAVE_LEGACY_SIZE;
	if (!sound(format, layout, components))
		return 0;
	if (format == XSAVE_FORMAT_COMPACTED)
		return xsave_layout_compacted_size(layout, components);
	if (format != XSAVE_FORMAT_STANDARD || components & layout->supervisor)
		return 0;
	return xsave_standard_size(layout, components);
}

/* The components of @in_use, pads and all, to their places in @to. */
static void copy_components(uint8_t *data, const struct xsave_image *to,
			    const struct xsave_image *from, uint64_t in_use)
{
	if (in_use & XSAVE_LEGACY_MASK)
		xsave_bytes_copy(data, from->data, XSAVE_LEGACY_SIZE);
	xsave_for_each_bit (bit, in_use & ~XSAVE_LEGACY_MASK) {
		const uint8_t *place = xsave_image_component(to, bit);

		xsave_bytes_copy(data + (place - data), xsave_image_component(from, bit),
				 to->layout->size[bit]);
	}
}

enum xsave_error xsave_convert(const struct xsave_image *from, uint64_t components,
			       enum xsave_format format, const struct xsave_layout *layout,
			       void *to, size_t size)
{
	size_t needed = xsave_format_size(format, layout, components);
	struct xsave_image target = { to, format == XSAVE_FORMAT_LEGACY ? needed : size, layout };
	uint64_t in_use, xcomp_bv;
	uint32_t mxcsr;
	enum xsave_error err = find_in_use(from, components, &in_use);

	if (err)
		return err;
	if (!needed || overlap(format, layout, in_use))
		return XSAVE_ERR_PLACE;
	if (needed > size)
		return XSAVE_ERR_ROOM; /* N08 */
	mxcsr = components & SSE ? xsave_image_mxcsr(from) : XSAVE_DEFAULT_MXCSR;
	xcomp_bv = format == XSAVE_FORMAT_COMPACTED ? components | XSAVE_XCOMP_COMPACTED : 0;
	xsave_bytes_zero(to, size);
	if (format != XSAVE_FORMAT_LEGACY)
		xsave_bytes_put64((uint8_t *)to + XSAVE_LEGACY_SIZE +
					  offsetof(struct xsave_header, xcomp_bv),
				  xcomp_bv);
	copy_components(to, &target, from, in_use);
	finish(to, &target, in_use, xcomp_bv, mxcsr);
	return XSAVE_OK;
}
