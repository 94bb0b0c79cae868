/* SPDX-License-Identifier: MIT */
/*
 * One instruction of the XSAVE family in compatibility mode, reached from 64-bit code by a far
 * call: code, stack and area lie below 4 GiB.
 */
#ifndef TESTS_HOST_SILICON_COMPAT_H
#define TESTS_HOST_SILICON_COMPAT_H

#include "silicon.h"

#define USER32_CS 0x23 /* Linux, arch/x86/include/asm/segment.h: __USER32_CS */

/* In the data page; its upper end is the stack. */
struct compat_frame {
	uint64_t rsp;
	uint32_t target; /* of the far call */
	uint16_t selector;
};

/*
 * void code(void *area, struct compat_frame *frame, uint64_t mask). The registers that C counts on
 * lie on the 64-bit stack meanwhile: what is above bit 31 of a register need not survive.
 */
__asm__(".pushsection .rodata\n"
	"compat_code:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n"
	"	push %r13\n	push %r14\n	push %r15\n"
	"	mov %rsp, (%rsi)\n"
	"	mov %edx, %eax\n"
	"	shr $32, %rdx\n"
	"	lea 4096(%rsi), %rsp\n"
	"	lcall *8(%rsi)\n"
	"	mov %esi, %esi\n"
	"	mov (%rsi), %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n"
	"	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	"compat_code32:\n"
	"	.code32\n"
	"	push %ss\n	pop %ds\n" /* 64-bit code has none */
	"compat_insn:\n"
	"	.byte 0, 0, 0\n"
	"	lret\n"
	"	.code64\n"
	"compat_code_end:\n"
	".popsection\n");

extern const uint8_t compat_code[], compat_code32[], compat_insn[], compat_code_end[];

/* The instruction with (%edi) as its operand. */
static const uint8_t compat_fxsave[] = { 0x0f, 0xae, 0x07 };
static const uint8_t compat_xsave[] = { 0x0f, 0xae, 0x27 };
static const uint8_t compat_xsavec[] = { 0x0f, 0xc7, 0x27 };
static const uint8_t compat_xrstor[] = { 0x0f, 0xae, 0x2f };

static uint8_t *compat_area; /* MEMORY_SIZE bytes, 64-aligned */

static uint8_t *compat_map(void)
{
	static uint8_t *low;

	if (low)
		return low;
	low = mmap(NULL, 2 * PAGE + MEMORY_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return low = NULL;
	compat_area = low + 2 * PAGE;
	return low;
}

/* Linux built without 32-bit programs has no such segment. LAR: bit 21 is L, bit 22 is D. */
static inline bool compat_has_segment(void)
{
	uint32_t rights = 0;
	bool valid;

	__asm__("lar %2, %0\n\tsetz %1"
		: "+r"(rights), "=q"(valid)
		: "r"((uint32_t)USER32_CS)
		: "cc");
	return valid && (rights >> 21 & 3) == 2;
}

struct compat_call {
	const uint8_t *insn;
	uint64_t mask;
	const void *registers; /* loaded before, by 64-bit code */
	void *after;	       /* saved behind it, by 64-bit code */
};

static void compat_run(void *context)
{
	struct compat_call *call = context;
	uint8_t *low = compat_map();
	void (*code)(void *, void *, uint64_t) = (void (*)(void *, void *, uint64_t))(uintptr_t)low;

	insn_xrstor(call->registers, xcr0);
	code(compat_area, low + PAGE, call->mask);
	insn_xsave(call->after, xcr0);
	load_default();
}

/* Put the code there with this instruction, and run it; a signal, or 0. */
static inline int compat_do(struct compat_call *call)
{
	uint8_t *low = compat_map();
	struct compat_frame frame = { .selector = USER32_CS };

	if (!low || mprotect(low, PAGE, PROT_READ | PROT_WRITE))
		return SIGBUS;
	memcpy(low, compat_code, (size_t)(compat_code_end - compat_code));
	memcpy(low + (compat_insn - compat_code), call->insn, sizeof(compat_xsave));
	frame.target = (uint32_t)(uintptr_t)(low + (compat_code32 - compat_code));
	memcpy(low + PAGE, &frame, sizeof(frame));
	if (mprotect(low, PAGE, PROT_READ | PROT_EXEC))
		return SIGBUS;
	return fault_of(compat_run, call);
}

#endif
