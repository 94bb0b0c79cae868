/* SPDX-License-Identifier: MIT */
/*
 * atomic-sysregs: the atomic design where an entry may begin on somebody else's page tables and GS.
 *
 * kernel/ist/atomic.c tells the idea. Here CPL 3 runs on page tables of its own, which have the
 * code and the small stacks, but not MAIN, where handlers work, and not the per-CPU data that GS
 * points to. Before anything is copied there, CR3 and GS base must be the kernel's; and an entry
 * that is interrupted on the way must still be one that can be abandoned and redone. So there are
 * two more steps:
 *
 *	save		the CPU's frame, all GPRs, and then CR3 and GS base, on the small stack
 *	locate		as in atomic; it needs small stacks only
 *	kernelise	load the kernel's CR3 and GS base
 *	copy, copy, commit
 *
 * The third part of the save follows the rule of the second: no system register changes before the
 * last push, so the outmost frame into which all were pushed has those of the context that is no
 * entry's. kernelise() can be abandoned between its two halves, for they are saved, and done again,
 * for it loads constants. An entry that another one commits goes on with the kernel's values, as if
 * it had come through kernelise() itself. Both registers are written, not exchanged, so that it
 *does not matter with whose GS base the entry began: no SWAPGS, in the SYSCALL gap neither.
 *
 * IA32_SPEC_CTRL would be a third register of the same kind; this kernel leaves it alone.
 *
 * On the way back GS base is loaded on MAIN. MAIN cannot be left by IRETQ when the interrupted CR3
 * does not have it: then the whole frame is copied to the exit stack, which both have, one MOV RSP
 * moves there, CR3 is loaded, and IRETQ leaves from there. What interrupts this way back is an
 * ordinary entry into kernel code: it saves the CR3 it finds, and if that is the user's, its own
 * frame for the way back stands below the one that it interrupted.
 *
 * Everything else stays mapped in the user's page tables, because the laboratory marks code and
 * handles #BP under them.
 *
 * Windows: none.
 *
 * Sources: "x86/entry: Atomic stack switching for IST", LKML, April 2023, and the talk about it at
 * the Linux Plumbers Conference 2024; SDM vol. 3, "4-Level Paging and 5-Level Paging".
 */
#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/stack.h>
#include <xtk/string.h>

enum { GS_BASE, CR3 };

#define SYSREGS		    2
#define SYSREG_OF_KERNEL(i) ((i) == CR3 ? (uint64_t)pml4 : (uint64_t)&percpu)

#define ENTRIES	 512
#define ADDRESS	 UINT64_C(0x000ffffffffff000) /* in an entry of a paging structure */
#define LARGE	 (UINT64_C(1) << 7)
#define IMAGE_MB 8 /* the part of memory that is mapped by 4 KiB pages */

extern uint64_t pml4[ENTRIES];

/* What GS points to in the kernel: a page that CPL 3 does not have. */
static union {
	const void *self;
	uint8_t page[PAGE_SIZE];
} percpu __attribute__((aligned(PAGE_SIZE)));

#include "atomic-copy.h"

ATOMIC_STACKS(atomic_sysregs);
STACK_DEFINE(atomic_sysregs_exit, PAGE_SIZE);

extern const uint8_t atomic_sysregs_nmi[], nmi_fix_head[] __asm__("atomic_sysregs_nmi.fix_head");
extern const uint8_t atomic_sysregs_db[], db_fix_head[] __asm__("atomic_sysregs_db.fix_head");
extern const uint8_t atomic_sysregs_mc[], mc_fix_head[] __asm__("atomic_sysregs_mc.fix_head");

static inline struct atomic_code code_of(unsigned int small)
{
	return (struct atomic_code){
		(uint64_t)(small == 0	? atomic_sysregs_nmi
			   : small == 1 ? atomic_sysregs_db
					: atomic_sysregs_mc),
		(uint64_t)(small == 0	? nmi_fix_head
			   : small == 1 ? db_fix_head
					: mc_fix_head),
	};
}

static STEP void kernelise(void)
{
	write_cr3(SYSREG_OF_KERNEL(CR3));
	wrmsr(MSR_GS_BASE, SYSREG_OF_KERNEL(GS_BASE));
}

/**
 * atomic_sysregs_locate_copy() - all that lies between save and commit
 * @own:    the frame of the ongoing entry, on its small stack
 * @stacks: the block it lies in
 *
 * Return: RSP to commit.
 */
uint64_t atomic_sysregs_locate_copy(const struct atomic_frame *own, struct atomic_stacks *stacks);
uint64_t atomic_sysregs_locate_copy(const struct atomic_frame *own, struct atomic_stacks *stacks)
{
	struct atomic_path path;

	path.stacks = stacks;
	locate(&path, own);
	kernelise();
	copy_outmost(&path);
	copy_nested(&path);
	return (uint64_t)target(&path, 0);
}

/* atomic_sysregs_handle() - ist_handle(), for code that finds its data by GS */
void atomic_sysregs_handle(struct trap_frame *frame);
void atomic_sysregs_handle(struct trap_frame *frame)
{
	const void *self;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(self));
	BUG_ON(self != &percpu);
	ist_handle(frame);
}

/* Below a frame for the way back that was interrupted; else the whole exit stack is free. */
static uint64_t free_exit(const struct trap_frame *frame)
{
	uint64_t top = stack_top(&atomic_sysregs_exit_stack);

	if (!rsp_is_the_users(frame) && top - frame->rsp <= PAGE_SIZE)
		return frame->rsp & ~UINT64_C(15);
	return top;
}

/**
 * atomic_sysregs_leave() - the way back as far as it can be gone on MAIN
 * @frame: the context to return to, on MAIN
 *
 * Return: where its frame is to be popped: there, or on the exit stack.
 */
uint64_t atomic_sysregs_leave(const struct atomic_frame *frame);
uint64_t atomic_sysregs_leave(const struct atomic_frame *frame)
{
	volatile struct atomic_frame *to;

	wrmsr(MSR_GS_BASE, frame->sysregs[GS_BASE]);
	if (frame->sysregs[CR3] == SYSREG_OF_KERNEL(CR3))
		return (uint64_t)frame;
	to = (volatile struct atomic_frame *)free_exit(&frame->frame) - 1;
	copy_head(&to->frame, &frame->frame);
	copy_gprs(&to->frame, &frame->frame);
	to->sysregs[CR3] = frame->sysregs[CR3];
	return (uint64_t)to;
}

/* Page tables of CPL 3: copies of the kernel's where they differ. */
static uint64_t user_pml4[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint64_t user_pdpt[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint64_t user_directory[ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static uint64_t user_tables[IMAGE_MB / 2][ENTRIES] __attribute__((aligned(PAGE_SIZE)));

/* Return: the entry that leads to the copy instead. */
static uint64_t copy_table(uint64_t *to, uint64_t entry)
{
	memcpy(to, (const void *)(entry & ADDRESS), PAGE_SIZE);
	return (uint64_t)to | (entry & ~ADDRESS);
}

static void hide(const void *start, size_t size)
{
	uint64_t *ptes = user_tables[0];

	for (uint64_t a = (uint64_t)start; a < (uint64_t)start + size; a += PAGE_SIZE)
		ptes[a / PAGE_SIZE] = 0;
}

/* Made anew every time, because a test may have changed the kernel's. */
static uint64_t user_cr3(void)
{
	memcpy(user_pml4, pml4, PAGE_SIZE);
	user_pml4[0] = copy_table(user_pdpt, pml4[0]);
	user_pdpt[0] = copy_table(user_directory, user_pdpt[0]);
	for (unsigned int i = 0; i < IMAGE_MB / 2; i++) {
		if (!(user_directory[i] & LARGE))
			user_directory[i] = copy_table(user_tables[i], user_directory[i]);
	}
	hide(atomic_sysregs_stacks.main, ATOMIC_MAIN_SIZE);
	hide(&percpu, sizeof(percpu));
	return (uint64_t)user_pml4;
}

static void install(void)
{
	atomic_install(&atomic_sysregs_stacks);
	percpu.self = &percpu;
}

IST_DESIGN(
	atomic_sysregs, .name = "atomic-sysregs",
	.summary = "atomic, and CPL 3 has page tables without the handlers' stack, and its own GS",
	.entry = { { VEC_NMI, atomic_sysregs_nmi, IST_NMI, &atomic_sysregs_nmi_stack },
		   { VEC_DB, atomic_sysregs_db, IST_DB, &atomic_sysregs_db_stack },
		   { VEC_MC, atomic_sysregs_mc, IST_MC, &atomic_sysregs_mc_stack } },
	.stacks = { &atomic_sysregs_main_stack }, .claims = { ATOMIC_CLAIMS }, .install = install,
	.user_cr3 = user_cr3);
