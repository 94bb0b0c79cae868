/* SPDX-License-Identifier: MIT */
/*
 * Sizes and places in both formats, and what fits into an area.
 *
 * Source: SDM vol. 1, "Extended Region of an XSAVE Area".
 */
#include "xsave/layout.h"

#define HAS_INTEL(bit, id, name, size, sup, al, xfd, ts, intel, amd)                               \
	| ((sup) || (intel) || (bit) == XSAVE_X87 ? XSAVE_MASK(bit) : 0)
#define HAS_AMD(bit, id, name, size, sup, al, xfd, ts, intel, amd)                                 \
	| ((sup) || (amd) || (bit) == XSAVE_X87 ? XSAVE_MASK(bit) : 0)
#define AT_INTEL(bit, id, name, size, sup, al, xfd, ts, intel, amd) [bit] = (intel),
#define AT_AMD(bit, id, name, size, sup, al, xfd, ts, intel, amd)   [bit] = (amd),

const struct xsave_layout xsave_layout_intel = XSAVE_LAYOUT(HAS_INTEL, AT_INTEL);
const struct xsave_layout xsave_layout_amd = XSAVE_LAYOUT(HAS_AMD, AT_AMD);
const struct xsave_layout xsave_layout_common = XSAVE_LAYOUT_COMMON;

/* Sizes are the same for all, so any layout of every component serves for the compacted format. */
#define ARCHITECTURAL (&xsave_layout_common)

size_t xsave_standard_size(const struct xsave_layout *layout, uint64_t mask)
{
	size_t size = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		size_t end = (size_t)layout->offset[bit] + layout->size[bit];

		if (!(layout->mask & XSAVE_MASK(bit)) || !layout->offset[bit])
			return 0;
		if (size < end)
			size = end;
	}
	return size;
}

/* Where a component starts when those before it end at @end. */
static size_t compacted_start(const struct xsave_layout *layout, unsigned int bit, size_t end)
{
	return layout->align64 & XSAVE_MASK(bit) ? (end + 63) & ~(size_t)63 : end;
}

size_t xsave_layout_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	size_t end = XSAVE_EXTENDED;

	xcomp_bv &= ~XSAVE_XCOMP_COMPACTED;
	if (xcomp_bv & ~layout->mask)
		return 0;
	xsave_for_each_bit (bit, xcomp_bv & ~XSAVE_LEGACY_MASK)
		end = compacted_start(layout, bit, end) + layout->size[bit];
	return end;
}

size_t xsave_layout_compacted_offset(const struct xsave_layout *layout, uint64_t xcomp_bv,
				     unsigned int bit)
{
	size_t end;

	if (bit >= XSAVE_BITS || !(xcomp_bv & layout->mask & XSAVE_MASK(bit)))
		return 0;
	if (XSAVE_MASK(bit) & XSAVE_LEGACY_MASK)
		return layout->offset[bit];
	end = xsave_layout_compacted_size(layout, xcomp_bv & (XSAVE_MASK(bit) - 1));
	return end ? compacted_start(layout, bit, end) : 0;
}

size_t xsave_compacted_size(uint64_t xcomp_bv)
{
	return xsave_layout_compacted_size(ARCHITECTURAL, xcomp_bv);
}

size_t xsave_compacted_offset(uint64_t xcomp_bv, unsigned int bit)
{
	return xsave_layout_compacted_offset(ARCHITECTURAL, xcomp_bv, bit);
}

size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	if (xcomp_bv & XSAVE_XCOMP_COMPACTED)
		return xsave_layout_compacted_offset(layout, xcomp_bv, bit);
	return bit < XSAVE_BITS && layout->mask & XSAVE_MASK(bit) ? layout->offset[bit] : 0;
}

static uint64_t fit_compacted(uint64_t mask, size_t size)
{
	uint64_t fit = mask & XSAVE_LEGACY_MASK;
	size_t end = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		size_t next = compacted_start(ARCHITECTURAL, bit, end) + ARCHITECTURAL->size[bit];

		if (next > size)
			continue;
		fit |= XSAVE_MASK(bit);
		end = next;
	}
	return fit;
}

/* The end of a component at the furthest offset that any vendor gives it. */
static size_t furthest_end(unsigned int bit)
{
	size_t intel = xsave_layout_intel.offset[bit], amd = xsave_layout_amd.offset[bit];

	return (intel > amd ? intel : amd) + ARCHITECTURAL->size[bit];
}

static uint64_t fit_standard(uint64_t mask, size_t size)
{
	uint64_t fit = 0;

	xsave_for_each_bit (bit, mask)
		fit |= furthest_end(bit) <= size ? XSAVE_MASK(bit) : 0;
	return fit;
}

uint64_t xsave_fit(bool compacted, uint64_t mask, size_t size)
{
	if (size < XSAVE_EXTENDED)
		return 0;
	return compacted ? fit_compacted(mask & XSAVE_KNOWN_MASK, size)
			 : fit_standard(mask & XSAVE_USER_MASK, size);
}
