/* SPDX-License-Identifier: MIT */
/*
 * probe_ops on the CPU at hand, in a process of 64-bit Linux: CPL 3, 64-bit mode and compatibility
 * mode, 16-bit code by way of the LDT.
 *
 * A fault comes as a signal. Linux keeps the extended state in the signal's frame and puts it back
 * when the handler returns, but for what XRSTOR does not load (rule F09: x87 pointers on AMD).
 * What CPL 3 cannot read, IA32_XSS and IA32_XFD, reads as 0.
 *
 * Sources: Linux, Documentation/arch/x86/xstate.rst; man pages signal(7), pkeys(7), modify_ldt(2).
 */
#define _GNU_SOURCE /* REG_RIP */
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xsave/insn.h>
#include <xtk/panic.h>
#include <xtk/probe.h>
#include <xtk/string.h>

#include "cmdline.h"
#include "exit.h"
#include "frame.h"

#define PAGE		    4096
#define USER_CS		    0x33 /* Linux, arch/x86/include/asm/segment.h */
#define USER_DS		    0x2b
#define USER32_CS	    0x23
#define LDT_SELECTOR(entry) ((entry) << 3 | 7) /* table indicator and RPL 3 */
#define LDT_WRITE	    0x11
#define ARCH_REQ_XCOMP_PERM 0x1023
#define CPUID1_ECX_OSXSAVE  (UINT32_C(1) << 27)
#define CPUID7_ECX_OSPKE    (UINT32_C(1) << 4)
#define KEYS		    16
#define MPX		    (XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR))
#define AMX		    (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define FLAGS_OF_PROBE	    (UINT64_C(0xcd5) | EFLAGS_AC) /* CF PF AF ZF SF DF OF */
#define INSN_MAX	    15

/* native.asm */
extern struct probe_gprs native_in, native_out;
extern uint64_t native_entry;
extern uint16_t native_ds16;
extern const uint8_t native_done64[], native_done32[], native_fault[];
void native_run64(void);
void native_run32(void);
void native_run16(void);

enum { LDT_CODE, LDT_DATA };

struct probe_gprs native_in, native_out;
uint64_t native_entry;
uint16_t native_ds16 = LDT_SELECTOR(LDT_DATA);
struct far {
	uint32_t offset;
	uint16_t selector;
} native_entry16 = { 0, LDT_SELECTOR(LDT_CODE) };
_Static_assert(offsetof(struct probe_gprs, rflags) == 15 * 8, "native.asm counts quadwords");

static struct {
	uint8_t before[PAGE], pages[PROBE_ARENA_SIZE], behind[PAGE];
} arena __attribute__((aligned(PAGE)));

static struct slot {
	uint8_t code[PAGE];
} slots[PROBE_MODES] __attribute__((aligned(PAGE)));

static bool osxsave, ospke, keys, runs[PROBE_MODES]; /* what Linux lets us use */

/* What the signal handler found. */
static struct {
	fault_t fault;
	uint64_t cr2;
} taken;

static const char *why_not(const struct probe *p)
{
	static const char *const lacks[PROBE_MODES] = {
		[PROBE_COMPAT32] = "32-bit code in Linux",
		[PROBE_COMPAT16] = "16-bit code in Linux",
		[PROBE_PROTECTED32] = "protected mode outside IA-32e mode",
		[PROBE_REAL] = "real-address mode",
		[PROBE_V86] = "virtual-8086 mode",
	};

	if (!runs[p->mode])
		return lacks[p->mode];
	if (p->cpl != 3)
		return "CPL 0";
	if (p->cr0_flip || p->cr4_flip || p->efer_flip)
		return "CR0, CR4 and IA32_EFER at CPL 0";
	return NULL;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* The way back, at @at: a near jump, out of 16-bit code a far one. */
static void put_jump(uint8_t *at, enum probe_mode mode)
{
	const uint8_t *to = mode == PROBE_64 ? native_done64 : native_done32;

	if (mode == PROBE_COMPAT16) {
		at[0] = 0x66; /* JMP ptr16:32 */
		at[1] = 0xea;
		put32(at + 2, (uint32_t)(uint64_t)to);
		at[6] = USER32_CS;
		at[7] = 0;
		return;
	}
	at[0] = 0xe9; /* JMP rel32 */
	put32(at + 1, (uint32_t)(to - (at + 5)));
}

/* The instruction is written anew only when it is another one: the CPU dislikes fresh code. */
static void fill_slot(enum probe_mode mode, const struct probe_insn *insn)
{
	static struct probe_insn there[PROBE_MODES];
	uint8_t *slot = slots[mode].code;

	BUG_ON(!insn->length || insn->length > INSN_MAX);
	native_entry = (uint64_t)slot;
	if (there[mode].length == insn->length &&
	    !memcmp(there[mode].bytes, insn->bytes, insn->length))
		return;
	there[mode] = *insn;
	memcpy(slot, insn->bytes, insn->length);
	put_jump(slot + insn->length, mode);
}

/* XRSTOR with XSTATE_BV = 0; with AVX it loads MXCSR too, which goes with SSE here. */
static void initialise(uint64_t mask)
{
	static struct xsave_large image;

	if (!mask)
		return;
	image.legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	if (!(mask & XSAVE_MASK(XSAVE_SSE)))
		__asm__ volatile("stmxcsr %0" : "=m"(image.legacy.mxcsr));
	insn_xrstor(&image, mask);
}

static void run(const struct probe *p, struct probe_result *r)
{
	static void (*const routines[PROBE_MODES])(void) = {
		[PROBE_64] = native_run64,
		[PROBE_COMPAT32] = native_run32,
		[PROBE_COMPAT16] = native_run16,
	};
	const char *lacks = why_not(p);

	if (lacks)
		panic("a probe that needs %s", lacks);
	initialise(p->init);
	if (p->load)
		xregs_load(p->regs, p->load);
	native_in = p->gprs;
	native_in.rflags = (p->gprs.rflags & FLAGS_OF_PROBE) | EFLAGS_FIXED;
	memset(&native_out, 0, sizeof(native_out));
	taken.fault = NO_FAULT;
	taken.cr2 = 0;
	fill_slot(p->mode, p->insn);
	routines[p->mode]();
	if (p->store)
		xregs_store(&r->regs, p->store);
	r->fault = taken.fault;
	r->cr2 = taken.cr2;
	r->gprs = native_out;
	r->gprs.rflags &= FLAGS_OF_PROBE;
}

/* Whether the signal came out of a slot; a 16-bit one has a segment of its own. */
static bool in_slot(uint64_t rip, uint16_t cs)
{
	if (cs == native_entry16.selector)
		return true;
	return rip >= (uint64_t)slots && rip < (uint64_t)slots + sizeof(slots);
}

static void take_gprs(const greg_t *reg)
{
	static const int order[] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
				     REG_RBP, REG_R8,  REG_R9,	REG_R10, REG_R11, REG_R12,
				     REG_R13, REG_R14, REG_R15, REG_EFL };
	uint64_t *out = (uint64_t *)&native_out;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		out[i] = (uint64_t)reg[order[i]];
}

bool machine_fault(ucontext_t *context, fault_t fault)
{
	greg_t *reg = context->uc_mcontext.gregs;
	uint16_t segments[4]; /* CS, GS, FS, SS */

	memcpy(segments, &reg[REG_CSGSFS], sizeof(segments));
	if (!in_slot((uint64_t)reg[REG_RIP], segments[0]))
		return false;
	taken.fault = fault;
	if (fault >> 16 == (FAULT(PF, 0) >> 16))
		taken.cr2 = (uint64_t)reg[REG_CR2];
	take_gprs(reg);
	segments[0] = USER_CS;
	segments[3] = USER_DS;
	memcpy(&reg[REG_CSGSFS], segments, sizeof(segments));
	reg[REG_EFL] = EFLAGS_FIXED;
	reg[REG_RIP] = (greg_t)native_fault;
	return true;
}

static struct cpuid_regs ask(uint32_t leaf, uint32_t subleaf)
{
	return cpuid(leaf, subleaf);
}

static bool can_set(enum probe_register reg)
{
	(void)reg;
	return false;
}

static uint64_t get(enum probe_register reg)
{
	return reg == PROBE_XCR0 && osxsave ? insn_xgetbv(0) : 0;
}

/* XSETBV and WRMSR at CPL 3. */
static fault_t set(enum probe_register reg, uint64_t value)
{
	(void)reg;
	(void)value;
	return FAULT(GP, 0);
}

static bool protect(unsigned int page, enum probe_access access, unsigned int key)
{
	static const int rights[] = {
		[PROBE_READ_WRITE] = PROT_READ | PROT_WRITE,
		[PROBE_READ_ONLY] = PROT_READ,
		[PROBE_NOT_PRESENT] = PROT_NONE,
	};
	uint8_t *at = arena.pages + page * PAGE;

	BUG_ON(page >= PROBE_ARENA_PAGES);
	if (keys)
		return !syscall(SYS_pkey_mprotect, at, PAGE, rights[access], key);
	return !key && !mprotect(at, PAGE, rights[access]);
}

static const struct probe_ops native_ops = {
	.name = "native",
	.arena = arena.pages,
	.why_not = why_not,
	.run = run,
	.cpuid = ask,
	.can_set = can_set,
	.get = get,
	.set = set,
	.protect = protect,
};

const struct probe_ops *const probe_ops = &native_ops;

/* All of them, so that a rule may choose; a new key is open. */
static bool have_keys(void)
{
	bool all = ospke;

	for (unsigned int key = 1; key < KEYS && all; key++)
		all = syscall(SYS_pkey_alloc, 0, 0) == (long)key;
	return all;
}

/* Linux built without 32-bit programs has no such segment. LAR: bit 21 is L, bit 22 is D. */
static bool have_segment32(void)
{
	uint32_t rights = 0;
	bool valid;

	__asm__("lar %2, %0\n\tsetz %1"
		: "+r"(rights), "=q"(valid)
		: "r"((uint32_t)USER32_CS)
		: "cc");
	return valid && (rights >> 21 & 3) == 2;
}

static bool set_segment(unsigned int entry, void *base, size_t size, unsigned int contents)
{
	struct user_desc desc = { .entry_number = entry,
				  .base_addr = (uint32_t)(uint64_t)base,
				  .limit = (unsigned int)size - 1,
				  .contents = contents,
				  .useable = 1 };

	return !syscall(SYS_modify_ldt, LDT_WRITE, &desc, sizeof(desc));
}

static bool have_segments16(void)
{
	return set_segment(LDT_CODE, &slots[PROBE_COMPAT16], sizeof(slots[0]),
			   MODIFY_LDT_CONTENTS_CODE) &&
	       set_segment(LDT_DATA, arena.pages, sizeof(arena.pages), MODIFY_LDT_CONTENTS_DATA);
}

/* MPX: without BNDCFGU.EN, BNDMOV is a NOP at CPL 3. AMX: Linux wants to be asked. */
static uint64_t movable(void)
{
	uint64_t lost = MPX, xcr0 = get(PROBE_XCR0);

	if (!ospke)
		lost |= XSAVE_MASK(XSAVE_PKRU);
	if (xcr0 & AMX && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XSAVE_XTILEDATA))
		lost |= AMX;
	return (xcr0 & ~lost) | XSAVE_LEGACY_MASK;
}

/* An emulator of processes knows signals but not the exceptions behind them. */
static void check_signals(void)
{
	char text[FAULT_TEXT_SIZE];
	fault_t fault = read_byte_safe((const void *)8);

	if (fault != FAULT(PF, 4))
		usage_exit("signals tell %s for a read of address 8: probes need Linux on the CPU "
			   "itself",
			   fault_text(fault, text));
}

void machine_start(void)
{
	uint64_t mask;

	BUG_ON((uint64_t)&arena + sizeof(arena) > UINT32_MAX);
	check_signals();
	if (mprotect(slots, sizeof(slots), PROT_READ | PROT_WRITE | PROT_EXEC))
		usage_exit("Linux refuses memory that is writable and executable; a probe needs it "
			   "(SELinux: allow execmem)");
	BUG_ON(mprotect(arena.before, PAGE, PROT_NONE) || mprotect(arena.behind, PAGE, PROT_NONE));
	osxsave = cpuid(1, 0).ecx & CPUID1_ECX_OSXSAVE;
	ospke = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ecx & CPUID7_ECX_OSPKE;
	keys = have_keys();
	runs[PROBE_64] = true;
	runs[PROBE_COMPAT32] = have_segment32();
	runs[PROBE_COMPAT16] = runs[PROBE_COMPAT32] && have_segments16();
	mask = movable(); /* asks Linux for AMX, before its first instruction */
	xregs_init();
	xregs_cpu.mask &= mask;
}

const struct word machine_words[] = { { NULL, NULL, false } };

void machine_words_check(void)
{
}
