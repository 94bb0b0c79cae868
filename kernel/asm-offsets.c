/* SPDX-License-Identifier: MIT */
/*
 * Every number that the .asm files need. Compiled to assembly only; the Makefile turns each "->NAME
 * VALUE" into a %define of build/asm-offsets.inc.
 */
#include <stddef.h>

#include <xtk/bootinfo.h>
#include <xtk/cpu.h>
#include <xtk/frame.h>
#include <xtk/ist.h>
#include <xtk/stack.h>
#include <xtk/thread.h>
#include <xtk/xregs.h>

#include "desc.h"
#include "entry.h"
#include "exit.h"
#include "ports.h"
#include "pte.h"

#define EMIT(symbol, value)	     __asm__ volatile("\n.ascii \"->" symbol " %0\"" : : "i"(value))
#define DEFINE(symbol, value)	     EMIT(#symbol, value)
#define OFFSET(symbol, type, member) EMIT(#symbol, offsetof(type, member))
#define CONSTANT(symbol)	     EMIT(#symbol, (long)(symbol))

extern uint8_t boot_stack[PAGE_SIZE + 32 * 1024];

void asm_offsets(void);
void asm_offsets(void)
{
	DEFINE(PVH_MAGIC, XTK_BOOT_MAGIC_PVH);
	DEFINE(BOOT_STACK_END, sizeof(boot_stack));
	CONSTANT(CR4_PAE);
	CONSTANT(MSR_EFER);
	CONSTANT(EFER_LME);
	CONSTANT(CR0_PE);
	CONSTANT(CR0_PG);
	CONSTANT(CR0_TS);
	CONSTANT(EFLAGS_ID);
	CONSTANT(EFLAGS_FIXED);
	CONSTANT(PTE_PRESENT);
	CONSTANT(PTE_WRITE);
	CONSTANT(PTE_LARGE);
	CONSTANT(COM1);
	CONSTANT(PORT_DEBUG_EXIT);
	CONSTANT(PORT_BOCHS_SHUTDOWN);
	CONSTANT(EXIT_STATUS_CRASH);

	CONSTANT(VECTOR_STUB_SIZE);
	CONSTANT(VEC_NMI);
	CONSTANT(VEC_DB);
	CONSTANT(VEC_MC);
	OFFSET(TRAP_VECTOR, struct trap_frame, vector);
	OFFSET(TRAP_RIP, struct trap_frame, rip);
	OFFSET(TRAP_RFLAGS, struct trap_frame, rflags);
	OFFSET(TRAP_RSP, struct trap_frame, rsp);
	OFFSET(TSS_IST, struct tss, ist);
	CONSTANT(IST_NMI);
	CONSTANT(IST_DB);
	CONSTANT(IST_MC);
	CONSTANT(IST_LEVEL_SIZE);
	CONSTANT(PAGE_SIZE);
	CONSTANT(EFLAGS_DF);
	CONSTANT(SEL_KERNEL_CODE);
	CONSTANT(SEL_KERNEL_DATA);
	OFFSET(TRAP_ERROR, struct trap_frame, error);
	OFFSET(TRAP_CS, struct trap_frame, cs);
	OFFSET(TRAP_SS, struct trap_frame, ss);
	OFFSET(TRAP_RAX, struct trap_frame, rax);
	DEFINE(TRAP_SIZE, sizeof(struct trap_frame));
	CONSTANT(IST_LEVELS);
	CONSTANT(MSR_GS_BASE);
	CONSTANT(EFLAGS_AC);

	OFFSET(THREAD_RSP, struct thread, rsp);
	OFFSET(THREAD_STATE_EAGER, struct thread, state[PART_EAGER]);
	DEFINE(THREAD_STATE_SIZE, sizeof(struct xsave_large));
	OFFSET(SWITCH_CURRENT, struct switch_state, current);
	OFFSET(SWITCH_OWNER_EAGER, struct switch_state, owner[PART_EAGER]);
	OFFSET(SWITCH_OWNER_LAZY, struct switch_state, owner[PART_LAZY]);
	OFFSET(SWITCH_MASK_EAGER, struct switch_state, policy.mask[PART_EAGER]);
	OFFSET(SWITCH_MASK_LAZY, struct switch_state, policy.mask[PART_LAZY]);
}

void xregs_offsets(void);
void xregs_offsets(void)
{
	CONSTANT(XSAVE_X87);
	CONSTANT(XSAVE_SSE);
	CONSTANT(XSAVE_AVX);
	CONSTANT(XSAVE_BNDREGS);
	CONSTANT(XSAVE_BNDCSR);
	CONSTANT(XSAVE_OPMASK);
	CONSTANT(XSAVE_ZMM_HI256);
	CONSTANT(XSAVE_HI16_ZMM);
	CONSTANT(XSAVE_PKRU);
	DEFINE(XREGS_AMX_MASK, XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA));
	DEFINE(XREGS_AVX512_MASK,
	       XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM));
	DEFINE(XREGS_BNDCSR_MASK, XSAVE_MASK(XSAVE_BNDCSR));
	OFFSET(XREGS_X87, struct xregs, x87);
	OFFSET(XREGS_FIP, struct xregs, x87.fip);
	OFFSET(XREGS_FDP, struct xregs, x87.fdp);
	OFFSET(XREGS_VECTOR, struct xregs, vector);
	DEFINE(XREGS_VECTOR_SIZE, sizeof(((struct xregs *)0)->vector[0]));
	CONSTANT(XREGS_YMM_HI128);
	CONSTANT(XREGS_ZMM_HI256);
	OFFSET(XREGS_MXCSR, struct xregs, mxcsr);
	OFFSET(XREGS_K, struct xregs, k);
	OFFSET(XREGS_BND, struct xregs, bnd);
	DEFINE(XREGS_BND_SIZE, sizeof(struct xregs_bnd));
	OFFSET(XREGS_BNDCFGU, struct xregs, bndcfgu);
	OFFSET(XREGS_BNDSTATUS, struct xregs, bndstatus);
	CONSTANT(XREGS_BNDCSR_OFFSET);
	CONSTANT(XREGS_BNDCSR_SIZE);
	OFFSET(XREGS_PKRU, struct xregs, pkru);
	OFFSET(XREGS_TILECFG, struct xregs, tilecfg);
	OFFSET(XREGS_TILE_ROWS, struct xregs, tilecfg.rows);
	OFFSET(XREGS_TILE, struct xregs, tile);
	DEFINE(XREGS_TILE_SIZE, sizeof(((struct xregs *)0)->tile[0]));
	DEFINE(XREGS_TILES_SIZE, sizeof(((struct xregs *)0)->tile));
	DEFINE(XREGS_TILE_ROW, sizeof(((struct xregs *)0)->tile[0][0]));
	DEFINE(XREGS_ALIGN, _Alignof(struct xsave));
	DEFINE(XREGS_FX_SIZE, sizeof(struct xsave_legacy));
	OFFSET(XREGS_FX_FIP, struct xsave_legacy, fip);
	OFFSET(XREGS_FX_FDP, struct xsave_legacy, fdp);
	OFFSET(XREGS_HEADER, struct xsave, header);
	DEFINE(XREGS_HEADER_SIZE, sizeof(struct xsave_header));
	OFFSET(XREGS_CPU_AVX512BW, struct xregs_cpu, avx512bw);
}

_Static_assert(offsetof(struct switch_state, policy.cpu) == 0,
	       "switch.asm passes the address of switch_state as the policy's CPU");
