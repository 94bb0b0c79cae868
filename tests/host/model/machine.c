/* SPDX-License-Identifier: MIT */
/*
 * The model's registers, and the CPUs that it can be.
 */
#include "model.h"

struct machine machine;
enum model_fault model_fault;

#define INTEL_MXCSR 0xffff
#define AMD_MXCSR   0x2ffff /* with MM, misaligned exceptions masked */
#define ALL_XSS                                                                                    \
	(BIT(PT) | BIT(PASID) | BIT(CET_U) | BIT(CET_S) | BIT(HDC) | BIT(UINTR) | BIT(LBR) |       \
	 BIT(HWP))
#define XSAVE_ALL .xsave = true, .xsaveopt = true, .xsavec = true, .xgetbv1 = true, .xsaves = true

/* The first one is the default. apx enumerates MPX too: rule X09 needs both on one CPU. */
const struct config configs[] = {
	{ "max-intel", 0x602ff, ALL_XSS, INTEL_MXCSR, XSAVE_ALL, .xfd = true },
	{ "sapphire_rapids", 0x602e7, ALL_XSS & ~(BIT(HDC) | BIT(HWP)), INTEL_MXCSR, XSAVE_ALL,
	  .xfd = true, .no_fcs_fds = true, .fdp_only = true },
	{ "zen4", 0x2e7, BIT(CET_U) | BIT(CET_S), AMD_MXCSR, .amd = true, XSAVE_ALL,
	  .always_restores = true },
	{ "tcg", 0x21f, 0, INTEL_MXCSR, .xsave = true, .xsaveopt = true, .xgetbv1 = true },
	{ "sse", 0x3, 0, 0xffbf, .xsave = true },
	{ "compact", 0x7, 0, INTEL_MXCSR, .xsave = true, .xsavec = true, .xgetbv1 = true },
	{ "bulldozer", 0x7, 0, AMD_MXCSR, .amd = true, .xsave = true },
	{ "apx", 0xe02ff, BIT(CET_U) | BIT(CET_S), INTEL_MXCSR, XSAVE_ALL, .xfd = true,
	  .no_fcs_fds = true, .fdp_only = true },
	{ "no-xsave", 0, 0, INTEL_MXCSR, .xsave = false },
	{ 0 },
};

/* As at RESET, but for what every kernel sets: XCR0 is all that can be set at once. */
void machine_reset(const struct config *cpu)
{
	memset(&machine, 0, sizeof(machine));
	machine.cpu = cpu;
	machine.cr0 = CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG;
	machine.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | (cpu->xsave ? CR4_OSXSAVE : 0) |
		      (cpu->xcr0 & BIT(PKRU) ? CR4_PKE : 0);
	machine.mxcsr = MXCSR_INIT;
	fpu_init();
	for (unsigned int i = 0; i < MSR_VALUES; i++)
		machine.msr[i] = msr_initial(i);
	machine.msr[MSR_LBR_DEPTH] = LBR_ENTRIES;
	machine.xcr0 = cpu->xcr0 & BIT(APX) ? cpu->xcr0 & ~MPX_BITS : cpu->xcr0;
	machine.xmodified = UINT64_MAX;
}

bool machine_choose(const char *name)
{
	for (const struct config *c = configs; c->name; c++)
		if (!strcmp(c->name, name)) {
			machine_reset(c);
			return true;
		}
	return false;
}

bool machine_break(const char *name)
{
#define NAME(id, rule, cpu, text) #id,
	static const char *const names[] = { "none", MODEL_FAULTS(NAME) };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name)) {
			model_fault = i;
			return true;
		}
	return false;
}
