/* SPDX-License-Identifier: MIT */
/*
 * What the CPU's registers are like, and junk for them. The transport is in xregs.asm.
 *
 * Sources: SDM vol. 1, "Guidelines for Writing to the MXCSR Register"; APM vol. 2, "FXSAVE and
 * FXRSTOR Instructions" (when they leave out FOP, FIP and FDP).
 */
#include <xtk/xregs.h>

#include <insn.h>
#include <xtk/cpu.h>
#include <xtk/fault.h>

#define CPUID1_ECX_OSXSAVE  (UINT32_C(1) << 27)
#define CPUID7_EBX_AVX512BW (UINT32_C(1) << 30)
#define MXCSR_MASK_DEFAULT  0xffbf /* what MXCSR_MASK = 0 stands for: no DAZ */
#define AMX		    (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define JUNK_SEED	    UINT64_C(0x6a756e6b00000) /* "junk" */

struct xregs_cpu xregs_cpu;
_Static_assert(offsetof(struct xregs_cpu, mask) == 0, "xregs.asm reads the mask at xregs_cpu");

static struct xregs junk;

static bool has_avx512bw(void)
{
	return cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID7_EBX_AVX512BW;
}

static bool amx_is_enabled(void)
{
	return cpuid(1, 0).ecx & CPUID1_ECX_OSXSAVE && (insn_xgetbv(0) & AMX) == AMX;
}

static fault_t try_sttilecfg(void)
{
	struct xregs_tilecfg config;
	FAULT_REGISTER;

	__asm__ volatile(TRY_INSN("sttilecfg %1") : "+r"(fault), "=m"(config));
	return fault;
}

static uint32_t read_mxcsr_mask(void)
{
	struct xsave_legacy image __attribute__((aligned(16)));

	image.mxcsr_mask = 0;
	insn_fxsave(&image, 0);
	return image.mxcsr_mask ? image.mxcsr_mask : MXCSR_MASK_DEFAULT;
}

/*
 * Loads the junk's x87 state and looks whether its pointers come back. No CPUID bit tells: AMD's
 * CPUs save zeros or nothing while FSW.ES = 0, also where CPUID.80000008H:EBX[2] = 1, which is
 * about the restore; and some emulators always save zeros.
 */
static bool pointers_survive(void)
{
	const struct xregs_x87 want = junk.x87;
	struct xregs_x87 before, got;

	xregs_store(&junk, XSAVE_MASK(XSAVE_X87));
	before = junk.x87;
	junk.x87 = want;
	xregs_load(&junk, XSAVE_MASK(XSAVE_X87));
	xregs_store(&junk, XSAVE_MASK(XSAVE_X87));
	got = junk.x87;
	junk.x87 = before;
	xregs_load(&junk, XSAVE_MASK(XSAVE_X87));
	junk.x87 = want;
	return got.fop == want.fop && got.fip == want.fip && got.fdp == want.fdp;
}

void xregs_init(void)
{
	xregs_cpu.mask = XREGS_MASK;
	if (amx_is_enabled() && try_sttilecfg() != NO_FAULT)
		xregs_cpu.mask &= ~AMX;
	xregs_cpu.avx512bw = has_avx512bw();
	xregs_cpu.mxcsr_mask = read_mxcsr_mask();
	xregs_pattern(&junk, XREGS_MASK, JUNK_SEED);
	xregs_cpu.pointers = pointers_survive();
}

void xregs_junk(uint64_t mask)
{
	xregs_load(&junk, mask);
}
