/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler. xtk/nmi.h says what it promises.
 *
 * It uses every register of the extended state between save and load (xregs_junk), because a
 * handler that never touches them would let a save that does nothing pass.
 *
 * Sources: SDM vol. 1, "Operation of XSAVE", "Operation of XRSTOR"; vol. 3, "Nonmaskable Interrupt
 * (NMI)".
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/nmi.h>
#include <xtk/print.h>
#include <xtk/xregs.h>

#include "dump.h"
#include "event.h"

static unsigned int depth; /* of nesting, for the report */
static uint64_t runs;
static const struct nmi_observer *observer;

void nmi_observe(const struct nmi_observer *o)
{
	observer = o;
}

uint64_t nmi_count(void)
{
	return runs;
}

void nmi_abandon(void)
{
	depth = 0;
}

/* An NMI that no test looks at is somebody's question what the machine is doing. */
static void report(const struct nmi_record *r)
{
	print("# NMI on IST2, rsp=0x%lx, level %u, components saved 0x%lx\n", r->entry_rsp, depth,
	      r->saved);
	dump_frame(&r->frame);
	dump_state(r->buffer, sizeof(struct xsave_large));
	dump_backtrace(r->frame.rbp, r->frame.rip);
}

void nmi_handle(struct trap_frame *frame, struct ist_state *state)
{
	struct nmi_record record = {
		.frame = *frame,
		.entry_rsp = state->entry_rsp,
		.entry_rflags = state->entry_rflags,
		.cr0 = state->cr0,
		.saved = state->saved,
		.buffer = state->area,
	};

	depth++;
	event("enter", VEC_NMI, IST_NMI, frame->rip);
	runs++;
	if (observer)
		observer->entered(&record);
	else
		report(&record);
	xregs_junk(cpu.has_xsave ? insn_xgetbv(0) & record.saved : record.saved);
}

void nmi_leave(const struct trap_frame *frame)
{
	if (observer)
		observer->leaving();
	event("leave", VEC_NMI, IST_NMI, frame->rip);
	depth--;
}
