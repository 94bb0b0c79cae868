/* SPDX-License-Identifier: MIT */
/* CPUID leaf 0DH, for any content. */
#include "component.c"
#include "layout.c"
#include "leaf0d.c"

/* In the place of what claim_proof.c proves: any answer. */
const struct xsave_layout xsave_claim_none = { .mask = XSAVE_LEGACY_MASK };

enum xsave_error xsave_claim_add(struct xsave_layout *layout, const struct xsave_claim *claim,
				 uint32_t total)
{
	PROVE(claim->bit > XSAVE_SSE && claim->bit < XSAVE_BITS, "a claim about a component");
	PROVE(!(layout->mask >> claim->bit & 1), "of which there was none");
	(void)total;
	return nondet_error();
}

enum xsave_error xsave_claim_overlap(const struct xsave_layout *layout)
{
	(void)layout;
	return nondet_error();
}

void prove_layout_from_cpuid(void)
{
	struct xsave_layout layout = nondet_layout();
	const struct xsave_cpuid cpuid = nondet_cpuid();

	if (xsave_layout_from_cpuid(&layout, &cpuid))
		REACHED("an error");
	else
		REACHED("a layout");
}

void prove_check_ebx(void)
{
	const struct xsave_layout layout = nondet_layout();
	const struct xsave_cpuid cpuid = nondet_cpuid();

	if (xsave_cpuid_check_ebx(&cpuid, &layout, nondet_u64(), nondet_u64()))
		REACHED("an error");
	else
		REACHED("right");
}
