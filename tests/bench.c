/* SPDX-License-Identifier: MIT */
/*
 * What a thread switch costs, in instructions. For `make bench`: it runs only when it is named.
 *
 * Everything is counted twice: by a single-step trace of the path, which also tells the XSAVE
 * family from our own, and by the time-stamp counter, which goes up by one an instruction under
 * QEMU's -icount shift=0. There tools/bench.py holds the two against each other; on every other
 * machine the ticks are time.
 *
 * Source: SDM vol. 3, "Time-Stamp Counter"; vol. 2, the pages "FXSAVE" to "XSAVES" (opcodes).
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/inject.h>
#include <xtk/options.h>
#include <xtk/test.h>
#include <xtk/thread.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#define MAX_STEPS 512
#define ROUNDS	  3 /* the first loads images that are new, and so takes other branches */

/* Opcodes 0F AE and 0F C7 with a memory operand; the instruction is in ModRM.reg. */
#define AE_FAMILY 0x73 /* /0 FXSAVE, /1 FXRSTOR, /4 XSAVE, /5 XRSTOR, /6 XSAVEOPT */
#define C7_FAMILY 0x38 /* /3 XRSTORS, /4 XSAVEC, /5 XSAVES */

struct cost {
	unsigned int steps, family; /* of the trace */
	int64_t ticks;		    /* time may make a difference negative */
};

static struct {
	uint64_t xcr0;
	bool tracing, open;
	uint64_t start;
	struct cost last, switched, first_use;
} meter;

static struct boundary boundaries[MAX_STEPS];

static bool is_xsave_family(uint64_t rip)
{
	const uint8_t *code = (const uint8_t *)rip;

	code += (*code & 0xf0) == 0x40; /* REX */
	if (code[0] != 0x0f || (code[1] != 0xae && code[1] != 0xc7) || code[2] >= 0xc0)
		return false;
	return (code[1] == 0xae ? AE_FAMILY : C7_FAMILY) >> (code[2] >> 3 & 7) & 1;
}

static void meter_open(void)
{
	meter.open = true;
	if (meter.tracing)
		inject_trace_begin(boundaries, MAX_STEPS);
	else
		meter.start = rdtsc();
}

static void meter_close(void)
{
	uint64_t now = rdtsc();

	if (!meter.open)
		return;
	meter.open = false;
	meter.last = (struct cost){ .ticks = (int64_t)(now - meter.start) };
	if (!meter.tracing)
		return;
	meter.last.steps = inject_trace_end();
	if (meter.last.steps > MAX_STEPS)
		test_error("a trace of more than %u steps", MAX_STEPS);
	for (unsigned int i = 0; i < meter.last.steps && i < MAX_STEPS; i++)
		meter.last.family += is_xsave_family(boundaries[i].rip);
}

/*
 * After thread_switch() another thread comes out of its own call of this function. Hence one
 * function, never inlined: what is counted around @step is the same whoever closes the window.
 */
static __attribute__((noinline)) void measure(void (*step)(struct thread *next),
					      struct thread *next)
{
	meter_open();
	step(next);
	meter_close();
}

/* One instruction: what measure() counts besides it is to be subtracted everywhere. */
static __attribute__((naked)) void just_return(struct thread *unused __attribute__((unused)))
{
	__asm__ volatile("ret");
}

static void use_state(struct thread *unused)
{
	(void)unused;
	xregs_touch(meter.xcr0 & XSAVE_TS_MASK);
}

/* Thread 1 closes the window of thread 0's switch. Then it uses its state, first with #NM. */
static void thread_body(void *argument)
{
	(void)argument;
	meter_close();
	for (;;) {
		measure(thread_switch, &threads[0]);
		meter.switched = meter.last;
		measure(use_state, NULL);
		meter.first_use = meter.last;
		measure(use_state, NULL);
		meter.first_use.ticks -= meter.last.ticks + 1; /* the attempt that #NM ended */
	}
}

static bool run_rounds(enum switch_mode mode, enum xsave_insn insn, bool tracing)
{
	meter.tracing = tracing;
	if (thread_start(mode, insn, meter.xcr0) != XSAVE_OK)
		return false;
	thread_create(1, thread_body, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		use_state(NULL); /* thread 0 owns all registers */
		measure(thread_switch, &threads[1]);
	}
	thread_stop();
	measure(just_return, NULL);
	meter.switched.ticks -= meter.last.ticks - 1;
	return true;
}

static void print_cost(const char *step, enum switch_mode mode, enum xsave_insn insn,
		       const struct cost *trace, const struct cost *time)
{
	test_info("bench: save=%s switch=%s xcr0=0x%lx step=%s instructions=%u family=%u ticks=%ld",
		  xsave_insn_name(insn), switch_mode_name(mode), meter.xcr0, step, trace->steps,
		  trace->family, time->ticks);
}

static void run_combination(enum switch_mode mode, enum xsave_insn insn)
{
	struct cost switched, first_use;

	meter.xcr0 = insn == XSAVE_INSN_FXSAVE ? XSAVE_LEGACY_MASK : xcr0_largest();
	xcr0_set(meter.xcr0);
	if (!run_rounds(mode, insn, true))
		return; /* the CPU lacks the instruction */
	switched = meter.switched;
	first_use = meter.first_use;
	run_rounds(mode, insn, false);
	expect_true(switched.steps > switched.family, "thread", "steps of a switch");
	print_cost("switch", mode, insn, &switched, &meter.switched);
	if (mode == SWITCH_LAZY)
		print_cost("first-use", mode, insn, &first_use, &meter.first_use);
}

XTEST(bench, thread_switch)
{
	uint64_t old = insn_xgetbv(0);

	for (int insn = XSAVE_INSN_FXSAVE; insn <= XSAVE_INSN_XSAVES; insn++) {
		for (int mode = SWITCH_EAGER; mode < SWITCH_MODES; mode++) {
			if (options.save_given && options.save != (enum xsave_insn)insn)
				continue;
			if (!options.switch_given || options.mode == (enum switch_mode)mode)
				run_combination((enum switch_mode)mode, (enum xsave_insn)insn);
		}
	}
	xcr0_set(old);
}
