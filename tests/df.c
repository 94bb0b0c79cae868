/* SPDX-License-Identifier: MIT */
/*
 * Double faults: on a dead stack, and in the delivery of another exception. The report must hold
 * the values that were in the registers, and the test goes on.
 *
 * Rules: I01; SDM vol. 3, "Interrupt 8—Double Fault Exception (#DF)", "Interrupt Stack Table".
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/df.h>
#include <xtk/fault.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "planted.h"

STACK_DEFINE(stack_dead, PAGE_SIZE);

static struct df_record record;
static void expect_record(uint64_t rsp, uint64_t xcr0)
{
	const struct stack *s = stack_find(record.handler_rsp);

	expect_equal(record.frame.vector, VEC_DF, "-", "vector");
	expect_equal(record.frame.error, 0, "-", "error code");
	expect_equal(record.frame.rsp, rsp, "-", "rsp of the faulting code");
	expect_equal(record.saved & xcr0, xcr0, "-", "components saved");
	expect_true(s && !strcmp(s->name, "stack_df"), "-", "the handler runs on its own stack");
	planted_check(xcr0);
}

/* A push on the guard page: #PF, whose own frame has no place to go. */
XTEST(df, dead_stack, .rules = "I01")
{
	uint64_t xcr0 = insn_xgetbv(0);
	uint64_t rsp = (uint64_t)stack_dead + PAGE_SIZE;

	planted_load(xcr0);
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

	planted_load(xcr0);
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
