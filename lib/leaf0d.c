/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH as a value: checked against the component table, then made into a layout.
 *
 * Hypervisors and emulators do get this leaf wrong, so nothing of it is used unchecked.
 *
 * Sources: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
 * Features"; SDM vol. 2, "CPUID", leaf 0DH.
 */
#include "xsave/layout.h"

#include "claim.h"

/* Bits of ECX in the subleaf of a component. */
#define ECX_SUPERVISOR (UINT32_C(1) << 0)
#define ECX_ALIGN64    (UINT32_C(1) << 1)

uint64_t xsave_cpuid_xcr0(const struct xsave_cpuid *cpuid)
{
	return (uint64_t)cpuid->leaf0d[0].edx << 32 | cpuid->leaf0d[0].eax;
}

uint64_t xsave_cpuid_xss(const struct xsave_cpuid *cpuid)
{
	if (!(cpuid->leaf0d[1].eax & XSAVE_D1_XSAVES))
		return 0; /* C11 */
	return (uint64_t)cpuid->leaf0d[1].edx << 32 | cpuid->leaf0d[1].ecx;
}

static struct xsave_claim claim_of(const struct xsave_cpuid_regs *sub, unsigned int bit)
{
	return (struct xsave_claim){
		.bit = bit,
		.size = sub->eax,
		.offset = sub->ebx,
		.supervisor = sub->ecx & ECX_SUPERVISOR,
		.align64 = sub->ecx & ECX_ALIGN64,
	};
}

enum xsave_error xsave_layout_from_cpuid(struct xsave_layout *layout,
					 const struct xsave_cpuid *cpuid)
{
	uint64_t supervisor = xsave_cpuid_xss(cpuid), user = xsave_cpuid_xcr0(cpuid);
	struct xsave_layout found = xsave_claim_none;
	enum xsave_error err;

	/* C08 */
	if ((supervisor & (user | XSAVE_LEGACY_MASK)) || (supervisor | user) >> XSAVE_BITS)
		return XSAVE_ERR_KIND;
	xsave_for_each_bit (bit, (user | supervisor) & ~XSAVE_LEGACY_MASK) {
		struct xsave_claim claim = claim_of(&cpuid->leaf0d[bit], bit);

		if (claim.supervisor != (supervisor >> bit & 1))
			return XSAVE_ERR_KIND; /* C08 */
		err = xsave_claim_add(&found, &claim, cpuid->leaf0d[0].ecx);
		if (err)
			return err;
	}
	err = xsave_claim_overlap(&found);
	if (!err)
		*layout = found;
	return err;
}

enum xsave_error xsave_cpuid_check_ebx(const struct xsave_cpuid *cpuid,
				       const struct xsave_layout *layout, uint64_t xcr0,
				       uint64_t xss)
{
	const struct xsave_cpuid_regs *d0 = &cpuid->leaf0d[0], *d1 = &cpuid->leaf0d[1];
	size_t compacted = xsave_layout_compacted_size(layout, xcr0 | xss);

	/* C02, C05 */
	if (d0->ebx != xsave_standard_size(layout, xcr0))
		return XSAVE_ERR_EBX;
	return d1->eax & XSAVE_D1_XSAVEC && d1->ebx != compacted ? XSAVE_ERR_EBX : XSAVE_OK;
}
