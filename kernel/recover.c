/* SPDX-License-Identifier: MIT */
/*
 * Leaving an exception for good.
 */
#include <xtk/cpu.h>

#include <xtk/recover.h>

#include "desc.h"

void recover_by_frame(struct trap_frame *frame, const struct recover_point *point)
{
	frame->rbx = point->rbx;
	frame->rbp = point->rbp;
	frame->r12 = point->r12;
	frame->r13 = point->r13;
	frame->r14 = point->r14;
	frame->r15 = point->r15;
	frame->rsp = point->rsp;
	frame->rip = point->rip;
	frame->cs = SEL_KERNEL_CODE; /* whatever was interrupted: a probe at CPL 3 too */
	frame->ss = SEL_KERNEL_DATA;
	frame->rflags = EFLAGS_FIXED;
	frame->rax = 1;
}
