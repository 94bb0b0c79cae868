/* SPDX-License-Identifier: MIT */
/*
 * What a restore makes of the fields of x87 state, and what a save makes of the registers.
 *
 * Rules: F01-F11.
 * Sources: SDM vol. 1, "x87 FPU Control Word", "x87 FPU Status Register", "x87 FPU Tag Word", "x87
 * FPU Instruction and Data (Operand) Pointers", "Last Instruction Opcode"; vol. 2, "FXSAVE",
 * "FNINIT", "CPUID" (EAX = 07H: FDP_EXCPTN_ONLY); APM vol. 3, CPUID Fn8000_0008_EBX.
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "insns.h"
#include "oracle.h"
#include "save.h"
#include "x87.h"

#define FCW_CASES     (2 * 65536) /* every value by two ways */
#define STATUS_CASES  (64 * 64 * 16)
#define TAG_CASES     (256 * 8 * 8)
#define REPEAT_QUICK  4096
#define REPEAT_FULL   16384
#define TRIES	      3
#define FSW_ES_B      0x8080
#define ST_SLOT	      16
#define ST_SIZE	      10
#define NUMBER	      7 /* of put_value() */
#define EXPONENT      0x7fff
#define FCW_INIT      0x037f
#define FOP_BITS      0x7ff
#define EMPTY	      0xffff
#define EBX_POINTERS  (UINT32_C(1) << 2)
#define LEAF_POINTERS 0x80000008

static uint64_t repeat(void)
{
	return options.depth_full ? REPEAT_FULL : REPEAT_QUICK;
}

static void run_table(const char *name, uint64_t cases, unsigned int judge,
		      void (*one)(struct x87 *, uint64_t))
{
	struct x87 x = { .judge = judge };

	table_begin(name, cases);
	for (uint64_t i = 0; i < cases; i++) {
		if (!table_case())
			continue;
		x87_choose(&x);
		x87_fill(&x);
		one(&x, i);
	}
	table_end();
	x87_end();
}

/* WAIT raises what is pending, and nothing else. */
static void wait(const struct x87 *x, const char *rule)
{
	fault_t want = x87_pending(x) ? FAULT(MF, 0) : NO_FAULT;

	expect_fault(x87_run(x, &insn_fwait_bytes)->fault, want, rule, "FWAIT after %s",
		     x87_where(x));
	table_probe(0);
}

static void control_word(struct x87 *x, uint64_t i)
{
	x87_put16(x, X87_FCW, (uint16_t)i);
	x87_probe(x);
}

XTEST(x87, control_word_has_its_fixed_bits, .rules = "F01")
{
	if (!x87_skip())
		run_table("x87_control", FCW_CASES, X87_JUDGE_FCW, control_word);
}

/* Each set of flags with each set of masks; ES and B of the image, and all else, at random. */
static void status_word(struct x87 *x, uint64_t i)
{
	uint16_t fcw = x87_get16(x->image, X87_FCW), fsw = x87_get16(x->image, X87_FSW);

	x87_put16(x, X87_FCW, (uint16_t)((fcw & ~X87_FLAGS) | (i & X87_FLAGS)));
	x87_put16(x, X87_FSW,
		  (uint16_t)((fsw & ~X87_FLAGS & ~FSW_ES_B) | i / 64 % 64 |
			     (table_random() & FSW_ES_B)));
	x87_probe(x);
	wait(x, "F02");
}

XTEST(x87, error_summary_is_computed, .rules = "F02 F11")
{
	if (!x87_skip())
		run_table("x87_status", STATUS_CASES, X87_JUDGE_FSW, status_word);
}

/* Values with each tag: a zero, a denormal, an infinity, NaNs, unnormals, or a number. */
static void put_value(uint8_t *st, uint64_t kind)
{
	uint64_t significand = table_random();
	uint16_t exponent = (uint16_t)table_random();

	switch (kind % 8) {
	case 0:
		significand = 0;
		exponent &= (uint16_t)~EXPONENT;
		break;
	case 1:
		exponent &= (uint16_t)~EXPONENT;
		break;
	case 2:
		significand = UINT64_C(1) << 63;
		exponent |= EXPONENT;
		break;
	case 3:
		exponent |= EXPONENT;
		break;
	case 4:
		significand &= INT64_MAX;
		break;
	case 5:
		significand = 0;
		break;
	default:
		significand |= UINT64_C(1) << 63;
	}
	oracle_put64(st, significand);
	memcpy(st + sizeof(significand), &exponent, sizeof(exponent));
}

/* Each abridged tag word with each TOP. */
static void tag_word(struct x87 *x, uint64_t i)
{
	uint16_t fsw = x87_get16(x->image, X87_FSW) & (uint16_t)~X87_TOP;

	x->image[X87_FTW] = (uint8_t)i;
	x87_put16(x, X87_FSW, (uint16_t)(fsw | (i / 256 % 8) << X87_TOP_SHIFT));
	for (unsigned int n = 0; n < 8; n++)
		put_value(x->image + X87_ST + ST_SLOT * n, table_random());
	x87_probe(x);
}

XTEST(x87, tags_are_computed, .rules = "F06 F11")
{
	if (!x87_skip())
		run_table("x87_tags", TAG_CASES, X87_JUDGE_TAGS | X87_JUDGE_STACK, tag_word);
}

/* Half of the cases with an exception that is not masked: then AMD's processors, too, have the
 * pointers. A quarter has pointers that are not canonical. */
static void pointers(struct x87 *x, uint64_t i)
{
	if (i & 1) {
		x87_put16(x, X87_FCW, x87_get16(x->image, X87_FCW) & (uint16_t)~X87_FLAGS);
		x87_put16(x, X87_FSW, x87_get16(x->image, X87_FSW) | 1);
	}
	if (!(i & 6)) {
		x87_put64(x, X87_FIP, table_random());
		x87_put64(x, X87_FDP, table_random());
	}
	x87_probe(x);
}

XTEST(x87, pointers_come_back, .rules = "F03 F04 F05")
{
	if (!x87_skip())
		run_table("x87_pointers", repeat(), X87_JUDGE_POINTERS, pointers);
}

static const struct probe_insn fnstenv = { "FNSTENV", 2, { 0xd9, 0x37 } };
enum { ENV_FIP = 12, ENV_FOP = 18, ENV_FDP = 20 };

static bool always_restores(void)
{
	return !facts.amd || (probe_ops->cpuid(0x80000000, 0).eax >= LEAF_POINTERS &&
			      probe_ops->cpuid(LEAF_POINTERS, 0).ebx & EBX_POINTERS);
}

/* FNSTENV shows the pointers that AMD's processors do not save while ES = 0: there F09 says that
 * they are restored. */
static bool pointers_are(const struct x87 *x, const uint8_t *env)
{
	return (uint32_t)oracle_get64(env + ENV_FIP) ==
		       (uint32_t)oracle_get64(x->image + X87_FIP) &&
	       (uint32_t)oracle_get64(env + ENV_FDP) == (uint32_t)oracle_get64(x->image + X87_FDP);
}

static void hidden_pointers(struct x87 *x, uint64_t i)
{
	const uint8_t *env = x87_operand();
	const char *pointer = facts.amd ? "F09" : "F04", *opcode = facts.amd ? "F09" : "F03";

	(void)i;
	x->restore_rex_w = true;
	x87_fill(x);
	/* An operating system that switches in between loses them, as it saves with ES = 0. */
	for (unsigned int n = 0; n < TRIES; n++) {
		if (!x87_restore(x))
			return;
		expect_fault(x87_run(x, &fnstenv)->fault, NO_FAULT, pointer, "FNSTENV");
		table_probe(ENV_FDP + 4);
		if (pointers_are(x, env))
			break;
	}
	expect_equal((uint32_t)oracle_get64(env + ENV_FIP),
		     (uint32_t)oracle_get64(x->image + X87_FIP), pointer, "FIP by FNSTENV after %s",
		     x87_where(x));
	expect_equal((uint32_t)oracle_get64(env + ENV_FDP),
		     (uint32_t)oracle_get64(x->image + X87_FDP), pointer, "FDP by FNSTENV after %s",
		     x87_where(x));
	expect_equal(x87_get16(env, ENV_FOP) & FOP_BITS, x87_get16(x->image, X87_FOP) & FOP_BITS,
		     opcode, "FOP by FNSTENV after %s", x87_where(x));
}

XTEST(x87, pointers_are_restored_without_error, .rules = "F09 F03 F04")
{
	if (!x87_skip() &&
	    !facts_skip(always_restores(), "CPUID.80000008H:EBX[2] error pointers restored"))
		run_table("x87_hidden_pointers", repeat(), 0, hidden_pointers);
}

/* FADD m32fp of 1.0, which raises nothing: with CPUID.(7,0):EBX[6] FDP stays, else it is the
 * operand's address. Whether FOP changes depends on the mode of the opcode. */
static void data_pointer(struct x87 *x, uint64_t i)
{
	static const struct probe_insn fadd = { "FADD m32fp", 2, { 0xd8, 0x07 } };
	const uint8_t one[] = { 0, 0, 0x80, 0x3f };
	uint64_t want = (uint64_t)(uintptr_t)x87_operand();

	(void)i;
	x->restore_rex_w = true;
	x87_fill(x);
	x87_put16(x, X87_FCW, FCW_INIT);
	x87_put16(x, X87_FSW, 0);
	x->image[X87_FTW] = 0xff;
	for (unsigned int n = 0; n < 8; n++)
		put_value(x->image + X87_ST + ST_SLOT * n, NUMBER);
	if (facts.fdp_excptn_only)
		want = oracle_get64(x->image + X87_FDP);
	for (unsigned int n = 0; n < TRIES; n++) {
		memcpy(x87_operand(), one, sizeof(one));
		if (!x87_restore(x))
			return;
		expect_fault(x87_run(x, &fadd)->fault, NO_FAULT, "F07", "%s", fadd.name);
		expect_fault(x87_run(x, &fnstenv)->fault, NO_FAULT, "F07", "FNSTENV");
		table_probe(sizeof(want));
		if ((uint32_t)oracle_get64(x87_operand() + ENV_FDP) == (uint32_t)want)
			break;
	}
	expect_equal((uint32_t)oracle_get64(x87_operand() + ENV_FDP), (uint32_t)want, "F07",
		     "FDP after %s after %s", fadd.name, x87_where(x));
}

XTEST(x87, data_pointer_moves_as_cpuid_says, .rules = "F07")
{
	if (!x87_skip())
		run_table("x87_data_pointer", repeat() / 8, 0, data_pointer);
}

/* FNINIT empties the registers, but what is in them stays; only a restore clears them. */
static void initialise(struct x87 *x, uint64_t i)
{
	struct probe nop = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = x->cpl };
	static struct probe_result result;
	static struct xregs want;
	unsigned int top;

	(void)i;
	nop.store = SAVE_X87;
	x->restore = 0;
	x87_fill(x);
	top = x87_get16(x->image, X87_FSW) >> X87_TOP_SHIFT & 7;
	if (!x87_restore(x))
		return;
	expect_fault(x87_run(x, &insn_fninit_bytes)->fault, NO_FAULT, "F08", "FNINIT");
	probe_run(&nop, &result);
	expect_equal(result.regs.x87.fcw, FCW_INIT, "F08", "FCW after FNINIT");
	expect_equal(result.regs.x87.fsw, 0, "F08", "FSW after FNINIT");
	expect_equal(result.regs.x87.ftw, EMPTY, "F08", "FTW after FNINIT");
	for (unsigned int n = 0; n < 8; n++)
		expect_bytes(result.regs.x87.st[(top + n) % 8], x->image + X87_ST + ST_SLOT * n,
			     ST_SIZE, "F08", "former ST%u after FNINIT", n);
	oracle_put64(x->image + ORACLE_BV, 0);
	if (!x87_restore(x))
		return;
	probe_run(&nop, &result);
	oracle_initial(&want, SAVE_X87);
	oracle_same(&want, &result.regs, SAVE_X87, false, "F08", x87_where(x));
	table_probe(sizeof(want.x87));
}

XTEST(x87, fninit_keeps_what_xrstor_clears, .rules = "F08")
{
	if (!x87_skip())
		run_table("x87_initialise", repeat() / 8, 0, initialise);
}

/* ES and B as they are computed: see x87_status for images that have others. */
static void summarise(struct x87 *x)
{
	uint16_t fsw = x87_get16(x->image, X87_FSW) & (uint16_t)~FSW_ES_B;

	x87_put16(x, X87_FSW, x87_pending(x) ? fsw | FSW_ES_B : fsw);
}

/* A pending exception is nothing to a restore: it takes it away, or brings another one. */
static void pending(struct x87 *x, uint64_t i)
{
	static struct x87 next;

	x87_put16(x, X87_FCW, x87_get16(x->image, X87_FCW) & (uint16_t) ~(1U << i % 6));
	x87_put16(x, X87_FSW, x87_get16(x->image, X87_FSW) | (uint16_t)(1U << i % 6));
	summarise(x);
	if (!x87_restore(x))
		return;
	next = *x;
	x87_choose(&next);
	next.cpl = x->cpl;
	next.restore = next.save = 0;
	x87_fill(&next);
	if (i & 1)
		x87_put16(&next, X87_FCW, 0);
	summarise(&next);
	if (!x87_probe(&next))
		return;
	test_checked("F10", 1);
	wait(&next, "F10");
}

XTEST(x87, pending_exception_stops_no_restore, .rules = "F10 F06 F11")
{
	if (!x87_skip())
		run_table("x87_pending", repeat(), X87_JUDGE_TAGS | X87_JUDGE_STACK, pending);
}
