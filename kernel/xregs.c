/* SPDX-License-Identifier: MIT */
/*
 * What the CPU's registers are like, and junk for them. The transport is in xregs.asm.
 *
 * Sources: SDM vol. 1, "Guidelines for Writing to the MXCSR Register"; APM vol. 2, "FXSAVE and
 * FXRSTOR Instructions" (when they leave out FOP, FIP and FDP).
 */
#include <xtk/xregs.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/fault.h>

#define CPUID1_ECX_OSXSAVE  (UINT32_C(1) << 27)
#define CPUID1_ECX_AVX	    (UINT32_C(1) << 28)
#define CPUID7_EBX_MPX	    (UINT32_C(1) << 14)
#define CPUID7_EBX_AVX512F  (UINT32_C(1) << 16)
#define CPUID7_EBX_AVX512BW (UINT32_C(1) << 30)
#define CPUID7_ECX_PKU	    (UINT32_C(1) << 3)
#define CPUID7_EDX_AMX_TILE (UINT32_C(1) << 24)
#define MXCSR_MASK_DEFAULT  0xffbf /* what MXCSR_MASK = 0 stands for: no DAZ */
#define AMX		    (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define POINTERS_FOP	    0x2aa
#define POINTERS_FIP	    UINT64_C(0x123456789abc)
#define POINTERS_FDP	    UINT64_C(0x3456789abcde)
#define JUNK_SEED	    UINT64_C(0x6a756e6b00000) /* "junk" */

struct xregs_cpu xregs_cpu;
_Static_assert(offsetof(struct xregs_cpu, mask) == 0, "xregs.asm reads the mask at xregs_cpu");

static struct xregs junk;

static bool has_avx512bw(void)
{
	return cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID7_EBX_AVX512BW;
}

/*
 * The components that the CPU has instructions for. XCR0 may offer more: an emulator that carries
 * the state of AVX-512 need not execute it.
 */
static uint64_t components_with_instructions(void)
{
	uint32_t leaf1_ecx = cpuid(1, 0).ecx;
	struct cpuid_regs leaf7 = cpuid(0, 0).eax >= 7 ? cpuid(7, 0) : (struct cpuid_regs){ 0 };
	uint64_t mask = XSAVE_LEGACY_MASK;

	if (leaf1_ecx & CPUID1_ECX_AVX)
		mask |= XSAVE_MASK(XSAVE_AVX);
	if (leaf7.ebx & CPUID7_EBX_MPX)
		mask |= XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR);
	if (leaf7.ebx & CPUID7_EBX_AVX512F)
		mask |= XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) |
			XSAVE_MASK(XSAVE_HI16_ZMM);
	if (leaf7.ecx & CPUID7_ECX_PKU)
		mask |= XSAVE_MASK(XSAVE_PKRU);
	if (leaf7.edx & CPUID7_EDX_AMX_TILE)
		mask |= AMX;
	return mask;
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
 * Loads x87 pointers and looks whether they come back. No CPUID bit tells: AMD's CPUs save zeros or
 * nothing while FSW.ES = 0, also where CPUID.80000008H:EBX[2] = 1, which is about the restore; and
 * some emulators always save zeros.
 */
static bool pointers_survive(void)
{
	struct xsave_legacy before __attribute__((aligned(16))), image __attribute__((aligned(16)));

	insn_fxsave(&before, 0);
	image = before;
	image.fop = POINTERS_FOP;
	image.fip = POINTERS_FIP;
	image.fdp = POINTERS_FDP;
	insn_fxrstor(&image, 0);
	insn_fxsave(&image, 0);
	insn_fxrstor(&before, 0);
	return image.fop == POINTERS_FOP && image.fip == POINTERS_FIP && image.fdp == POINTERS_FDP;
}

void xregs_init(void)
{
	xregs_cpu.mask = XREGS_MASK & components_with_instructions();
	if (amx_is_enabled() && try_sttilecfg() != NO_FAULT)
		xregs_cpu.mask &= ~AMX;
	xregs_cpu.avx512bw = has_avx512bw();
	xregs_cpu.mxcsr_mask = read_mxcsr_mask();
	xregs_cpu.pointers = pointers_survive();
}

/* The junk is made when it is first wanted, not at every boot: it takes a millisecond under TCG. */
void xregs_junk(uint64_t mask)
{
	static bool made;

	if (!made)
		xregs_pattern(&junk, xregs_cpu.mask, JUNK_SEED);
	made = true;
	xregs_load(&junk, mask);
}
