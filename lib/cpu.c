/* SPDX-License-Identifier: MIT */
/*
 * Describing a CPU: from CPUID, from XCR0 alone, or with an instruction and a mask of one's own.
 *
 * Source: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
 * Features".
 */
#include "xsave/cpu.h"

#include <stddef.h>

#include "xsave/xcr0.h"
#include "protect.h"
#include "xsave.h"

#define INSN(insn) (1U << (insn))
#define KEEP	   XSAVE_MASK(XSAVE_PKRU)
#define MXCSR_MASK UINT32_C(0xffff)

/*
 * All that XSAVE_FITS() admits to a struct also fits packed behind each other, with room for
 * alignment: so XSAVE_FIT_SMALL and XSAVE_FIT_LARGE hold for both formats. The sum counts x87 and
 * SSE (160 + 256 bytes) as well; PACKED is the rest of what comes before byte 576.
 */
#define PACKED (XSAVE_EXTENDED - 160 - 256)
#define SUM_SMALL(bit, id, name, size, sup, al, xfd, ts, intel, amd)                               \
	+(XSAVE_FITS(size, intel, amd, struct xsave) ? (size) + 63 * (al) : 0)
#define SUM_LARGE(bit, id, name, size, sup, al, xfd, ts, intel, amd)                               \
	+(XSAVE_FITS(size, intel, amd, struct xsave_large) ? (size) + 63 * (al) : 0)
_Static_assert(PACKED XSAVE_COMPONENTS(SUM_SMALL) <= sizeof(struct xsave), "packed");
_Static_assert(PACKED XSAVE_COMPONENTS(SUM_LARGE) <= sizeof(struct xsave_large), "packed");
_Static_assert(XSAVE_FIT_SMALL == (XSAVE_KNOWN_MASK & ~XSAVE_MASK(XSAVE_XTILEDATA)), "small");
_Static_assert(XSAVE_FIT_LARGE == XSAVE_KNOWN_MASK, "large");

/* Every 64-bit CPU has FXSAVE; XSAVE is what CR4.OSXSAVE promises. Neither needs CPUID. */
static const struct xsave_cpu distrusted = {
	.insn = XSAVE_INSN_XSAVE,
	.insns = INSN(XSAVE_INSN_FXSAVE) | INSN(XSAVE_INSN_XSAVE),
	.enabled = XSAVE_USER_MASK,
	.mask = XSAVE_USER_MASK,
	.fit_small = XSAVE_USER_MASK & XSAVE_FIT_SMALL,
	.fit_large = XSAVE_USER_MASK & XSAVE_FIT_LARGE,
	.keep = KEEP,
	.mxcsr_mask = MXCSR_MASK,
	.layout = XSAVE_LAYOUT_COMMON,
};

const struct xsave_cpu *xsave_in_use = &distrusted;

void xsave_use(const struct xsave_cpu *cpu)
{
	xsave_in_use = cpu;
}

static const char *const insn_names[XSAVE_INSNS] = {
	[XSAVE_INSN_FXSAVE] = "fxsave",	    [XSAVE_INSN_XSAVE] = "xsave",
	[XSAVE_INSN_XSAVEOPT] = "xsaveopt", [XSAVE_INSN_XSAVEC] = "xsavec",
	[XSAVE_INSN_XSAVES] = "xsaves",
};

const char *xsave_insn_name(enum xsave_insn insn)
{
	return (size_t)insn < XSAVE_INSNS ? insn_names[insn] : NULL;
}

/* Asked between the caller of a save and its instruction. */
GENERAL_REGS bool xsave_insn_compacted(enum xsave_insn insn)
{
	return insn == XSAVE_INSN_XSAVEC || insn == XSAVE_INSN_XSAVES;
}

unsigned int xsave_cpuid_insns(const struct xsave_cpuid *cpuid, uint64_t xcr0)
{
	uint32_t d1 = cpuid->leaf0d[1].eax;
	unsigned int insns =
		cpuid->leaf1_edx & XSAVE_CPUID_1_EDX_FXSR ? INSN(XSAVE_INSN_FXSAVE) : 0;

	if (!xcr0 || !(cpuid->leaf1_ecx & XSAVE_CPUID_1_ECX_XSAVE))
		return insns;
	insns |= INSN(XSAVE_INSN_XSAVE);
	insns |= d1 & XSAVE_D1_XSAVEOPT ? INSN(XSAVE_INSN_XSAVEOPT) : 0;
	insns |= d1 & XSAVE_D1_XSAVEC ? INSN(XSAVE_INSN_XSAVEC) : 0;
	insns |= d1 & XSAVE_D1_XSAVES ? INSN(XSAVE_INSN_XSAVES) : 0;
	return insns;
}

static enum xsave_insn best_insn(const struct xsave_cpu *cpu)
{
	if (cpu->enabled & XSAVE_SUPERVISOR_MASK)
		return XSAVE_INSN_XSAVES;
	if (cpu->insns & INSN(XSAVE_INSN_XSAVEC))
		return XSAVE_INSN_XSAVEC;
	return cpu->insns & INSN(XSAVE_INSN_XSAVE) ? XSAVE_INSN_XSAVE : XSAVE_INSN_FXSAVE;
}

enum xsave_error xsave_cpu_init(struct xsave_cpu *cpu, const struct xsave_cpuid *cpuid,
				uint64_t xcr0, uint64_t xss)
{
	struct xsave_cpu found = {
		.insns = xsave_cpuid_insns(cpuid, xcr0),
		.keep = KEEP,
		.mxcsr_mask = MXCSR_MASK,
	};
	enum xsave_error err = xsave_layout_from_cpuid(&found.layout, cpuid);

	if (err)
		return err;
	if (xcr0 && xsave_xcr0_check(xcr0, xsave_cpuid_xcr0(cpuid)))
		return XSAVE_ERR_XCR0;
	if (xss & ~xsave_cpuid_xss(cpuid) || (xss && !xcr0))
		return XSAVE_ERR_XSS;
	found.enabled = xcr0 ? (xcr0 | xss) & XSAVE_KNOWN_MASK : XSAVE_LEGACY_MASK;
	err = xsave_cpu_restrict(&found, best_insn(&found), found.enabled);
	if (!err)
		*cpu = found;
	return err;
}

enum xsave_error xsave_cpu_distrust(struct xsave_cpu *cpu, uint64_t xcr0)
{
	struct xsave_cpu found = distrusted;

	xcr0 &= XSAVE_USER_MASK;
	if (xsave_xcr0_check(xcr0, XSAVE_USER_MASK))
		return XSAVE_ERR_XCR0;
	found.enabled = xcr0;
	*cpu = found;
	return xsave_cpu_restrict(cpu, XSAVE_INSN_XSAVE, xcr0);
}

/* What an instruction can move at all. */
static uint64_t insn_mask(enum xsave_insn insn)
{
	if (insn == XSAVE_INSN_FXSAVE)
		return XSAVE_LEGACY_MASK;
	return insn == XSAVE_INSN_XSAVES ? XSAVE_KNOWN_MASK : XSAVE_USER_MASK;
}

enum xsave_error xsave_cpu_restrict(struct xsave_cpu *cpu, enum xsave_insn insn, uint64_t mask)
{
	if ((size_t)insn >= XSAVE_INSNS || !(cpu->insns & INSN(insn)))
		return XSAVE_ERR_INSN;
	if (mask & ~(cpu->enabled & insn_mask(insn)) || (insn == XSAVE_INSN_FXSAVE && !mask))
		return XSAVE_ERR_MASK;
	cpu->insn = insn;
	cpu->compaction = insn == XSAVE_INSN_XSAVES ||
			  (insn != XSAVE_INSN_FXSAVE && cpu->insns & INSN(XSAVE_INSN_XSAVEC));
	cpu->mask = mask;
	cpu->fit_small = mask & XSAVE_FIT_SMALL;
	cpu->fit_large = mask & XSAVE_FIT_LARGE;
	return XSAVE_OK;
}
