/* SPDX-License-Identifier: MIT */
/*
 * Describing a CPU: which instruction, which components, what is refused. Runs on any machine.
 */
#include <string.h>

#include "check.h"
#include "fake_cpuid.h"
#include "xsave.h"

#define C XSAVE_XCOMP_COMPACTED

static void test_cpu_init(void)
{
	static const uint32_t ecx_xsave = 1U << 26;
	struct xsave_cpuid cpuid = MAKE(spr, 0x1f, 10752);
	struct xsave_cpu cpu;

	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 0x602e7, 0), "init");
	check_eq(XSAVE_INSN_XSAVEC, cpu.insn, "init: XSAVEC first");
	check(cpu.compaction && cpu.mask == 0x602e7, "init: everything enabled");
	check_eq(0x202e7, cpu.fit_small, "init: no XTILEDATA in a page");
	check_eq(0x602e7, cpu.fit_large, "init: all in three");
	check_eq(0x200, cpu.keep, "init: PKRU is kept");
	check_eq(0xffff, cpu.mxcsr_mask, "init: MXCSR_MASK");
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 7, 0x1800), "init with IA32_XSS");
	check(cpu.insn == XSAVE_INSN_XSAVES && cpu.mask == 0x1807, "init: XSAVES for CET");
	check_eq(XSAVE_ERR_XCR0, xsave_cpu_init(&cpu, &cpuid, 5, 0), "init: illegal XCR0");
	check_eq(XSAVE_ERR_XCR0, xsave_cpu_init(&cpu, &cpuid, 0x1f, 0), "init: XCR0 not offered");
	check_eq(XSAVE_ERR_XSS, xsave_cpu_init(&cpu, &cpuid, 7, 0x400), "init: IA32_XSS likewise");
	check_eq(XSAVE_ERR_XSS, xsave_cpu_init(&cpu, &cpuid, 0, 0x800), "init: IA32_XSS alone");
	check(cpu.mask == 0x1807, "init: an error changes nothing");
	cpuid.leaf0d[1].eax = XSAVE_D1_XSAVEOPT;
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 0xe7, 0), "init without XSAVEC");
	check(cpu.insn == XSAVE_INSN_XSAVE && !cpu.compaction, "init: XSAVE, not XSAVEOPT");
	put(&cpuid, &(struct row){ 20, 64, 11008, 0 });
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 0x100007, 0), "init: unknown component");
	check_eq(7, cpu.mask, "init: it is not touched");
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 0, 0), "init: CR4.OSXSAVE clear");
	check(cpu.insn == XSAVE_INSN_FXSAVE && cpu.mask == 3, "init: FXSAVE");
	cpuid.leaf1_ecx &= ~ecx_xsave;
	cpuid.leaf1_edx = 0;
	check_eq(XSAVE_ERR_INSN, xsave_cpu_init(&cpu, &cpuid, 7, 0), "init: not even FXSAVE");
	check(cpu.mask == 3, "init: that changes nothing either");
}

static void test_cpu_restrict(void)
{
	struct xsave_cpuid cpuid = MAKE(spr, 0x1d, 0);
	struct xsave_cpu cpu;

	cpuid.leaf0d[1].eax = XSAVE_D1_XSAVEOPT | XSAVE_D1_XSAVEC | XSAVE_D1_XSAVES;
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, 0x602e7, 0x800), "init");
	cpu.keep = 0x204;
	cpu.mxcsr_mask = 0x2ffff;
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVEOPT, 0x40007), "XSAVEOPT");
	check(cpu.insn == XSAVE_INSN_XSAVEOPT && cpu.mask == 0x40007 && cpu.fit_small == 7 &&
		      cpu.fit_large == 0x40007 && cpu.compaction,
	      "restrict: everything follows");
	check(cpu.keep == 0x204 && cpu.mxcsr_mask == 0x2ffff, "restrict: the policies stay");
	check_eq(XSAVE_ERR_MASK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVEC, 0x807), "supervisor");
	check_eq(XSAVE_ERR_MASK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVE, 0x1f), "not enabled");
	check_eq(XSAVE_ERR_MASK, xsave_cpu_restrict(&cpu, XSAVE_INSN_FXSAVE, 7), "FXSAVE of AVX");
	check_eq(XSAVE_ERR_MASK, xsave_cpu_restrict(&cpu, XSAVE_INSN_FXSAVE, 0), "FXSAVE of none");
	check_eq(XSAVE_ERR_INSN, xsave_cpu_restrict(&cpu, XSAVE_INSNS, 1), "no instruction");
	check(cpu.insn == XSAVE_INSN_XSAVEOPT && cpu.mask == 0x40007, "an error changes nothing");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_FXSAVE, 3), "FXSAVE");
	check(!cpu.compaction, "FXRSTOR takes no compacted image");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVES, 0x60ae7), "wider again");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVEC, 0), "a mask of nothing");
	cpu.insns &= ~(1U << XSAVE_INSN_XSAVEC);
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVES, 7), "XSAVES without XSAVEC");
	check(cpu.compaction, "XRSTORS takes compacted images whatever CPUID says of XSAVEC");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVE, 7), "XSAVE without XSAVEC");
	check(!cpu.compaction, "XRSTOR does not");
}

static void test_cpu_distrust(void)
{
	struct xsave_cpu cpu;

	check_eq(XSAVE_OK, xsave_cpu_distrust(&cpu, 0x1602e7 | C), "distrust");
	check(cpu.insn == XSAVE_INSN_XSAVE && !cpu.compaction, "distrust: plain XSAVE");
	check_eq(0x602e7, cpu.mask, "distrust: what is known");
	check_eq(0x202e7, cpu.fit_small, "distrust: small");
	check_eq(0x602e7, cpu.fit_large, "distrust: large");
	check(cpu.keep == 0x200 && cpu.mxcsr_mask == 0xffff, "distrust: policies");
	check_eq(XSAVE_ERR_INSN, xsave_cpu_restrict(&cpu, XSAVE_INSN_XSAVEC, 7), "no XSAVEC");
	check_eq(XSAVE_ERR_XCR0, xsave_cpu_distrust(&cpu, 0), "distrust: no XCR0");
	check_eq(0x602e7, cpu.mask, "distrust: an error changes nothing");
	check(xsave_in_use && xsave_in_use->insn == XSAVE_INSN_XSAVE &&
		      xsave_in_use->mask == XSAVE_USER_MASK && xsave_in_use->keep == 0x200,
	      "before xsave_use(): distrust of everything");
}

static void test_names(void)
{
	static const char *const names[] = { "fxsave", "xsave", "xsaveopt", "xsavec", "xsaves" };

	for (int i = 0; i < XSAVE_INSNS; i++)
		check(!strcmp(xsave_insn_name((enum xsave_insn)i), names[i]), names[i]);
	check(!xsave_insn_name(XSAVE_INSNS), "no name beyond");
	for (int i = XSAVE_OK; i < XSAVE_ERROR_COUNT; i++)
		check(strcmp(xsave_strerror((enum xsave_error)i), "unknown error"), "error text");
	check(!strcmp(xsave_strerror((enum xsave_error)99), "unknown error"), "unknown error");
}

int main(void)
{
	test_cpu_init();
	test_cpu_restrict();
	test_cpu_distrust();
	test_names();
	return check_end();
}
