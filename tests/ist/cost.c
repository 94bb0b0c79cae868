/* SPDX-License-Identifier: MIT */
/*
 * What an entry design costs, for `make bench`: it runs only when it is named.
 *
 * Three events are nested, each in the window of the handler before it. Instructions are counted by
 * the laboratory's recorded runs; functions that are not the design's own run freely in these, and
 * are only known to be called. Ticks of the time-stamp counter have everything in them: under
 * QEMU's -icount shift=0 they are instructions, too, and tools/bench.py holds the two against each
 * other; on a CPU they are time.
 *
 * Source: SDM vol. 3, "Time-Stamp Counter"; vol. 2, "INT n/INTO/INT3/INT1", "CALL", "JMP".
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/desc.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "engine.h"

#define DEPTHS	 3
#define MAX_PATH 1024
#define ROUNDS	 101

/* Opcodes with a 32-bit distance from their end. */
#define CALL_REL32 0xe8
#define JMP_REL32  0xe9
#define REL32_SIZE 5

static const enum vector chain[DEPTHS] = { VEC_NMI, VEC_DB, VEC_MC };
static const char *const patterns[DEPTHS] = { "NMI", "NMI>DB", "NMI>DB>MC" };

static bool is_missing(const struct ist_design *d, const char *what)
{
	const char *bit = d->missing ? d->missing() : NULL;

	if (bit)
		test_info("bench: what=%s design=%s skip=%s", what, d->name, bit);
	return bit;
}

/* instructions and stack, by recorded runs  */

static struct lab_boundary paths[DEPTHS][MAX_PATH];

/* Of each nest level: RSP where ist_handle() is called, and RSP that the event interrupted. */
static struct {
	uint64_t handler, interrupted;
} rsp[DEPTHS];

struct cost {
	unsigned int enter, leave; /* from delivery to ist_handle(), and from there to the end */
	unsigned int outside;	   /* calls of what is not the design's in them */
};

static void note_level(struct trap_frame *frame, struct ist_state *state)
{
	if (lab_case.level < DEPTHS) {
		rsp[lab_case.level].handler = state->entry_rsp + 16;
		rsp[lab_case.level].interrupted = frame->rsp;
	}
	lab_handler.handle(frame, state);
}

static void leave_level(const struct trap_frame *frame)
{
	lab_handler.leave(frame);
}

static bool is_window(uint64_t rip)
{
	return starts_with(lab_place(rip).label->name, "lab_window.");
}

static bool leaves_design(uint64_t rip)
{
	const uint8_t *code = (const uint8_t *)rip;
	int32_t distance;
	uint64_t target;

	if (*code != CALL_REL32 && *code != JMP_REL32)
		return false;
	memcpy(&distance, code + 1, sizeof(distance));
	target = rip + REL32_SIZE + (uint64_t)(int64_t)distance;
	return target != (uint64_t)ist_handle && !lab_place(target).label;
}

/* The last event of a recorded run, up to where the event before it goes on. */
static struct cost count(const struct lab_boundary *path, unsigned int length)
{
	struct cost c = { 0 };
	unsigned int i = 0;

	for (; i < length && !is_window(path[i].rip); i++, c.enter++)
		c.outside += leaves_design(path[i].rip);
	while (i < length && is_window(path[i].rip))
		i++;
	for (; i < length && !is_window(path[i].rip); i++, c.leave++)
		c.outside += leaves_design(path[i].rip);
	return c;
}

/* What was written of the stack on which the CPU began, if the handler has another one. */
static uint64_t entry_bytes(enum vector vector, const struct stack *handlers)
{
	const struct stack *s = ist_stack(vector);
	const uint64_t *word;

	if (!s || s == handlers)
		return 0;
	word = (const uint64_t *)((uint64_t)s->guard + PAGE_SIZE);
	while ((uint64_t)word < stack_top(s) && !*word)
		word++;
	return stack_top(s) - (uint64_t)word;
}

static void print_cost(const struct ist_design *d, unsigned int level, const struct cost *c)
{
	uint64_t handler = rsp[level].handler, interrupted = rsp[level].interrupted;
	const struct stack *s = stack_find(handler);
	bool own = s != stack_find(interrupted);
	bool nested = level && s == stack_find(rsp[level - 1].handler);

	test_info("bench: what=cost design=%s pattern=%s depth=%u enter=%u leave=%u outside=%u "
		  "stack=%lu "
		  "apart=%lu entry_stack=%lu on=%s",
		  d->name, patterns[level], level + 1, c->enter, c->leave, c->outside,
		  (own ? stack_top(s) : interrupted) - handler,
		  nested ? rsp[level - 1].handler - handler : 0, entry_bytes(chain[level], s),
		  s->name);
}

/* Where the next event hits. */
static unsigned int window_of(const struct lab_boundary *path, unsigned int length)
{
	unsigned int i = 0;

	while (i < length && path[i].rip != lab_handler_rip())
		i++;
	return i;
}

static void count_nested(const struct ist_design *d)
{
	struct lab_event events[DEPTHS] = { { .vector = chain[0] } };
	struct lab_verdict verdict;

	for (unsigned int level = 0; level < DEPTHS; level++) {
		unsigned int n;
		struct cost c;

		memset(rsp, 0, sizeof(rsp));
		n = lab_record(events, level + 1, paths[level], MAX_PATH, &verdict);
		if (!n) {
			test_error("%s/%s: no recorded run: %s %s", d->name, patterns[level],
				   verdict.what ? verdict.what : "too long", verdict.detail);
			return;
		}
		c = count(paths[level], n);
		if (!expect_true(c.enter && c.leave && rsp[level].handler, "ist",
				 "%s/%s: one handler in the other", d->name, patterns[level]))
			return;
		print_cost(d, level, &c);
		if (level + 1 < DEPTHS)
			events[level + 1] =
				(struct lab_event){ .vector = chain[level + 1],
						    .path = paths[level],
						    .index = window_of(paths[level], n) };
	}
}

XTEST(bench, ist)
{
	static const struct ist_handler handler = { note_level, leave_level };

	if (!cpu.apic) {
		test_skip("CPUID.1:EDX[9] APIC");
		return;
	}
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d)) {
		const struct lab_setup setup = { d, &lab_bases[0], false };

		if (is_missing(d, "cost"))
			continue;
		lab_begin(&setup);
		ist_handler_set(&handler);
		count_nested(d);
		lab_end();
	}
}

/* ticks, by INT n through the gates of the design  */

typedef void (*event_fn)(struct trap_frame *frame);

/* One interval of each kind. */
struct ticks {
	uint64_t enter, leave;
};

static struct {
	event_fn events[DEPTHS];
	unsigned int depth, level;
	uint64_t begin[DEPTHS], handled[DEPTHS], left[DEPTHS], end[DEPTHS];
} meter;

/* Two instructions besides those of the design, one on either side of its handler. */
#define INT_N(name, n)                                                                             \
	static __attribute__((naked)) void name(struct trap_frame *unused __attribute__((unused))) \
	{                                                                                          \
		__asm__ volatile("int %0\n\tret" : : "i"(n));                                      \
	}
INT_N(int_nmi, VEC_NMI)
INT_N(int_db, VEC_DB)
INT_N(int_mc, VEC_MC)

/* Never inlined: what is counted around an event is the same whatever it is. */
static __attribute__((noinline)) void measure(unsigned int level)
{
	struct trap_frame frame = { .vector = VEC_NMI };

	meter.begin[level] = rdtsc();
	meter.events[level](&frame);
	meter.end[level] = rdtsc();
}

static void handle(struct trap_frame *frame, struct ist_state *state)
{
	uint64_t now = rdtsc();

	(void)frame;
	(void)state;
	meter.handled[meter.level++] = now;
	if (meter.level < meter.depth)
		measure(meter.level);
}

static void leave(const struct trap_frame *frame)
{
	uint64_t now = rdtsc();

	(void)frame;
	meter.left[--meter.level] = now;
}

static uint64_t median(uint64_t *values)
{
	for (unsigned int i = 1; i < ROUNDS; i++) {
		uint64_t value = values[i];
		unsigned int at = i;

		for (; at && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
	return values[ROUNDS / 2];
}

static void run_rounds(unsigned int depth, struct ticks *result)
{
	static uint64_t enter[DEPTHS][ROUNDS], back[DEPTHS][ROUNDS];

	meter.depth = depth;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		measure(0);
		for (unsigned int level = 0; level < depth; level++) {
			enter[level][i] = meter.handled[level] - meter.begin[level];
			back[level][i] = meter.end[level] - meter.left[level];
		}
	}
	for (unsigned int level = 0; level < depth; level++)
		result[level] = (struct ticks){ median(enter[level]), median(back[level]) };
}

static struct ticks direct, nested[DEPTHS];

static void measure_all(void)
{
	meter.events[0] = ist_handle;
	run_rounds(1, &direct);
	meter.events[0] = int_nmi;
	meter.events[1] = int_db;
	meter.events[2] = int_mc;
	run_rounds(DEPTHS, nested);
}

/* On the stack of the laboratory's task: a design may look at RSP, and may stay there. */
static void on_task_stack(void (*work)(void))
{
	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tcall *%1\n\tmov %%rbx, %%rsp"
			 :
			 : "r"(lab_bases[0].rsp()), "r"(work)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "memory", "cc");
}

/* A call of ist_handle() is the design's, so only what lies behind it is taken off. */
static void print_ticks(const struct ist_design *d)
{
	for (unsigned int level = 0; level < DEPTHS; level++) {
		int64_t enter = (int64_t)(nested[level].enter - direct.enter);
		int64_t back = (int64_t)(nested[level].leave - direct.leave);

		test_info("bench: what=ticks design=%s pattern=%s depth=%u enter=%ld leave=%ld",
			  d->name, patterns[level], level + 1, enter, back);
		expect_true(enter + back > 0, "ist", "%s/%s: ticks", d->name, patterns[level]);
	}
}

XTEST(bench, ist_ticks)
{
	static const struct ist_handler handler = { handle, leave };
	const struct ist_design *installed = ist_installed();

	ist_handler_set(&handler);
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d)) {
		if (is_missing(d, "ticks"))
			continue;
		ist_install(d);
		on_task_stack(measure_all);
		print_ticks(d);
	}
	ist_handler_set(NULL);
	ist_install(installed);
}
