/* SPDX-License-Identifier: MIT */
/*
 * Nine contexts in a ring (the test's own and eight threads), each with a pattern of its own in
 * every component that XCR0 enables and in every callee-saved register. Every instruction that
 * saves, eager and lazy, under every legal XCR0: after each switch every bit is compared.
 *
 * In each round a thread either uses its extended state or lets it lie, so that under a lazy policy
 * the registers stay with an owner for several switches.
 *
 * Rules: R05, R02; SDM vol. 1, "Managing State Using the XSAVE Feature Set"; vol. 3, "Saving and
 * restoring the x87 FPU state".
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/test.h>
#include <xtk/xstate.h>

#include "combination.h"
#include "context.h"

#define ROUNDS_QUICK 4
#define ROUNDS_FULL  16

/* No #NM announces their use, so they must be there before anything is touched. BNDCSR can only be
 * read by XSAVE, which raises #NM while CR0.TS is set. */
#define NEVER_LAZY (~XSAVE_TS_MASK & ~XSAVE_MASK(XSAVE_BNDCSR))

static struct {
	struct combination now;
	char where[96]; /* names the combination in a failure */
	unsigned int round;
} ring;

/* A thread that lets its state lie must not touch it, or it would become the owner. */
static bool uses_state(unsigned int index, unsigned int round)
{
	return ring.now.mode == SWITCH_EAGER || (index + round) % 3;
}

static void pass_on(unsigned int index)
{
	struct context *c = &contexts[index];

	if (uses_state(index, ring.round))
		context_fill(index, ring.now.xcr0, options.seed + ring.round);
	probe_switch(&c->gprs, &c->gprs_after, &threads[(index + 1) % THREADS]);
	if (uses_state(index, ring.round)) {
		context_check(index, ring.now.xcr0 & NEVER_LAZY, ring.where);
		xregs_touch(ring.now.xcr0 & XSAVE_TS_MASK);
		context_check(index, ring.now.xcr0, ring.where);
	}
}

static void thread_body(void *argument)
{
	unsigned int index = (unsigned int)(uint64_t)argument;

	xregs_touch(ring.now.xcr0 & XSAVE_TS_MASK);
	context_check_initial(ring.now.xcr0, ring.where);
	context_fill(index, ring.now.xcr0, options.seed + 1000);
	for (;;)
		pass_on(index);
}

static void turn_the_ring(const void *unused)
{
	const struct combination *c = &ring.now;
	enum xsave_error wrong;

	(void)unused;
	xcr0_set(c->xcr0);
	wrong = thread_start(c->mode, c->insn, c->xcr0);
	if (wrong) {
		test_error("%s: %s", ring.where, xsave_strerror(wrong));
		return;
	}
	for (unsigned int i = 1; i < THREADS; i++)
		thread_create(i, thread_body, (void *)(uint64_t)i);
	for (ring.round = 0; ring.round < (options.depth_full ? ROUNDS_FULL : ROUNDS_QUICK);
	     ring.round++)
		pass_on(0);
	thread_stop();
}

static void run_combination(const struct combination *c)
{
	ring.now = *c;
	combination_name(c, ring.where, sizeof(ring.where));
	if (!case_selected(ring.where))
		return;
	test_attempt(ring.where, turn_the_ring, NULL);
	subtest_done("%s", ring.where);
}

XTEST(switch, every_bit_survives, .rules = "R02 R05")
{
	uint64_t xcr0 = insn_xgetbv(0);

	subtest_plan(options.case_id ? 1 : combinations_visit(NULL));
	combinations_visit(run_combination);
	xcr0_set(xcr0);
}
