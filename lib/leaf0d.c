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

/* No component comes near; it keeps sums of sizes that only CPUID vouches for far from overflow. */
#define SIZE_LIMIT (UINT32_C(1) << 20)

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
		return 0;
	return (uint64_t)cpuid->leaf0d[1].edx << 32 | cpuid->leaf0d[1].ecx;
}

/* What the table says about a component; one that it does not know may be anything. */
static enum xsave_error check_row(const struct xsave_component *row,
				  const struct xsave_cpuid_regs *sub)
{
	if (sub->eax == 0 || sub->eax > SIZE_LIMIT)
		return XSAVE_ERR_SIZE;
	if (!row)
		return XSAVE_OK;
	if (row->supervisor != !!(sub->ecx & ECX_SUPERVISOR) ||
	    row->align64 != !!(sub->ecx & ECX_ALIGN64))
		return XSAVE_ERR_KIND;
	return row->size == sub->eax ? XSAVE_OK : XSAVE_ERR_SIZE;
}

/* A component whose number is in @supervisor or not, as D.0 and D.1 have it; @total is D.0:ECX. */
static enum xsave_error check_component(const struct xsave_cpuid_regs *sub, unsigned int bit,
					bool supervisor, uint32_t total)
{
	enum xsave_error err = check_row(xsave_component(bit), sub);

	if (err)
		return err;
	if (supervisor != !!(sub->ecx & ECX_SUPERVISOR))
		return XSAVE_ERR_KIND;
	if (supervisor)
		return sub->ebx == 0 ? XSAVE_OK : XSAVE_ERR_OFFSET;
	if (sub->ebx < XSAVE_EXTENDED)
		return XSAVE_ERR_OFFSET;
	return (uint64_t)sub->ebx + sub->eax <= total ? XSAVE_OK : XSAVE_ERR_BOUNDS;
}

/* MPX and APX share bytes in the standard format; XCR0 takes only one of them (X09). */
static bool never_together(unsigned int a, unsigned int b)
{
	uint64_t mpx = XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR);
	uint64_t apx = XSAVE_MASK(XSAVE_APX), pair = XSAVE_MASK(a) | XSAVE_MASK(b);

	return pair & mpx && pair & apx;
}

static enum xsave_error check_overlap(const struct xsave_layout *layout)
{
	uint64_t user = layout->mask & ~layout->supervisor;

	xsave_for_each_bit (a, user)
		xsave_for_each_bit (b, user & (XSAVE_MASK(a) - 1))
			if (layout->offset[a] < layout->offset[b] + layout->size[b] &&
			    layout->offset[b] < layout->offset[a] + layout->size[a] &&
			    !never_together(a, b))
				return XSAVE_ERR_OVERLAP;
	return XSAVE_OK;
}

/* The legacy region has no subleaf: it is where it always was. */
static const struct xsave_layout legacy = {
	.mask = XSAVE_LEGACY_MASK,
	.size = { 160, 256 },
	.offset = { 0, 160 },
};

enum xsave_error xsave_layout_from_cpuid(struct xsave_layout *layout,
					 const struct xsave_cpuid *cpuid)
{
	uint64_t supervisor = xsave_cpuid_xss(cpuid), user = xsave_cpuid_xcr0(cpuid);
	struct xsave_layout found = legacy;
	enum xsave_error err;

	if ((supervisor & (user | XSAVE_LEGACY_MASK)) || (supervisor | user) >> XSAVE_BITS)
		return XSAVE_ERR_KIND;
	xsave_for_each_bit (bit, (user | supervisor) & ~XSAVE_LEGACY_MASK) {
		const struct xsave_cpuid_regs *sub = &cpuid->leaf0d[bit];

		err = check_component(sub, bit, supervisor >> bit & 1, cpuid->leaf0d[0].ecx);
		if (err)
			return err;
		found.mask |= XSAVE_MASK(bit);
		found.align64 |= sub->ecx & ECX_ALIGN64 ? XSAVE_MASK(bit) : 0;
		found.size[bit] = sub->eax;
		found.offset[bit] = sub->ebx;
	}
	found.supervisor = supervisor;
	err = check_overlap(&found);
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

	if (d0->ebx != xsave_standard_size(layout, xcr0))
		return XSAVE_ERR_EBX;
	return d1->eax & XSAVE_D1_XSAVEC && d1->ebx != compacted ? XSAVE_ERR_EBX : XSAVE_OK;
}
