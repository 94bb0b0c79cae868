/* SPDX-License-Identifier: MIT */
/* Finding one's way in an image: any bytes, any size, any layout. */
#include "component.c"
#include "image.c"

/* In the place of what layout_proof.c proves: any answer, but always the same. */
static size_t offset;

size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	(void)layout, (void)xcomp_bv, (void)bit;
	return offset;
}

static bool has_room(const struct xsave_image *image, unsigned int bit)
{
	bool compacted = words[0].xcomp_bv & XSAVE_XCOMP_COMPACTED;

	return image->size >= XSAVE_EXTENDED && offset >= XSAVE_EXTENDED && offset <= image->size &&
	       image->layout->size[bit] <= image->size - offset &&
	       has_table_size(image->layout, bit) &&
	       (compacted || !(image->layout->supervisor >> bit & 1));
}

void prove_image_words(void)
{
	const struct xsave_image *image = new_area(0);

	xsave_image_format(image);
	xsave_image_xstate_bv(image);
	xsave_image_xcomp_bv(image);
	xsave_image_mxcsr(image);
	REACHED("the end");
}

/* All that area_component() of model.c promises in its place. */
void prove_image_component(void)
{
	const struct xsave_image *image = new_area(0);
	unsigned int bit = nondet_unsigned();
	const uint8_t *at;

	offset = nondet_size();
	at = xsave_image_component(image, bit);
	if (bit >= XSAVE_BITS) {
		PROVE(!at, "only what is a component");
	} else if (bit > XSAVE_SSE) {
		PROVE(!at == !has_room(image, bit), "where there is room, and only there");
		PROVE(!at || at == (const uint8_t *)image->data + offset, "at its place");
		if (at)
			REACHED("extended");
	} else if (at) {
		PROVE(at == image->data && image->size >= XSAVE_LEGACY_SIZE,
		      "the region is inside");
		REACHED("legacy");
	}
	REACHED("the end");
}

void prove_image_components(void)
{
	const struct xsave_image *image = new_area(0);

	if (xsave_image_components(image))
		REACHED("some");
	else
		REACHED("none");
}
