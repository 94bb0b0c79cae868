/* SPDX-License-Identifier: MIT */
/*
 * Sanitising and converting: any bytes, any size, any layouts, any components. The parts are proven
 * first; then the whole, with what was shown of a part in its place.
 */
#include "convert.c"

/*
 * Turns that are left in a loop over what lies one after the other. All that a turn leaves to the
 * next is where it ended. The first may end anywhere, so the second stands for all that follow.
 */
static unsigned int left;

#define TURNS 2

/* The registers of a set of components that clean_registers() is called with, from any byte on. */
static void check_first_register(uint64_t components, size_t size)
{
	size_t from = nondet_size();
	struct range next = first_register(components, from, size);

	PROVE(next.start == size ? next.end == size : next.start >= from,
	      "none, or behind the last");
	PROVE(next.start < next.end ? next.end <= size : next.start == size, "inside");
}

void prove_first_register(void)
{
	for (uint64_t legacy = 0; legacy <= XSAVE_LEGACY_MASK; legacy++)
		check_first_register(legacy, XSAVE_LEGACY_SIZE);
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (xsave_component(bit))
			check_first_register(XSAVE_MASK(bit), xsave_component(bit)->size);
	REACHED("the end");
}

struct range any_first_register(uint64_t components, size_t from, size_t size)
{
	struct range next = { nondet_size(), nondet_size() };

	(void)components;
	if (!left || nondet_bool())
		return (struct range){ size, size };
	left--;
	ASSUME(next.start >= from && next.start < next.end && next.end <= size);
	return next;
}

void prove_clean_registers(void)
{
	size_t size = nondet_size();

	ASSUME(size <= AREA_MAX);
	left = TURNS;
	clean_registers(malloc(size), nondet_u64(), size);
	REACHED("the end");
}

void any_clean_registers(uint8_t *at, uint64_t components, size_t size)
{
	bool legacy = !(components & ~XSAVE_LEGACY_MASK) && size == XSAVE_LEGACY_SIZE;
	bool one = false;

	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (xsave_component(bit))
			one |= components == XSAVE_MASK(bit) && size == xsave_component(bit)->size;
	PROVE(legacy || one || !size, "clean: a case that was proven");
	PROVE(__CPROVER_w_ok(at, size), "clean: may be written");
}

void prove_next_component(void)
{
	const struct xsave_image *image = new_area(0);
	uint64_t in_use = nondet_u64() & XSAVE_KNOWN_MASK;
	size_t from = nondet_size();
	unsigned int bit = 0;
	struct range next = next_component(image, in_use, from, &bit);

	if (next.start == image->size) {
		PROVE(bit == 0 && next.end == image->size, "none: the end of the image");
		REACHED("none");
		return;
	}
	PROVE(bit > XSAVE_SSE && in_use >> bit & 1, "one in use");
	PROVE(next.start >= from && next.start == areas[0].place[bit], "where it lies");
	PROVE(next.end - next.start == xsave_component(bit)->size && next.end <= image->size,
	      "inside, as large as the table says");
	REACHED("a component");
}

struct range any_next_component(const struct xsave_image *image, uint64_t in_use, size_t from,
				unsigned int *bit)
{
	unsigned int b = nondet_unsigned();
	size_t start = nondet_size(), size;

	if (!left || nondet_bool())
		return (struct range){ image->size, image->size };
	left--;
	ASSUME(b > XSAVE_SSE && b < XSAVE_BITS && in_use >> b & 1);
	size = xsave_component(b)->size;
	ASSUME(start >= from && start <= image->size && size <= image->size - start);
	*bit = b;
	return (struct range){ start, start + size };
}

void prove_clean_extended(void)
{
	const struct xsave_image *image = new_area(0);

	ASSUME(image->size >= XSAVE_EXTENDED);
	left = TURNS;
	clean_extended((uint8_t *)image->data, image, nondet_u64() & XSAVE_KNOWN_MASK);
	REACHED("the end");
}

void any_clean_extended(uint8_t *data, const struct xsave_image *image, uint64_t in_use)
{
	PROVE(image->size >= XSAVE_EXTENDED && data == image->data, "clean: an extended region");
	PROVE(!(in_use & ~XSAVE_KNOWN_MASK), "clean: what the table knows");
}

void prove_put_initial(void)
{
	const struct xsave_image *image = new_area(0);

	ASSUME(image->size >= XSAVE_LEGACY_SIZE);
	put_initial((uint8_t *)image->data, image, nondet_u64());
	REACHED("the end");
}

void any_put_initial(uint8_t *data, const struct xsave_image *image, uint64_t in_use)
{
	PROVE(image->size >= XSAVE_LEGACY_SIZE && data == image->data, "initial: an image");
	(void)in_use;
}

void prove_overlap(void)
{
	struct xsave_layout layout = nondet_layout();

	if (overlap(nondet_format(), &layout, nondet_u64()))
		REACHED("an overlap");
	else
		REACHED("none");
}

bool any_overlap(enum xsave_format format, const struct xsave_layout *layout, uint64_t in_use)
{
	(void)format, (void)layout, (void)in_use;
	return nondet_bool();
}

/* All that any_find_in_use() promises in its place. */
void prove_find_in_use(void)
{
	const struct xsave_image *image = new_area(0);
	uint64_t wanted = nondet_u64(), in_use;
	unsigned int bit = nondet_unsigned();

	if (find_in_use(image, wanted, &in_use)) {
		REACHED("an error");
		return;
	}
	PROVE(image->size >= XSAVE_LEGACY_SIZE, "an image");
	PROVE(!(in_use & ~(wanted & XSAVE_KNOWN_MASK)), "what is wanted and known");
	ASSUME(bit > XSAVE_SSE && bit < XSAVE_BITS && in_use >> bit & 1);
	PROVE(image->size >= XSAVE_EXTENDED && areas[0].place[bit], "each has a place");
	REACHED("in use");
}

enum xsave_error any_find_in_use(const struct xsave_image *image, uint64_t wanted, uint64_t *in_use)
{
	uint64_t extended = nondet_u64() & wanted & XSAVE_KNOWN_MASK & ~XSAVE_LEGACY_MASK;

	PROVE(image->data == areas[0].image.data, "in use: of the image to read");
	*in_use = nondet_u64();
	if (image->size < XSAVE_LEGACY_SIZE || nondet_bool())
		return XSAVE_ERR_LENGTH;
	ASSUME(!extended || image->size >= XSAVE_EXTENDED);
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		ASSUME(!(extended >> bit & 1) || areas[0].place[bit]);
	*in_use = (nondet_u64() & wanted & XSAVE_LEGACY_MASK) | extended;
	return XSAVE_OK;
}

void prove_sanitize(void)
{
	const struct xsave_image *image = new_area(0);

	if (xsave_sanitize((void *)image->data, image->size, image->layout))
		REACHED("an error");
	else
		REACHED("canonical");
}

static uint64_t xcomp_bv_of(enum xsave_format format, uint64_t components)
{
	return format == XSAVE_FORMAT_COMPACTED ? components | XSAVE_XCOMP_COMPACTED : 0;
}

void prove_sound(void)
{
	struct xsave_layout layout = nondet_layout();
	uint64_t components = nondet_u64();
	unsigned int bit = nondet_unsigned();

	ASSUME(bit > XSAVE_SSE && bit < XSAVE_BITS && components >> bit & 1);
	if (sound(nondet_format(), &layout, components)) {
		PROVE(has_table_size(&layout, bit), "as large as the table says");
		REACHED("sound");
	} else
		REACHED("not sound");
}

/* What layout_proof.c shows of the sums: each component is inside, so also the chosen one. */
static unsigned int chosen;
static size_t compacted_at;

size_t any_standard_size(const struct xsave_layout *layout, uint64_t mask)
{
	size_t size = nondet_size();

	ASSUME(!size || size >= XSAVE_EXTENDED);
	if (mask >> chosen & 1)
		ASSUME(!size || size >= (size_t)layout->offset[chosen] + layout->size[chosen]);
	return size;
}

size_t any_compacted_size_with_chosen(const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	size_t size = nondet_size();

	ASSUME(!size || size >= XSAVE_EXTENDED);
	if (xcomp_bv >> chosen & 1)
		ASSUME(!size || (compacted_at >= XSAVE_EXTENDED && size >= compacted_at &&
				 size - compacted_at >= layout->size[chosen]));
	return size;
}

/* All that any_format_size() promises: there is a place for each component, as for the chosen one.
 */
void prove_format_size(void)
{
	struct xsave_layout layout = nondet_layout();
	uint64_t components = nondet_u64();
	enum xsave_format format = nondet_format();
	bool standard = format == XSAVE_FORMAT_STANDARD;
	size_t size, at;

	chosen = nondet_unsigned();
	compacted_at = nondet_size();
	ASSUME(chosen > XSAVE_SSE && chosen < XSAVE_BITS && components >> chosen & 1);
	size = xsave_format_size(format, &layout, components);
	if (!size) {
		REACHED("no place");
		return;
	}
	at = standard ? layout.offset[chosen] : compacted_at;
	PROVE(standard || format == XSAVE_FORMAT_COMPACTED, "not in the legacy region");
	PROVE(!standard || !(layout.supervisor >> chosen & 1), "standard: no supervisor component");
	PROVE(has_table_size(&layout, chosen), "as large as the table says");
	PROVE(at >= XSAVE_EXTENDED && at <= size && layout.size[chosen] <= size - at, "inside");
	REACHED("a place");
}

size_t any_format_size(enum xsave_format format, const struct xsave_layout *layout,
		       uint64_t components)
{
	struct area *to = &areas[1];
	size_t size = nondet_size();

	PROVE(layout == &to->layout, "size: of the target");
	if (format == XSAVE_FORMAT_LEGACY)
		return components & ~(XSAVE_LEGACY_MASK | XSAVE_XCOMP_COMPACTED)
			       ? 0
			       : XSAVE_LEGACY_SIZE;
	if (format != XSAVE_FORMAT_STANDARD && format != XSAVE_FORMAT_COMPACTED)
		return 0;
	ASSUME(!size || size >= XSAVE_EXTENDED);
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (XSAVE_KNOWN_MASK & components & XSAVE_MASK(bit))
			ASSUME(!size || size > to->image.size || to->place[bit]);
	return size;
}

/* A turn with any component; it must leave the header as it is, so that the next is another one. */
void prove_copy_components(void)
{
	const struct xsave_image *from = new_area(0), *to = new_area(1);
	uint64_t in_use = nondet_u64() & XSAVE_KNOWN_MASK;
	struct words before = words[1];

	ASSUME(from->size >= XSAVE_LEGACY_SIZE && to->size >= XSAVE_LEGACY_SIZE);
	ASSUME(!(in_use & ~XSAVE_LEGACY_MASK) ||
	       (from->size >= XSAVE_EXTENDED && to->size >= XSAVE_EXTENDED));
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		ASSUME(!(in_use >> bit & 1) || (areas[0].place[bit] && areas[1].place[bit]));
	copy_components((uint8_t *)to->data, to, from, in_use);
	PROVE(words[1].xstate_bv == before.xstate_bv, "XSTATE_BV is the same as before");
	PROVE(words[1].xcomp_bv == before.xcomp_bv, "XCOMP_BV is the same as before");
	REACHED("the end");
}

void any_copy_components(uint8_t *data, const struct xsave_image *to,
			 const struct xsave_image *from, uint64_t in_use)
{
	bool extended = in_use & ~XSAVE_LEGACY_MASK;

	PROVE(data == to->data && to->size >= XSAVE_LEGACY_SIZE, "copy: to an image");
	PROVE(from->size >= XSAVE_LEGACY_SIZE, "copy: from an image");
	PROVE(!extended || (from->size >= XSAVE_EXTENDED && to->size >= XSAVE_EXTENDED),
	      "copy: both have an extended region");
	PROVE(!extended || words[1].xcomp_bv == areas[1].placed_for,
	      "copy: the places are those of XCOMP_BV");
	PROVE(!(in_use & ~XSAVE_KNOWN_MASK), "copy: what the table knows");
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (XSAVE_KNOWN_MASK >> bit & 1)
			PROVE(!(in_use >> bit & 1) || (areas[0].place[bit] && areas[1].place[bit]),
			      "copy: both have a place for each");
}

void prove_convert(void)
{
	const struct xsave_image *from = new_area(0), *to = new_area(1);
	enum xsave_format format = nondet_format();
	uint64_t components = nondet_u64();

	areas[1].placed_for = xcomp_bv_of(format, components);
	if (xsave_convert(from, components, format, to->layout, (void *)to->data, to->size))
		REACHED("an error");
	else
		REACHED("converted");
}
