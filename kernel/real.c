/* SPDX-License-Identifier: MIT */
/*
 * Probes outside IA-32e mode. The code that goes there is in real.asm.
 *
 * The 16-bit modes reach the first MiB only, so they work on a copy of the arena there. Protected
 * mode has no paging and takes the arena where it is.
 *
 * What does not outlive these modes, though most CPUs keep it: R8 to R15 and registers 8 to 31 of
 * SSE, AVX and AVX-512.
 *
 * Sources: SDM vol. 1, "General-Purpose Registers in 64-Bit Mode" (what does not outlive them);
 * vol. 3, "Switching Out of IA-32e Mode Operation", "Task Switching".
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/legacy.h>
#include <xtk/paging.h>
#include <xtk/panic.h>
#include <xtk/string.h>

#include "phys.h"
#include "probe_modes.h"

#define INT3	    0xcc
#define EFLAGS_MASK UINT32_C(0x40cd5) /* CF PF AF ZF SF DF OF AC: a probe may have any */

enum legacy_mode { LEGACY_PROTECTED, LEGACY_REAL, LEGACY_V86, LEGACY_TASK };

/* At the start of the blob; in the order in which real.asm names the fields. */
struct legacy_call {
	uint32_t mode;
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp, eflags;
	uint32_t vector, error, eip; /* of the exception that ended it */
	uint32_t cr3;
	uint8_t insn[16];
};

_Static_assert(offsetof(struct legacy_call, eflags) == 8 * 4, "real.asm: call_eflags");
_Static_assert(offsetof(struct legacy_call, cr3) == 12 * 4, "real.asm: call_cr3");
_Static_assert(offsetof(struct legacy_call, insn) == 13 * 4, "real.asm: call_insn");

/* real.asm; the last two are addresses and hold nothing */
void legacy_switch(void);
extern const uint8_t legacy_blob[], legacy_blob_end[], legacy_low[], legacy_arena[];

static struct legacy_call *low_call(void)
{
	return phys_ptr((uint64_t)legacy_low);
}

/* FS and GS are loaded on the way, and take their bases along. */
static void go(const struct legacy_call *call)
{
	struct legacy_call *low = low_call();
	uint64_t fs_base = rdmsr(MSR_FS_BASE), gs_base = rdmsr(MSR_GS_BASE);

	memcpy(low, legacy_blob, (size_t)(legacy_blob_end - legacy_blob));
	*low = *call;
	legacy_switch();
	wrmsr(MSR_FS_BASE, fs_base);
	wrmsr(MSR_GS_BASE, gs_base);
}

static enum legacy_mode legacy_mode(enum probe_mode mode)
{
	if (mode == PROBE_REAL)
		return LEGACY_REAL;
	return mode == PROBE_V86 ? LEGACY_V86 : LEGACY_PROTECTED;
}

const char *probe_legacy_why_not(const struct probe *p)
{
	if (p->mode == PROBE_V86)
		return p->cpl == 3 ? NULL : "virtual-8086 mode at another CPL than 3";
	return p->cpl == 0 ? NULL : "CPL 3 outside IA-32e mode";
}

static void to_call(const struct probe *p, struct legacy_call *call)
{
	const struct probe_gprs *g = &p->gprs;

	BUG_ON(p->insn->length >= sizeof(call->insn));
	*call = (struct legacy_call){
		.mode = legacy_mode(p->mode),
		.eax = (uint32_t)g->rax,
		.ebx = (uint32_t)g->rbx,
		.ecx = (uint32_t)g->rcx,
		.edx = (uint32_t)g->rdx,
		.esi = (uint32_t)g->rsi,
		.edi = (uint32_t)g->rdi,
		.ebp = (uint32_t)g->rbp,
		.eflags = ((uint32_t)g->rflags & EFLAGS_MASK) | (uint32_t)EFLAGS_FIXED,
	};
	memcpy(call->insn, p->insn->bytes, p->insn->length);
	call->insn[p->insn->length] = INT3;
}

/* The INT3 that stands behind the instruction is no fault of it. */
static fault_t fault_of(const struct probe *p, const struct legacy_call *call)
{
	uint32_t end = (uint32_t)(uint64_t)low_call()->insn + p->insn->length;

	if (call->vector == VEC_BP && call->eip == end + 1)
		return NO_FAULT;
	return FAULT_OF(call->vector, call->error);
}

static void to_result(const struct probe *p, const struct legacy_call *call, struct probe_result *r)
{
	r->fault = fault_of(p, call);
	r->cr2 = read_cr2();
	r->gprs = p->gprs;
	r->gprs.rax = call->eax;
	r->gprs.rbx = call->ebx;
	r->gprs.rcx = call->ecx;
	r->gprs.rdx = call->edx;
	r->gprs.rsi = call->esi;
	r->gprs.rdi = call->edi;
	r->gprs.rbp = call->ebp;
	r->gprs.rflags = call->eflags;
}

void probe_legacy_run(const struct probe *p, struct probe_result *r)
{
	bool copied = p->mode != PROBE_PROTECTED32;
	void *copy = phys_ptr((uint64_t)legacy_arena);
	void *arena = phys_alias(probe_ops->arena); /* whatever access a page of it has */
	struct legacy_call call;

	to_call(p, &call);
	if (copied)
		memcpy(copy, arena, PROBE_ARENA_SIZE);
	go(&call);
	if (copied)
		memcpy(arena, copy, PROBE_ARENA_SIZE);
	to_result(p, low_call(), r);
}

void legacy_task_switch(uint64_t cr0[2])
{
	struct legacy_call call = { .mode = LEGACY_TASK, .cr3 = (uint32_t)read_cr3() };
	uint64_t before = read_cr0();

	go(&call);
	write_cr0(before);
	cr0[0] = low_call()->eax;
	cr0[1] = low_call()->ebx;
	BUG_ON(low_call()->vector != VEC_BP);
}
