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
#include <xtk/panic.h>
#include <xtk/print.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "dump.h"
#include "event.h"

/*
 * One buffer a level: NMIs nest when an exception inside the handler returns by IRET, and a shared
 * buffer would be overwritten while it is still owed to an interrupted level.
 */
static struct xsave_large buffers[NMI_LEVELS];
static unsigned int depth;
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

/* Tiles that XFD disarms stay in the registers: saving them would lose them. */
static uint64_t nmi_mask(void)
{
	uint64_t mask = boot_xsave_cpu.enabled;

	return cpu.xfd ? mask & ~rdmsr(MSR_XFD) : mask;
}

/* An NMI that no test looks at is somebody's question what the machine is doing. */
static void report(const struct nmi_record *r)
{
	print("# NMI on IST2, rsp=0x%lx, level %u, components saved 0x%lx\n", r->entry_rsp, depth,
	      r->saved);
	dump_frame(&r->frame);
	dump_state(r->buffer, sizeof(buffers[0]));
	dump_backtrace(r->frame.rbp, r->frame.rip);
}

/*
 * First of all, and in one piece: a DF that the entry code leaks must be reported, and every copy
 * that the compiler makes would suffer from it.
 */
static uint64_t read_rflags_and_clear_df(void)
{
	uint64_t rflags;

	__asm__ volatile("pushfq\n\tpopq %0\n\tcld" : "=r"(rflags) : : "memory", "cc");
	return rflags;
}

/* What a probe may have taken away (xtk/probe.h), and the handler's save and load need. */
static uint64_t cr4_needed(void)
{
	return CR4_OSFXSR | (cpu.has_xsave ? CR4_OSXSAVE : 0) | (cpu.pku ? CR4_PKE : 0);
}

void nmi_handle(struct trap_frame *frame)
{
	uint64_t rflags = read_rflags_and_clear_df(), cr2 = read_cr2(), cr4 = read_cr4();
	unsigned int level = depth++; /* taken before the save and given back after the load */
	struct nmi_record record = {
		.frame = *frame,
		.entry_rsp = (uint64_t)__builtin_frame_address(0),
		.entry_rflags = rflags,
		.cr0 = read_cr0(),
	};

	BUG_ON(level >= NMI_LEVELS);
	event("enter", VEC_NMI, IST_NMI, frame->rip);
	clts(); /* else the save raises #NM, whose IRET would unblock NMIs */
	if (record.cr0 & CR0_EM)
		write_cr0(read_cr0() & ~CR0_EM);
	if (~cr4 & cr4_needed())
		write_cr4(cr4 | cr4_needed());
	record.buffer = &buffers[level];
	record.saved =
		xsave_save_with(&kernel_xsave_cpu, &buffers[level], sizeof(buffers[0]), nmi_mask());
	runs++;
	if (observer)
		observer->entered(&record);
	else
		report(&record);
	xregs_junk(cpu.has_xsave ? insn_xgetbv(0) & record.saved : record.saved);
	xsave_load_with(&kernel_xsave_cpu, record.buffer, sizeof(buffers[0]), record.saved);
	if (~cr4 & cr4_needed())
		write_cr4(cr4);
	if (record.cr0 & (CR0_TS | CR0_EM))
		write_cr0(record.cr0);
	write_cr2(cr2);
	if (observer)
		observer->leaving(&record);
	event("leave", VEC_NMI, IST_NMI, frame->rip);
	depth = level;
}
