/* SPDX-License-Identifier: MIT */
/*
 * x87 state in and out, field by field: see x87.h.
 *
 * FXRSTOR and FXSAVE have the same image, and are ways like others: so they agree with XRSTOR and
 * XSAVE, or one of them is wrong.
 *
 * Sources: SDM vol. 1, "x87 FPU Status Register", "x87 FPU Tag Word", "x87 FPU Instruction and Data
 * (Operand) Pointers", "x87 State"; vol. 2, "FXSAVE"; APM vol. 2, "FXSAVE and FXRSTOR
 * Instructions" (pointers only while FSW.ES = 1), vol. 3, CPUID Fn8000_0008_EBX.
 */
#include "x87.h"

#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "insns.h"
#include "oracle.h"
#include "save.h"

#define PAGE	  4096
#define TRIES	  3
#define SAVED	  (2 * PAGE) /* in the arena */
#define IMAGE_END 576
#define ST_SLOT	  16
#define ST_SIZE	  10
#define LOW_HALF  UINT64_C(0xffffffff)

/* Instructions that move x87 state. insn: without and with REX.W. cb: XCOMP_BV of the image. */
struct way {
	const struct probe_insn *insn[2];
	uint64_t cb;
	enum rules_form form;
};
#define WAY(name, form, cb)                                                                        \
	{                                                                                          \
		{ &insn_##name##_bytes, &insn_##name##64_bytes }, cb, form                         \
	}
static const struct way restores[] = {
	WAY(xrstor, FORM_XRSTOR, 0),
	WAY(fxrstor, FORM_XRSTOR, 0),
	WAY(xrstor, FORM_XSAVEC, ORACLE_COMPACT | SAVE_X87),
	WAY(xrstors, FORM_XRSTORS, ORACLE_COMPACT | SAVE_X87),
};
static const struct way saves[] = {
	WAY(xsave, FORM_XSAVE, 0),   WAY(fxsave, FORM_XSAVE, 0),  WAY(xsaveopt, FORM_XSAVEOPT, 0),
	WAY(xsavec, FORM_XSAVEC, 0), WAY(xsaves, FORM_XSAVES, 0),
};
#define RESTORES (sizeof(restores) / sizeof(*restores))
#define SAVES	 (sizeof(saves) / sizeof(*saves))

static struct probe_result result;
static uint8_t before[IMAGE_END]; /* what the save found in memory */

bool x87_skip(void)
{
	return save_skip(FORM_XSAVE);
}

static bool runs(const struct way *way, unsigned int cpl)
{
	struct probe p = { .insn = way->insn[0], .mode = PROBE_64, .cpl = cpl };
	bool supervisor = way->form == FORM_XRSTORS || way->form == FORM_XSAVES;

	return !form_missing(way->form) && !probe_ops->why_not(&p) && !(supervisor && cpl);
}

void x87_choose(struct x87 *x)
{
	do {
		x->cpl = table_random() & 1 ? 3 : 0;
		x->restore = (unsigned int)(table_random() % RESTORES);
		x->save = (unsigned int)(table_random() % SAVES);
	} while (!runs(&restores[x->restore], x->cpl) || !runs(&saves[x->save], x->cpl));
	x->restore_rex_w = table_random() & 1;
	x->save_rex_w = table_random() & 1;
}

void x87_put16(struct x87 *x, enum x87_field field, uint16_t value)
{
	memcpy(x->image + field, &value, sizeof(value));
}

void x87_put64(struct x87 *x, enum x87_field field, uint64_t value)
{
	oracle_put64(x->image + field, value);
}

uint16_t x87_get16(const uint8_t *image, unsigned int field)
{
	return (uint16_t)(image[field] | image[field + 1] << 8);
}

static uint64_t canonical(uint64_t value, unsigned int width)
{
	return (uint64_t)((int64_t)(value << (64 - width)) >> (64 - width));
}

void x87_fill(struct x87 *x)
{
	uint32_t mxcsr = SAVE_MXCSR_INIT;

	x->image = probe_ops->arena;
	x->saved = probe_ops->arena + SAVED;
	table_fill(x->image, IMAGE_END);
	memset(x->image + ORACLE_BV, 0, IMAGE_END - ORACLE_BV);
	oracle_put64(x->image + ORACLE_BV, SAVE_X87);
	oracle_put64(x->image + ORACLE_CB, restores[x->restore].cb);
	memcpy(x->image + ORACLE_MXCSR, &mxcsr, sizeof(mxcsr));
	x87_put16(x, X87_FCW, x87_get16(x->image, X87_FCW) | X87_FLAGS);
	if (!x->restore_rex_w)
		return;
	x87_put64(x, X87_FIP, canonical(table_random(), 48));
	x87_put64(x, X87_FDP, canonical(table_random(), 48));
}

bool x87_pending(const struct x87 *x)
{
	return x87_get16(x->image, X87_FSW) & ~x87_get16(x->image, X87_FCW) & X87_FLAGS;
}

bool x87_pointers_may_vanish(const struct x87 *x)
{
	return facts.amd && !x87_pending(x);
}

const char *x87_where(const struct x87 *x)
{
	static char text[160];

	format_text(text, sizeof(text),
		    "%s XCOMP_BV=0x%lx then %s cpl=%u FCW=0x%x FSW=0x%x FTW=0x%x",
		    restores[x->restore].insn[x->restore_rex_w]->name, restores[x->restore].cb,
		    saves[x->save].insn[x->save_rex_w]->name, x->cpl, x87_get16(x->image, X87_FCW),
		    x87_get16(x->image, X87_FSW), x->image[X87_FTW]);
	return text;
}

static void move(const struct x87 *x, const struct probe_insn *insn, const uint8_t *area,
		 uint64_t store)
{
	struct probe p = { .insn = insn, .mode = PROBE_64, .cpl = x->cpl, .store = store };

	p.gprs.rdi = (uint64_t)(uintptr_t)area;
	p.gprs.rax = SAVE_X87;
	probe_run(&p, &result);
}

/* An exception is raised by the next instruction that waits, never by a restore or a save. */
static bool completed(const struct x87 *x, const char *rule)
{
	if (result.fault == NO_FAULT)
		return true;
	return expect_fault(result.fault, NO_FAULT, result.fault == FAULT(MF, 0) ? rule : "R12",
			    "%s", x87_where(x));
}

bool x87_restore(const struct x87 *x)
{
	move(x, restores[x->restore].insn[x->restore_rex_w], x->image, 0);
	return completed(x, "F10");
}

bool x87_save(struct x87 *x)
{
	uint8_t *area = probe_ops->arena + SAVED;

	table_fill(before, ORACLE_BV);
	memset(before + ORACLE_BV, 0, IMAGE_END - ORACLE_BV);
	memcpy(area, before, IMAGE_END);
	move(x, saves[x->save].insn[x->save_rex_w], area, SAVE_X87);
	x->saved = area;
	return completed(x, "V12");
}

const struct probe_result *x87_run(const struct x87 *x, const struct probe_insn *insn)
{
	move(x, insn, x87_operand(), 0);
	return &result;
}

uint8_t *x87_operand(void)
{
	return probe_ops->arena + PROBE_ARENA_SIZE - PAGE;
}

/* The manuals do not say whether a pointer that is not canonical is made so: any of three. */
static bool agrees(uint64_t got, uint64_t want, uint64_t bits)
{
	return !((got ^ want) & bits) || !((got ^ canonical(want, 48)) & bits) ||
	       !((got ^ canonical(want, 57)) & bits);
}

/* @size bytes at @field: as @want, or what it may be where pointers vanish. */
static bool judge_pointer(const struct x87 *x, enum x87_field field, unsigned int size,
			  uint64_t want, const char *rule)
{
	uint64_t bits = size == 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * size) - 1;
	uint64_t got = oracle_get64(x->saved + field) & bits;
	uint64_t old = oracle_get64(before + field) & bits;

	test_checked(rule, 1);
	if (agrees(got, want, bits) || (x87_pointers_may_vanish(x) && (got == 0 || got == old)))
		return true;
	return expect_equal(got, want & bits, rule, "%s at byte %u, %s",
			    field == X87_FOP ? "FOP" : "pointer", field, x87_where(x));
}

/* FCS and FDS: only from a 32-bit form into a 32-bit form, and 0 where the CPU has none. */
static bool judge_selector(const struct x87 *x, enum x87_field field)
{
	uint16_t want = facts.no_fcs_fds ? 0 : x87_get16(x->image, field);

	if (x->restore_rex_w && !facts.no_fcs_fds)
		return true;
	return judge_pointer(x, field, 2, want, "F05");
}

static bool judge_pointers(const struct x87 *x, const struct xregs_x87 *want)
{
	bool both = x->restore_rex_w && x->save_rex_w;
	const char *rule = both ? "F04" : "F05";
	unsigned int size = x->save_rex_w ? 8 : 4;
	bool good = judge_pointer(x, X87_FOP, 2, want->fop, "F03");

	good &= judge_pointer(x, X87_FIP, size, want->fip, rule);
	good &= judge_pointer(x, X87_FDP, size, want->fdp, rule);
	if (x->save_rex_w)
		return good;
	good &= judge_selector(x, X87_FCS);
	good &= judge_selector(x, X87_FDS);
	return good;
}

/* By physical number: bit i is register i. */
static uint8_t not_empty(uint16_t tags)
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < 8; i++)
		bits |= (unsigned int)((tags >> 2 * i & 3) != 3) << i;
	return (uint8_t)bits;
}

static bool judge_fcw(const struct x87 *x, const struct xregs_x87 *want)
{
	return expect_equal(x87_get16(x->saved, X87_FCW), want->fcw, "F01", "FCW %s", x87_where(x));
}

/* TOP says which register is ST0: that is about the stack. */
static bool judge_fsw(const struct x87 *x, const struct xregs_x87 *want)
{
	uint16_t got = x87_get16(x->saved, X87_FSW);
	bool top = (got ^ want->fsw) & X87_TOP;

	return expect_equal(got, want->fsw, top ? "F11" : "F02", "FSW %s", x87_where(x));
}

static bool judge_tags(const struct x87 *x, const struct xregs_x87 *want)
{
	bool good = expect_equal(x->saved[X87_FTW], not_empty(want->ftw), "F06", "abridged FTW %s",
				 x87_where(x));

	good &= expect_equal(result.regs.x87.ftw, want->ftw, "F06", "FTW by FNSAVE after %s",
			     x87_where(x));
	return good;
}

static bool judge_stack(const struct x87 *x, const struct xregs_x87 *regs)
{
	bool good = true;

	(void)regs; /* the image has the very bytes */
	for (unsigned int i = 0; i < 8; i++) {
		const uint8_t *want = x->image + X87_ST + ST_SLOT * i;

		good &= expect_bytes(x->saved + X87_ST + ST_SLOT * i, want, ST_SIZE, "F11",
				     "ST%u %s", i, x87_where(x));
		good &= expect_bytes(result.regs.x87.st[i], want, ST_SIZE, "F11",
				     "ST%u by FNSAVE after %s", i, x87_where(x));
	}
	return good;
}

/* By the bits of @x->judge. */
static bool (*const judges[])(const struct x87 *, const struct xregs_x87 *) = {
	judge_fcw, judge_fsw, judge_tags, judge_pointers, judge_stack,
};
#define JUDGES (sizeof(judges) / sizeof(*judges))

/* Under an operating system that saves with REX.W, FCS and FDS may get lost between the two. */
static bool lost_selectors(const struct x87 *x)
{
	static const uint8_t none[2];

	return !x->restore_rex_w && !x->save_rex_w &&
	       !memcmp(x->saved + X87_FCS, none, sizeof(none)) &&
	       !memcmp(x->saved + X87_FDS, none, sizeof(none));
}

bool x87_probe(struct x87 *x)
{
	static struct xregs want;
	bool good = true;

	oracle_decode(&want, 0, restores[x->restore].cb, x->image, x->restore_rex_w);
	for (unsigned int i = 0; i < TRIES; i++) {
		if (!x87_restore(x) || !x87_save(x))
			return false;
		if (!lost_selectors(x))
			break;
	}
	table_probe(0);
	table_probe(ORACLE_BV);
	for (unsigned int i = 0; i < JUDGES; i++) {
		if (x->judge >> i & 1)
			good &= judges[i](x, &want.x87);
	}
	return good;
}

void x87_end(void)
{
	struct x87 x = { .cpl = runs(&saves[0], 3) ? 3 : 0 };

	x87_run(&x, &insn_fninit_bytes);
}
