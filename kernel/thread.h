/* SPDX-License-Identifier: MIT */
/*
 * Between thread.c, switch.asm and lazy.c.
 */
#ifndef XTK_THREAD_PRIVATE_H
#define XTK_THREAD_PRIVATE_H

#include <stdint.h>

/* The stack of a thread that does not run, lowest address first: what thread_switch() pushed, last
 * to first. */
struct thread_stack {
	uint64_t r15, r14, r13, r12, rbx, rbp, rflags;
	uint64_t rip; /* pushed by the call of thread_switch() */
	uint64_t end; /* of a new thread only: the return address that thread_run() does not have */
};

/* thread.c: where a new thread comes out of the switch */
void thread_run(void) __attribute__((noreturn));

/* lazy.c: #NM under a lazy policy; the current thread gets the lazy components. CR0.TS is clear
 * afterwards. */
void thread_lazy_load(void);

#endif
