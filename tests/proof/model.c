/* SPDX-License-Identifier: MIT */
/*
 * Stands in for lib/bytes.c: assertions that a range may be read or written in the place of the
 * access, so that no proof has to unwind a copy; and the functions that others are proven with.
 */
#include "proof.h"

#include "bytes.h"

/* What is proven is the library; here only what PROVE() says. */
#pragma CPROVER check push
#pragma CPROVER check disable "bounds"
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-overflow"
#pragma CPROVER check disable "pointer-primitive"
#pragma CPROVER check disable "unsigned-overflow"
#pragma CPROVER check disable "signed-overflow"
#pragma CPROVER check disable "conversion"
#pragma CPROVER check disable "undefined-shift"

struct area areas[AREAS];
struct words words[AREAS];

#define XSTATE_BV_AT (size_t)512
#define XCOMP_BV_AT  (size_t)520

/* Does it point into area @i, and has that a header? */
static bool within(unsigned int i, const void *at)
{
	return areas[i].image.size >= XSAVE_EXTENDED &&
	       __CPROVER_same_object(at, areas[i].image.data);
}

/* What becomes of a word of the header when @n bytes at @at are overwritten. */
static uint64_t touched(uint64_t word, size_t word_at, size_t at, size_t n, bool zeroed)
{
	if (at >= word_at + 8 || word_at >= at + n)
		return word;
	return zeroed && at <= word_at && word_at + 8 <= at + n ? 0 : nondet_u64();
}

static void touch(void *to, size_t n, bool zeroed)
{
	size_t at = __CPROVER_POINTER_OFFSET(to);

	for (unsigned int i = 0; i < AREAS; i++) {
		if (!within(i, to))
			continue;
		words[i].xstate_bv = touched(words[i].xstate_bv, XSTATE_BV_AT, at, n, zeroed);
		words[i].xcomp_bv = touched(words[i].xcomp_bv, XCOMP_BV_AT, at, n, zeroed);
	}
}

void xsave_bytes_copy(void *to, const void *from, size_t n)
{
	PROVE(__CPROVER_r_ok(from, n), "copy: the source may be read");
	PROVE(__CPROVER_w_ok(to, n), "copy: the target may be written");
	PROVE(!__CPROVER_same_object(to, from), "copy: source and target do not overlap");
	touch(to, n, false);
}

void xsave_bytes_zero(void *to, size_t n)
{
	PROVE(__CPROVER_w_ok(to, n), "zero: the target may be written");
	touch(to, n, true);
}

uint16_t xsave_bytes_get16(const void *from)
{
	PROVE(__CPROVER_r_ok(from, 2), "get16: may be read");
	return nondet_u16();
}

uint32_t xsave_bytes_get32(const void *from)
{
	PROVE(__CPROVER_r_ok(from, 4), "get32: may be read");
	return nondet_u32();
}

uint64_t xsave_bytes_get64(const void *from)
{
	PROVE(__CPROVER_r_ok(from, 8), "get64: may be read");
	for (unsigned int i = 0; i < AREAS; i++) {
		if (within(i, from) && __CPROVER_POINTER_OFFSET(from) == XSTATE_BV_AT)
			return words[i].xstate_bv;
		if (within(i, from) && __CPROVER_POINTER_OFFSET(from) == XCOMP_BV_AT)
			return words[i].xcomp_bv;
	}
	return nondet_u64();
}

void xsave_bytes_put32(void *to, uint32_t value)
{
	PROVE(__CPROVER_w_ok(to, 4), "put32: may be written");
	touch(to, 4, false);
	(void)value;
}

void xsave_bytes_put64(void *to, uint64_t value)
{
	PROVE(__CPROVER_w_ok(to, 8), "put64: may be written");
	touch(to, 8, false);
	for (unsigned int i = 0; i < AREAS; i++) {
		if (within(i, to) && __CPROVER_POINTER_OFFSET(to) == XSTATE_BV_AT)
			words[i].xstate_bv = value;
		if (within(i, to) && __CPROVER_POINTER_OFFSET(to) == XCOMP_BV_AT)
			words[i].xcomp_bv = value;
	}
}

const struct xsave_image *new_area(unsigned int i)
{
	size_t size = nondet_size();

	ASSUME(size <= AREA_MAX);
	areas[i].layout = nondet_layout();
	areas[i].image = (struct xsave_image){ malloc(size), size, &areas[i].layout };
	words[i].xstate_bv = nondet_u64();
	words[i].xcomp_bv = areas[i].placed_for = nondet_u64();
	for (unsigned int bit = 0; bit < XSAVE_BITS; bit++)
		areas[i].place[bit] = nondet_size();
	return &areas[i].image;
}

/* The places were chosen for an XCOMP_BV. Of a standard image it may change otherwise. */
static void check_header(unsigned int i)
{
	bool was_compacted = areas[i].placed_for & XSAVE_XCOMP_COMPACTED;
	bool is_compacted = words[i].xcomp_bv & XSAVE_XCOMP_COMPACTED;

	PROVE(was_compacted == is_compacted, "component: the format is the same as before");
	PROVE(!is_compacted || words[i].xcomp_bv == areas[i].placed_for,
	      "component: XCOMP_BV is the same as before");
}

static const uint8_t *legacy_component(unsigned int i, const struct xsave_image *image,
				       unsigned int bit)
{
	if (image->size < XSAVE_EXTENDED)
		return image->size == XSAVE_LEGACY_SIZE ? image->data : NULL;
	if (words[i].xcomp_bv & XSAVE_XCOMP_COMPACTED && !(words[i].xcomp_bv & XSAVE_MASK(bit)))
		return NULL;
	return image->data;
}

static const uint8_t *extended_component(unsigned int i, const struct xsave_image *image,
					 unsigned int bit)
{
	size_t place = areas[i].place[bit];

	if (!place || image->size < XSAVE_EXTENDED)
		return NULL;
	ASSUME(place >= XSAVE_EXTENDED && place <= image->size);
	ASSUME(areas[i].layout.size[bit] <= image->size - place);
	ASSUME(has_table_size(&areas[i].layout, bit));
	return (const uint8_t *)image->data + place;
}

const uint8_t *area_component(const struct xsave_image *image, unsigned int bit)
{
	for (unsigned int i = 0; i < AREAS; i++) {
		if (image->data != areas[i].image.data)
			continue;
		PROVE(image->size == areas[i].image.size || (image->size == XSAVE_LEGACY_SIZE &&
							     image->size <= areas[i].image.size),
		      "component: of the size that it has, or its legacy region");
		if (image->size >= XSAVE_EXTENDED)
			check_header(i);
		if (bit >= XSAVE_BITS)
			return NULL;
		return XSAVE_MASK(bit) & XSAVE_LEGACY_MASK ? legacy_component(i, image, bit)
							   : extended_component(i, image, bit);
	}
	PROVE(false, "component: of an image that is known");
	return NULL;
}

size_t any_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	(void)layout, (void)xcomp_bv, (void)bit;
	return nondet_size();
}

size_t any_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	(void)layout, (void)xcomp_bv;
	return nondet_size();
}
#pragma CPROVER check pop
