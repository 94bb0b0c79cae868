/* SPDX-License-Identifier: MIT */
/*
 * The C side of NMI, the same for every entry design, and what it lets a test see.
 *
 * The handler may hit any instruction, so it owns what it uses: CR0.TS is cleared and put back, the
 * extended state is saved with plain XSAVE into a buffer of this nest level and put back, and
 * nothing of the interrupted context is trusted or written.
 */
#ifndef XTK_NMI_H
#define XTK_NMI_H

#include <stdint.h>

#include <xsave.h>
#include <xtk/frame.h>

#define NMI_LEVELS 4

/* What one run of the handler saw. */
struct nmi_record {
	struct trap_frame frame;
	uint64_t entry_rsp; /* RSP and RFLAGS as the entry design handed them to C */
	uint64_t entry_rflags;
	uint64_t cr0;	/* of the interrupted context */
	uint64_t saved; /* components in the buffer of this level */
	const void *buffer;
};

/* A test's view from inside: called after the state is saved, and again as the last thing before
 * the entry design returns. */
struct nmi_observer {
	void (*entered)(const struct nmi_record *record);
	void (*leaving)(const struct nmi_record *record);
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

/* nmi_handle() - the C function that an entry design calls with the interrupted context */
void nmi_handle(struct trap_frame *frame);

#endif
