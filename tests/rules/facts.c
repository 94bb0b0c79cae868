/* SPDX-License-Identifier: MIT */
/*
 * What the machine under test claims, and the values of XCR0 that it can be set to.
 *
 * Sources: SDM vol. 2, "CPUID", leaves 07H and 0DH; vol. 1, "Guidelines for Writing to the MXCSR
 * Register".
 */
#include "facts.h"

#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "insns.h"
#include "oracle.h"

#define FXSAVE_SIZE	   512
#define MXCSR_MASK_DEFAULT 0xffbf /* what MXCSR_MASK = 0 stands for: no DAZ */

/* Components that go from XCR0 together, with those that may not stay without them. */
static const uint64_t groups[] = {
	0xe6,		   /* SSE, and AVX and AVX-512 with it */
	0xe4,		   /* AVX, and AVX-512 with it */
	0xe0,		   /* AVX-512 */
	0x18,		   /* MPX */
	UINT64_C(1) << 9,  /* PKRU */
	UINT64_C(3) << 17, /* AMX */
	UINT64_C(1) << 19, /* APX */
	UINT64_C(1) << 62, /* LWP */
};

struct facts facts;

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static void read_vendor(void)
{
	struct cpuid_regs leaf = probe_ops->cpuid(0, 0);
	char text[13] = "";

	memcpy(text, &leaf.ebx, 4);
	memcpy(text + 4, &leaf.edx, 4);
	memcpy(text + 8, &leaf.ecx, 4);
	facts.amd = !strcmp(text, "AuthenticAMD") || !strcmp(text, "HygonGenuine");
	if (leaf.eax < 7)
		return;
	leaf = probe_ops->cpuid(7, 0);
	facts.no_fcs_fds = leaf.ebx >> 13 & 1;
	facts.fdp_excptn_only = leaf.ebx >> 6 & 1;
}

static void read_leaf0d(void)
{
	struct cpuid_regs d0, d1;

	if (!(probe_ops->cpuid(1, 0).ecx >> 26 & 1) || probe_ops->cpuid(0, 0).eax < 0xd)
		return;
	d0 = probe_ops->cpuid(0xd, 0);
	d1 = probe_ops->cpuid(0xd, 1);
	facts.xcr0_supported = pair(d0.edx, d0.eax);
	facts.xss_supported = pair(d1.edx, d1.ecx);
	facts.xsaveopt = d1.eax & 1;
	facts.xsavec = d1.eax >> 1 & 1;
	facts.xgetbv1 = d1.eax >> 2 & 1;
	facts.xsaves = d1.eax >> 3 & 1;
	facts.xfd = d1.eax >> 4 & 1;
	for (unsigned int i = 2; i < 63; i++) {
		if (facts.xcr0_supported >> i & 1)
			facts.offset[i] = probe_ops->cpuid(0xd, i).ebx;
	}
}

static uint32_t read_mxcsr_mask(void)
{
	static struct probe_result result;
	struct probe p = { .insn = &insn_fxsave64_bytes, .mode = PROBE_64, .cpl = 3 };
	uint8_t *area = probe_ops->arena;
	uint32_t mask;

	if (probe_ops->why_not(&p))
		p.cpl = 0;
	p.gprs.rdi = (uint64_t)(uintptr_t)area;
	memset(area, 0, FXSAVE_SIZE);
	probe_run(&p, &result);
	memcpy(&mask, area + ORACLE_MASK, sizeof(mask));
	return mask ? mask : MXCSR_MASK_DEFAULT;
}

/* A component that CPUID puts nowhere is not there to be moved; cpuid.c judges that (C06, C07). */
static uint64_t placed(void)
{
	uint64_t mask = 3;

	for (unsigned int bit = 2; bit < 64; bit++)
		mask |= facts.offset[bit] >= ORACLE_EXTENDED ? UINT64_C(1) << bit : 0;
	return mask;
}

/* Nothing of the test before is in the arena: a broken restore may read where no image lies, and
 * find a PKRU that closes the kernel's own memory. */
void facts_read(void)
{
	memset(probe_ops->arena, 0, PROBE_ARENA_SIZE);
	memset(&facts, 0, sizeof(facts));
	read_vendor();
	read_leaf0d();
	facts.movable = facts.xcr0_supported & xregs_cpu.mask & placed();
	facts.mxcsr_mask = read_mxcsr_mask();
}

/* The only value that there is, if there is only one. */
static uint64_t fixed_xcr0(void)
{
	if (!probe_ops->can_set(PROBE_XCR0))
		return probe_ops->get(PROBE_XCR0);
	return options.xcr0_given ? options.xcr0 : 0;
}

uint64_t facts_xcr0_next(uint64_t last)
{
	uint64_t fixed = fixed_xcr0();

	if (fixed)
		return last ? 0 : fixed;
	do {
		/* The next larger number that is a subset. */
		last = ((last | ~facts.xcr0_supported) + 1) & facts.xcr0_supported;
	} while (last && oracle_xcr0(last, facts.xcr0_supported));
	return last;
}

static uint64_t largest_xcr0(void)
{
	uint64_t largest = 0;

	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x))
		largest = x;
	return largest;
}

static bool differs_in_kind(uint64_t value, uint64_t largest)
{
	if (value == 1 || value == 3 || value == largest)
		return true;
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (value == (largest & ~groups[i]))
			return true;
	}
	return false;
}

uint64_t facts_xcr0_some(uint64_t last)
{
	uint64_t largest = options.depth_full ? 0 : largest_xcr0();

	do {
		last = facts_xcr0_next(last);
	} while (last && largest && !differs_in_kind(last, largest));
	return last;
}

bool facts_skip(bool have, const char *bit)
{
	if (!have)
		test_skip("%s", bit);
	return !have;
}
