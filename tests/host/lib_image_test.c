/* SPDX-License-Identifier: MIT */
/*
 * Finding one's way in an image, and the texts of the errors. Runs on any machine.
 *
 * Rules: N08, M04 M05, L04 L08.
 */
#include "check.h"
#include "fake_image.h"

static uint8_t area[IMAGE_SIZE + 1];

static struct xsave_image image_of(size_t size, const struct xsave_layout *layout)
{
	return (struct xsave_image){ area, size, layout };
}

static void test_format(void)
{
	bool right = true;

	for (size_t size = 0; size < 600; size++) {
		struct xsave_image image = image_of(size, &xsave_layout_intel);
		enum xsave_format want = size == 512  ? XSAVE_FORMAT_LEGACY
					 : size < 576 ? XSAVE_FORMAT_NONE
						      : XSAVE_FORMAT_STANDARD;

		fake_header(area, 5, 0);
		right &= xsave_image_format(&image) == want;
		fake_header(area, 5, 7); /* not valid, but not compacted */
		right &= xsave_image_format(&image) == want;
		fake_header(area, 5, C);
		want = want == XSAVE_FORMAT_STANDARD ? XSAVE_FORMAT_COMPACTED : want;
		right &= xsave_image_format(&image) == want;
	}
	check(right, "the format by size and XCOMP_BV[63]");
}

static void test_header(void)
{
	static const uint8_t bytes[] = {
		0x01, 2, 3, 4, 5, 6, 7, 0x88, 0x11, 0, 0, 0, 0, 0, 0, 0x80
	};
	struct xsave_image image = image_of(576, &xsave_layout_intel);

	memcpy(area + 512, bytes, sizeof(bytes));
	check_eq(0x0807060504030201, xsave_image_xstate_bv(&image), "XSTATE_BV, without bit 63");
	check_eq(0x8000000000000011, xsave_image_xcomp_bv(&image), "XCOMP_BV");
	image.size = 512;
	check_eq(3, xsave_image_xstate_bv(&image), "XSTATE_BV of a legacy image");
	check_eq(0, xsave_image_xcomp_bv(&image), "XCOMP_BV of a legacy image");
	image.size = 575;
	check_eq(0, xsave_image_xstate_bv(&image), "XSTATE_BV of no image");
	check_eq(0, xsave_image_xcomp_bv(&image), "XCOMP_BV of no image");
}

static void test_components(void)
{
	static const struct {
		const struct xsave_layout *layout;
		uint64_t xcomp_bv;
		size_t size;
		uint64_t want;
	} rows[] = {
		{ &xsave_layout_intel, 0, 511, 0 },
		{ &xsave_layout_intel, 0, 512, 3 },
		{ &xsave_layout_intel, 0, 575, 0 },
		{ &xsave_layout_intel, 0, 576, 3 },
		{ &xsave_layout_intel, 0, 831, 3 },
		{ &xsave_layout_intel, 0, 832, 7 },
		{ &xsave_layout_intel, 0, 1088, 0x8001f },
		{ &xsave_layout_intel, 0, 2696, 0x802ff },
		{ &xsave_layout_intel, 0, 11007, 0xa02ff },
		{ &xsave_layout_intel, 0, 11008, 0xe02ff },
		{ &xsave_layout_amd, 0, 2439, 0x40000000000000e7 },
		{ &xsave_layout_amd, 0, 2440, 0x40000000000002e7 },
		{ &xsave_layout_amd, 0, 959, 0x27 },
		{ &xsave_layout_intel, C, 576, 0 },
		{ &xsave_layout_intel, C | 0xa00, 583, 0 },
		{ &xsave_layout_intel, C | 0xa00, 584, 0x200 },
		{ &xsave_layout_intel, C | 0xa00, 600, 0xa00 },
		{ &xsave_layout_intel, C | 2, 576, 2 },
		{ &xsave_layout_intel, C | 0x60203, 8896, 0x60203 },
		{ &xsave_layout_intel, C | 0x60203, 8895, 0x20203 },
		/* Nobody can say where a component behind an unknown one lies. */
		{ &xsave_layout_intel, C | 0x100207, IMAGE_SIZE, 0x207 },
		{ &xsave_layout_amd, C | 0x20f, IMAGE_SIZE, 7 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct xsave_image image = image_of(rows[i].size, rows[i].layout);

		fake_header(area, 0, rows[i].xcomp_bv);
		check_eq(rows[i].want, xsave_image_components(&image), "components with room");
	}
}

static void check_place(const struct xsave_image *image, unsigned int bit, long want)
{
	const uint8_t *at = xsave_image_component(image, bit);

	check_eq(want, at ? at - (const uint8_t *)image->data : -1, "where a component starts");
}

static void test_component(void)
{
	struct xsave_image image = image_of(IMAGE_SIZE, &xsave_layout_intel);

	fake_header(area, 0, 0);
	check_place(&image, 0, 0);
	check_place(&image, 1, 0);
	check_place(&image, 2, 576);
	check_place(&image, 9, 2688);
	check_place(&image, 11, -1);
	check_place(&image, 62, -1);
	check_place(&image, 63, -1);
	check_place(&image, ~0U, -1);
	image.layout = &xsave_layout_amd;
	check_place(&image, 9, 2432);
	check_place(&image, 62, 832);
	fake_header(area, 0, C | 0x60a06);
	check_place(&image, 0, -1);
	check_place(&image, 1, 0);
	check_place(&image, 9, 832);
	check_place(&image, 11, 840);
	check_place(&image, 17, -1); /* AMD's layout does not know it */
	image.layout = &xsave_layout_intel;
	check_place(&image, 17, 896);
	check_place(&image, 18, 960);
	image.data = area + 1;
	fake_header(area + 1, 0, C | 0x204);
	check_place(&image, 9, 832);
}

/* A layout may be anything; a known component of another size has no place. */
static void test_odd_layouts(void)
{
	struct xsave_layout odd = xsave_layout_intel;
	struct xsave_image image = image_of(1000, &odd);

	fake_header(area, 0, 0);
	odd.size[2] = 255;
	check_place(&image, 2, -1);
	odd = xsave_layout_intel;
	odd.offset[2] = 575;
	check_place(&image, 2, -1);
	odd.offset[2] = 744;
	check_place(&image, 2, 744);
	odd.offset[2] = 745;
	check_place(&image, 2, -1);
	odd.offset[2] = UINT32_MAX;
	check_place(&image, 2, -1);
	odd.mask |= XSAVE_MASK(20);
	odd.offset[20] = 1000;
	check_place(&image, 20, 1000); /* of no bytes */
	odd.size[20] = UINT32_MAX;
	check_place(&image, 20, -1);
	odd.supervisor = odd.mask;
	odd.offset[2] = 600;
	check_place(&image, 2, -1);
	memset(&odd, 0xff, sizeof(odd));
	check_eq(3, xsave_image_components(&image), "a layout of ones");
	fake_header(area, 0, ~UINT64_C(0));
	check_eq(3, xsave_image_components(&image), "a layout of ones, compacted");
	memset(&odd, 0, sizeof(odd));
	check_eq(3, xsave_image_components(&image), "a layout of zeros, compacted");
}

static void test_mxcsr(void)
{
	static const struct {
		size_t size;
		uint64_t xstate_bv, xcomp_bv;
		uint32_t want;
	} rows[] = {
		{ 511, 2, 0, 0x1f80 },	   { 512, 0, 0, 0x1fa0 },
		{ 575, 2, 0, 0x1f80 },	   { 576, 0, 0, 0x1fa0 },     /* M04 */
		{ 576, 2, 0, 0x1fa0 },	   { 576, 2, C | 3, 0x1fa0 }, /* M05 */
		{ 576, 5, C | 7, 0x1f80 }, { 576, 7, C | 5, 0x1f80 },
	};

	fake_put(area + 24, 0x1fa0, 4);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct xsave_image image = image_of(rows[i].size, &xsave_layout_intel);

		fake_header(area, rows[i].xstate_bv, rows[i].xcomp_bv);
		check_eq(rows[i].want, xsave_image_mxcsr(&image), "MXCSR");
	}
}

static void test_errors(void)
{
	bool texts = true, names = true, rules = true, effects = true;

	for (int i = 1; i < XSAVE_ERROR_COUNT; i++) {
		enum xsave_error err = (enum xsave_error)i;

		texts &= strlen(xsave_strerror(err)) > 10;
		names &= !strncmp(xsave_error_name(err), "XSAVE_ERR_", 10);
		rules &= strlen(xsave_error_rule(err)) == 0 || strlen(xsave_error_rule(err)) == 3;
		for (int j = 1; j < i; j++)
			texts &= strcmp(xsave_strerror(err), xsave_strerror((enum xsave_error)j)) !=
				 0;
		effects &= (xsave_error_effect(err) == XSAVE_EFFECT_NOTHING) ==
			   (err < XSAVE_ERR_LENGTH || err > XSAVE_ERR_HEADER_UNCHECKED);
	}
	check(texts, "every error has a text of its own");
	check(names, "and a name");
	check(rules, "and a rule or none");
	check(effects, "and an effect, if it is about an image");
	check(!strcmp(xsave_error_name(XSAVE_ERR_MXCSR), "XSAVE_ERR_MXCSR"), "a name");
	check(!strcmp(xsave_error_rule(XSAVE_ERR_MXCSR), "M06"), "a rule");
	check(!strcmp(xsave_error_name(XSAVE_OK), "XSAVE_OK"), "the name of no error");
	check(!strcmp(xsave_strerror(XSAVE_OK), "no error"), "the text of no error");
	check_eq(XSAVE_EFFECT_NOTHING, xsave_error_effect(XSAVE_OK), "the effect of no error");
}

static void test_wild_errors(void)
{
	static const int wild[] = { XSAVE_ERROR_COUNT, -1, 0x7fffffff };

	for (size_t i = 0; i < LENGTH(wild); i++) {
		enum xsave_error err = (enum xsave_error)wild[i];

		check(!strcmp(xsave_strerror(err), "unknown error"), "text of a wild value");
		check(!strcmp(xsave_error_name(err), "unknown"), "name of a wild value");
		check(!strcmp(xsave_error_rule(err), ""), "rule of a wild value");
		check_eq(XSAVE_EFFECT_NOTHING, xsave_error_effect(err), "effect of a wild value");
	}
}

int main(void)
{
	test_format();
	test_header();
	test_components();
	test_component();
	test_odd_layouts();
	test_mxcsr();
	test_errors();
	test_wild_errors();
	return check_end();
}
