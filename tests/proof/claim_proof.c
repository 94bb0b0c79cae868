/* SPDX-License-Identifier: MIT */
/* What CPUID or a note claims of a component, for any claim and any layout so far. */
#include "component.c"
#include "claim.c"

/* A user component ends below 4 GiB, so that sums of 32 bits can be trusted. */
static bool ends_in_32_bits(const struct xsave_layout *layout, unsigned int bit)
{
	return layout->supervisor >> bit & 1 ||
	       (uint64_t)layout->offset[bit] + layout->size[bit] <= UINT32_MAX;
}

void prove_claim_add(void)
{
	struct xsave_layout layout = nondet_layout(), before = layout;
	struct xsave_claim claim;
	uint32_t total = nondet_u32();
	unsigned int other = nondet_unsigned();
	enum xsave_error err;

	claim.bit = nondet_unsigned();
	claim.size = nondet_u32();
	claim.offset = nondet_u32();
	claim.supervisor = nondet_bool();
	claim.align64 = nondet_bool();
	ASSUME(claim.bit < XSAVE_BITS && other < XSAVE_BITS && other != claim.bit);
	ASSUME(!(layout.supervisor >> claim.bit & 1)); /* without that component so far */
	err = xsave_claim_add(&layout, &claim, total);
	PROVE(!err || layout.mask == before.mask, "an error changes nothing");
	PROVE(err || ends_in_32_bits(&layout, claim.bit), "what is added ends below 4 GiB");
	PROVE(ends_in_32_bits(&layout, other) == ends_in_32_bits(&before, other),
	      "the others stay");
	if (err)
		REACHED("an error");
	else
		REACHED("added");
}

void prove_claim_overlap(void)
{
	struct xsave_layout layout = nondet_layout();

	for (unsigned int bit = 0; bit < XSAVE_BITS; bit++)
		ASSUME(ends_in_32_bits(&layout, bit)); /* by xsave_claim_add() */
	if (xsave_claim_overlap(&layout))
		REACHED("an overlap");
	else
		REACHED("none");
}
