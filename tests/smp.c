/* SPDX-License-Identifier: MIT */
/*
 * A second CPU: what it has when it starts, what INIT leaves as it is, and which registers each CPU
 * has for itself.
 *
 * Rules: X01, S02, I03, I06, G02; SDM vol. 3, "Processor State After Reset", "MP Initialization
 * Protocol Algorithm for MP Systems"; vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled
 * Features", "SSE and SSE2 State" (INIT does not change it).
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/smp.h>
#include <xtk/test.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "context.h"

#define CPUID1_ECX_OSXSAVE 27
/* Bound registers and tiles are not in the SDM's table of what INIT keeps. */
#define KEPT                                                                                       \
	(XSAVE_MASK(XSAVE_X87) | XSAVE_MASK(XSAVE_SSE) | XSAVE_MASK(XSAVE_AVX) |                   \
	 XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM) |     \
	 XSAVE_MASK(XSAVE_PKRU))

static struct xregs want, got;

/* Return: whether the test is skipped. */
static bool start_or_skip(void)
{
	const char *missing = smp_start();

	if (missing)
		test_skip("%s", missing);
	return missing;
}

static bool osxsave(void)
{
	return cpuid(1, 0).ecx >> CPUID1_ECX_OSXSAVE & 1;
}

/* -- what the second CPU does -------------------------------------------------------------------*/

static uint64_t set_xcr0(void *value)
{
	insn_xsetbv(0, *(const uint64_t *)value);
	return insn_xgetbv(0);
}

static uint64_t get_xcr0(void *unused)
{
	(void)unused;
	return insn_xgetbv(0);
}

static uint64_t get_size(void *unused)
{
	(void)unused;
	return cpuid(0xd, 0).ebx;
}

static uint64_t get_osxsave(void *unused)
{
	(void)unused;
	return osxsave();
}

static uint64_t toggle_osxsave(void *unused)
{
	(void)unused;
	write_cr4(read_cr4() ^ CR4_OSXSAVE);
	return osxsave();
}

/* An MSR, and a value that it can take. */
struct setting {
	const char *name;
	uint32_t msr;
	uint64_t value;
};

static uint64_t set_msr(void *setting)
{
	const struct setting *s = setting;

	wrmsr(s->msr, s->value);
	return rdmsr(s->msr);
}

static uint64_t get_msr(void *setting)
{
	return rdmsr(((const struct setting *)setting)->msr);
}

static uint64_t load_registers(void *mask)
{
	xregs_load(&want, *(const uint64_t *)mask);
	return 0;
}

static uint64_t store_registers(void *mask)
{
	xregs_store(&got, *(const uint64_t *)mask);
	return 0;
}

/* -- and what is judged -------------------------------------------------------------------------*/

/* The work of the second CPU must give @expected. */
static void expect_second(uint64_t (*function)(void *argument), void *argument, uint64_t expected,
			  const char *rule, const char *where)
{
	uint64_t value;

	if (smp_call(function, argument, &value))
		expect_equal(value, expected, rule, "the second CPU: %s", where);
}

XTEST(smp, starts_with_the_state_of_reset, .rules = "X01 S02 G02")
{
	const struct smp_first *reset = smp_reset();

	if (start_or_skip())
		return;
	expect_equal(reset->xcr0, 1, "X01", "XCR0 of the second CPU at its first start");
	if (cpu.xsaves)
		expect_equal(reset->xss, 0, "S02", "IA32_XSS of the second CPU at its first start");
	expect_equal(reset->osxsave, !!(reset->cr4 & CR4_OSXSAVE), "G02",
		     "CPUID.1:ECX[27] and CR4.OSXSAVE of the second CPU at its first start");
	smp_stop();
}

static void check_kept(uint64_t mask)
{
	uint64_t all = xcr0_largest(), value;
	struct xregs_diff first;

	expect_equal(smp_first()->xcr0, all, "X01", "XCR0 of the second CPU after INIT");
	if (!smp_call(set_xcr0, &all, &value) || !smp_call(store_registers, &mask, &value))
		return;
	if (xregs_compare(&want, &got, mask, &first))
		context_fail(&first, "I03", "the second CPU after INIT");
	else
		test_checked("I03", 1);
}

XTEST(smp, init_keeps_extended_state, .rules = "X01 G02 I03")
{
	uint64_t all = xcr0_largest(), mask = all & xregs_cpu.mask & KEPT, value;
	const struct smp_first *first = smp_first();

	if (start_or_skip())
		return;
	xregs_pattern(&want, mask, options.seed);
	if (smp_call(set_xcr0, &all, &value) && smp_call(load_registers, &mask, &value) &&
	    !smp_start()) {
		expect_equal(first->osxsave, !!(first->cr4 & CR4_OSXSAVE), "G02",
			     "CPUID.1:ECX[27] and CR4.OSXSAVE of the second CPU after INIT");
		check_kept(mask);
	}
	smp_stop();
}

XTEST(smp, xcr0_is_per_cpu, .rules = "I06 C02")
{
	uint64_t mine = insn_xgetbv(0), its = mine == 1 ? 3 : 1;
	uint32_t size = cpuid(0xd, 0).ebx;

	if (start_or_skip())
		return;
	expect_second(set_xcr0, &its, its, "I06", "XCR0 when it has set it");
	expect_equal(insn_xgetbv(0), mine, "I06", "XCR0 when the second CPU has set its own");
	expect_equal(cpuid(0xd, 0).ebx, size, "I06", "CPUID.(0DH,0):EBX likewise");
	expect_second(get_size, NULL, 576, "C02", "CPUID.(0DH,0):EBX with XCR0 = 1 or 3");
	xcr0_set(mine == 3 ? 1 : 3);
	expect_second(get_xcr0, NULL, its, "I06", "XCR0 when the first has set its own");
	xcr0_set(mine);
	smp_stop();
}

XTEST(smp, osxsave_is_per_cpu, .rules = "I06 G02")
{
	if (start_or_skip())
		return;
	expect_second(get_osxsave, NULL, 1, "G02", "CPUID.1:ECX[27], OSXSAVE=1");
	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	expect_equal(osxsave(), 0, "G02", "CPUID.1:ECX[27], OSXSAVE=0");
	expect_second(get_osxsave, NULL, 1, "I06", "CPUID.1:ECX[27] when the first clears OSXSAVE");
	write_cr4(read_cr4() | CR4_OSXSAVE);
	expect_second(toggle_osxsave, NULL, 0, "G02", "CPUID.1:ECX[27] when it clears OSXSAVE");
	expect_equal(osxsave(), 1, "I06", "CPUID.1:ECX[27] when the second CPU clears OSXSAVE");
	expect_second(toggle_osxsave, NULL, 1, "G02", "CPUID.1:ECX[27] when it sets OSXSAVE");
	smp_stop();
}

static void check_msr(struct setting *s)
{
	struct setting zero = { s->name, s->msr, 0 };

	expect_second(set_msr, &zero, 0, "I06", s->name);
	expect_second(set_msr, s, s->value, "I06", s->name);
	expect_equal(rdmsr(s->msr), 0, "I06", "%s when the second CPU has set its own", s->name);
	expect_second(set_msr, &zero, 0, "I06", s->name);
	wrmsr(s->msr, s->value);
	expect_second(get_msr, s, 0, "I06", s->name);
	wrmsr(s->msr, 0);
}

XTEST(smp, xss_and_xfd_are_per_cpu, .rules = "I06")
{
	struct setting xss = { "IA32_XSS", MSR_XSS, cpu.xss_supported & -cpu.xss_supported };
	struct setting xfd = { "IA32_XFD", MSR_XFD, XSAVE_MASK(XSAVE_XTILEDATA) };
	bool has_xfd = cpu.xfd && cpu.xcr0_supported & xfd.value;

	if (!xss.value && !has_xfd) {
		test_skip("CPUID.(0DH,1):EDX:ECX and EAX[4]: no bit of IA32_XSS and no XFD");
		return;
	}
	if (start_or_skip())
		return;
	if (xss.value)
		check_msr(&xss);
	if (has_xfd)
		check_msr(&xfd);
	smp_stop();
}
