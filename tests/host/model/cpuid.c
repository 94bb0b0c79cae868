/* SPDX-License-Identifier: MIT */
/*
 * What CPUID says of the CPU that the model is.
 *
 * Sources: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
 * Features"; vol. 2, "CPUID"; APM vol. 3, "Obtaining Processor Information Via the CPUID
 * Instruction".
 */
#include "model.h"

static struct cpuid_regs leaf_0(void)
{
	if (machine.cpu->amd)
		return (struct cpuid_regs){ 0x1f, 0x68747541, 0x444d4163, 0x69746e65 };
	return (struct cpuid_regs){ 0x20, 0x756e6547, 0x6c65746e, 0x49656e69 };
}

static struct cpuid_regs leaf_1(void)
{
	const struct config *cpu = machine.cpu;
	bool osxsave = machine.cr4 & CR4_OSXSAVE;
	uint32_t ecx = 1;

	if (broken(cpuid_osxsave_stuck))
		osxsave = cpu->xsave;
	if (cpu->xsave)
		ecx |= BIT(26) | (osxsave ? BIT(27) : 0);
	if (cpu->xcr0 & BIT(AVX))
		ecx |= BIT(28);
	/* EDX: FPU, MSR, MMX, FXSR, SSE, SSE2 */
	return (struct cpuid_regs){ cpu->amd ? 0xa60f12 : 0x806f8, 0x800, ecx, 0x07800021 };
}

static uint32_t leaf_7_ecx(void)
{
	const struct config *cpu = machine.cpu;
	uint32_t ecx = 0;

	if (cpu->xcr0 & BIT(PKRU) || broken(cpuid_pku_without_state))
		ecx |= BIT(3) | (machine.cr4 & CR4_PKE ? BIT(4) : 0);
	if (cpu->xss & BIT(CET_U))
		ecx |= BIT(7);
	if (cpu->xss & BIT(PASID))
		ecx |= BIT(29);
	return ecx;
}

static struct cpuid_regs leaf_7(void)
{
	const struct config *cpu = machine.cpu;
	struct cpuid_regs r = { .eax = 1, .ecx = leaf_7_ecx() };

	r.ebx |= cpu->xcr0 & BIT(AVX) ? BIT(3) | BIT(5) : 0; /* BMI1, AVX2 */
	r.ebx |= cpu->fdp_only ? BIT(6) : 0;
	r.ebx |= cpu->no_fcs_fds ? BIT(13) : 0;
	r.ebx |= cpu->xcr0 & BIT(BNDREGS) ? BIT(14) : 0;
	r.ebx |= cpu->xcr0 & BIT(OPMASK) ? BIT(16) | BIT(30) | BIT(31) : 0;
	r.ebx |= cpu->xss & BIT(PT) ? BIT(25) : 0;
	r.edx |= cpu->xss & BIT(UINTR) ? BIT(5) : 0;
	r.edx |= cpu->xss & BIT(LBR) ? BIT(19) : 0;
	r.edx |= cpu->xss & BIT(CET_U) ? BIT(20) : 0;
	r.edx |= cpu->xcr0 & BIT(TILECFG) ? BIT(22) | BIT(24) | BIT(25) : 0;
	return r;
}

static struct cpuid_regs leaf_7_1(void)
{
	return (struct cpuid_regs){ .edx = machine.cpu->xcr0 & BIT(APX) ? BIT(21) : 0 };
}

static uint64_t claimed_xcr0(void)
{
	uint64_t xcr0 = machine.cpu->xcr0;

	if (broken(cpuid_d0_lacks_sse))
		xcr0 &= ~BIT(SSE);
	if (broken(cpuid_supervisor_in_d0))
		xcr0 |= machine.cpu->xss;
	return xcr0;
}

static uint32_t d0_ebx(void)
{
	if (broken(cpuid_d0_ebx_constant))
		return area_size(0, machine.cpu->xcr0);
	if (broken(cpuid_d0_ebx_last_bit))
		for (unsigned int i = APX; i > SSE; i--)
			if (machine.xcr0 & BIT(i))
				return standard_offset(i) + component_size(i);
	if (broken(cpuid_d0_ebx_no_header) && !(machine.xcr0 & ~UINT64_C(3)))
		return LEGACY_SIZE;
	return area_size(0, machine.xcr0);
}

static struct cpuid_regs leaf_d0(void)
{
	uint64_t xcr0 = claimed_xcr0();
	bool tracks = broken(cpuid_d0_ecx_tracks);

	return (struct cpuid_regs){ (uint32_t)xcr0, d0_ebx(),
				    area_size(0, tracks ? machine.xcr0 : machine.cpu->xcr0),
				    (uint32_t)(xcr0 >> 32) };
}

static uint32_t d1_ebx(void)
{
	const struct config *cpu = machine.cpu;
	uint64_t mask = machine.xcr0;

	if (!cpu->xsavec && !cpu->xsaves)
		return 0;
	if (!broken(cpuid_d1_ebx_ignores_xss))
		mask |= machine.msr[MSR_XSS_VALUE];
	if (broken(cpuid_d1_ebx_standard))
		return area_size(0, machine.xcr0);
	return area_size(COMPACT_BIT | mask, mask);
}

static struct cpuid_regs leaf_d1(void)
{
	const struct config *cpu = machine.cpu;
	uint32_t eax = (uint32_t)(cpu->xsaveopt | cpu->xsavec << 1 | cpu->xgetbv1 << 2 |
				  cpu->xsaves << 3 | cpu->xfd << 4);

	if (broken(cpuid_xsaves_without_xsavec))
		eax &= ~UINT32_C(2);
	return (struct cpuid_regs){ eax, d1_ebx(), (uint32_t)cpu->xss, (uint32_t)(cpu->xss >> 32) };
}

static uint32_t component_flags(unsigned int i)
{
	uint32_t flags = component_supervisor(i) && !broken(cpuid_subleaf_no_supervisor);

	if (component_aligned(i) && !broken(cpuid_subleaf_no_align))
		flags |= 2;
	if (i == TILEDATA && machine.cpu->xfd)
		flags |= 4;
	return flags;
}

static struct cpuid_regs leaf_d_component(uint32_t i)
{
	struct cpuid_regs r = { 0 };
	bool there = i < 63 && (machine.cpu->xcr0 | machine.cpu->xss) >> i & 1;

	if (!there && !(broken(cpuid_subleaf_unsupported) && i == LBR + 5))
		return r;
	r.eax = component_size(i);
	r.ecx = component_flags(i);
	r.edx = broken(cpuid_subleaf_edx) ? 1 : 0;
	r.ebx = component_supervisor(i) ? 0 : standard_offset(i);
	if (broken(cpuid_subleaf_supervisor_offset) && component_supervisor(i))
		r.ebx = EXTENDED;
	if (broken(cpuid_subleaf_size) && i == PKRU)
		r.eax = 4;
	if (broken(cpuid_subleaf_overlap) && i == PKRU)
		r.ebx -= 64;
	return r;
}

static struct cpuid_regs leaf_d(uint32_t subleaf)
{
	if (!machine.cpu->xsave)
		return (struct cpuid_regs){ 0 };
	if (subleaf == 0)
		return leaf_d0();
	return subleaf == 1 ? leaf_d1() : leaf_d_component(subleaf);
}

/* Processor trace: output to a ToPA and to a single range. */
static struct cpuid_regs leaf_14(uint32_t subleaf)
{
	bool there = machine.cpu->xss & BIT(PT) && subleaf == 0;

	return (struct cpuid_regs){ .ecx = there ? 5 : 0 };
}

/* Palette 1: 8192 bytes of tiles, 1024 each, 64 a row, 8 tiles, 16 rows. */
static struct cpuid_regs leaf_1d(uint32_t subleaf)
{
	if (!(machine.cpu->xcr0 & BIT(TILECFG)) || subleaf > 1)
		return (struct cpuid_regs){ 0 };
	if (subleaf == 0)
		return (struct cpuid_regs){ .eax = 1 };
	return (struct cpuid_regs){ 1024u << 16 | 8192,
				    (broken(cpuid_1d_tiles) ? 16u : 8u) << 16 | 64, 16, 0 };
}

static struct cpuid_regs leaf_extended(uint32_t leaf)
{
	const struct config *cpu = machine.cpu;

	if (leaf == 0x80000000)
		return (struct cpuid_regs){ .eax = 0x80000008 };
	if (leaf == 0x80000001) /* EDX: NX, FFXSR, long mode */
		return (struct cpuid_regs){ .edx = 0x20100000 | (cpu->amd ? BIT(25) : 0) };
	if (leaf == 0x80000008)
		return (struct cpuid_regs){ .eax = 0x3030, .ebx = cpu->always_restores ? 4 : 0 };
	return (struct cpuid_regs){ 0 };
}

struct cpuid_regs model_cpuid(uint32_t leaf, uint32_t subleaf)
{
	switch (leaf) {
	case 0:
		return leaf_0();
	case 1:
		return leaf_1();
	case 6: /* HWP, HDC */
		return (struct cpuid_regs){ .eax = (machine.cpu->xss & BIT(HWP) ? BIT(7) : 0) |
						   (machine.cpu->xss & BIT(HDC) ? BIT(13) : 0) };
	case 7:
		if (subleaf > 1)
			return (struct cpuid_regs){ 0 };
		return subleaf ? leaf_7_1() : leaf_7();
	case 0xd:
		return leaf_d(subleaf);
	case 0x14:
		return leaf_14(subleaf);
	case 0x1d:
		return leaf_1d(subleaf);
	default:
		return leaf_extended(leaf);
	}
}
