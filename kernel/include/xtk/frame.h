/* SPDX-License-Identifier: MIT */
/*
 * The stack frame of an interrupted context, lowest address first, in the order of who pushed it
 * (entry.asm, kernel/ist/).
 */
#ifndef XTK_FRAME_H
#define XTK_FRAME_H

#include <stdint.h>

struct trap_frame {
	/* pushed by the common part of the entry, last to first */
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	/* pushed by the stub of the vector */
	uint64_t vector;
	/* pushed by the CPU, or 0 by the stub where the CPU pushes none */
	uint64_t error;
	/* pushed by the CPU */
	uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) == 22 * 8, "entry.asm pushes 22 quadwords");

enum vector {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XM = 19,
	VEC_EXCEPTIONS = 32,
	VEC_COUNT = 256
};

/* IST1 to IST7 as in the TSS: 1-based, 0 means the current stack. */
enum ist_slot {
	IST_NONE = 0,
	IST_DF = 1,
	IST_NMI = 2,
	IST_DB = 3,
	IST_MC = 4,
	IST_STEP = 5,
	IST_CATCHER = 6,
	IST_INJECT = 7
};

#endif
