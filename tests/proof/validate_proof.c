/* SPDX-License-Identifier: MIT */
/* The check of an image: any bytes, any size, any layout, any CPU. */
#include "component.c"
#include "image.c"
#include "validate.c"

size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	return any_offset(layout, xcomp_bv, bit);
}

size_t xsave_layout_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv)
{
	return any_compacted_size(layout, xcomp_bv);
}

/* In the place of what image_proof.c proves: any answer. */
uint64_t any_components(const struct xsave_image *image)
{
	(void)image;
	return nondet_u64();
}

static struct xsave_cpu cpu;

void prove_check_image(void)
{
	const struct subject s = {
		.image = new_area(0),
		.cpu = &cpu,
		.format = xsave_image_format(&areas[0].image),
		.xstate_bv = nondet_u64(),
		.xcomp_bv = nondet_u64(),
	};

	cpu = nondet_cpu();
	if (check_image(&s))
		REACHED("an error");
	else
		REACHED("none");
}

/* A component by itself: memory of just its size, so that its check cannot leave it unnoticed. */
const uint8_t *own_component(const struct xsave_image *image, unsigned int bit)
{
	(void)image;
	if (nondet_bool())
		return NULL;
	return malloc(bit <= XSAVE_SSE ? XSAVE_LEGACY_SIZE : xsave_component(bit)->size);
}

void prove_check_components(void)
{
	if (check_components(new_area(0)))
		REACHED("an error");
	else
		REACHED("none");
}

enum xsave_error any_image_error(const struct subject *s)
{
	return s->format == XSAVE_FORMAT_NONE ? XSAVE_ERR_LENGTH : nondet_error();
}

enum xsave_error any_component_error(const struct xsave_image *image)
{
	(void)image;
	return nondet_error();
}

void prove_validate(void)
{
	const struct xsave_image *image = new_area(0);

	cpu = nondet_cpu();
	if (xsave_validate(image, &cpu))
		REACHED("an error");
	else
		REACHED("valid");
}
