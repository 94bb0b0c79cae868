/* SPDX-License-Identifier: MIT */
/*
 * x87 state from an image into the registers and out again, judged field by field.
 *
 *	x87_fill(&x);		any image
 *	x87_put16(…)		the fields of this case
 *	x87_probe(&x) && …
 *	x87_end();
 */
#ifndef XTK_RULES_X87_H
#define XTK_RULES_X87_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/probe.h>

/* Offsets in the legacy region. */
enum x87_field {
	X87_FCW = 0,
	X87_FSW = 2,
	X87_FTW = 4,
	X87_FOP = 6,
	X87_FIP = 8,
	X87_FCS = 12,
	X87_FDP = 16,
	X87_FDS = 20,
	X87_ST = 32
};
#define X87_FLAGS     0x3f /* in FSW, and their masks in FCW */
#define X87_ES	      0x80
#define X87_TOP_SHIFT 11
#define X87_TOP	      (7 << X87_TOP_SHIFT)

/* What x87_probe() judges. */
enum {
	X87_JUDGE_FCW = 1,
	X87_JUDGE_FSW = 2,
	X87_JUDGE_TAGS = 4,
	X87_JUDGE_POINTERS = 8,
	X87_JUDGE_STACK = 16,
};

/* A restore, and the save that reads its work. */
struct x87 {
	unsigned int judge;
	unsigned int restore, save; /* rows of the two tables in x87_probe.c */
	bool restore_rex_w, save_rex_w;
	unsigned int cpl;
	uint8_t *image;	      /* in the arena */
	const uint8_t *saved; /* after x87_probe() */
};

/* x87_skip() - facts_read(); skip the test where there is no XSAVE. Return: whether it skips */
bool x87_skip(void);

/* x87_choose() - instructions, forms and level at random, of those that there are */
void x87_choose(struct x87 *x);

/* x87_fill() - an image with random values: all exceptions masked, pointers canonical */
void x87_fill(struct x87 *x);

void x87_put16(struct x87 *x, enum x87_field field, uint16_t value);
void x87_put64(struct x87 *x, enum x87_field field, uint64_t value);
uint16_t x87_get16(const uint8_t *image, unsigned int field);

/* x87_restore() - the restore alone. x87_save() - the save alone, into memory that @x->saved names.
 * Return: false after a failed check */
bool x87_restore(const struct x87 *x);
bool x87_save(struct x87 *x);

/* x87_probe() - both, and the judgement of the fields that @x->judge names. Return: false after a
 * failed check */
bool x87_probe(struct x87 *x);

/* x87_pending() - whether the image has an exception that is not masked */
bool x87_pending(const struct x87 *x);

/* x87_run() - one more instruction at the level of @x, with the arena's last page as operand.
 * Return: its result, until the next call */
const struct probe_result *x87_run(const struct x87 *x, const struct probe_insn *insn);
uint8_t *x87_operand(void);

/* x87_pointers_may_vanish() - AMD's processors save FOP, FIP and FDP only while FSW.ES = 1 */
bool x87_pointers_may_vanish(const struct x87 *x);

/* x87_where() - both instructions in words, for a failed check */
const char *x87_where(const struct x87 *x);

/* x87_end() - nothing stays pending for the next test */
void x87_end(void);

#endif
