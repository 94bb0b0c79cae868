/* SPDX-License-Identifier: MIT */
/*
 * atomic: an entry that another one may interrupt anywhere, because it takes effect in one
 * instruction.
 *
 * Each vector begins on a small stack of its own and works there on copies; a single MOV to RSP
 * then moves to the MAIN stack, where handlers of all vectors run, one below the other. Until that
 * commit nothing but the small stack and free parts of MAIN has been written. So an entry that is
 * interrupted before it is not resumed where it stood: the one that came does its work with its
 * own, from the same frames, and makes its own return go just behind the other's commit. An entry
 * can be abandoned at any boundary, and redone by anybody, any number of times.
 *
 *	save	the CPU's frame, then all GPRs, on the small stack; no GPR changes before the last
 *push locate	follow the interrupted RSP through the small stacks: which entries have not
 *		committed, whose frame holds the GPRs of the context that is no entry's, and how
 *		much of MAIN is in use
 *	copy	that context to MAIN, and below it one frame for each interrupted entry
 *	commit	MOV RSP
 *
 * The frame that has the GPRs is the outmost one into which all were pushed. Further out, no entry
 * came to change one; further in, one may have.
 *
 * From MAIN a handler returns by IRETQ, which reads its frame and leaves in one instruction; what
 * comes before it, at any boundary of the way back, finds RSP on MAIN and stays below.
 *
 * Windows: none. It relies on two things: no exception may be raised before the commit, and no
 * vector comes again before its own commit. The CPU sees to the latter for NMI (no IRET has been
 * executed), MCG_STATUS.MCIP for #MC, the breakpoints that are set for #DB. If it happens all the
 * same, the frames lead in a circle, and the design stops with a report instead of going on.
 *
 * Order of handlers: last in, first out. If #DB hits the entry of NMI, the handler of #DB runs
 * first, its IRETQ opens NMIs, and a latched NMI is handled before the first one.
 *
 * Source: "x86/entry: Atomic stack switching for IST", Lai Jiangshan, LKML, April 2023.
 */
#define SYSREGS		    0
#define SYSREG_OF_KERNEL(i) ((void)(i), 0)

#include "atomic-copy.h"

ATOMIC_STACKS(atomic);

extern const uint8_t atomic_nmi[], atomic_nmi_fix_head[] __asm__("atomic_nmi.fix_head");
extern const uint8_t atomic_db[], atomic_db_fix_head[] __asm__("atomic_db.fix_head");
extern const uint8_t atomic_mc[], atomic_mc_fix_head[] __asm__("atomic_mc.fix_head");

static inline struct atomic_code code_of(unsigned int small)
{
	return (struct atomic_code){
		(uint64_t)(small == 0	? atomic_nmi
			   : small == 1 ? atomic_db
					: atomic_mc),
		(uint64_t)(small == 0	? atomic_nmi_fix_head
			   : small == 1 ? atomic_db_fix_head
					: atomic_mc_fix_head),
	};
}

/**
 * atomic_locate_copy() - all that lies between save and commit
 * @own:    the frame of the ongoing entry, on its small stack
 * @stacks: the block it lies in
 *
 * Return: RSP to commit.
 */
uint64_t atomic_locate_copy(const struct atomic_frame *own, struct atomic_stacks *stacks);
uint64_t atomic_locate_copy(const struct atomic_frame *own, struct atomic_stacks *stacks)
{
	struct atomic_path path;

	path.stacks = stacks;
	locate(&path, own);
	copy_outmost(&path);
	copy_nested(&path);
	return (uint64_t)target(&path, 0);
}

static void install(void)
{
	atomic_install(&atomic_stacks);
}

IST_DESIGN(atomic, .name = "atomic",
	   .summary = "copies all frames to one stack and commits in one instruction; copy in C",
	   .entry = { { VEC_NMI, atomic_nmi, IST_NMI, &atomic_nmi_stack },
		      { VEC_DB, atomic_db, IST_DB, &atomic_db_stack },
		      { VEC_MC, atomic_mc, IST_MC, &atomic_mc_stack } },
	   .stacks = { &atomic_main_stack }, .claims = { ATOMIC_CLAIMS }, .install = install);
