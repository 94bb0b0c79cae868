/* SPDX-License-Identifier: MIT */
/*
 * fred: events are delivered by the CPU's own answer to the problem, not through the IDT.
 *
 * The CPU keeps a current stack level, 0 to 3, and each vector has one. An event of a higher level
 * loads RSP from the MSR of that level; any other goes on below the current RSP. The level falls
 * only when the return instruction restores it from the frame, so a stack that is in use is never
 * begun anew. ERETS unblocks NMIs only if its frame says that an NMI was delivered: what comes and
 * returns inside an NMI's handler leaves them blocked.
 *
 *	level 0		all that comes from CPL 3, and what has no level of its own
 *	level 1		#DB
 *	level 2		NMI, #MC
 *	level 3		#DF
 *
 * There is one entry for CPL 3 and one for CPL 0, for all vectors and for SYSCALL too, which so has
 * no gap: it comes with a kernel stack. The frame has the vector. Handlers are called with the
 * frame that they know; gates of the IDT that a test has changed do not count while FRED is on, and
 * CPL 3 can be entered by ERETU only.
 *
 * Windows: none. IRET would unblock NMIs as ever; it is used nowhere here.
 *
 * Sources: Intel, "Flexible Return and Event Delivery (FRED) Specification", "FRED Configuration
 * MSRs", "FRED Event Delivery", "FRED Return Instructions"; the levels are Linux's
 * (arch/x86/kernel/fred.c).
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/ist.h>

#include "fred.h"

#define CPUID_FRED (1u << 17) /* CPUID.(EAX=7,ECX=1):EAX */
#define CR4_FRED   (UINT64_C(1) << 32)

#define MSR_STAR	 0xc0000081
#define MSR_FRED_RSP0	 0x1cc
#define MSR_FRED_STKLVLS 0x1d0
#define MSR_FRED_CONFIG	 0x1d4

#define STAR_KERNEL_SHIFT 32 /* CS that events load; SS is the next selector */
#define LEVELS		  4
#define LEVEL(vector, n)  (UINT64_C(n) << 2 * (vector))

#define DF_SIZE (16 * 1024)

_Static_assert(SEL_KERNEL_DATA == SEL_KERNEL_CODE + 8, "FRED event delivery loads SS so");
_Static_assert(offsetof(struct fred_frame, event_data) == sizeof(struct trap_frame),
	       "the CPU's frame goes on behind SS");

STACK_DEFINE(fred_stack_0, IST_LEVEL_SIZE);
STACK_DEFINE(fred_stack_1, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(fred_stack_2, IST_LEVELS *IST_LEVEL_SIZE);
STACK_DEFINE(fred_stack_3, DF_SIZE);

static const struct stack *const stacks[LEVELS] = { &fred_stack_0_stack, &fred_stack_1_stack,
						    &fred_stack_2_stack, &fred_stack_3_stack };

extern const uint8_t fred_user[]; /* the page that holds both entries */
void fred_kernel(void);

/* entry.asm's way to C, for what is not the laboratory's. */
void trap_handle(struct trap_frame *frame);

static bool is_of_design(const struct trap_frame *frame)
{
	return frame->vector == VEC_NMI || frame->vector == VEC_DB || frame->vector == VEC_MC;
}

/* fred_event() - every event; Return: whether to return to CPL 3 */
bool fred_event(struct trap_frame *frame);
bool fred_event(struct trap_frame *frame)
{
	struct fred_event event = fred_decode(frame);

	(is_of_design(frame) ? ist_handle : trap_handle)(frame);
	fred_encode(frame, event);
	return frame->cs & 3;
}

static const char *missing(void)
{
	if (cpuid(0, 0).eax >= 7 && cpuid(7, 0).eax >= 1 && cpuid(7, 1).eax & CPUID_FRED)
		return NULL;
	return "CPUID.(7,1):EAX[17] FRED";
}

static uint64_t old_star;

static void install(void)
{
	if (missing())
		return;
	old_star = rdmsr(MSR_STAR);
	wrmsr(MSR_STAR, (old_star & ~(UINT64_C(0xffff) << STAR_KERNEL_SHIFT)) |
				(uint64_t)SEL_KERNEL_CODE << STAR_KERNEL_SHIFT);
	for (unsigned int i = 0; i < LEVELS; i++)
		wrmsr(MSR_FRED_RSP0 + i, stack_top(stacks[i]));
	wrmsr(MSR_FRED_STKLVLS,
	      LEVEL(VEC_DB, 1) | LEVEL(VEC_NMI, 2) | LEVEL(VEC_MC, 2) | LEVEL(VEC_DF, 3));
	wrmsr(MSR_FRED_CONFIG, (uint64_t)fred_user); /* level 0, nothing left free below RSP */
	/* ERETS compares: delivery through the IDT may have left a null selector */
	__asm__ volatile("mov %0, %%ss" : : "r"(SEL_KERNEL_DATA) : "memory");
	write_cr4(read_cr4() | CR4_FRED);
}

static void remove(void)
{
	if (missing())
		return;
	write_cr4(read_cr4() & ~CR4_FRED);
	wrmsr(MSR_FRED_CONFIG, 0);
	wrmsr(MSR_FRED_STKLVLS, 0);
	wrmsr(MSR_STAR, old_star);
}

IST_DESIGN(fred, .name = "fred",
	   .summary = "FRED event delivery: a stack in use is never begun anew; needs the CPU",
	   .entry = { { VEC_NMI, fred_kernel, IST_NONE, NULL },
		      { VEC_DB, fred_kernel, IST_NONE, NULL },
		      { VEC_MC, fred_kernel, IST_NONE, NULL } },
	   .stacks = { &fred_stack_0_stack, &fred_stack_1_stack, &fred_stack_2_stack },
	   .claims = { { "NMI", NULL },
		       { "DB", NULL },
		       { "MC", NULL },
		       { "NMI>NMI", NULL },
		       { "NMI>DB", NULL },
		       { "NMI>MC", NULL },
		       { "DB>NMI", NULL },
		       { "DB>DB", NULL },
		       { "DB>MC", NULL },
		       { "MC>NMI", NULL },
		       { "MC>DB", NULL },
		       { "MC>MC", NULL },
		       { "NMI>DB>NMI", IST_NOT_APPLICABLE },
		       { "NMI>MC>NMI", IST_NOT_APPLICABLE },
		       { "DB>NMI>DB", NULL },
		       { "DB>MC>DB", NULL },
		       { "MC>NMI>MC", NULL },
		       { "MC>DB>MC", NULL },
		       { "user:NMI", NULL },
		       { "user:DB", NULL },
		       { "user:MC", NULL },
		       { "gap:NMI", IST_NOT_APPLICABLE },
		       { "gap:DB", IST_NOT_APPLICABLE },
		       { "gap:MC", IST_NOT_APPLICABLE },
		       { "flags:NMI", NULL },
		       { "flags:DB", NULL },
		       { "flags:MC", NULL },
		       { "odd:NMI", NULL },
		       { "odd:DB", NULL },
		       { "odd:MC", NULL } },
	   .missing = missing, .install = install, .remove = remove);
