/* SPDX-License-Identifier: MIT */
/*
 * probe_ops of the kernel: an instruction at CPL 0 or 3, in 64-bit or compatibility mode, between
 * control registers of the probe's own. Other modes are in real.c.
 *
 * In compatibility mode the upper halves of the registers and R8-R15 are no values (SDM vol. 1,
 * "General-Purpose Registers in 64-Bit Mode"): the result has them as they were put in.
 *
 * One CPU at a time runs probes.
 *
 * Sources: SDM vol. 2, "IRET/IRETD/IRETQ"; vol. 3, "IA-32e Mode Operation", "Protection Keys";
 * vol. 1, "Operation of XRSTOR" (the initial configuration).
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/paging.h>
#include <xtk/probe.h>
#include <xtk/stack.h>
#include <xtk/trap.h>

#include "desc.h"
#include "probe.h"
#include "probe_modes.h"
#include "pte.h"

#define MSR_XFD_ERR  0x1c5
#define FLAGS	     UINT64_C(0x40cd5) /* CF PF AF ZF SF DF OF AC */
#define LOW_HALF     UINT64_C(0xffffffff)
#define PTE_KEY(key) ((uint64_t)(key) << 59)

_Static_assert(offsetof(struct probe_gprs, rdi) == 5 * 8 &&
		       offsetof(struct probe_gprs, r15) == 14 * 8 &&
		       offsetof(struct probe_gprs, rflags) == 15 * 8,
	       "probe.asm knows the order of the registers");

/* CPL 3 enters the kernel on it, and code in compatibility mode has it for its own stack. */
STACK_DEFINE(stack_probe, 16 * 1024);

/* The arena between two pages that are not there. */
static uint8_t arena_pages[PROBE_ARENA_PAGES + 2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* What on_fault() must know of the probe that runs. */
static struct {
	uint64_t cs, rip;
	struct probe_result *result;
} running;

static bool protect(unsigned int page, enum probe_access access, unsigned int key)
{
	static const uint64_t bits[] = {
		[PROBE_READ_WRITE] = PTE_PRESENT | PTE_USER | PTE_WRITE,
		[PROBE_READ_ONLY] = PTE_PRESENT | PTE_USER,
		[PROBE_NOT_PRESENT] = 0,
	};
	uint64_t address = (uint64_t)arena_pages[page + 1];
	uint64_t no_execute = bits[access] && cpu.nx ? PTE_NX : 0;

	if (page >= PROBE_ARENA_PAGES || (key && !(read_cr4() & CR4_PKE)))
		return false;
	page_protect((void *)address, address | bits[access] | PTE_KEY(key) | no_execute);
	return true;
}

/* Everything that only probes need is made when the first one runs. */
static void prepare(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	page_protect(arena_pages[0], 0);
	page_protect(arena_pages[PROBE_ARENA_PAGES + 1], 0);
	for (unsigned int page = 0; page < PROBE_ARENA_PAGES; page++)
		protect(page, PROBE_READ_WRITE, 0);
	probe_code_init();
	gdt_base_set(SEL_ARENA16, (uint32_t)(uint64_t)arena_pages[1]);
	gdt_base_set(SEL_KERNEL_CODE16, (uint32_t)(uint64_t)probe_code_pages);
	gdt_base_set(SEL_USER_CODE16, (uint32_t)(uint64_t)probe_code_pages);
	tss.rsp[0] = stack_top(&stack_probe_stack);
}

static uint32_t stmxcsr(void)
{
	uint32_t value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

/*
 * XRSTOR with XSTATE_BV = 0: the only way to XINUSE = 0. It loads MXCSR from the image when RFBM
 * has SSE or AVX, so MXCSR gets its initial value only with SSE.
 */
static void init_components(uint64_t mask)
{
	static struct xsave_large image;

	if (!mask)
		return;
	image.legacy.mxcsr = mask & XSAVE_MASK(XSAVE_SSE) ? XSAVE_DEFAULT_MXCSR : stmxcsr();
	insn_xrstor(&image, mask);
}

static uint64_t xinuse(void)
{
	uint64_t value = 0;

	if (cpu.xgetbv1)
		insn_xgetbv_safe(1, &value);
	return value;
}

/*
 * To load one part of a register may put another in use, as the CPU sees it. Where XINUSE told that
 * the initial configuration was noticed, that is taken back; elsewhere nothing would be won, and a
 * broken XRSTOR would spoil what was loaded.
 */
static void put_state(const struct probe *p)
{
	uint64_t init = p->init & ~p->load, noticed;

	init_components(init);
	noticed = init ? init & ~xinuse() : 0;
	if (!p->load)
		return;
	xregs_load(p->regs, p->load);
	if (noticed)
		init_components(noticed & xinuse());
}

static void gprs_of_frame(struct probe_gprs *g, const struct trap_frame *f)
{
	*g = (struct probe_gprs){
		.rax = f->rax,
		.rbx = f->rbx,
		.rcx = f->rcx,
		.rdx = f->rdx,
		.rsi = f->rsi,
		.rdi = f->rdi,
		.rbp = f->rbp,
		.r8 = f->r8,
		.r9 = f->r9,
		.r10 = f->r10,
		.r11 = f->r11,
		.r12 = f->r12,
		.r13 = f->r13,
		.r14 = f->r14,
		.r15 = f->r15,
		.rflags = f->rflags,
	};
}

/* A fault in the probe's code is its result; any other is not ours. */
static bool on_fault(struct trap_frame *frame)
{
	struct probe_result *r = running.result;

	if (frame->cs != running.cs || frame->rip - running.rip >= PROBE_CODE_SIZE)
		return false;
	r->fault = FAULT_OF(frame->vector, frame->error);
	if (frame->vector == VEC_PF)
		r->cr2 = read_cr2();
	gprs_of_frame(&r->gprs, frame);
	frame->rip = (uint64_t)probe_leave;
	frame->cs = SEL_KERNEL_CODE;
	frame->ss = SEL_KERNEL_DATA;
	frame->rsp = probe_rsp;
	frame->rflags = EFLAGS_FIXED;
	return true;
}

static const enum vector faults[] = { VEC_DB, VEC_BP, VEC_UD, VEC_NM, VEC_NP, VEC_SS,
				      VEC_GP, VEC_PF, VEC_MF, VEC_AC, VEC_XM };
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void enter_by_iret(const struct probe *p)
{
	static const uint16_t code[PROBE_COMPAT16 + 1][2] = {
		[PROBE_64] = { SEL_KERNEL_CODE, SEL_USER_CODE },
		[PROBE_COMPAT32] = { SEL_KERNEL_CODE32, SEL_USER_CODE32 },
		[PROBE_COMPAT16] = { SEL_KERNEL_CODE16, SEL_USER_CODE16 },
	};
	struct probe_target to = {
		.rip = probe_code(p->insn, PROBE_EXIT_INT),
		.cs = code[p->mode][p->cpl == 3],
		.rflags = EFLAGS_FIXED | (p->gprs.rflags & FLAGS),
		.rsp = stack_top(&stack_probe_stack),
		.ss = p->cpl == 3 ? SEL_USER_DATA : SEL_KERNEL_DATA,
	};

	if (p->mode == PROBE_COMPAT16)
		to.rip -= (uint64_t)probe_code_pages;
	running.cs = to.cs;
	running.rip = to.rip;
	probe_iret(&p->gprs, &to, p->mode == PROBE_COMPAT16 ? SEL_ARENA16 : SEL_USER_DATA);
	segments_load(SEL_KERNEL_DATA);
}

static void enter_by_jump(const struct probe *p)
{
	running.cs = SEL_KERNEL_CODE;
	running.rip = probe_code(p->insn, PROBE_EXIT_JUMP);
	probe_jump(&p->gprs, running.rip, EFLAGS_FIXED | (p->gprs.rflags & FLAGS));
}

/* The one way in and out of the instruction, with the control registers as they are. */
static void execute(const struct probe *p, struct probe_result *r)
{
	trap_handler old[FAULTS];

	r->fault = NO_FAULT;
	running.result = r;
	probe_out = &r->gprs;
	for (size_t i = 0; i < FAULTS; i++)
		old[i] = trap_install(faults[i], on_fault);
	if (p->mode == PROBE_64 && p->cpl == 0)
		enter_by_jump(p);
	else
		enter_by_iret(p);
	for (size_t i = 0; i < FAULTS; i++)
		trap_install(faults[i], old[i]);
}

static void execute_flipped(const struct probe *p, struct probe_result *r)
{
	uint64_t cr0 = read_cr0(), cr4 = read_cr4();
	uint64_t efer = p->efer_flip ? rdmsr(MSR_EFER) : 0;

	if (p->efer_flip)
		wrmsr(MSR_EFER, efer ^ p->efer_flip);
	if (p->cr4_flip)
		write_cr4(cr4 ^ p->cr4_flip);
	if (p->cr0_flip)
		write_cr0(cr0 ^ p->cr0_flip);
	if (p->mode > PROBE_COMPAT16)
		probe_legacy_run(p, r);
	else
		execute(p, r);
	if (p->cr0_flip)
		write_cr0(cr0);
	if (p->cr4_flip)
		write_cr4(cr4);
	if (p->efer_flip)
		wrmsr(MSR_EFER, efer);
}

/* What the SDM leaves undefined when 64-bit mode is left is as it was put in. */
static void keep_upper_halves(struct probe_gprs *out, const struct probe_gprs *in)
{
	uint64_t *o = &out->rax;
	const uint64_t *i = &in->rax;

	for (; o < &out->r8; o++, i++)
		*o = (*o & LOW_HALF) | (*i & ~LOW_HALF);
	for (; o < &out->rflags; o++, i++)
		*o = *i;
}

static void run(const struct probe *p, struct probe_result *r)
{
	prepare();
	put_state(p);
	execute_flipped(p, r);
	r->gprs.rflags &= FLAGS;
	if (p->mode != PROBE_64)
		keep_upper_halves(&r->gprs, &p->gprs);
	if (p->store)
		xregs_store(&r->regs, p->store);
}

static const char *why_not(const struct probe *p)
{
	return p->mode > PROBE_COMPAT16 ? probe_legacy_why_not(p) : NULL;
}

static bool can_set(enum probe_register reg)
{
	const bool can[PROBE_REGISTERS] = {
		[PROBE_XCR0] = cpu.has_xsave,
		[PROBE_XSS] = cpu.xsaves,
		[PROBE_XFD] = cpu.xfd,
		[PROBE_XFD_ERR] = cpu.xfd,
	};

	return can[reg];
}

static const uint32_t msr_of[PROBE_REGISTERS] = {
	[PROBE_XSS] = MSR_XSS,
	[PROBE_XFD] = MSR_XFD,
	[PROBE_XFD_ERR] = MSR_XFD_ERR,
};

static uint64_t get(enum probe_register reg)
{
	if (!can_set(reg))
		return 0;
	return reg == PROBE_XCR0 ? insn_xgetbv(0) : rdmsr(msr_of[reg]);
}

static fault_t set(enum probe_register reg, uint64_t value)
{
	return reg == PROBE_XCR0 ? insn_xsetbv_safe(0, value) : wrmsr_safe(msr_of[reg], value);
}

static const struct probe_ops kernel_ops = {
	.name = "kernel",
	.arena = arena_pages[1],
	.why_not = why_not,
	.run = run,
	.cpuid = cpuid,
	.can_set = can_set,
	.get = get,
	.set = set,
	.protect = protect,
};
const struct probe_ops *const probe_ops = &kernel_ops;
