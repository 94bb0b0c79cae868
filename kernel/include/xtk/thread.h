/* SPDX-License-Identifier: MIT */
/*
 * Cooperative threads whose extended state is switched by the library.
 *
 * A policy says how: the instruction, which components are exchanged at every switch (eager) and
 * which at their first use after it (lazy). Lazy rests on CR0.TS and #NM, so it is for the
 * components that CR0.TS gates; the table in lib/xsave/component.h has the column. A thread has one
 * area for each of the two parts: two partial saves into one area would destroy each other's
 * header.
 *
 * Who owns the registers is written down so that an NMI may come at any instruction: owner[part] is
 * the thread whose state the registers of that part hold, and NULL while they change hands. A
 * thread that is not the owner has its state in its area.
 */
#ifndef XTK_THREAD_H
#define XTK_THREAD_H

#include <stdint.h>

#include <xsave.h>
#include <xtk/options.h>
#include <xtk/stack.h>

#define THREADS 9 /* the test's own context, and eight more */

enum thread_part { PART_EAGER, PART_LAZY, PARTS };

struct thread {
	uint64_t rsp; /* while it does not run: its stack as switch.asm left it */
	void (*entry)(void *argument);
	void *argument;
	struct xsave_large state[PARTS];
};

struct switch_policy {
	struct xsave_cpu cpu; /* instruction and enabled components */
	uint64_t mask[PARTS]; /* components of each part */
};

struct switch_state {
	struct switch_policy policy;
	struct thread *current;
	struct thread *owner[PARTS];
};

extern struct switch_state switch_state;
extern struct thread threads[THREADS]; /* [0] is the context that called thread_start() */

/**
 * thread_start() - begin to switch under a policy
 * @mode: eager or lazy
 * @insn: instruction to save with
 * @mask: components to switch; subset of XCR0
 *
 * The caller becomes thread 0 and owns all registers.
 *
 * Return: XSAVE_OK or why the CPU cannot do it.
 */
enum xsave_error thread_start(enum switch_mode mode, enum xsave_insn insn, uint64_t mask);

/* thread_stop() - back to one context: thread 0 calls it and keeps its registers */
void thread_stop(void);

/* thread_abandon() - thread_stop() after an accident, from any context: whatever was switched is
 * forgotten */
void thread_abandon(void);

/* thread_create() - thread @index starts at @entry when it is first switched to; it must never
 * return */
void thread_create(unsigned int index, void (*entry)(void *argument), void *argument);

/* thread_switch() - from the current thread to @next; returns when somebody switches back */
void thread_switch(struct thread *next);

/* The code of the lazy path, as the #NM gate enters it while lazy threads run. */
void thread_nm_entry(void);

#endif
