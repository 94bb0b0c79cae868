/* SPDX-License-Identifier: MIT */
/*
 * Locate, copy the outmost frame, copy the nested ones: the part of an atomic entry that is C.
 *
 * It runs on the small stack of its vector before the entry has committed, and is never resumed
 * when another entry interrupts it there: that one does the whole work again. So it writes nothing
 * but its own stack and the part of MAIN that is free, with one instruction a quadword (volatile
 * keeps the compiler from calling memcpy), and calls nothing.
 *
 * The .c file that includes it says what is different between designs:
 *
 *	SYSREGS			how many system registers a frame has
 *	SYSREG_OF_KERNEL(i)	what the kernel runs with in them
 *	code_of()		where an entry begins, and where it goes on when it has committed
 */
#ifndef XTK_IST_ATOMIC_COPY_H
#define XTK_IST_ATOMIC_COPY_H

#include <stdbool.h>

#include <xtk/cpu.h>
#include <xtk/print.h>

#include "atomic.h"

/* One symbol in the table of boundaries for each function, whatever the compiler would make of it.
 */
#ifdef __clang__
#define STEP __attribute__((noinline))
#else
#define STEP __attribute__((noipa))
#endif

#define EFLAGS_NT	(UINT64_C(1) << 14)
#define EFLAGS_OF_ENTRY (EFLAGS_DF | EFLAGS_NT | EFLAGS_AC) /* what an entry has cleared */

struct atomic_frame {
	uint64_t sysregs[SYSREGS]; /* pushed last */
	struct trap_frame frame;
};

/* Labels in the assembly. */
struct atomic_code {
	uint64_t entry, fix_head;
};

struct atomic_level {
	const struct atomic_frame *frame;
	uint64_t fix_head;
};

/* The entries that have not committed, from the ongoing one [0] to the outmost. */
struct atomic_path {
	struct atomic_stacks *stacks;
	struct atomic_level level[ATOMIC_CHAIN];
	unsigned int count;
	/* the outmost frames into which all GPRs, and all system registers, were pushed */
	const struct atomic_frame *gprs, *sysregs;
	uint64_t main_top; /* MAIN is free below */
};

static inline struct atomic_code code_of(unsigned int small);

/* The text of this object file, in which the functions below are. */
__asm__(".text\n.Latomic_text:\n.subsection 1\n.Latomic_text_end:\n.previous\n");
extern const uint8_t atomic_text[] __asm__(".Latomic_text");
extern const uint8_t atomic_text_end[] __asm__(".Latomic_text_end");

extern const uint8_t lab_syscall_gap_start[], lab_syscall_gap_end[];

/*
 * What no design can survive: say it, and end in a #DF, which has a stack of its own. The push on a
 * guard page raises #PF, and that cannot be delivered on this stack. Does not return.
 */
static STEP void fatal(const struct atomic_stacks *stacks, const char *why, uint64_t rip)
{
	print("# atomic: %s, rip=0x%lx\n", why, rip);
	__asm__ volatile("mov %0, %%rsp\n\tpush %0" : : "r"(stacks->small[0].bytes) : "memory");
}

/* Where a user chooses RSP, it says nothing about who was interrupted. */
static inline bool rsp_is_the_users(const struct trap_frame *frame)
{
	return (frame->cs & 3) || (frame->rip >= (uint64_t)lab_syscall_gap_start &&
				   frame->rip < (uint64_t)lab_syscall_gap_end);
}

/* Which small stack @rsp points into; IST_ENTRIES: none. */
static inline unsigned int small_of(const struct atomic_stacks *stacks, uint64_t rsp)
{
	uint64_t distance = rsp - (uint64_t)stacks;

	if (distance >= sizeof(stacks->small) || distance % sizeof(stacks->small[0]) < PAGE_SIZE)
		return IST_ENTRIES;
	return (unsigned int)(distance / sizeof(stacks->small[0]));
}

static inline const struct atomic_frame *frame_of(const struct atomic_small *small)
{
	const void *top = small->bytes + PAGE_SIZE;

	return (const struct atomic_frame *)top - 1;
}

static inline bool is_in_entry(struct atomic_code code, uint64_t rip)
{
	return (rip >= code.entry && rip < code.fix_head) ||
	       (rip >= (uint64_t)atomic_text && rip < (uint64_t)atomic_text_end);
}

/* The small stack on which the context of @frame ran; IST_ENTRIES: none. */
static inline unsigned int interrupted_small(const struct atomic_stacks *stacks,
					     const struct trap_frame *frame)
{
	return rsp_is_the_users(frame) ? IST_ENTRIES : small_of(stacks, frame->rsp);
}

/* Below what the outmost context has on MAIN. What a #DF interrupted there lives, too. */
static inline uint64_t free_main(const struct atomic_stacks *stacks, const struct trap_frame *frame)
{
	uint64_t rsp = rsp_is_the_users(frame) ? 0 : frame->rsp;

	if (rsp >= stacks->df_bottom && rsp < stacks->df_top)
		rsp = ((const uint64_t *)stacks->df_top)[-2]; /* of the frame: ss, and this */
	if (rsp - (uint64_t)stacks->main < ATOMIC_MAIN_SIZE)
		return rsp & ~UINT64_C(15);
	return (uint64_t)stacks->main + ATOMIC_MAIN_SIZE;
}

/*
 * Follow the interrupted RSPs outwards. An entry that interrupted itself has overwritten its frame
 * and leads in a circle: the limit finds it. A frame is whole if RSP was at its end or below.
 */
static STEP void locate(struct atomic_path *path, const struct atomic_frame *own)
{
	const struct atomic_stacks *stacks = path->stacks;
	const struct atomic_frame *frame = own;
	unsigned int n = 0, small;

	path->gprs = path->sysregs = own;
	path->level[n++].frame = own;
	while ((small = interrupted_small(stacks, &frame->frame)) != IST_ENTRIES) {
		uint64_t rsp = frame->frame.rsp, rip = frame->frame.rip;

		if (n == ATOMIC_CHAIN)
			fatal(stacks, "an entry has interrupted itself", rip);
		if (!is_in_entry(code_of(small), rip))
			fatal(stacks, "the stack of an entry is used by something else", rip);
		frame = frame_of(&stacks->small[small]);
		if (rsp <= (uint64_t)&frame->frame)
			path->gprs = frame;
		if (rsp <= (uint64_t)frame)
			path->sysregs = frame;
		path->level[n].frame = frame;
		path->level[n++].fix_head = code_of(small).fix_head;
	}
	path->count = n;
	path->main_top = free_main(stacks, &frame->frame);
	if (path->main_top - n * sizeof(*own) < (uint64_t)stacks->main + IST_LEVEL_SIZE)
		fatal(stacks, "MAIN is full", own->frame.rip);
}

/* clang-format off */
#define ALL_GPRS(DO)                                                                               \
	DO(r15) DO(r14) DO(r13) DO(r12) DO(r11) DO(r10) DO(r9) DO(r8)                              \
	DO(rbp) DO(rdi) DO(rsi) DO(rdx) DO(rcx) DO(rbx) DO(rax)
/* clang-format on */

/* The frame on MAIN of a level: that of the ongoing entry is the lowest. */
static inline volatile struct atomic_frame *target(const struct atomic_path *path,
						   unsigned int level)
{
	return (volatile struct atomic_frame *)path->main_top - (path->count - level);
}

/* Vector and error code are written behind the commit: an entry that is interrupted early has not
 * pushed them. */
static inline void copy_head(volatile struct trap_frame *to, const struct trap_frame *from)
{
	to->rip = from->rip;
	to->cs = from->cs;
	to->rflags = from->rflags;
	to->rsp = from->rsp;
	to->ss = from->ss;
}

static inline void copy_gprs(volatile struct trap_frame *to, const struct trap_frame *from)
{
#define COPY_GPR(gpr) to->gpr = from->gpr;
	ALL_GPRS(COPY_GPR)
}

/* The context that is no entry's. */
static STEP void copy_outmost(const struct atomic_path *path)
{
	unsigned int outmost = path->count - 1;
	volatile struct atomic_frame *to = target(path, outmost);

	copy_head(&to->frame, &path->level[outmost].frame->frame);
	copy_gprs(&to->frame, &path->gprs->frame);
	for (int i = 0; i < SYSREGS; i++)
		to->sysregs[i] = path->sysregs->sysregs[i];
}

/* Each level that an entry interrupted, as if it had been interrupted just behind its commit. */
static STEP void copy_nested(const struct atomic_path *path)
{
	for (unsigned int i = path->count - 1; i-- > 0;) {
		volatile struct atomic_frame *to = target(path, i);
		uint64_t above = (uint64_t)target(path, i + 1);

		copy_head(&to->frame, &path->level[i].frame->frame);
		to->frame.rip = path->level[i + 1].fix_head;
		to->frame.rsp = above;
		to->frame.rflags = path->level[i].frame->frame.rflags & ~EFLAGS_OF_ENTRY;
#define CLEAR_GPR(gpr) to->frame.gpr = 0;
		ALL_GPRS(CLEAR_GPR)
		to->frame.rax = above;
		for (int j = 0; j < SYSREGS; j++)
			to->sysregs[j] = SYSREG_OF_KERNEL(j);
	}
}

#endif
