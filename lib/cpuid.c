/* SPDX-License-Identifier: MIT */
/*
 * Executing CPUID for what layout.h wants to know. Other machines than x86 offer nothing.
 *
 * Source: SDM vol. 2, "CPUID", leaves 01H and 0DH.
 */
#include "xsave/layout.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>

static struct xsave_cpuid_regs read_subleaf(uint32_t leaf, uint32_t subleaf)
{
	struct xsave_cpuid_regs r;

	__cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
	return r;
}

void xsave_cpuid_read(struct xsave_cpuid *cpuid)
{
	struct xsave_cpuid_regs leaf1 = read_subleaf(1, 0);
	bool has_leaf0d = read_subleaf(0, 0).eax >= 0xd && leaf1.ecx & XSAVE_CPUID_1_ECX_XSAVE;

	*cpuid = (struct xsave_cpuid){ .leaf1_ecx = leaf1.ecx, .leaf1_edx = leaf1.edx };
	for (uint32_t i = 0; has_leaf0d && i < 64; i++)
		cpuid->leaf0d[i] = read_subleaf(0xd, i);
}

#else

void xsave_cpuid_read(struct xsave_cpuid *cpuid)
{
	*cpuid = (struct xsave_cpuid){ .leaf1_ecx = 0 };
}

#endif
