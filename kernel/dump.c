/* SPDX-License-Identifier: MIT */
/*
 * The report of an exception, line by line behind `# `.
 */
#include <stdbool.h>

#include <xsave/insn.h>
#include <xsave.h>
#include <xtk/cpu.h>
#include <xtk/fault.h>
#include <xtk/print.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/xstate.h>

#include "dump.h"

#define LINE		    32
#define LINES_PER_COMPONENT 32 /* Hi16_ZMM in full, of the tiles the first rows */
#define BACKTRACE_DEPTH	    24

void dump_frame(const struct trap_frame *f)
{
	char text[FAULT_TEXT_SIZE];

	print("# exception %s rip=0x%016lx error=0x%lx\n",
	      fault_text(FAULT_OF(f->vector, f->error), text), f->rip, f->error);
	print("# cs=0x%lx rflags=0x%lx rsp=0x%016lx ss=0x%lx\n", f->cs, f->rflags, f->rsp, f->ss);
	print("# rax=0x%016lx rbx=0x%016lx rcx=0x%016lx rdx=0x%016lx\n", f->rax, f->rbx, f->rcx,
	      f->rdx);
	print("# rsi=0x%016lx rdi=0x%016lx rbp=0x%016lx r8 =0x%016lx\n", f->rsi, f->rdi, f->rbp,
	      f->r8);
	print("# r9 =0x%016lx r10=0x%016lx r11=0x%016lx r12=0x%016lx\n", f->r9, f->r10, f->r11,
	      f->r12);
	print("# r13=0x%016lx r14=0x%016lx r15=0x%016lx\n", f->r13, f->r14, f->r15);
}

void dump_control_registers(void)
{
	print("# cr0=0x%lx cr2=0x%lx cr3=0x%lx cr4=0x%lx\n", read_cr0(), read_cr2(), read_cr3(),
	      read_cr4());
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	while (size--) {
		if (*bytes++)
			return false;
	}
	return true;
}

/* One part of an area, 32 bytes a line; lines that are all zero say nothing. */
static void dump_bytes(const char *name, const uint8_t *bytes, size_t size)
{
	unsigned int lines = 0, more = 0;

	for (size_t at = 0; at < size; at += LINE) {
		size_t n = size - at < LINE ? size - at : LINE;

		if (all_zero(bytes + at, n))
			continue;
		if (++lines > LINES_PER_COMPONENT) {
			more++;
			continue;
		}
		print("# %-11s +0x%03zx ", name, at);
		for (size_t i = 0; i < n; i++)
			print("%02x", bytes[at + i]);
		print("\n");
	}
	if (more)
		print("# %-11s %u more lines\n", name, more);
}

static void dump_component(const uint8_t *area, size_t size, unsigned int bit, uint64_t xcomp_bv)
{
	const struct xsave_component *c = xsave_component(bit);
	size_t offset = xsave_offset(&boot_xsave_cpu.layout, xcomp_bv, bit);

	if (bit == XSAVE_X87) {
		dump_bytes("x87", area, 24);
		dump_bytes("x87 ST", area + 32, 128);
	} else if (bit == XSAVE_SSE) {
		dump_bytes("MXCSR", area + 24, 8);
		dump_bytes("SSE", area + 160, 256);
	} else if (c && offset && offset + c->size <= size) {
		dump_bytes(c->name, area + offset, c->size);
	}
}

void dump_state(const void *area, size_t size)
{
	const struct xsave *x = area;
	uint64_t xcr0 = cpu.has_xsave ? insn_xgetbv(0) : 0;

	print("# xcr0=0x%lx xss=0x%lx xstate_bv=0x%lx xcomp_bv=0x%lx", xcr0,
	      cpu.xsaves ? rdmsr(MSR_XSS) : 0, x->header.xstate_bv, x->header.xcomp_bv);
	if (cpu.xgetbv1)
		print(" xinuse=0x%lx", insn_xgetbv(1));
	print("\n");
	xsave_for_each_bit (bit, x->header.xstate_bv)
		dump_component(area, size, bit, x->header.xcomp_bv);
}

/* A frame is only read where it lies wholly on a known stack: the chain of a broken context may
 * point anywhere. */
static const uint64_t *frame_at(uint64_t rbp)
{
	const struct stack *s = stack_find(rbp);

	if (!s || rbp % 8 || rbp < (uint64_t)s->guard + PAGE_SIZE || rbp + 16 > stack_top(s))
		return NULL;
	return (const uint64_t *)rbp;
}

void dump_backtrace(uint64_t rbp, uint64_t rip)
{
	const uint64_t *frame = frame_at(rbp);

	if (rip)
		print("# bt 0x%016lx\n", rip);
	for (int i = 0; i < BACKTRACE_DEPTH && frame; i++) {
		print("# bt 0x%016lx\n", frame[1] - 1); /* inside the call, not behind it */
		if (frame[0] <= (uint64_t)frame)
			break;
		frame = frame_at(frame[0]);
	}
}

bool dump_state_possible(void)
{
	return read_cr4() & (cpu.has_xsave ? CR4_OSXSAVE : CR4_OSFXSR);
}

static void dump_live_state(void)
{
	static struct xsave_large area; /* too large for the stack of an exception */
	uint64_t cr0 = read_cr0();
	uint64_t saved;

	clts();
	saved = xsave_save(&area);
	dump_state(&area, sizeof(area));
	xsave_load_with(&kernel_xsave_cpu, &area, sizeof(area), saved);
	if (cr0 & CR0_TS)
		write_cr0(cr0);
}

void dump_exception(const struct trap_frame *frame)
{
	dump_frame(frame);
	dump_control_registers();
	if (dump_state_possible())
		dump_live_state();
	dump_backtrace(frame->rbp, frame->rip);
}
