/* SPDX-License-Identifier: MIT */
/*
 * Control, debug and model-specific registers, read and compared as one value.
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/test.h>

#include "machine.h"

void machine_read(struct machine *m)
{
	*m = (struct machine){
		.cr0 = read_cr0(),
		.cr2 = read_cr2(),
		.cr3 = read_cr3(),
		.cr4 = read_cr4(),
		.dr0 = read_dr0(),
		.dr1 = read_dr1(),
		.dr2 = read_dr2(),
		.dr3 = read_dr3(),
		.dr6 = read_dr6(),
		.dr7 = read_dr7(),
		.fs_base = rdmsr(MSR_FS_BASE),
		.gs_base = rdmsr(MSR_GS_BASE),
		.kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE),
		.efer = rdmsr(MSR_EFER),
		.xcr0 = cpu.has_xsave ? insn_xgetbv(0) : 0,
		.xss = cpu.xsaves ? rdmsr(MSR_XSS) : 0,
		.xfd = cpu.xfd ? rdmsr(MSR_XFD) : 0,
	};
}

static void msr_write(uint32_t msr, uint64_t is, uint64_t want)
{
	if (is != want)
		wrmsr(msr, want);
}

void machine_write(const struct machine *m)
{
	struct machine now;

	machine_read(&now);
	if (now.cr3 != m->cr3)
		write_cr3(m->cr3);
	write_cr0(m->cr0);
	write_cr2(m->cr2);
	if (now.cr4 != m->cr4)
		write_cr4(m->cr4);
	write_dr7(m->dr7);
	write_dr0(m->dr0);
	write_dr1(m->dr1);
	write_dr2(m->dr2);
	write_dr3(m->dr3);
	write_dr6(m->dr6);
	if (now.xcr0 != m->xcr0)
		insn_xsetbv(0, m->xcr0);
	msr_write(MSR_FS_BASE, now.fs_base, m->fs_base);
	msr_write(MSR_GS_BASE, now.gs_base, m->gs_base);
	msr_write(MSR_KERNEL_GS_BASE, now.kernel_gs_base, m->kernel_gs_base);
	msr_write(MSR_EFER, now.efer, m->efer);
	msr_write(MSR_XSS, now.xss, m->xss);
	msr_write(MSR_XFD, now.xfd, m->xfd);
}

static const char *const names[] = {
	"CR0",		"CR2",	     "CR3",  "CR4",	 "DR0",	     "DR1",
	"DR2",		"DR3",	     "DR6",  "DR7",	 "FS.base",  "GS.base",
	"KernelGSbase", "IA32_EFER", "XCR0", "IA32_XSS", "IA32_XFD",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == sizeof(struct machine) / sizeof(uint64_t),
	       "a name for every field");

void machine_check(const struct machine *want, const struct machine *got, const char *rule,
		   const char *where)
{
	const uint64_t *w = &want->cr0, *g = &got->cr0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_equal(g[i], w[i], rule, "%s register=%s", where, names[i]);
}

const char *machine_difference(const struct machine *want, const struct machine *got)
{
	const uint64_t *w = &want->cr0, *g = &got->cr0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (w[i] != g[i])
			return names[i];
	}
	return NULL;
}
