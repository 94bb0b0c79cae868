/* SPDX-License-Identifier: MIT */
/*
 * Events at boundaries. lab.h tells how.
 */
#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/panic.h>

#include "engine.h"

#define IRET_LIMIT 48
#define DR7_L0	   1

uint32_t lab_masked;

/*
 * The way to the next event: its boundary is the execution of path[index], and the same instruction
 * may be executed before. So the mark goes from the instruction to the one behind it and back,
 * until the recorded run has come to the right one.
 */
static struct {
	const struct lab_event *event; /* NULL: none is left */
	unsigned int cursor;	       /* how far along its path the run is known to be */
	bool behind;		       /* the mark is on path[cursor], behind a passed one */
} way;

static uint64_t target(void)
{
	return way.event->path[way.event->index].rip;
}

/*
 * A #DB of the CPU's own comes without a #BP before it: what it interrupted is what the design
 * says, and the first thing to do is to take the breakpoint away. SDM vol. 3,
 * "Instruction-Breakpoint Exception Condition".
 */
static struct {
	bool armed;
	uint64_t dr0, dr6, dr7;
} breakpoint;

static void arm_breakpoint(uint64_t rip)
{
	breakpoint.armed = true;
	breakpoint.dr0 = read_dr0();
	breakpoint.dr6 = read_dr6();
	breakpoint.dr7 = read_dr7();
	write_dr0(rip);
	write_dr7(breakpoint.dr7 | DR7_L0);
}

static void begin_next_way(void);
static void note_delivery(enum vector vector, const struct trap_frame *frame);

void lab_real_arrived(const struct trap_frame *frame)
{
	if (frame->vector != VEC_DB || !lab_breakpoint_forget())
		return;
	lab_case.begun++;
	lab_case.real = true;
	note_delivery(VEC_DB, frame);
	begin_next_way();
}

bool lab_breakpoint_forget(void)
{
	if (!breakpoint.armed)
		return false;
	breakpoint.armed = false;
	write_dr7(breakpoint.dr7);
	write_dr0(breakpoint.dr0);
	write_dr6(breakpoint.dr6);
	return true;
}

static void way_begin(const struct lab_event *event)
{
	way.event = event;
	way.cursor = 0;
	way.behind = false;
	if (!event)
		return;
	if (event->real && !lab_case.recording)
		arm_breakpoint(target());
	else
		mark_set(target());
}

void lab_way_to_first(void)
{
	way_begin(&lab_case.events[0]);
}

/* The next event's way begins where the one before is delivered. */
static void begin_next_way(void)
{
	struct lab_case *c = &lab_case;

	way_begin(c->begun < c->count ? &c->events[c->begun] : NULL);
}

static void note_delivery(enum vector vector, const struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;

	BUG_ON(c->deliveries == LAB_EVENTS);
	c->delivered[c->deliveries++] = (struct lab_delivery){ vector, *frame };
	if (vector == VEC_NMI)
		c->nmi_blocked = true;
	else if (vector != VEC_DF)
		lab_masked |= LAB_MASK(vector);
}

/* From the delivery of the last event on. */
static bool recording_now(void)
{
	return lab_case.recording && lab_case.deliveries == lab_case.count;
}

/* What the CPU would do: SDM vol. 3, "64-Bit Mode Stack Frame". */
static void write_frame(struct trap_frame *frame, enum vector vector)
{
	struct idt_entry gate = lab_gates[vector];
	enum ist_slot slot = idt_entry_slot(gate);
	uint64_t rsp = slot ? tss_ist_get(slot) : frame->cs & 3 ? tss_rsp0_get() : frame->rsp;
	uint64_t *top = (uint64_t *)(rsp & ~UINT64_C(15));
	uint16_t ss;

	if (!stack_find((uint64_t)top - 1) || !stack_find((uint64_t)(top - 5)) ||
	    (uint64_t)(top - 5) < (uint64_t)stack_find((uint64_t)top - 1)->guard + PAGE_SIZE) {
		lab_fail("double_fault", "vec=%d no stack at rsp=0x%lx", vector, rsp);
		lab_give_up();
	}
	*--top = frame->ss;
	*--top = frame->rsp;
	*--top = frame->rflags;
	*--top = frame->cs;
	*--top = frame->rip;
	if (vector == VEC_DF)
		*--top = 0;
	__asm__("mov %%ss, %0" : "=r"(ss));
	frame->rip = idt_entry_code(gate);
	frame->cs = SEL_KERNEL_CODE;
	frame->rflags &= ~(EFLAGS_IF | EFLAGS_TF | EFLAGS_NT | EFLAGS_RF);
	frame->rsp = (uint64_t)top;
	frame->ss = ss;
}

static void __attribute__((noreturn)) lab_deliver(struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;
	const struct lab_event *e = &c->events[c->begun++];

	if (c->begun == 1 && lab_setup.base->window)
		base_begin(frame);
	lab_event_line(e->latched ? "latch" : "deliver", e->vector, frame->rip, frame->rsp);
	if (e->latched) {
		c->nmi_latched = true;
		if (!c->recording)
			nmi_send_self();
		begin_next_way();
		lab_leave(frame);
	}
	note_delivery(e->vector, frame);
	begin_next_way();
	if (e->vector == VEC_NMI && !c->recording) {
		inject_nmi(frame);
		lab_fail("not_taken", "the NMI did not come");
		lab_give_up();
	}
	write_frame(frame, e->vector);
	if (recording_now())
		record_from(frame);
	lab_leave(frame);
}

/* An NMI that was latched is delivered to the context that IRET returns to: by the CPU, but in a
 * recorded run. */
static void latched_arrives(struct trap_frame *frame)
{
	lab_case.nmi_latched = false;
	note_delivery(VEC_NMI, frame);
	if (lab_case.recording)
		write_frame(frame, VEC_NMI);
}

/* The five quadwords that IRETQ would pop; NULL if RSP is not on a stack. */
static const uint64_t *iret_frame(uint64_t rsp)
{
	const struct stack *s = stack_find(rsp);

	return s && rsp >= (uint64_t)s->guard + PAGE_SIZE && rsp + 40 <= stack_top(s)
		       ? (const uint64_t *)rsp
		       : NULL;
}

/* An IRETQ of the design, executed by proxy. */
static void __attribute__((noreturn)) lab_iret(struct trap_frame *frame)
{
	struct lab_case *c = &lab_case;
	const uint64_t *image = iret_frame(frame->rsp);
	struct trap_frame to = *frame;

	if (!image) {
		lab_fail("bad_iret_frame", "rsp=0x%lx is on no stack", frame->rsp);
		lab_give_up();
	}
	if (++c->irets > IRET_LIMIT) {
		lab_fail("livelock", "irets=%u", c->irets);
		lab_give_up();
	}
	to.rip = image[0];
	to.cs = image[1];
	to.rflags = image[2];
	to.rsp = image[3];
	to.ss = image[4];
	c->nmi_blocked = false;
	lab_event_line("iret", VEC_COUNT, to.rip, to.rsp);
	if (c->nmi_latched) {
		latched_arrives(&to);
		if (recording_now())
			record_from(&to);
	} else if (recording_now()) {
		record_iret(&to);
	}
	frame->rip = (uint64_t)lab_iretq;
	lab_leave(frame);
}

/* A mark on the way to the next event was hit. */
static void on_the_way(struct trap_frame *frame)
{
	const struct lab_boundary *path = way.event->path;
	uint64_t at = frame->rip;

	if (way.behind) {
		mark_clear(at);
		way.behind = false;
		mark_set(target());
		if (at != target())
			return; /* else it is executed once more, at once */
	}
	while (path[way.cursor].rip != at)
		way.cursor++;
	mark_clear(at);
	if (way.cursor == way.event->index)
		lab_deliver(frame);
	way.behind = true;
	mark_set(path[++way.cursor].rip);
}

/* Back at the boundary of a piece of code that the first event hit. Another use of the same code,
 * by the handlers, has another stack. */
static void at_home(struct trap_frame *frame)
{
	mark_clear(frame->rip);
	if (frame->rsp != lab_case.base.rsp)
		return;
	base_end(frame);
	marks_clear_all();
	lab_case.home = true;
}

static void at_base(struct trap_frame *frame)
{
	uint64_t base = (uint64_t)lab_setup.base->code;

	if (frame->rip == base) {
		frame->rip = base + 1;
		base_begin(frame);
		lab_deliver(frame);
	}
	if (frame->rip == base + 1) {
		base_end(frame);
		lab_give_up();
	}
}

bool lab_on_breakpoint(struct trap_frame *frame)
{
	const struct lab_case *c = &lab_case;
	uint64_t at = --frame->rip;

	if (c->recording)
		frame->rflags &= ~EFLAGS_TF;
	if (!lab_setup.base->window)
		at_base(frame);
	if (!mark_is_set(at) && !is_iretq(at)) {
		lab_fail("fault", "vec=3 rip=0x%lx", at);
		lab_give_up();
	}
	if (way.event && mark_is_set(at))
		on_the_way(frame);
	else if (lab_setup.base->window && c->begun && at == c->base.rip && !c->recording)
		at_home(frame);
	if (is_iretq(at))
		lab_iret(frame);
	if (recording_now())
		record_at_mark(frame);
	lab_leave(frame);
}
