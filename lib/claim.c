/* SPDX-License-Identifier: MIT */
/*
 * The checks of a claim: against the component table, against the area, against each other.
 *
 * Sources: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
 * Features", "Extended Region of an XSAVE Area".
 */
#include "claim.h"

/* No component comes near; it keeps sums of sizes that only CPUID vouches for far from overflow. */
#define SIZE_LIMIT (UINT32_C(1) << 20)

const struct xsave_layout xsave_claim_none = {
	.mask = XSAVE_LEGACY_MASK,
	.size = { 160, 256 },
	.offset = { 0, 160 },
};

/* What the table says about a component; one that it does not know may be anything. */
static enum xsave_error check_row(const struct xsave_claim *claim)
{
	const struct xsave_component *row = xsave_component(claim->bit);

	if (claim->size == 0 || claim->size > SIZE_LIMIT)
		return XSAVE_ERR_SIZE; /* C07 */
	if (!row)
		return XSAVE_OK;
	if (row->supervisor != claim->supervisor || row->align64 != claim->align64)
		return XSAVE_ERR_KIND;				     /* C06 */
	return row->size == claim->size ? XSAVE_OK : XSAVE_ERR_SIZE; /* C10 */
}

static enum xsave_error check_place(const struct xsave_claim *claim, uint32_t total)
{
	if (claim->supervisor)
		return claim->offset == 0 ? XSAVE_OK : XSAVE_ERR_OFFSET; /* C06 */
	if (claim->offset < XSAVE_EXTENDED)
		return XSAVE_ERR_OFFSET; /* C09 */
	/* C03 */
	return (uint64_t)claim->offset + claim->size <= total ? XSAVE_OK : XSAVE_ERR_BOUNDS;
}

enum xsave_error xsave_claim_add(struct xsave_layout *layout, const struct xsave_claim *claim,
				 uint32_t total)
{
	enum xsave_error err = check_row(claim);

	if (!err)
		err = check_place(claim, total);
	if (err)
		return err;
	layout->mask |= XSAVE_MASK(claim->bit);
	layout->supervisor |= claim->supervisor ? XSAVE_MASK(claim->bit) : 0;
	layout->align64 |= claim->align64 ? XSAVE_MASK(claim->bit) : 0;
	layout->size[claim->bit] = claim->size;
	layout->offset[claim->bit] = claim->offset;
	return XSAVE_OK;
}

/* MPX and APX share bytes in the standard format; XCR0 takes only one of them (X09). */
static bool never_together(unsigned int a, unsigned int b)
{
	uint64_t mpx = XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR);
	uint64_t apx = XSAVE_MASK(XSAVE_APX), pair = XSAVE_MASK(a) | XSAVE_MASK(b);

	return pair & mpx && pair & apx;
}

/* xsave_claim_add() keeps every sum here below 2^32. */
enum xsave_error xsave_claim_overlap(const struct xsave_layout *layout)
{
	uint64_t user = layout->mask & ~layout->supervisor;

	xsave_for_each_bit (a, user)
		xsave_for_each_bit (b, user & (XSAVE_MASK(a) - 1))
			if (layout->offset[a] < layout->offset[b] + layout->size[b] &&
			    layout->offset[b] < layout->offset[a] + layout->size[a] &&
			    !never_together(a, b))
				return XSAVE_ERR_OVERLAP; /* C09 */
	return XSAVE_OK;
}
