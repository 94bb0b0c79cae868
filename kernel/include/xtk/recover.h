/* SPDX-License-Identifier: MIT */
/*
 * A place to go back to when an exception that nobody expected ends a piece of work.
 */
#ifndef XTK_RECOVER_H
#define XTK_RECOVER_H

#include <stdint.h>

#include <xtk/frame.h>

/* The callee-saved registers, in the order in which recover.asm stores them. */
struct recover_point {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

/* recover_here() - remember this place. Return: 0 now, 1 when it is come back to. */
int recover_here(struct recover_point *point) __attribute__((returns_twice));

/* recover_by_frame() - let the IRET of @frame go to @point, so that an NMI handler that is left
 * unblocks NMIs on the way */
void recover_by_frame(struct trap_frame *frame, const struct recover_point *point);

#endif
