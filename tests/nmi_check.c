/* SPDX-License-Identifier: MIT */
/*
 * What is compared on both sides of an injected NMI.
 *
 * Rules: I01; SDM vol. 3, "Nonmaskable Interrupt (NMI)".
 */
#include <xtk/cpu.h>
#include <xtk/ist.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "context.h"
#include "machine.h"
#include "nmi_check.h"

static struct {
	const char *where;
	uint64_t xcr0;
	bool owners;
} now;

/* Everything that an NMI must leave as it was. */
static struct picture {
	struct trap_frame frame;
	struct machine machine;
	struct xregs regs;
	struct switch_state switch_state;
} before, after;

static struct thread threads_before[RING];

static uint64_t nmis_before;

/* The pictures are taken inside #BP, with CR0.TS as the interrupted code had it. */
static void take_picture(struct picture *p, const struct trap_frame *frame)
{
	uint64_t cr0 = read_cr0();

	p->frame = *frame;
	machine_read(&p->machine);
	clts();
	xregs_store(&p->regs, now.xcr0);
	if (cr0 & CR0_TS)
		write_cr0(cr0);
	p->switch_state = switch_state;
}

static void check_frame(const struct trap_frame *want, const struct trap_frame *got,
			const char *what)
{
	static const char *const names[] = { "r15", "r14", "r13", "r12", "r11", "r10", "r9",  "r8",
					     "rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax", NULL,
					     NULL,  "rip", "cs",  NULL,	 "rsp", "ss" };
	const uint64_t *w = &want->r15, *g = &got->r15;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i])
			expect_equal(g[i], w[i], "I01", "%s %s register=%s", now.where, what,
				     names[i]);
	}
	/* RF in the image is the delivery's affair */
	expect_equal(got->rflags & ~EFLAGS_RF, want->rflags & ~EFLAGS_RF, "I01",
		     "%s %s register=rflags", now.where, what);
}

/*
 * Who owns registers has its state in them, and its area may be old; whoever does not has its state
 * in the area, which only the comparison of the threads' patterns at the end can see.
 */
static void check_owner(enum thread_part part)
{
	const struct thread *owner = switch_state.owner[part];
	uint64_t mask = switch_state.policy.mask[part];
	struct xregs_diff first;
	char where[160];

	if (!owner || !mask)
		return;
	format_text(where, sizeof(where), "%s owner[%s]=thread%u but the registers are not its own",
		    now.where, part == PART_EAGER ? "eager" : "lazy",
		    (unsigned int)(owner - threads));
	if (xregs_compare(&contexts[owner - threads].regs, &before.regs, mask, &first))
		context_fail(&first, "I01", where);
	else
		test_checked("I01", 1);
}

static void on_before(const struct trap_frame *frame)
{
	take_picture(&before, frame);
	memcpy(threads_before, threads, sizeof(threads_before));
	if (now.owners) {
		check_owner(PART_EAGER);
		check_owner(PART_LAZY);
	}
	nmis_before = nmi_count();
}

static void on_delivered(const struct nmi_record *record)
{
	uint64_t cr0 = before.machine.cr0;

	if (record->frame.rip != before.frame.rip)
		return; /* an error of the injection, reported by its outcome */
	check_frame(&before.frame, &record->frame, "delivered");
	expect_equal(record->cr0, cr0, "I01", "%s delivered register=CR0", now.where);
	expect_equal(record->entry_rflags & (EFLAGS_DF | EFLAGS_AC), 0, "nmi",
		     "%s DF and AC in the handler", now.where);
	expect_equal(record->entry_rsp % 16, 0, "nmi", "%s RSP of the handler", now.where);
	expect_equal(record->saved & now.xcr0, now.xcr0, "nmi", "%s components saved", now.where);
	expect_true(ist_may_run_on(stack_find(record->entry_rsp), &record->frame), "nmi",
		    "%s the handler runs on a stack of the design", now.where);
}

/* Pads included: nothing may write there either. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

static void on_after(const struct trap_frame *frame)
{
	struct xregs_diff first;

	take_picture(&after, frame);
	check_frame(&before.frame, &after.frame, "returned");
	machine_check(&before.machine, &after.machine, "I01", now.where);
	if (xregs_compare(&before.regs, &after.regs, now.xcr0, &first))
		context_fail(&first, "I01", now.where);
	expect_true(same_bytes(threads_before, threads, sizeof(threads_before)), "I01",
		    "%s the threads' areas", now.where);
	expect_true(
		same_bytes(&before.switch_state, &after.switch_state, sizeof(before.switch_state)),
		"I01", "%s the owners and the policy", now.where);
	expect_equal(nmi_count() - nmis_before, 1, "I01", "%s runs of the handler", now.where);
}

const struct inject_hooks nmi_check_hooks = { on_before, on_delivered, on_after };

void nmi_check_begin(const char *where, uint64_t xcr0, bool owners)
{
	now.where = where;
	now.xcr0 = xcr0;
	now.owners = owners;
}
