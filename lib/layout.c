/* SPDX-License-Identifier: MIT */
/*
 * Sizes and places in both formats, and what fits into an area.
 *
 * Source: SDM vol. 1, "Extended Region of an XSAVE Area".
 */
#include "xsave/layout.h"

#include "protect.h"

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

/* Sums are made in 64 bits, which no layout can overflow; 0 when a size_t is too small for one. */
static size_t to_size(uint64_t sum)
{
	return (size_t)sum == sum ? (size_t)sum : 0;
}

size_t xsave_standard_size(const struct xsave_layout *layout, uint64_t mask)
{
	uint64_t size = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		uint64_t end = (uint64_t)layout->offset[bit] + layout->size[bit];

		if (!(layout->mask & XSAVE_MASK(bit)) || !layout->offset[bit])
			return 0;
		if (size < end) /* C12 */
			size = end;
	}
	return to_size(size);
}

/* Where a component starts when those before it end at @end. */
static GENERAL_REGS uint64_t compacted_start(const struct xsave_layout *layout, unsigned int bit,
					     uint64_t end)
{
	/* L02, L03 */
	return layout->align64 & XSAVE_MASK(bit) ? (end + 63) & ~UINT64_C(63) : end;
}

/* Where components of @layout end; whether they are in use does not matter (L04, L05). */
static uint64_t compacted_end(const struct xsave_layout *layout, uint64_t mask)
{
	uint64_t end = XSAVE_EXTENDED; /* L01 */

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK)
		end = compacted_start(layout, bit, end) + layout->size[bit];
	return end;
}

size_t xsave_layout_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	uint64_t mask = xcomp_bv & ~XSAVE_XCOMP_COMPACTED;

	return mask & ~layout->mask ? 0 : to_size(compacted_end(layout, mask));
}

size_t xsave_layout_compacted_offset(const struct xsave_layout *layout, uint64_t xcomp_bv,
				     unsigned int bit)
{
	uint64_t before;

	if (bit >= XSAVE_BITS || !(xcomp_bv & layout->mask & XSAVE_MASK(bit)))
		return 0;
	if (XSAVE_MASK(bit) & XSAVE_LEGACY_MASK)
		return layout->offset[bit]; /* L01 */
	before = xcomp_bv & (XSAVE_MASK(bit) - 1);
	if (before & ~layout->mask)
		return 0;
	return to_size(compacted_start(layout, bit, compacted_end(layout, before)));
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

const struct xsave_layout *xsave_layout_guess(uint64_t xcr0, size_t size)
{
	if (size < XSAVE_EXTENDED)
		return NULL;
	if (xsave_standard_size(&xsave_layout_intel, xcr0) == size)
		return &xsave_layout_intel;
	return xsave_standard_size(&xsave_layout_amd, xcr0) == size ? &xsave_layout_amd : NULL;
}

/* The functions of xsave_fit() run between a caller of xsave_save_with() and the instruction. */
static GENERAL_REGS uint64_t fit_compacted(uint64_t mask, size_t size)
{
	uint64_t fit = mask & XSAVE_LEGACY_MASK;
	uint64_t end = XSAVE_EXTENDED;

	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		uint64_t next = compacted_start(ARCHITECTURAL, bit, end) + ARCHITECTURAL->size[bit];

		if (next > size) /* N08 */
			continue;
		fit |= XSAVE_MASK(bit);
		end = next;
	}
	return fit;
}

/* The end of a component at the furthest offset that any vendor gives it. */
static GENERAL_REGS size_t furthest_end(unsigned int bit)
{
	size_t intel = xsave_layout_intel.offset[bit], amd = xsave_layout_amd.offset[bit];

	return (intel > amd ? intel : amd) + ARCHITECTURAL->size[bit];
}

static GENERAL_REGS uint64_t fit_standard(uint64_t mask, size_t size)
{
	uint64_t fit = 0;

	xsave_for_each_bit (bit, mask)
		fit |= furthest_end(bit) <= size ? XSAVE_MASK(bit) : 0; /* N08 */
	return fit;
}

GENERAL_REGS uint64_t xsave_fit(bool compacted, uint64_t mask, size_t size)
{
	if (size < XSAVE_EXTENDED)
		return 0;
	return compacted ? fit_compacted(mask & XSAVE_KNOWN_MASK, size)
			 : fit_standard(mask & XSAVE_USER_MASK, size);
}
