/* SPDX-License-Identifier: MIT */
/*
 * What a test thread holds: a pattern of its own in every register that a switch must carry.
 */
#ifndef XTK_TESTS_CONTEXT_H
#define XTK_TESTS_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/thread.h>
#include <xtk/xregs.h>

/* What a call of thread_switch() must give back. In the order in which probe.asm loads and stores
 * it. */
struct gprs {
	uint64_t rbx, rbp, r12, r13, r14, r15, rflags;
	uint64_t skew; /* bytes by which RSP is off at the call: it need not be aligned */
	uint64_t rsp;  /* at the call, and after it */
};

struct context {
	struct gprs gprs, gprs_after;
	struct xregs regs;
};

extern struct context contexts[THREADS];

/* probe.asm: thread_switch(next) with the registers of @before; those that come back go to @after
 */
void probe_switch(struct gprs *before, struct gprs *after, struct thread *next);

/**
 * context_fill() - a new pattern in the registers and in the context
 * @index: of the thread that runs
 * @mask:  components
 * @seed:  any number
 *
 * What the registers really took is read back: the switch is judged by what was in them, and a
 * register that does not take its value is a failure of its own.
 */
void context_fill(unsigned int index, uint64_t mask, uint64_t seed);

/* context_check() - compare all registers with the context of thread @index, after its call of
 * probe_switch() */
void context_check(unsigned int index, uint64_t mask, const char *where);

/* context_check_initial() - a thread that begins has the initial configuration */
void context_check_initial(uint64_t mask, const char *where);

/* context_fail() - a failed check with the values that xregs_compare() found */
void context_fail(const struct xregs_diff *d, const char *rule, const char *where);

#endif
