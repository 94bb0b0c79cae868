/* SPDX-License-Identifier: MIT */
/*
 * Double faults: on a dead stack, and in the delivery of another exception. The report must hold
 * the values that were in the registers, and the test goes on.
 *
 * Rules: I01; SDM vol. 3, "Interrupt 8—Double Fault Exception (#DF)", "Interrupt Stack Table".
 */
#include <insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/df.h>
#include <xtk/fault.h>
#include <xtk/options.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "context.h"

STACK_DEFINE(stack_dead, PAGE_SIZE);

static struct df_record record;
static struct xregs planted, kept;
static char report[16 * 1024];

static void plant(uint64_t xcr0)
{
	xregs_pattern(&planted, xcr0, options.seed + 77);
	xregs_load(&planted, xcr0);
	console_capture(report, sizeof(report));
}

static bool contains(const char *text, const char *part)
{
	size_t n = strlen(part);

	for (; *text; text++) {
		if (starts_with(text, part))
			return n != 0;
	}
	return false;
}

static void expect_reported(const uint8_t *bytes, size_t size, const char *name, unsigned int i)
{
	char hex[80];
	size_t at = 0;

	for (size_t k = 0; k < size; k++)
		at += format_text(hex + at, sizeof(hex) - at, "%02x", bytes[k]);
	expect_true(contains(report, hex), "I01", "the report holds %s%u = %s", name, i, hex);
}

static void expect_planted_values(uint64_t xcr0)
{
	console_capture(NULL, 0);
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_SSE); i++)
		expect_reported(planted.vector[i], 16, "xmm", i);
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_AVX); i++)
		expect_reported(planted.vector[i] + XREGS_YMM_HI128, 16, "YMM_Hi128 of ymm", i);
	for (unsigned int i = 0; i < 16 && xcr0 & XSAVE_MASK(XSAVE_ZMM_HI256); i++)
		expect_reported(planted.vector[i] + XREGS_ZMM_HI256, 32, "ZMM_Hi256 of zmm", i);
	for (unsigned int i = 16; i < 32 && xcr0 & XSAVE_MASK(XSAVE_HI16_ZMM); i++)
		expect_reported(planted.vector[i], 32, "Hi16_ZMM, zmm", i);
	for (unsigned int i = 0; i < 8; i++)
		expect_reported(planted.x87.st[i], 10, "st", i);
	if (xcr0 & XSAVE_MASK(XSAVE_PKRU))
		expect_reported((const uint8_t *)&planted.pkru, 4, "pkru", 0);
}

static void expect_state_kept(uint64_t xcr0)
{
	struct xregs_diff first;

	xregs_store(&kept, xcr0);
	if (xregs_compare(&planted, &kept, xcr0, &first))
		context_fail(&first, "I01", "after #DF");
	else
		test_checked(1);
}

static void expect_record(uint64_t rsp, uint64_t xcr0)
{
	const struct stack *s = stack_find(record.handler_rsp);

	expect_equal(record.frame.vector, VEC_DF, "-", "vector");
	expect_equal(record.frame.error, 0, "-", "error code");
	expect_equal(record.frame.rsp, rsp, "-", "rsp of the faulting code");
	expect_equal(record.saved & xcr0, xcr0, "-", "components saved");
	expect_true(s && !strcmp(s->name, "stack_df"), "-", "the handler runs on its own stack");
	expect_planted_values(xcr0);
	expect_state_kept(xcr0);
}

/* A push on the guard page: #PF, whose own frame has no place to go. */
XTEST(df, dead_stack, .rules = "I01")
{
	uint64_t xcr0 = insn_xgetbv(0);
	uint64_t rsp = (uint64_t)stack_dead + PAGE_SIZE;

	plant(xcr0);
	if (df_expected(&record))
		__asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(rsp) : "memory");
	if (df_disarm())
		test_error("no #DF came");
	expect_record(rsp, xcr0);
	expect_equal(record.cr2, rsp - 8, "-", "CR2 is the address of the push");
}

/* #GP whose gate is not present: a contributory exception in the delivery of another one. */
XTEST(df, fault_in_delivery, .rules = "I01")
{
	uint64_t xcr0 = insn_xgetbv(0);
	struct idt_entry old;
	static uint64_t rsp; /* not a register: those do not come back */

	plant(xcr0);
	old = idt_clear(VEC_GP);
	if (df_expected(&record))
		__asm__ volatile("mov %%rsp, %0\n\tmovb (%1), %%al"
				 : "=m"(rsp)
				 : "r"(UINT64_C(1) << 63)
				 : "rax", "memory");
	idt_restore(VEC_GP, old);
	if (df_disarm())
		test_error("no #DF came");
	expect_record(rsp, xcr0);
}
