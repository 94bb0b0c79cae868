/* SPDX-License-Identifier: MIT */
/*
 * The survey of the CPU, and turning on what it has: CR0, CR4, XCR0, IA32_XSS.
 *
 * Sources: SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features"; vol. 3,
 * "Control Registers".
 */
#include <xsave/insn.h>
#include <xsave.h>
#include <xtk/cpu.h>
#include <xtk/fault.h>
#include <xtk/panic.h>
#include <xtk/xstate.h>

#include "boot.h"

#define BNDCFGS_EN	    1
#define BNDCFGS_BNDPRESERVE 2

struct cpu cpu;
struct xsave_cpu boot_xsave_cpu, kernel_xsave_cpu;
static struct xsave_cpuid xsave_cpuid;

static void survey_xsave(void)
{
	uint32_t d1 = xsave_cpuid.leaf0d[1].eax;

	cpu.xcr0_supported = xsave_cpuid_xcr0(&xsave_cpuid);
	cpu.xss_supported = xsave_cpuid_xss(&xsave_cpuid);
	cpu.xgetbv1 = d1 & XSAVE_D1_XGETBV1;
	cpu.xsaves = d1 & XSAVE_D1_XSAVES;
	cpu.xfd = d1 & XSAVE_D1_XFD;
}

void cpu_survey(void)
{
	uint32_t max = cpuid(0, 0).eax;
	struct cpuid_regs r = cpuid(1, 0);

	cpu.mce = r.edx >> 7 & 1;
	cpu.apic = r.edx >> 9 & 1;
	cpu.x2apic = r.ecx >> 21 & 1;
	cpu.xsave_in_cpuid = r.ecx >> 26 & 1;
	xsave_cpuid_read(&xsave_cpuid);
	if (cpu.xsave_in_cpuid)
		survey_xsave();
	cpu.nx = cpuid(0x80000001, 0).edx >> 20 & 1;
	if (max >= 7) {
		r = cpuid(7, 0);
		cpu.mpx = r.ebx >> 14 & 1;
		cpu.pku = r.ecx >> 3 & 1;
	}
}

/* What must be on before the first instruction of the XSAVE family. */
void cpu_enable(void)
{
	/* the kernel itself uses the user pages of the probes; firmware may have forbidden that */
	uint64_t cr4 = (read_cr4() & ~(CR4_SMEP | CR4_SMAP)) | CR4_OSFXSR | CR4_OSXMMEXCPT;

	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
	if (cpu.mce)
		cr4 |= CR4_MCE;
	if (cpu.pku)
		cr4 |= CR4_PKE;
	write_cr4(cr4);
	/* an engine that refuses it breaks rule G01, for osxsave/ to say; the rest goes on without
	 */
	cpu.has_xsave = cpu.xsave_in_cpuid && write_cr4_safe(cr4 | CR4_OSXSAVE) == NO_FAULT;
	__asm__ volatile("fninit");
}

/* "AuthenticAMD" or "HygonGenuine": their standard format has no place for MPX. */
static bool vendor_is_amd(void)
{
	uint32_t first = cpuid(0, 0).ebx;

	return first == 0x68747541 || first == 0x6f677948;
}

/*
 * Where CPUID contradicts the manuals or itself, as with some emulators, the library works from
 * constants, with the instructions that the CPU has; a test says what is wrong with CPUID.
 */
static void describe_cpu(uint64_t xcr0)
{
	if (xsave_cpu_init(&boot_xsave_cpu, &xsave_cpuid, xcr0, 0) == XSAVE_OK)
		return;
	BUG_ON(xsave_cpu_distrust(&boot_xsave_cpu, xcr0) != XSAVE_OK);
	boot_xsave_cpu.insns = xsave_cpuid_insns(&xsave_cpuid, xcr0);
	boot_xsave_cpu.layout = vendor_is_amd() ? xsave_layout_amd : xsave_layout_intel;
}

/*
 * XCR0 gets every component that the CPU offers and the rules allow together; IA32_XSS gets none,
 * because no thread of ours owns supervisor state.
 */
void cpu_enable_xstate(void)
{
	uint64_t xcr0 = 0;

	if (cpu.has_xsave) {
		xcr0 = xcr0_enable();
		cpu.xsaves = cpu.xsaves && wrmsr_safe(MSR_XSS, 0) == NO_FAULT;
		if (cpu.mpx && (xcr0 & XSAVE_MASK(XSAVE_BNDREGS)))
			wrmsr(MSR_BNDCFGS, BNDCFGS_EN | BNDCFGS_BNDPRESERVE);
	}
	describe_cpu(xcr0);
	boot_xsave_cpu.keep = 0; /* a load is exact: PKRU belongs to the thread like all else */
	kernel_xsave_cpu = boot_xsave_cpu;
	BUG_ON(xsave_cpu_restrict(&kernel_xsave_cpu,
				  cpu.has_xsave ? XSAVE_INSN_XSAVE : XSAVE_INSN_FXSAVE,
				  boot_xsave_cpu.enabled) != XSAVE_OK);
	xsave_use(&kernel_xsave_cpu);
}
