/* SPDX-License-Identifier: MIT */
/*
 * MXCSR, FCW and FSW are more than bits that come and go: controls that were loaded are in effect,
 * flags that arithmetic has raised are in the next image, and those that were loaded replace them.
 * An engine may keep them elsewhere, and forget to.
 *
 * All exceptions are masked, and the quotients follow from IEEE 754.
 *
 * Rules: M01 M02 M04 M05, V05, R05.
 * Sources: SDM vol. 1, "MXCSR Control and Status Register", "SSE and SSE2 SIMD Floating-Point
 * Exceptions", "x87 FPU Control Word", "x87 FPU Floating-Point Exception Handling", "Operation of
 * XRSTOR"; vol. 2, "DIVPS", "FDIV", "FXRSTOR".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define PAGE	     4096
#define BOTH	     (RESTORE_X87 | RESTORE_SSE)
#define LANES	     4
#define LANE	     4 /* bytes */
#define FLAGS	     0x3f
#define FSW_STATUS   0x80ff /* flags, SF, ES and B */
#define MXCSR_DAZ    0x40
#define MXCSR_FZ     0x8000
#define MXCSR_RC     13 /* shifts */
#define FCW_RC	     10
#define FCW_PC	     8
#define FCW_INIT     0x37f
#define FTW_ST0_ONLY 0xfffc
#define SIGN	     0x8000 /* of ST0, in its last two bytes */

enum { NEAREST, DOWN, UP, ZERO, ROUNDINGS };

static const struct probe_insn divps = { "DIVPS", 3, { 0x0f, 0x5e, 0x07 } };
static const struct probe_insn divps1 = { "DIVPS", 3, { 0x0f, 0x5e, 0x0f } }; /* of XMM1 */
static const struct probe_insn movups = { "MOVUPS", 3, { 0x0f, 0x11, 0x07 } };
static const struct probe_insn fdiv = { "FDIV", 2, { 0xd8, 0x37 } };
static const struct probe_insn fstp = { "FSTP", 2, { 0xdb, 0x3f } };

static struct xregs regs;
static struct probe_result result;

static uint8_t *operand(void)
{
	return probe_ops->arena + PROBE_ARENA_SIZE - PAGE;
}

static uint8_t *area(void)
{
	return probe_ops->arena + PROBE_ARENA_SIZE / 2;
}

/* @load comes from regs. */
static bool execute(const struct probe_insn *insn, unsigned int cpl, const uint8_t *at,
		    uint64_t load, const char *rule)
{
	struct probe p = {
		.insn = insn, .mode = PROBE_64, .cpl = cpl, .load = load, .regs = &regs
	};

	p.gprs.rdi = (uint64_t)(uintptr_t)at;
	p.gprs.rax = BOTH;
	probe_run(&p, &result);
	table_probe(0);
	return expect_fault(result.fault, NO_FAULT, rule, "%s cpl=%u", insn->name, cpl);
}

/* To every lane. */
static void set_lanes(uint8_t *to, uint32_t value)
{
	for (unsigned int i = 0; i < LANES; i++)
		memcpy(to + i * LANE, &value, LANE);
}

/* ST0 and nothing else is in use. */
static void set_x87(struct xregs_x87 *x87, uint16_t fcw, uint64_t significand, uint16_t exponent)
{
	*x87 = (struct xregs_x87){ .fcw = fcw, .ftw = FTW_ST0_ONLY };
	memcpy(x87->st[0], &significand, sizeof(significand));
	memcpy(x87->st[0] + sizeof(significand), &exponent, sizeof(exponent));
}

#define ONE		0x3f800000
#define THREE		0x40400000
#define ONE_SIGNIFICAND (UINT64_C(1) << 63)
#define ONE_EXPONENT	0x3fff

/* A division and the flags that it raises: in single precision, and in x87's of 64 bits by the
 * same divisor. Overflow and underflow that are masked raise PE as well. */
struct division {
	const char *name;
	uint32_t dividend;
	uint16_t exponent; /* of x87's dividend */
	uint64_t significand;
	uint32_t divisor;
	uint8_t flags;
};
static const struct division divisions[] = {
	{ "IE", 0, 0, 0, 0, 0x01 },
	{ "ZE", ONE, ONE_EXPONENT, ONE_SIGNIFICAND, 0, 0x04 },
	{ "OE", 0x7f7fffff, 0x7ffe, ONE_SIGNIFICAND, 0x3f000000, 0x28 },
	{ "UE", 0x00800000, 0x0001, ONE_SIGNIFICAND, THREE, 0x30 },
	{ "PE", ONE, ONE_EXPONENT, ONE_SIGNIFICAND, THREE, 0x20 },
};
#define DIVISIONS (sizeof(divisions) / sizeof(*divisions))
static const struct division denormal = {
	"DE", ONE, ONE_EXPONENT, ONE_SIGNIFICAND, 0x00400000, 0x02
};

static const struct saver {
	const struct probe_insn *insn;
	const char *rule;
	enum rules_form form; /* what offers it */
	unsigned int mxcsr;   /* offset */
} savers[] = {
	{ &insn_xsave64_bytes, "M01", FORM_XSAVE, ORACLE_MXCSR },
	{ &insn_xsaveopt64_bytes, "M01", FORM_XSAVEOPT, ORACLE_MXCSR },
	{ &insn_xsavec64_bytes, "M02", FORM_XSAVEC, ORACLE_MXCSR },
	{ &insn_xsaves64_bytes, "M02", FORM_XSAVES, ORACLE_MXCSR },
	{ &insn_fxsave64_bytes, "M01", FORM_XSAVE, ORACLE_MXCSR },
	{ &insn_stmxcsr_bytes, "M01", FORM_XSAVE, 0 },
};
#define SAVERS	   (sizeof(savers) / sizeof(*savers))
#define X87_SAVERS (SAVERS - 1)

/* Into an area of zeros. */
static bool save(const struct saver *s, unsigned int cpl)
{
	memset(area(), 0, ORACLE_EXTENDED);
	return execute(s->insn, cpl, area(), 0, "V01");
}

static uint32_t saved_mxcsr(const struct saver *s)
{
	return (uint32_t)oracle_get64(area() + s->mxcsr);
}

static uint16_t saved_fsw(void)
{
	return (uint16_t)(oracle_get64(area()) >> 16);
}

static bool divide_sse(const struct division *d, unsigned int cpl)
{
	oracle_values(&regs, RESTORE_SSE, table_seed());
	regs.mxcsr = RESTORE_MXCSR_INIT;
	set_lanes(regs.vector[0], d->dividend);
	set_lanes(operand(), d->divisor);
	return execute(&divps, cpl, operand(), RESTORE_SSE, "R12");
}

static bool divide_x87(const struct division *d, unsigned int cpl)
{
	set_x87(&regs.x87, FCW_INIT, d->significand, d->exponent);
	set_lanes(operand(), d->divisor);
	return execute(&fdiv, cpl, operand(), RESTORE_X87, "R12");
}

static void raise_sse(const struct division *d, const struct saver *s, unsigned int cpl)
{
	if (divide_sse(d, cpl) && save(s, cpl))
		expect_equal(saved_mxcsr(s), RESTORE_MXCSR_INIT | d->flags, s->rule,
			     "MXCSR by %s cpl=%u after DIVPS that raises %s", s->insn->name, cpl,
			     d->name);
}

static void raise_x87(const struct division *d, const struct saver *s, unsigned int cpl)
{
	if (divide_x87(d, cpl) && save(s, cpl))
		expect_equal(saved_fsw() & FSW_STATUS, d->flags, "V05",
			     "FSW by %s cpl=%u after FDIV that raises %s", s->insn->name, cpl,
			     d->name);
}

static bool skip(void)
{
	return restore_skip(RESTORE_STANDARD) ||
	       facts_skip(probe_ops->get(PROBE_XCR0) & facts.movable & RESTORE_SSE,
			  "CPUID.(0DH,0):EAX[1] SSE");
}

/* Each division with each save at both levels, two probes each. */
static void run_raise(const char *table, const struct division *d, unsigned int count,
		      unsigned int saves,
		      void (*one)(const struct division *, const struct saver *, unsigned int))
{
	table_begin(table, (uint64_t)count * saves * 2);
	for (unsigned int i = 0; i < count * saves * 2; i++) {
		const struct saver *s = &savers[i / 2 % saves];
		unsigned int cpl = i & 1 ? 3 : 0;

		if (table_case() && save_runs_at(s->form, cpl))
			one(&d[i / 2 / saves], s, cpl);
	}
	table_end();
	restore_end();
}

XTEST(effect, flags_of_sse_are_saved, .rules = "M01 M02")
{
	if (!skip())
		run_raise("effect_sse_flags", divisions, DIVISIONS, SAVERS, raise_sse);
}

XTEST(effect, flags_of_x87_are_saved, .rules = "V05")
{
	if (!skip())
		run_raise("effect_x87_flags", divisions, DIVISIONS, X87_SAVERS, raise_x87);
}

/* Denormal operands apart: there are engines that know them only as what DAZ makes of them. */
XTEST(effect, denormal_flag_of_sse_is_saved, .rules = "M01 M02")
{
	if (!skip())
		run_raise("effect_sse_denormal", &denormal, 1, SAVERS, raise_sse);
}

XTEST(effect, denormal_flag_of_x87_is_saved, .rules = "V05")
{
	if (!skip())
		run_raise("effect_x87_denormal", &denormal, 1, X87_SAVERS, raise_x87);
}

/* The restores, and FXRSTOR as one more. */
#define LOADS	     (RESTORE_KINDS + 1)
#define LOAD_FXRSTOR RESTORE_KINDS

static bool load_way(struct restore *r, unsigned int load, unsigned int way)
{
	*r = (struct restore){ .kind = load == LOAD_FXRSTOR ? RESTORE_STANDARD
							    : (enum restore_kind)load,
			       .xcr0 = probe_ops->get(PROBE_XCR0),
			       .mask = BOTH };
	return restore_way(r, way);
}

static const struct probe_insn *load_insn(const struct restore *r, unsigned int load)
{
	if (load != LOAD_FXRSTOR)
		return restore_insn(r);
	return r->rex_w ? &insn_fxrstor64_bytes : &insn_fxrstor_bytes;
}

static const char *mxcsr_rule(const struct restore *r)
{
	return r->kind == RESTORE_STANDARD ? "M04" : "M05";
}

/* What goes into the image, until the test changes it. */
static void fresh_values(const struct restore *r)
{
	restore_values(r);
	restore_inside.mxcsr = RESTORE_MXCSR_INIT;
	set_x87(&restore_inside.x87, FCW_INIT, ONE_SIGNIFICAND, ONE_EXPONENT);
}

/* Load what restore_inside has. */
static bool load(struct restore *r, unsigned int how)
{
	restore_fill(r, BOTH, r->kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | BOTH);
	return execute(load_insn(r, how), r->cpl, r->area, 0, "R12");
}

/* Flags raised, then an image without any. */
static void replace(struct restore *r, unsigned int how, const struct saver *s)
{
	for (unsigned int i = 0; i < DIVISIONS; i++) {
		if (!divide_sse(&divisions[i], r->cpl) || !divide_x87(&divisions[i], r->cpl))
			return;
		fresh_values(r);
		if (!load(r, how) || !save(s, r->cpl))
			return;
		expect_equal(saved_mxcsr(s), RESTORE_MXCSR_INIT, mxcsr_rule(r),
			     "MXCSR by %s after %s after %s", s->insn->name,
			     load_insn(r, how)->name, divisions[i].name);
		if (s->mxcsr)
			expect_equal(saved_fsw() & FSW_STATUS, 0, "R05",
				     "FSW by %s after %s after %s", s->insn->name,
				     load_insn(r, how)->name, divisions[i].name);
	}
}

/* Probes: four for each division, way to load and way to save. */
XTEST(effect, loaded_flags_replace_raised_ones, .rules = "M04 M05 R05")
{
	struct restore r;

	if (skip())
		return;
	table_begin("effect_replaced", (uint64_t)LOADS * RESTORE_WAYS * SAVERS);
	for (unsigned int i = 0; i < LOADS * RESTORE_WAYS * SAVERS; i++) {
		unsigned int how = i / SAVERS / RESTORE_WAYS;
		const struct saver *s = &savers[i % SAVERS];

		if (table_case() && load_way(&r, how, i / SAVERS % RESTORE_WAYS) &&
		    save_runs_at(s->form, r.cpl))
			replace(&r, how, s);
	}
	table_end();
	restore_end();
}

/* 1 / 3 and -1 / 3 by the rounding, a denormal dividend by DAZ, and a tiny quotient by FZ. */
static const uint32_t dividends[LANES] = { ONE, 0x80000000 | ONE, 0x00400000, 0x00800000 };
static const uint32_t divisors[LANES] = { THREE, THREE, 0x3f000000, THREE };

static void quotients(uint32_t want[LANES], uint32_t mxcsr)
{
	unsigned int rc = mxcsr >> MXCSR_RC & 3;

	want[0] = rc == NEAREST || rc == UP ? 0x3eaaaaab : 0x3eaaaaaa;
	want[1] = rc == NEAREST || rc == DOWN ? 0xbeaaaaab : 0xbeaaaaaa;
	want[2] = mxcsr & MXCSR_DAZ ? 0 : 0x00800000;
	want[3] = mxcsr & MXCSR_FZ ? 0 : rc == NEAREST || rc == UP ? 0x2aaaab : 0x2aaaaa;
}

/* Before, the CPU rounds another way, and has divided so. XMM0 is the same before and after the
 * restore: here it is about MXCSR alone. */
static void control_sse(struct restore *r, unsigned int how, unsigned int n)
{
	uint32_t rc = n % ROUNDINGS << MXCSR_RC, mxcsr = RESTORE_MXCSR_INIT | rc, want[LANES];

	mxcsr |= n & ROUNDINGS ? MXCSR_DAZ : 0;
	mxcsr |= n & 2 * ROUNDINGS ? MXCSR_FZ : 0;
	fresh_values(r);
	oracle_values(&regs, RESTORE_SSE, table_seed());
	regs.mxcsr = ~mxcsr & facts.mxcsr_mask & ~FLAGS;
	regs.mxcsr |= RESTORE_MXCSR_INIT;
	restore_inside.mxcsr = mxcsr & facts.mxcsr_mask;
	memcpy(restore_inside.vector[0], dividends, sizeof(dividends));
	memcpy(regs.vector[0], dividends, sizeof(dividends));
	memcpy(regs.vector[1], dividends, sizeof(dividends));
	memcpy(operand(), divisors, sizeof(divisors));
	if (!execute(&divps1, r->cpl, operand(), RESTORE_SSE, "R12") || !load(r, how) ||
	    !execute(&divps, r->cpl, operand(), 0, "R12") ||
	    !execute(&movups, r->cpl, operand(), 0, "R12"))
		return;
	quotients(want, restore_inside.mxcsr);
	expect_bytes(operand(), (const uint8_t *)want, sizeof(want), mxcsr_rule(r),
		     "DIVPS after %s cpl=%u MXCSR=0x%x", load_insn(r, how)->name, r->cpl,
		     restore_inside.mxcsr);
}

#define SSE_CONTROLS (4 * ROUNDINGS)

/* FCW.PC: bits of the significand that are rounded away. 1 is reserved. */
static const struct {
	uint8_t pc, dropped;
	bool up; /* to nearest */
} precisions[] = { { 0, 40, true }, { 2, 11, false }, { 3, 0, true } };
#define PRECISIONS     (sizeof(precisions) / sizeof(*precisions))
#define X87_CONTROLS   (PRECISIONS * ROUNDINGS * 2)
#define THIRD	       UINT64_C(0xaaaaaaaaaaaaaaaa)
#define THIRD_EXPONENT 0x3ffd

static uint64_t third(unsigned int precision, unsigned int rc, bool negative)
{
	uint64_t unit = UINT64_C(1) << precisions[precision].dropped;
	bool up = rc == (negative ? DOWN : UP) || (rc == NEAREST && precisions[precision].up);

	return (THIRD & ~(unit - 1)) + (up ? unit : 0);
}

static void control_x87(struct restore *r, unsigned int how, unsigned int n)
{
	unsigned int rc = n % ROUNDINGS, precision = n / ROUNDINGS % PRECISIONS;
	bool negative = n / ROUNDINGS / PRECISIONS;
	uint16_t sign = negative ? SIGN : 0, exponent = THIRD_EXPONENT | sign;
	uint64_t significand = third(precision, rc, negative);
	uint8_t want[10];

	fresh_values(r);
	set_x87(&restore_inside.x87,
		(uint16_t)(FLAGS | rc << FCW_RC | precisions[precision].pc << FCW_PC | 0x40),
		ONE_SIGNIFICAND, ONE_EXPONENT | sign);
	set_x87(&regs.x87, (uint16_t)(restore_inside.x87.fcw ^ (ZERO << FCW_RC | 2 << FCW_PC)),
		ONE_SIGNIFICAND, ONE_EXPONENT);
	set_lanes(operand(), THREE);
	if (!execute(&fdiv, r->cpl, operand(), RESTORE_X87, "R12") || !load(r, how) ||
	    !execute(&fdiv, r->cpl, operand(), 0, "R12") ||
	    !execute(&fstp, r->cpl, operand(), 0, "R12"))
		return;
	memcpy(want, &significand, sizeof(significand));
	memcpy(want + sizeof(significand), &exponent, sizeof(exponent));
	expect_bytes(operand(), want, sizeof(want), "R05", "FDIV after %s cpl=%u FCW=0x%x",
		     load_insn(r, how)->name, r->cpl, restore_inside.x87.fcw);
}

/* Four probes for each value and way to load. */
static void run_control(const char *table, unsigned int values,
			void (*one)(struct restore *, unsigned int, unsigned int))
{
	struct restore r;

	table_begin(table, (uint64_t)LOADS * RESTORE_WAYS * values);
	for (unsigned int i = 0; i < LOADS * RESTORE_WAYS * values; i++) {
		unsigned int how = i / values / RESTORE_WAYS;

		if (table_case() && load_way(&r, how, i / values % RESTORE_WAYS))
			one(&r, how, i % values);
	}
	table_end();
	restore_end();
}

XTEST(effect, controls_of_mxcsr_act, .rules = "M04 M05")
{
	if (!skip())
		run_control("effect_mxcsr", SSE_CONTROLS, control_sse);
}

XTEST(effect, controls_of_fcw_act, .rules = "R05")
{
	if (!skip())
		run_control("effect_fcw", X87_CONTROLS, control_x87);
}
