/* SPDX-License-Identifier: MIT */
/*
 * An NMI at every instruction boundary of the thread switch, of the library's save and load, and of
 * the lazy #NM path.
 *
 * The boundaries come from two sources that must agree: a single-step trace of the path (what is
 * executed) and the disassembly of its objects (what there is). At each one the NMI is delivered
 * exactly there; before and after it everything is compared that an interruption must not change,
 * and the owners that the switch has written down are held against the registers.
 *
 * Rules: I01; SDM vol. 3, "Nonmaskable Interrupt (NMI)"; SDM vol. 1, "Managing State Using the
 * XSAVE Feature Set".
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/inject.h>
#include <xtk/options.h>
#include <xtk/test.h>
#include <xtk/trap.h>
#include <xtk/xstate.h>

#include "combination.h"
#include "context.h"
#include "coverage.h"
#include "nmi_check.h"
#include "planted.h"

#define MAX_BOUNDARIES 2048

/* A way through the code on the path: @window runs between the first boundary and the last. */
struct scenario {
	const char *name;
	void (*window)(void);
};

static struct {
	struct combination way;
	const struct scenario *scenario;
	uint64_t left_out; /* address of an instruction that gets no NMI; 0 for none */
	bool tracing, closed, broken;
	enum inject_outcome outcome;
	unsigned int boundaries;
	uint64_t seed;
	char where[128];
} run;

static struct boundary boundaries[MAX_BOUNDARIES];

static void window_close(void)
{
	if (run.closed)
		return;
	run.closed = true;
	if (run.tracing)
		run.boundaries = inject_trace_end();
	else
		run.outcome = inject_disarm();
}

/* Thread 0 switches to thread 1, which touches its lazy state: the window closes there. */
static void ring_body(void *argument)
{
	unsigned int index = (unsigned int)(uint64_t)argument;
	struct context *c = &contexts[index];

	for (;;) {
		context_fill(index, run.way.xcr0, run.seed);
		probe_switch(&c->gprs, &c->gprs_after, &threads[(index + 1) % RING]);
		xregs_touch(run.way.xcr0 & XSAVE_TS_MASK);
		window_close();
		context_check(index, run.way.xcr0, run.where);
	}
}

/* Every way through the library that a switch of whole areas does not take. */
static void library_window(void)
{
	static struct xsave small;
	static struct xsave_large large;
	static const struct xsave initial = XSAVE_DEFAULT, initial_1fbf = XSAVE_DEFAULT_1FBF;
	static const size_t sizes[] = { 0, 575, 576, 1000, 2696, sizeof(large) - 64 };
	const struct xsave_cpu *c = &switch_state.policy.cpu;

	xsave_save_with(c, &small, sizeof(small), ~UINT64_C(0));
	xsave_load_with(c, &small, sizeof(small), ~UINT64_C(0));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (xsave_save_with(c, &large, sizes[i], ~UINT64_C(0)))
			xsave_load_with(c, &large, sizes[i], ~UINT64_C(0));
		else
			xsave_load_with(c, &large, sizes[i], 0);
	}
	xsave_save_with(c, &small, sizeof(small), 0);
	xsave_save_with(c, &small, sizeof(small), XSAVE_MASK(XSAVE_X87));
	xsave_load_with(c, &small, sizeof(small), XSAVE_MASK(XSAVE_X87));
	xsave_load_with(c, &small, sizeof(small), 0);
	xsave_load_with(c, &initial, sizeof(initial), ~UINT64_C(0));
	xsave_load_with(c, &initial_1fbf, sizeof(initial_1fbf), ~UINT64_C(0));
	xsave_reset(&small);
}

/* What is nearly a default. A CPU without compaction refuses it, so no component is asked for. */
static void nearly_default_window(void)
{
	static struct xsave image;
	const struct xsave_cpu *c = &switch_state.policy.cpu;

	image = (struct xsave)XSAVE_DEFAULT_1FBF;
	image.legacy.xmm[15][15] = 1;
	xsave_load_with(c, &image, sizeof(image), 0);
	image.legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	xsave_load_with(c, &image, sizeof(image), 0);
	image.header.xstate_bv = 0;
	xsave_load_with(c, &image, sizeof(image), 0);
}

/*
 * The code for instructions that the CPU lacks: it is entered all the same, and the #UD of the
 * instruction itself is stepped over. So every instruction of the disassembly can be judged on
 * every CPU.
 */
static bool step_over_ud(struct trap_frame *frame)
{
	unsigned int index;
	const struct path_function *f = path_find(frame->rip, &index);

	if (!f)
		return false;
	frame->rip += f->lengths[index];
	inject_trace_note(frame->rip);
	return true;
}

static void lacking_window(void)
{
	static struct xsave_large area;
	struct xsave_cpu pretended = switch_state.policy.cpu;
	trap_handler old = trap_install(VEC_UD, step_over_ud);

	for (int insn = XSAVE_INSN_XSAVE; insn <= XSAVE_INSN_XSAVES; insn++) {
		if (boot_xsave_cpu.insns >> insn & 1)
			continue;
		pretended.insn = (enum xsave_insn)insn;
		xsave_save_with(&pretended, &area, sizeof(area), ~UINT64_C(0));
		area.header.xcomp_bv = XSAVE_XCOMP_COMPACTED | pretended.mask;
		if (insn == XSAVE_INSN_XSAVES)
			xsave_load_with(&pretended, &area, sizeof(area), ~UINT64_C(0));
	}
	trap_install(VEC_UD, old);
}

static const struct scenario scenarios[] = { { "switch", NULL },
					     { "library", library_window },
					     { "nearly", nearly_default_window },
					     { "lacking", lacking_window } };

static void window_open(const struct boundary *at)
{
	run.closed = false;
	write_cr2(0x5eed00000 + run.seed);
	if (run.tracing)
		inject_trace_begin(boundaries, MAX_BOUNDARIES);
	else
		inject_arm(at, &nmi_check_hooks);
}

static void run_window(const struct boundary *at)
{
	struct context *c = &contexts[0];

	run.seed++;
	context_fill(0, run.way.xcr0, run.seed);
	window_open(at);
	if (run.scenario->window) {
		run.scenario->window();
		window_close();
		return;
	}
	probe_switch(&c->gprs, &c->gprs_after, &threads[1]);
	xregs_touch(run.way.xcr0 & XSAVE_TS_MASK);
	context_check(0, run.way.xcr0, run.where);
}

/* Return: whether the NMI came where it should. */
static bool run_case(const struct boundary *at)
{
	static const char *const text[] = {
		[INJECT_DONE] = "done",
		[INJECT_NOT_REACHED] = "the instruction was not reached",
		[INJECT_NOT_TAKEN] = "the NMI was not taken, or did not return there",
		[INJECT_ELSEWHERE] = "the NMI was taken at another instruction",
	};
	unsigned int failures = test_failures();

	run_window(at);
	if (run.outcome == INJECT_DONE)
		coverage_mark(at->rip, test_failures() == failures);
	else
		test_error("%s: %s", run.where, text[run.outcome]);
	/* so will the next be, each after a long wait */
	run.broken = run.outcome == INJECT_NOT_TAKEN;
	return run.outcome == INJECT_DONE;
}

/* the whole test  */

static void name_case(const struct boundary *at)
{
	unsigned int index = 0;
	const struct path_function *f = at ? path_find(at->rip, &index) : NULL;
	size_t n = combination_name(&run.way, run.where, sizeof(run.where));

	n += format_text(run.where + n, sizeof(run.where) - n, "/%s", run.scenario->name);
	if (f)
		format_text(run.where + n, sizeof(run.where) - n, "/%s+0x%lx/%u", f->name,
			    at->rip - f->start, at->occurrence);
}

static void trace_path(void)
{
	run.tracing = true;
	name_case(NULL);
	run_window(NULL);
	run.tracing = false;
	if (run.boundaries > MAX_BOUNDARIES)
		test_error("%s: more than %u boundaries", run.where, MAX_BOUNDARIES);
	for (unsigned int i = 0; i < run.boundaries; i++)
		coverage_expect(boundaries[i].rip);
}

static void run_scenario(const struct scenario *scenario)
{
	unsigned int done = 0;

	run.scenario = scenario;
	nmi_check_begin(run.where, run.way.xcr0, !scenario->window);
	trace_path();
	for (unsigned int i = 0; i < run.boundaries && i < MAX_BOUNDARIES && !run.broken; i++) {
		name_case(&boundaries[i]);
		if (boundaries[i].rip == run.left_out || !case_selected(run.where))
			continue;
		done += run_case(&boundaries[i]);
	}
	name_case(NULL);
	if (!options.case_id)
		expect_equal(done, run.boundaries, "nmi",
			     "%s boundaries of the trace that got their NMI", run.where);
	test_info("nmi: %s trace %u/%u", run.where, done, run.boundaries);
}

static void run_scenarios(const void *unused)
{
	(void)unused;
	xcr0_set(run.way.xcr0);
	if (thread_start(run.way.mode, run.way.insn, run.way.xcr0) != XSAVE_OK) {
		test_error("%s: the library refuses what it said it can do", run.where);
		return;
	}
	for (unsigned int i = 1; i < RING; i++)
		thread_create(i, ring_body, (void *)(uint64_t)i);
	run.closed = true;
	run.broken = false;
	context_fill(0, run.way.xcr0, run.seed);
	probe_switch(&contexts[0].gprs, &contexts[0].gprs_after, &threads[1]);
	for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
		run_scenario(&scenarios[s]);
	thread_stop();
}

/* The smallest XCR0 that every instruction can hold, and the largest; depth=full: every legal one.
 */
static void run_combination(const struct combination *c)
{
	if (!options.depth_full && !options.xcr0_given && c->xcr0 != 3 && c->xcr0 != xcr0_largest())
		return;
	run.way = *c;
	combination_name(c, run.where, sizeof(run.where));
	test_attempt(run.where, run_scenarios, NULL);
}

static void run_all(uint64_t left_out)
{
	uint64_t old = insn_xgetbv(0);

	if (!cpu.apic) {
		test_skip("CPUID.1:EDX[9] APIC");
		return;
	}
	run.left_out = left_out;
	coverage_begin();
	combinations_visit(run_combination);
	xcr0_set(old);
	coverage_end(!options.case_id && !options.xcr0_given && !options.save_given &&
		     !options.switch_given);
}

/* An NMI that nobody waits for is reported, with the whole state, and the interrupted code goes on.
 */
XTEST(nmi, reports_the_state, .rules = "I01")
{
	uint64_t runs = nmi_count();
	uint64_t xcr0 = insn_xgetbv(0);

	if (!cpu.apic) {
		test_skip("CPUID.1:EDX[9] APIC");
		return;
	}
	planted_load(xcr0);
	nmi_send_self();
	for (int i = 0; i < 1000000 && nmi_count() == runs; i++)
		cpu_relax();
	expect_equal(nmi_count() - runs, 1, "I01", "runs of the handler after one self-NMI");
	planted_check(xcr0);
}

XTEST(nmi, every_boundary_of_the_switch, .rules = "I01")
{
	run_all(0);
}

/* status 1: the control. One boundary gets no NMI, and the coverage must say so. */
XTEST(selftest, nmi_gap)
{
	run_all(path_functions[0].start + path_functions[0].lengths[0]);
}
