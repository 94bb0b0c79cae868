/* SPDX-License-Identifier: MIT */
/*
 * What the proofs share. A function without a body gives any value of its type, so each harness
 * runs for all inputs at once. Built by goto-cc with -include of this file, before everything.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "xsave/component.h"
#include "xsave/cpu.h"
#include "xsave/image.h"
#include "xsave/layout.h"

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);
unsigned int nondet_unsigned(void);
enum xsave_format nondet_format(void);
enum xsave_error nondet_error(void);
struct xsave_layout nondet_layout(void);
struct xsave_cpu nondet_cpu(void);
struct xsave_cpuid nondet_cpuid(void);

#define ASSUME(condition)	__CPROVER_assume(condition)
#define PROVE(condition, claim) __CPROVER_assert(condition, claim)

/* A claim that is of use for what follows it. */
#define LEMMA(condition, claim) (PROVE(condition, claim), ASSUME(condition))

/* A claim that must fail: the proof gets here, so what it says of the way to here is not empty. */
#define REACHED(where) __CPROVER_assert(false, "reached: " where)

/*
 * The walk over a mask as a loop over all numbers, which symbolic execution unwinds with a constant
 * number in each turn; prove_next_bit() shows that xsave_next_bit() visits the same ones. Where a
 * turn leaves nothing for the next (ANY_TURN), a single turn with any number stands for all.
 */
#undef xsave_for_each_bit
#ifdef ANY_TURN
#define xsave_for_each_bit(bit, mask)                                                              \
	for (unsigned int bit = any_bit(mask); bit < XSAVE_BITS; bit = XSAVE_BITS)
#else
#define xsave_for_each_bit(bit, mask)                                                              \
	for (unsigned int bit = 0; bit < XSAVE_BITS && (EACH_TURN(bit), true); bit++)              \
		if ((mask) >> bit & 1)
#endif

/* EACH_TURN() - what a harness does before each turn of such a walk */
#ifndef EACH_TURN
#define EACH_TURN(bit) (void)0
#endif

static inline unsigned int any_bit(uint64_t mask)
{
	unsigned int bit = nondet_unsigned();

	ASSUME(bit <= XSAVE_BITS && (bit == XSAVE_BITS || mask >> bit & 1));
	return bit;
}

/* The longest area that the model of memory can hold; no allocation comes near. */
#define AREA_MAX ((size_t)1 << 54)

/*
 * struct area - memory of any size with an image in it, as the functions under proof see it
 *
 * Of its bytes only the two words of the header keep their values; every other read through
 * bytes.h gives any value, each time another one. place[] is what xsave_image_component() answers,
 * as long as XCOMP_BV stays as it was: 0, or where the component lies, wholly inside.
 */
struct area {
	struct xsave_image image;
	struct xsave_layout layout;
	uint64_t placed_for; /* XCOMP_BV that place[] goes with */
	size_t place[XSAVE_BITS];
};

/* The two words of its header; by themselves because they change all the time. */
struct words {
	uint64_t xstate_bv, xcomp_bv;
};

#define AREAS 2
extern struct area areas[AREAS];
extern struct words words[AREAS];

/* new_area() - any size, any layout, any header, any place[] */
const struct xsave_image *new_area(unsigned int i);

/* What prove_image_component() shows of xsave_image_component(), in its place. */
const uint8_t *area_component(const struct xsave_image *image, unsigned int bit);

/* Any value, in the place of a function that only computes one and is proven by itself. */
size_t any_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit);
size_t any_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv);

/* Does the layout give a known component the size that the table has? */
static inline bool has_table_size(const struct xsave_layout *layout, unsigned int bit)
{
	return !xsave_component(bit) || layout->size[bit] == xsave_component(bit)->size;
}

#endif
