/* SPDX-License-Identifier: MIT */
/*
 * The C side of NMI, the same for every entry design, and what it lets a test see.
 *
 * Its extended state is saved around it (xtk/ist_state.h).
 */
#ifndef XTK_NMI_H
#define XTK_NMI_H

#include <stdint.h>

#include <xsave.h>
#include <xtk/frame.h>
#include <xtk/ist_state.h>

/* What one run of the handler saw. */
struct nmi_record {
	struct trap_frame frame;
	uint64_t entry_rsp; /* RSP and RFLAGS as the entry design handed them to C */
	uint64_t entry_rflags;
	uint64_t cr0;	    /* of the interrupted context */
	uint64_t saved;	    /* components in the buffer of this level */
	const void *buffer; /* of this level, on its stack */
};

/* A test's view from inside: called after the state is saved, and again as the last thing before
 * the entry design returns. */
struct nmi_observer {
	void (*entered)(const struct nmi_record *record);
	void (*leaving)(void);
};

/* nmi_observe() - @observer sees every NMI until the next call; NULL for none */
void nmi_observe(const struct nmi_observer *observer);

/* nmi_count() - runs of the handler since boot */
uint64_t nmi_count(void);

/* nmi_abandon() - no handler runs any more: after an accident in one, which never came to its end
 */
void nmi_abandon(void);

/* nmi_send_self() - an NMI to this CPU, through the local APIC (CPUID.1:EDX[9]). It may be taken
 * some instructions later. */
void nmi_send_self(void);

/* nmi_handle() - the handler, between save and load of the extended state */
void nmi_handle(struct trap_frame *frame, struct ist_state *state);

/* nmi_leave() - what is left to do when the state is loaded again */
void nmi_leave(const struct trap_frame *frame);

#endif
