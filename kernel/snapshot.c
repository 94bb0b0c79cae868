/* SPDX-License-Identifier: MIT */
/*
 * Snapshot and restore of what a test may change for its own purposes and must put back.
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/string.h>

#include "desc.h"
#include "snapshot.h"

struct snapshot {
	uint64_t cr0, cr3, cr4, xcr0, xss, efer, dr7;
	struct table_pointer idtr, gdtr;
	struct gate idt[VEC_COUNT];
	uint64_t ist[7];
};

static struct snapshot before, now; /* 4 KiB each: not on a stack */

static void take(struct snapshot *s)
{
	s->cr0 = read_cr0();
	s->cr3 = read_cr3();
	s->cr4 = read_cr4();
	s->xcr0 = s->cr4 & CR4_OSXSAVE ? insn_xgetbv(0) : 0;
	s->xss = cpu.xsaves ? rdmsr(MSR_XSS) : 0;
	s->efer = rdmsr(MSR_EFER);
	s->dr7 = read_dr7();
	s->idtr = sidt();
	s->gdtr = sgdt();
	memcpy(s->idt, idt, sizeof(idt));
	memcpy(s->ist, tss.ist, sizeof(s->ist));
}

void snapshot_take(void)
{
	take(&before);
}

static const char *first_difference(const struct snapshot *a, const struct snapshot *b)
{
	if (a->cr0 != b->cr0)
		return "CR0";
	if (a->cr3 != b->cr3)
		return "CR3";
	if (a->cr4 != b->cr4)
		return "CR4";
	if (a->xcr0 != b->xcr0)
		return "XCR0";
	if (a->xss != b->xss)
		return "IA32_XSS";
	if (a->efer != b->efer)
		return "IA32_EFER";
	if (a->dr7 != b->dr7)
		return "DR7";
	if (memcmp(&a->idtr, &b->idtr, sizeof(a->idtr)))
		return "IDTR";
	if (memcmp(&a->gdtr, &b->gdtr, sizeof(a->gdtr)))
		return "GDTR";
	if (memcmp(a->idt, b->idt, sizeof(a->idt)))
		return "the IDT";
	if (memcmp(a->ist, b->ist, sizeof(a->ist)))
		return "an IST pointer of the TSS";
	return NULL;
}

const char *snapshot_restore(void)
{
	const struct snapshot *s = &before;
	const char *changed;

	take(&now);
	changed = first_difference(s, &now);
	if (!changed)
		return NULL;
	lidt(&s->idtr);
	memcpy(idt, s->idt, sizeof(idt));
	memcpy(tss.ist, s->ist, sizeof(s->ist));
	write_dr7(s->dr7);
	write_cr3(s->cr3);
	write_cr4(s->cr4);
	write_cr0(s->cr0);
	if (s->cr4 & CR4_OSXSAVE)
		insn_xsetbv(0, s->xcr0);
	if (cpu.xsaves)
		wrmsr(MSR_XSS, s->xss);
	wrmsr(MSR_EFER, s->efer);
	return changed;
}
