/* SPDX-License-Identifier: MIT */
/* What Linux adds to an image: a note of any bytes and any length; any image. */
#include "component.c"
#include "image.c"
#include "linux.c"

const struct xsave_layout xsave_claim_none = { .mask = XSAVE_LEGACY_MASK };

size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	return any_offset(layout, xcomp_bv, bit);
}

/* In the place of what claim_proof.c proves: any answer. */
static uint64_t added;

enum xsave_error xsave_claim_add(struct xsave_layout *layout, const struct xsave_claim *claim,
				 uint32_t total)
{
	PROVE(__CPROVER_rw_ok(layout, sizeof(*layout)), "a layout");
	PROVE(claim->bit > XSAVE_SSE && claim->bit < XSAVE_BITS, "a claim about a component");
	PROVE(!(added >> claim->bit & 1), "of which there was none");
	added |= XSAVE_MASK(claim->bit);
	(void)total;
	return nondet_error();
}

enum xsave_error xsave_claim_overlap(const struct xsave_layout *layout)
{
	(void)layout;
	return nondet_error();
}

/* Any entry after any others: of those before it, what became a claim is in @seen. */
void prove_add_entry(void)
{
	struct xsave_layout layout = nondet_layout();
	uint64_t seen = nondet_u64();

	added = nondet_u64();
	ASSUME(!(added & ~seen));
	if (add_entry(&layout, &seen, malloc(ENTRY_SIZE)))
		REACHED("an error");
	else
		REACHED("an entry");
	PROVE(!(added & ~seen), "the next entry finds what this one was");
}

enum xsave_error any_entry(struct xsave_layout *layout, uint64_t *seen, const uint8_t *entry)
{
	PROVE(__CPROVER_rw_ok(layout, sizeof(*layout)), "entry: a layout");
	PROVE(__CPROVER_r_ok(entry, ENTRY_SIZE), "entry: inside the note");
	*seen = nondet_u64();
	return nondet_error();
}

void prove_linux_layout(void)
{
	struct xsave_layout layout = nondet_layout();
	size_t size = nondet_size();

	ASSUME(size <= AREA_MAX);
	if (xsave_linux_layout(&layout, malloc(size), size))
		REACHED("an error");
	else
		REACHED("a layout");
}

void prove_linux_xcr0(void)
{
	if (xsave_linux_xcr0(new_area(0)))
		REACHED("a value");
	else
		REACHED("none");
}
