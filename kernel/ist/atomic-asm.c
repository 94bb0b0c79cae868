/* SPDX-License-Identifier: MIT */
/*
 * atomic-asm: the atomic design without CALL and RET before the commit.
 *
 * kernel/ist/atomic.c tells the idea. A kernel that defends itself against RetBleed may execute no
 * RET before it has cleaned the return predictor, and with stacks and page tables of a mitigation
 * that is late in an entry. Here the whole of save, locate, copy and commit is straight assembly:
 * no CALL, no RET, no indirect jump.
 *
 * Windows: none, as for atomic.
 *
 * Source: "x86/entry: Atomic stack switching for IST", LKML, April 2023: the review of patch 3 by
 * Peter Zijlstra.
 */
#include <xtk/print.h>

#include "atomic.h"

ATOMIC_STACKS(atomic_asm);

void atomic_asm_nmi(void);
void atomic_asm_db(void);
void atomic_asm_mc(void);

/**
 * atomic_asm_fatal() - what no design can survive: say it, and end in a #DF
 * @why: what happened
 * @rip: of the context that showed it
 *
 * The push on a guard page raises #PF, which cannot be delivered on this stack; #DF has one of its
 * own. Does not return.
 */
void atomic_asm_fatal(const char *why, uint64_t rip);
void atomic_asm_fatal(const char *why, uint64_t rip)
{
	print("# atomic-asm: %s, rip=0x%lx\n", why, rip);
	__asm__ volatile("mov %0, %%rsp\n\tpush %0"
			 :
			 : "r"(atomic_asm_stacks.small[0].bytes)
			 : "memory");
}

static void install(void)
{
	atomic_install(&atomic_asm_stacks);
}

IST_DESIGN(atomic_asm, .name = "atomic-asm",
	   .summary = "atomic, with no CALL and no RET before the commit",
	   .entry = { { VEC_NMI, atomic_asm_nmi, IST_NMI, &atomic_asm_nmi_stack },
		      { VEC_DB, atomic_asm_db, IST_DB, &atomic_asm_db_stack },
		      { VEC_MC, atomic_asm_mc, IST_MC, &atomic_asm_mc_stack } },
	   .stacks = { &atomic_asm_main_stack }, .claims = { ATOMIC_CLAIMS }, .install = install);
