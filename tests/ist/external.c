/* SPDX-License-Identifier: MIT */
/*
 * The guest's part of driving the laboratory from outside.
 *
 * The host (tools/xtklib/scenarios/ist_boundaries.py) stops the CPU at an instruction with a
 * breakpoint of the emulator, raises a real NMI or #MC there, and lets it go on: no instruction of
 * the design is changed, no frame is written, and every IRETQ executes. Here each case is first
 * run by the laboratory itself, and told with its boundaries; then the host does the same from
 * outside, and the same checks judge it. Only here MCG_STATUS.MCIP is judged, because only here
 * the CPU sets it.
 *
 * The two talk through external_told and at external_round(), where the host has a breakpoint.
 *
 * Sources: SDM vol. 3, "Local Vector Table", "Machine-Check Global Control MSRs", "Error-Reporting
 * Register Banks".
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/trap.h>

#include "engine.h"

#define MAX_EVENTS 3
#define MAX_PATH   1024

#define APIC_BASE_X2APIC  (UINT64_C(1) << 10)
#define APIC_BASE_ADDRESS UINT64_C(0xffffff000)
#define APIC_LINT1	  0x360
#define MSR_X2APIC_LINT1  0x836
#define LVT_NMI		  0x400

#define MSR_MCG_CAP	 0x179
#define MSR_MCG_STATUS	 0x17a
#define MSR_MCG_CTL	 0x17b
#define MSR_MC_CTL(i)	 (0x400 + 4 * (i))
#define MSR_MC_STATUS(i) (0x401 + 4 * (i))
#define MCG_CAP_COUNT	 0xff
#define MCG_CAP_CTL_P	 (UINT64_C(1) << 8)
#define MCG_STATUS_RIPV	 (UINT64_C(1) << 0)
#define MCG_STATUS_MCIP	 (UINT64_C(1) << 2)
#define CPUID_MCA	 (1u << 14)
#define BANK		 1 /* that the host names */

/* What the host wants next. It stays 0 where nobody drives. */
enum external_wish { NO_HOST, LIST, RUN, NEXT };

/* The same in ist_guest.py. */
struct external_told {
	uint64_t wish;
	uint64_t cases, differ; /* with NEXT: run from outside, and judged otherwise than inside */
	uint64_t count;		/* of events of the running case so far */
	struct {
		uint64_t vector;
		struct trap_frame frame; /* the context that it hit */
	} event[LAB_EVENTS];
};

struct external_told external_told;

struct external_pattern {
	const char *name;
	unsigned int count;
	enum vector vector[MAX_EVENTS];
};

static const struct external_pattern patterns[] = {
	{ "NMI", 1, { VEC_NMI } },
	{ "MC", 1, { VEC_MC } },
	{ "NMI>MC", 2, { VEC_NMI, VEC_MC } },
	{ "MC>NMI", 2, { VEC_MC, VEC_NMI } },
	{ "NMI>MC>NMI", 3, { VEC_NMI, VEC_MC, VEC_NMI } },
};

/* the machine  */

/* Return: what was there. */
static uint32_t lint1_set(uint32_t value)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);
	volatile uint32_t *lint1 = (volatile uint32_t *)((base & APIC_BASE_ADDRESS) + APIC_LINT1);
	bool x2apic = base & APIC_BASE_X2APIC;
	uint32_t old = x2apic ? (uint32_t)rdmsr(MSR_X2APIC_LINT1) : *lint1;

	if (x2apic)
		wrmsr(MSR_X2APIC_LINT1, value);
	else
		*lint1 = value;
	return old;
}

/* What the CPU lacks; NULL if nothing. */
static const char *missing(void)
{
	if (!cpu.apic)
		return "CPUID.1:EDX[9] APIC";
	if (!cpu.mce)
		return "CPUID.1:EDX[7] MCE";
	if (!(cpuid(1, 0).edx & CPUID_MCA))
		return "CPUID.1:EDX[14] MCA";
	return (rdmsr(MSR_MCG_CAP) & MCG_CAP_COUNT) > BANK ? NULL : "IA32_MCG_CAP[7:0] above 1";
}

/* CR4.MCE is set. */
static void machine_checks_open(void)
{
	if (rdmsr(MSR_MCG_CAP) & MCG_CAP_CTL_P)
		wrmsr(MSR_MCG_CTL, ~UINT64_C(0));
	wrmsr(MSR_MC_CTL(BANK), ~UINT64_C(0));
	wrmsr(MSR_MC_STATUS(BANK), 0);
}

static void machine_check_done(void)
{
	wrmsr(MSR_MC_STATUS(BANK), 0);
	wrmsr(MSR_MCG_STATUS, 0);
}

/* from inside  */

static struct {
	const struct external_pattern *pattern;
	struct lab_event events[MAX_EVENTS];
	unsigned int cases;
} list;

static struct lab_boundary paths[MAX_EVENTS - 1][MAX_PATH];

static unsigned int occurrence(const struct lab_event *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->index; i++)
		n += e->path[i].rip == e->path[e->index].rip;
	return n;
}

/* The id by which the laboratory knows the case. */
static void case_name(char *out, size_t size)
{
	bool kernel = !strcmp(lab_setup.base->name, "kernel");
	size_t n = format_text(out, size, "%s/%s%s%s/-", lab_setup.design->name,
			       kernel ? "" : lab_setup.base->name, kernel ? "" : ":",
			       list.pattern->name);

	for (unsigned int i = 1; i < list.pattern->count && n < size; i++) {
		const struct lab_event *e = &list.events[i];

		n += format_text(out + n, size - n, "/");
		n += lab_place_name(out + n, size - n, e->path[e->index].rip);
		n += format_text(out + n, size - n, ".%u", occurrence(e));
	}
}

/* One line a case, with the places of all events but the first. */
static void run_inside(void)
{
	struct lab_verdict verdict;
	char name[256];

	case_name(name, sizeof(name));
	if (!case_selected(name))
		return;
	lab_run(list.events, list.pattern->count, &verdict);
	print("# inside: case=%s", name);
	for (unsigned int i = 1; i < list.pattern->count; i++)
		print(" at=0x%x.%u", list.events[i].path[list.events[i].index].rip,
		      occurrence(&list.events[i]));
	print(" what=%s\n", verdict.what ? verdict.what : "-");
	list.cases++;
}

/* A chain that goes wrong before the next event is a case of the shorter pattern. */
static void each_boundary(unsigned int event)
{
	struct lab_event *e = &list.events[event];
	struct lab_verdict verdict;
	unsigned int n;

	if (event == list.pattern->count) {
		run_inside();
		return;
	}
	n = lab_record(list.events, event, paths[event - 1], MAX_PATH, &verdict);
	if (!n && !verdict.what)
		test_error("%s: a recorded run is too long", list.pattern->name);
	e->path = paths[event - 1];
	for (e->index = 0; e->index < n; e->index++) {
		if (event == 1 && e->index % options.shards != options.shard)
			continue;
		if (!(e->path[e->index].masked & LAB_MASK(e->vector)))
			each_boundary(event + 1);
	}
}

static void list_all(void)
{
	list.cases = 0;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		list.pattern = &patterns[i];
		memset(list.events, 0, sizeof(list.events));
		for (unsigned int j = 0; j < patterns[i].count; j++)
			list.events[j].vector = patterns[i].vector[j];
		each_boundary(1);
	}
	test_info("inside-all: cases=%u", list.cases);
}

/* from outside  */

/* The host's breakpoint is here. */
void __attribute__((noinline)) external_round(void);
void __attribute__((noinline)) external_round(void)
{
	__asm__ volatile("" : : : "memory");
}

static enum external_wish host_wish(void)
{
	external_told.wish = NO_HOST;
	external_round();
	return (enum external_wish)external_told.wish;
}

/* What the host has done since we last looked. */
static void take_told(void)
{
	struct lab_case *c = &lab_case;

	for (; c->deliveries < external_told.count; c->deliveries++) {
		c->delivered[c->deliveries].vector =
			(enum vector)external_told.event[c->deliveries].vector;
		c->delivered[c->deliveries].frame = external_told.event[c->deliveries].frame;
	}
	c->begun = c->count = c->deliveries;
}

static void handle(struct trap_frame *frame, struct ist_state *state)
{
	uint64_t status = rdmsr(MSR_MCG_STATUS);

	take_told();
	if (frame->vector == VEC_MC &&
	    (status & (MCG_STATUS_MCIP | MCG_STATUS_RIPV)) != (MCG_STATUS_MCIP | MCG_STATUS_RIPV))
		lab_fail("mcg_status", "0x%lx in the handler", status);
	lab_handler.handle(frame, state);
	if (frame->vector == VEC_MC)
		machine_check_done();
}

static void leave(const struct trap_frame *frame)
{
	(void)frame;
}

static const struct ist_handler external_handler = { handle, leave };

/* The two INT3 of the base context. Between them the host raises the first event. */
static bool on_breakpoint(struct trap_frame *frame)
{
	uint64_t base = (uint64_t)lab_setup.base->code;

	frame->rip--;
	if (frame->rip == base) {
		frame->rip++;
		base_begin(frame);
		lab_enter(frame);
	}
	take_told();
	if (frame->rip == base + 1)
		base_end(frame);
	else
		lab_fail("fault", "vec=3 rip=0x%lx", frame->rip);
	if (rdmsr(MSR_MCG_STATUS))
		lab_fail("mcg_status", "0x%lx at the end", rdmsr(MSR_MCG_STATUS));
	lab_give_up();
}

/* The host has set RIP to this, RSP to the top of lab_step_stack, RFLAGS to 2: the case loops. */
void external_give_up(void);
void external_give_up(void)
{
	lab_fail("livelock", "stopped by the host");
	lab_give_up();
}

static void run_one(void)
{
	struct lab_verdict verdict;

	external_told.count = 0;
	machine_check_done();
	lab_run(NULL, 0, &verdict);
	print("# outside: what=%s %s\n", verdict.what ? verdict.what : "-", verdict.detail);
}

/* All cases of one design and base context: listed, and then as the host wants them. */
static void run_section(const struct lab_setup *setup)
{
	const char *base = setup->base->name, *design = setup->design->name;
	enum external_wish wish;

	lab_begin(setup);
	test_info("outside-section: design=%s base=%s", design, base);
	wish = host_wish();
	if (wish == LIST) {
		list_all();
		wish = host_wish();
	}
	iretqs_unmark();
	trap_install(VEC_BP, on_breakpoint);
	ist_handler_set(&external_handler);
	for (; wish == RUN; wish = host_wish())
		run_one();
	lab_end();
	if (wish != NEXT)
		test_error("nobody drives: run this by a platform of the engine qemu_ist");
	else if (external_told.differ)
		test_fail("ist", "0", "more",
			  "design=%s base=%s: %lu of %lu cases end otherwise "
			  "when they are driven from outside",
			  design, base, external_told.differ, external_told.cases);
	else
		test_checked("ist", external_told.cases);
}

XTEST(scenario, ist_boundaries)
{
	uint32_t lint1;

	if (missing()) {
		test_skip("%s", missing());
		return;
	}
	machine_checks_open();
	lint1 = lint1_set(LVT_NMI);
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d)) {
		for (unsigned int base = 0; base < 2; base++) {
			const struct lab_setup setup = { d, &lab_bases[base], false };

			if (!d->missing || !d->missing())
				run_section(&setup);
		}
	}
	lint1_set(lint1);
}
