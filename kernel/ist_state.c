/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading the extended state around a handler. xtk/ist_state.h says what it promises.
 */
#include <xtk/cpu.h>
#include <xtk/ist_state.h>
#include <xtk/xstate.h>

/* What a probe may have taken away (xtk/probe.h), and save and load need. */
static uint64_t cr4_needed(void)
{
	return CR4_OSFXSR | (cpu.has_xsave ? CR4_OSXSAVE : 0) | (cpu.pku ? CR4_PKE : 0);
}

/* Tiles that XFD disarms stay in the registers: saving them would lose them. */
static uint64_t mask_now(void)
{
	uint64_t mask = boot_xsave_cpu.enabled;

	return cpu.xfd ? mask & ~rdmsr(MSR_XFD) : mask;
}

static void save_on_stack(struct ist_state *s)
{
	s->area = s->buffer;
	s->saved = xsave_save_with(&kernel_xsave_cpu, s->area, sizeof(*s->area), mask_now());
}

static void load_from_area(const struct ist_state *s)
{
	xsave_load_with(&kernel_xsave_cpu, s->area, sizeof(*s->area), s->saved);
}

const struct ist_state_policy ist_state_on_stack = { save_on_stack, load_from_area };

void ist_with_state(const struct ist_state_policy *policy, const struct ist_state *entry,
		    struct trap_frame *frame, const struct ist_handler *handler)
{
	struct xsave_large buffer;
	struct ist_state s = {
		.entry_rsp = entry->entry_rsp,
		.entry_rflags = entry->entry_rflags,
		.back = entry->back,
		.cr0 = read_cr0(),
		.cr2 = read_cr2(),
		.cr4 = read_cr4(),
		.buffer = &buffer,
	};

	clts(); /* else the save raises #NM, whose IRET would unblock NMIs */
	if (s.cr0 & CR0_EM)
		write_cr0(read_cr0() & ~CR0_EM);
	if (~s.cr4 & cr4_needed())
		write_cr4(s.cr4 | cr4_needed());
	policy->save(&s);
	handler->handle(frame, &s);
	policy->load(&s);
	if (~s.cr4 & cr4_needed())
		write_cr4(s.cr4);
	if (s.cr0 & (CR0_TS | CR0_EM))
		write_cr0(s.cr0);
	write_cr2(s.cr2);
}
