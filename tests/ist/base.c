/* SPDX-License-Identifier: MIT */
/*
 * The base contexts: what the first event interrupts, and what must be as before when all is over.
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/paging.h>
#include <xtk/string.h>
#include <xtk/thread.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "../machine.h"
#include "engine.h"

#define ABOVE	  256  /* bytes above the base's RSP, which nobody may write */
#define GPRS	  15   /* r15 to rax, at the beginning of struct trap_frame */
#define ABOVE	  256  /* bytes above the base's RSP, which nobody may write */
#define PLANTED	  4096 /* bytes of the task's stack that nobody may write while CPL 3 runs */
#define BASE_SEED 0xba5e
#define BASE_CR2  UINT64_C(0xba5ec2000)
#define DR7_SEED  0x700 /* LE and GE: they enable nothing by themselves */
/* All but TF, RF, VM and virtual interrupts; no interrupt comes. */
#define EFLAGS_OF_BASE                                                                             \
	(EFLAGS_DF | EFLAGS_AC | EFLAGS_NT | EFLAGS_IF | EFLAGS_ID | UINT64_C(0x38d5))
#define NO_STACK UINT64_C(0x00007fffdead1000) /* canonical, and not mapped */

STACK_DEFINE(lab_task, (IST_LEVELS + 1) * IST_LEVEL_SIZE);

static uint64_t rsp_of_task(void)
{
	return stack_top(&lab_task_stack) - ABOVE;
}

static uint64_t rsp_odd(void)
{
	return rsp_of_task() - 3;
}

static uint64_t rsp_nowhere(void)
{
	return NO_STACK;
}

/* The worst that a user can choose: the middle of the frame that the NMI's entry begins with. */
static uint64_t rsp_forged(void)
{
	const struct stack *s = ist_stack(VEC_NMI);

	return (s ? stack_top(s) : NO_STACK) - 0x58;
}

/* In the stack of a task that does not run now. */
static uint64_t rsp_planted(void)
{
	return rsp_of_task() - PLANTED / 2;
}

/* Near the end of the stack where handlers work: whoever goes on below has no room. */
static uint64_t rsp_low(void)
{
	const struct ist_design *d = lab_setup.design;
	const struct stack *s = d->stacks[0] ? d->stacks[0] : d->entry[0].stack;

	return s ? (uint64_t)s->guard + PAGE_SIZE + 256 : NO_STACK;
}

const struct lab_base lab_bases[] = {
	{ "kernel", lab_base_kernel, EFLAGS_CF, rsp_of_task, false, false, NULL },
	{ "user", lab_base_user, EFLAGS_CF, rsp_forged, true, false, NULL },
	{ "gap", lab_syscall_gap_start, 0, rsp_nowhere, false, false, NULL },
	{ "forged", lab_syscall_gap_start, 0, rsp_forged, false, false, NULL },
	{ "planted", lab_base_user, EFLAGS_CF, rsp_planted, true, false, NULL },
	{ "low", lab_base_user, EFLAGS_CF, rsp_low, true, false, NULL },
	{ "flags", lab_base_kernel, EFLAGS_OF_BASE, rsp_of_task, false, false, NULL },
	{ "odd", lab_base_kernel, EFLAGS_DF, rsp_odd, false, false, NULL },
	{ "ts", lab_base_kernel, 0, rsp_of_task, false, true, NULL },
};
const unsigned int lab_base_count = sizeof(lab_bases) / sizeof(lab_bases[0]);

/* Segments and tables, as the instructions store them. */
struct segments {
	uint16_t ds, es, fs, gs, tr, ldtr;
	uint8_t gdtr[10], idtr[10];
};

#define READ(insn)                                                                                 \
	({                                                                                         \
		uint32_t value;                                                                    \
		__asm__ volatile(insn : "=r"(value));                                              \
		(uint16_t) value;                                                                  \
	})

static void read_segments(struct segments *s)
{
	*s = (struct segments){
		.ds = READ("mov %%ds, %0"),
		.es = READ("mov %%es, %0"),
		.fs = READ("mov %%fs, %0"),
		.gs = READ("mov %%gs, %0"),
		.tr = READ("str %0"),
		.ldtr = READ("sldt %0"),
	};
	__asm__ volatile("sgdt (%0)\n\tsidt (%1)" : : "r"(s->gdtr), "r"(s->idtr) : "memory");
}

/* A design that is broken may have left others. */
static void load_segments(const struct segments *s)
{
	__asm__ volatile("mov %0, %%ds\n\tmov %1, %%es\n\tlidt %2"
			 :
			 : "r"(s->ds), "r"(s->es), "m"(s->idtr));
}

static const char *segment_name(unsigned int byte)
{
	static const char *const names[] = { "DS", "ES", "FS", "GS", "TR", "LDTR" };

	if (byte < 12)
		return names[byte / 2];
	return byte < 22 ? "GDTR" : "IDTR";
}

static struct {
	struct machine machine;
	struct trap_frame frame;
	uint64_t ist[8], rsp0;
	struct idt_entry idt[VEC_EXCEPTIONS];
	struct segments segments;
} before;

static struct segments home;
static uint64_t home_rsp0;

/* No case has the values of the one before, so that what that has left behind is no answer. */
static struct xregs patterns[2], pattern, now;
static unsigned int serial;
static uint64_t mask;
static uint64_t threads_before; /* checksum of all areas */
static struct switch_state switch_before;

void base_init(void)
{
	mask = (cpu.has_xsave ? insn_xgetbv(0) : XSAVE_LEGACY_MASK) & XREGS_MASK;
	for (unsigned int i = 0; i < 2; i++)
		xregs_pattern(&patterns[i], mask, BASE_SEED + i);
	read_segments(&home);
	home_rsp0 = tss_rsp0_get();
	write_dr0(BASE_SEED);
	write_dr1(BASE_SEED + 1);
	write_dr2(BASE_SEED + 2);
	write_dr3(BASE_SEED + 3);
	write_dr7(DR7_SEED);
	wrmsr(MSR_FS_BASE, BASE_CR2 + 1);
	wrmsr(MSR_GS_BASE, BASE_CR2 + 2);
	wrmsr(MSR_KERNEL_GS_BASE, BASE_CR2 + 3);
}

struct trap_frame base_context(void)
{
	const struct lab_base *b = lab_setup.base;
	struct trap_frame f = {
		.rip = (uint64_t)b->code,
		.cs = b->user ? SEL_USER_CODE : SEL_KERNEL_CODE,
		.ss = b->user ? SEL_USER_DATA : SEL_KERNEL_DATA,
		.rflags = EFLAGS_FIXED | b->rflags,
		.rsp = b->rsp(),
	};
	uint64_t gprs[GPRS];

	serial++;
	base_load();
	for (unsigned int i = 0; i < GPRS; i++)
		gprs[i] = UINT64_C(0xba5e000000000000) + i * UINT64_C(0x0001000100010001) +
			  ((uint64_t)(serial & 0xfff) << 4);
	memcpy(&f, gprs, sizeof(gprs));
	return f;
}

/* Bytes at the top of the task's stack. */
static size_t watched(void)
{
	return lab_setup.base->user ? PLANTED : ABOVE;
}

void base_load(void)
{
	memset(lab_task + sizeof(lab_task) - watched(), 0xa5, watched());
	clts();
	pattern = patterns[serial % 2];
	xregs_load(&pattern, mask);
	write_cr2(BASE_CR2 + serial % 2);
	if (lab_setup.base->ts)
		write_cr0(read_cr0() | CR0_TS);
}

/* Each quadword counts by its place: no two that change can make up for each other but by chance.
 */
static uint64_t checksum(const void *memory, size_t size)
{
	const uint64_t *p = memory;
	uint64_t sum = 0;

	for (size_t i = 0; i < size / sizeof(*p); i++)
		sum = sum * UINT64_C(6364136223846793005) + p[i];
	return sum;
}

/* A piece of code has its own state in the registers. */
static void take_state(void)
{
	uint64_t cr0 = read_cr0();

	clts();
	xregs_store(&pattern, mask);
	write_cr0(cr0);
	threads_before = checksum(threads, sizeof(threads));
	switch_before = switch_state;
}

void base_begin(const struct trap_frame *frame)
{
	lab_case.base = *frame;
	if (lab_setup.base->window)
		take_state();
	machine_read(&before.machine);
	read_segments(&before.segments);
	before.rsp0 = tss_rsp0_get();
	for (unsigned int slot = IST_DF; slot <= IST_INJECT; slot++)
		before.ist[slot] = tss_ist_get((enum ist_slot)slot);
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++)
		before.idt[v] = idt_get(v);
}

const char *frame_difference(const struct trap_frame *a, const struct trap_frame *b)
{
	static const char *const names[] = { "r15", "r14", "r13", "r12", "r11", "r10", "r9",  "r8",
					     "rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax", NULL,
					     NULL,  "rip", "cs",  NULL,	 "rsp", "ss" };
	const uint64_t *x = &a->r15, *y = &b->r15;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] && x[i] != y[i])
			return names[i];
	}
	return (a->rflags ^ b->rflags) & ~EFLAGS_RF ? "rflags" : NULL;
}

static void check_registers(const struct trap_frame *frame)
{
	const char *different = frame_difference(&lab_case.base, frame);
	struct machine after;
	struct xregs_diff first;

	if (different)
		lab_fail("context", "register=%s", different);
	if (lab_case.real)
		write_dr7(before.machine.dr7); /* a design that puts DR7 back puts ours back */
	machine_read(&after);
	different = machine_difference(&before.machine, &after);
	if (different)
		lab_fail("machine", "register=%s", different);
	clts();
	xregs_store(&now, mask);
	if (xregs_compare(&pattern, &now, mask, &first))
		lab_fail("state", "register=%s", first.name);
	write_cr0(after.cr0);
}

/* Pads included: nothing may write there either. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

/* No task's area and no owner may be written by a handler: which of them is right, only the switch
 * knows. */
static void check_threads(void)
{
	if (!lab_setup.base->window)
		return;
	if (threads_before != checksum(threads, sizeof(threads)))
		lab_fail("task_area", "the area of a thread was written");
	if (!same_bytes(&switch_before, &switch_state, sizeof(switch_before)))
		lab_fail("task_owner", "the owners were written");
}

void base_restore(void)
{
	load_segments(&home);
	tss_rsp0_set(home_rsp0);
}

static void check_tables(void)
{
	struct segments segments;

	read_segments(&segments);
	for (unsigned int i = 0; i < sizeof(segments); i++) {
		if (((uint8_t *)&before.segments)[i] != ((uint8_t *)&segments)[i])
			lab_fail("segments", "register=%s", segment_name(i));
	}
	if (before.rsp0 != tss_rsp0_get())
		lab_fail("rsp0", "rsp0=0x%lx", tss_rsp0_get());
	for (unsigned int slot = IST_DF; slot <= IST_INJECT; slot++) {
		if (before.ist[slot] != tss_ist_get((enum ist_slot)slot))
			lab_fail("ist_pointer", "ist=%u", slot);
	}
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++) {
		struct idt_entry gate = idt_get(v);

		if (memcmp(&before.idt[v], &gate, sizeof(gate)))
			lab_fail("idt", "vec=%u", v);
	}
}

/* Every handler ran as often as its event came; a design may answer several NMIs by one run, if
 * that begins after the last of them. */
static void check_runs(void)
{
	const struct lab_case *c = &lab_case;
	unsigned int due[VEC_EXCEPTIONS] = { 0 }, last_nmi = 0;

	for (unsigned int i = 0; i < c->deliveries; i++) {
		due[c->delivered[i].vector]++;
		if (c->delivered[i].vector == VEC_NMI)
			last_nmi = i + 1;
	}
	if (lab_breakpoint_forget())
		lab_case.verdict.unreachable = true;
	else if (c->begun != c->count || c->nmi_latched)
		lab_fail("not_reached", "event=%u", c->begun);
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++) {
		bool coalesced = v == VEC_NMI && lab_setup.design->coalesces_nmi;

		if (coalesced ? c->nmi_answered < last_nmi : c->ran[v] != due[v])
			lab_fail("lost", "vec=%u ran=%u delivered=%u", v, c->ran[v], due[v]);
	}
	if (c->level)
		lab_fail("unfinished", "level=%u", c->level);
}

static void check_stacks(void)
{
	static uint8_t want[PLANTED];

	memset(want, 0xa5, watched());
	if (memcmp(lab_task + sizeof(lab_task) - watched(), want, watched()))
		lab_fail("task_stack", "bytes that are not the handler's");
}

void base_end(const struct trap_frame *frame)
{
	check_runs();
	check_registers(frame);
	check_tables();
	check_stacks();
	check_threads();
	lab_check_nmi();
}
