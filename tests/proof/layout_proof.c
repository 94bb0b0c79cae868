/* SPDX-License-Identifier: MIT */
/* Layout arithmetic, for any layout and any mask. */
#include "component.c"

/* The sums of layout.c, which has them as local variables; these stand where it has none. */
static uint64_t size, end;

static void each_turn(unsigned int bit, uint64_t standard_size, uint64_t *compacted_end);
static uint64_t compacted_start(const struct xsave_layout *layout, unsigned int bit, uint64_t end);
#undef EACH_TURN
#define EACH_TURN(bit) each_turn(bit, size, &end)

#include "layout.c"

void prove_next_bit(void)
{
	uint64_t mask = nondet_u64();
	unsigned int from = nondet_unsigned(), other = nondet_unsigned();
	unsigned int bit = xsave_next_bit(mask, from);

	ASSUME(other >= from && other < XSAVE_BITS);
	PROVE(bit <= XSAVE_BITS, "a number, or XSAVE_BITS");
	PROVE(bit == XSAVE_BITS || (bit >= from && mask >> bit & 1), "a bit that is set");
	PROVE(other >= bit || !(mask >> other & 1), "none before it is set");
	REACHED("the end");
}

void prove_component(void)
{
	unsigned int bit = nondet_unsigned();
	const struct xsave_component *row = xsave_component(bit);

	PROVE(!row || row->bit == bit, "the row of that bit");
	PROVE(!row == !(bit < 64 && XSAVE_KNOWN_MASK >> bit & 1), "a row for what is known");
	REACHED("the end");
}

/*
 * Sums over up to 61 sizes are too much for the solver at once. So it is told at each turn what
 * holds there: where an earlier turn left the sum, as seen from the chosen component.
 */
static enum { NOTHING, STANDARD, COMPACTED, FIRST, AGAIN } phase;
static struct xsave_layout layout;
static unsigned int chosen;
static uint64_t chosen_start, chosen_end;
static uint64_t before[XSAVE_BITS]; /* the turn of each, in the FIRST walk */

/* The sum only grows from where the chosen component ends. */
static void compacted_turn(unsigned int bit, uint64_t sum)
{
	if (bit > chosen)
		LEMMA(sum >= chosen_end, "compacted: never less again");
	if (bit != chosen)
		return;
	chosen_start = compacted_start(&layout, bit, sum);
	chosen_end = chosen_start + layout.size[bit];
}

/* From a sum that was shown to be equal the solver goes on with the one that it knows. */
static void turn_again(unsigned int bit, uint64_t *sum)
{
	if (bit > chosen)
		return;
	LEMMA(*sum == before[bit], "compacted: the same again");
	*sum = before[bit];
}

static void each_turn(unsigned int bit, uint64_t standard_size, uint64_t *compacted_end)
{
	if (phase == STANDARD && bit > chosen)
		LEMMA(standard_size >= chosen_end, "standard: never less again");
	if (phase == COMPACTED)
		compacted_turn(bit, *compacted_end);
	if (phase == FIRST)
		before[bit] = *compacted_end;
	if (phase == FIRST && bit == chosen)
		chosen_start = *compacted_end;
	if (phase == AGAIN)
		turn_again(bit, compacted_end);
	if (phase == AGAIN && bit > chosen)
		PROVE(*compacted_end == chosen_start, "compacted: nothing more is added");
}

static void choose(uint64_t components)
{
	chosen = nondet_unsigned();
	ASSUME(chosen > XSAVE_SSE && chosen < XSAVE_BITS && components >> chosen & 1);
}

void prove_standard_size(void)
{
	uint64_t mask = nondet_u64();
	size_t total;

	layout = nondet_layout();
	choose(mask);
	chosen_end = (uint64_t)layout.offset[chosen] + layout.size[chosen];
	phase = STANDARD;
	total = xsave_standard_size(&layout, mask);
	if (total) {
		PROVE(total >= XSAVE_EXTENDED && total >= chosen_end, "every component is inside");
		REACHED("a size");
	} else
		REACHED("no size");
}

void prove_compacted_size(void)
{
	uint64_t xcomp_bv = nondet_u64();
	size_t total;

	layout = nondet_layout();
	choose(xcomp_bv);
	phase = COMPACTED;
	total = xsave_layout_compacted_size(&layout, xcomp_bv);
	if (total) {
		PROVE(total >= chosen_end, "every component is inside");
		REACHED("a size");
	} else
		REACHED("no size");
}

/* A component starts where those before it end, in the walk over all of them, too. */
void prove_compacted_offset(void)
{
	uint64_t xcomp_bv = nondet_u64();
	size_t total, offset;

	layout = nondet_layout();
	choose(xcomp_bv);
	phase = FIRST;
	total = xsave_layout_compacted_size(&layout, xcomp_bv);
	if (!total)
		return;
	phase = AGAIN;
	offset = xsave_layout_compacted_offset(&layout, xcomp_bv, chosen);
	PROVE(offset >= XSAVE_EXTENDED, "behind the header");
	PROVE(offset == compacted_start(&layout, chosen, chosen_start), "where the sum came to it");
	REACHED("a place");
}

void prove_offset(void)
{
	uint64_t xcomp_bv = nondet_u64();
	unsigned int bit = nondet_unsigned();

	layout = nondet_layout();
	if (xsave_offset(&layout, xcomp_bv, bit)) {
		PROVE(bit < XSAVE_BITS, "a place for a component only");
		REACHED("a place");
	}
	REACHED("the end");
}

/* With the architectural sizes more can be said: components follow each other and end in time. */
void prove_architectural(void)
{
	uint64_t xcomp_bv = nondet_u64();
	unsigned int a = nondet_unsigned(), b = nondet_unsigned();
	size_t size = xsave_compacted_size(xcomp_bv);

	ASSUME(a > XSAVE_SSE && a < b && b < XSAVE_BITS);
	ASSUME(xcomp_bv >> a & xcomp_bv >> b & 1);
	if (!size)
		return;
	PROVE(xsave_compacted_offset(xcomp_bv, a) >= XSAVE_EXTENDED, "behind the header");
	PROVE(xsave_compacted_offset(xcomp_bv, a) + xsave_component(a)->size <=
		      xsave_compacted_offset(xcomp_bv, b),
	      "ends before the next");
	PROVE(xsave_compacted_offset(xcomp_bv, b) + xsave_component(b)->size <= size,
	      "ends inside");
	REACHED("the end");
}

void prove_guess(void)
{
	size_t size = nondet_size();
	uint64_t xcr0 = nondet_u64();
	const struct xsave_layout *guess = xsave_layout_guess(xcr0, size);

	PROVE(!guess || guess == &xsave_layout_intel || guess == &xsave_layout_amd,
	      "one of the two");
	REACHED("the end");
}

/* The promise that keeps a save inside its area: N08. */
void prove_fit(void)
{
	uint64_t mask = nondet_u64();
	size_t size = nondet_size();
	bool compacted = nondet_bool();
	unsigned int bit = nondet_unsigned();
	uint64_t fit = xsave_fit(compacted, mask, size);

	PROVE(!(fit & ~mask), "a part of what was asked for");
	PROVE(!fit || size >= XSAVE_EXTENDED, "the header is inside");
	ASSUME(bit > XSAVE_SSE && bit < XSAVE_BITS && fit >> bit & 1);
	if (compacted) {
		size_t at = xsave_compacted_offset(fit, bit);

		PROVE(at && at <= size && xsave_component(bit)->size <= size - at,
		      "compacted: inside");
		REACHED("compacted");
	} else {
		const struct xsave_component *row = xsave_component(bit);

		PROVE(row->offset_intel <= size && row->size <= size - row->offset_intel,
		      "standard: inside by Intel's layout");
		PROVE(row->offset_amd <= size && row->size <= size - row->offset_amd,
		      "standard: inside by AMD's layout");
		REACHED("standard");
	}
}
