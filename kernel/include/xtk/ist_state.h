/* SPDX-License-Identifier: MIT */
/*
 * The extended state around a handler: what "saved atomically" means.
 *
 * A handler may hit any instruction, so what it saves must be right at every boundary of the
 * interrupted code: between the save of one thread and the load of the next, between CLTS and
 * XRSTOR, before an owner is written down. Hence nothing of the interrupted context is trusted or
 * written: CR0.TS and IA32_XFD are dealt with, the state goes with plain XSAVE into a buffer of
 * this nest level, and comes back by value. XSAVE and XRSTOR are single instructions; no event
 * lands inside.
 *
 * Sources: SDM vol. 1, "Operation of XSAVE", "Operation of XRSTOR", "Extended Feature Disable".
 */
#ifndef XTK_IST_STATE_H
#define XTK_IST_STATE_H

#include <xsave.h>
#include <xtk/frame.h>

struct ist_state {
	uint64_t entry_rsp, entry_rflags; /* as the entry design handed them to C */
	uint64_t back;			  /* where ist_handle() returns to */
	uint64_t cr0, cr2, cr4;		  /* of the interrupted context */
	uint64_t saved;			  /* components in @area */
	struct xsave_large *buffer;	  /* of this nest level, on its stack */
	struct xsave_large *area; /* where the state went: @buffer, if the policy is sound */
};

/* How a handler's extended state is saved and loaded. */
struct ist_state_policy {
	void (*save)(struct ist_state *state);
	void (*load)(const struct ist_state *state);
};

/* The sound one, which every design has that names none. */
extern const struct ist_state_policy ist_state_on_stack;

/* What runs between save and load, and behind the load. */
struct ist_handler {
	void (*handle)(struct trap_frame *frame, struct ist_state *state);
	void (*leave)(const struct trap_frame *frame);
};

/**
 * ist_with_state() - run a handler between save and load
 * @policy:  how to save and load
 * @entry:   its entry_rsp and entry_rflags are known, the rest is filled in
 * @frame:   for @handler
 * @handler: what to run; its leave() is the caller's affair
 *
 * Stack: sizeof(struct xsave_large), and what @handler needs.
 */
void ist_with_state(const struct ist_state_policy *policy, const struct ist_state *entry,
		    struct trap_frame *frame, const struct ist_handler *handler);

#endif
