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

void machine_check(const struct machine *want, const struct machine *got, const char *rule,
		   const char *where)
{
	static const char *const names[] = {
		"CR0",		"CR2",	     "CR3",  "CR4",	 "DR0",	     "DR1",
		"DR2",		"DR3",	     "DR6",  "DR7",	 "FS.base",  "GS.base",
		"KernelGSbase", "IA32_EFER", "XCR0", "IA32_XSS", "IA32_XFD",
	};
	const uint64_t *w = &want->cr0, *g = &got->cr0;

	_Static_assert(sizeof(names) / sizeof(names[0]) ==
			       sizeof(struct machine) / sizeof(uint64_t),
		       "a name for every field");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_equal(g[i], w[i], rule, "%s register=%s", where, names[i]);
}
