/* SPDX-License-Identifier: MIT */
/*
 * Cleaning and converting images: what the canonical image is, byte by byte, against a list of the
 * state bytes written down here by hand; round trips; and that an error changes nothing. Runs on
 * any machine.
 *
 * Rules: H07, M04 M05, N08, X09, L03 L04.
 */
#include "check.h"
#include "fake_image.h"

#define INTEL	(&xsave_layout_intel)
#define AMD	(&xsave_layout_amd)
#define SSE_X87 (M(X87) | M(SSE))
#define ROUNDS	60

/* The bytes that hold state; of x87 and SSE in the area. */
static const struct {
	unsigned int bit;
	size_t start, size, stride, count;
} states[] = {
	{ XSAVE_X87, 0, 5, 0, 1 },	   { XSAVE_X87, 6, 18, 0, 1 },
	{ XSAVE_X87, 32, 10, 16, 8 },	   { XSAVE_SSE, 24, 4, 0, 1 },
	{ XSAVE_SSE, 160, 256, 0, 1 },	   { XSAVE_AVX, 0, 256, 0, 1 },
	{ XSAVE_BNDREGS, 0, 64, 0, 1 },	   { XSAVE_BNDCSR, 0, 16, 0, 1 },
	{ XSAVE_OPMASK, 0, 64, 0, 1 },	   { XSAVE_ZMM_HI256, 0, 512, 0, 1 },
	{ XSAVE_HI16_ZMM, 0, 1024, 0, 1 }, { XSAVE_PT, 0, 72, 0, 1 },
	{ XSAVE_PKRU, 0, 4, 0, 1 },	   { XSAVE_PASID, 0, 8, 0, 1 },
	{ XSAVE_CET_U, 0, 16, 0, 1 },	   { XSAVE_CET_S, 0, 24, 0, 1 },
	{ XSAVE_HDC, 0, 8, 0, 1 },	   { XSAVE_UINTR, 0, 48, 0, 1 },
	{ XSAVE_LBR, 0, 808, 0, 1 },	   { XSAVE_HWP, 0, 8, 0, 1 },
	{ XSAVE_XTILECFG, 0, 64, 0, 1 },   { XSAVE_XTILEDATA, 0, 8192, 0, 1 },
	{ XSAVE_APX, 0, 128, 0, 1 },	   { XSAVE_LWP, 0, 128, 0, 1 },
};

/* What is not zero in the initial configuration; FCW and MXCSR apart. */
static const struct {
	unsigned int bit;
	uint64_t value;
} initials[] = { { XSAVE_HDC, 1 }, { XSAVE_HWP, 0x8000ff01 } };

static uint8_t first[IMAGE_SIZE + 1], second[IMAGE_SIZE + 1], third[IMAGE_SIZE + 1];
static uint8_t wanted[IMAGE_SIZE], is_state[IMAGE_SIZE];

static struct xsave_image image_of(const uint8_t *data, size_t size,
				   const struct xsave_layout *layout)
{
	return (struct xsave_image){ data, size, layout };
}

static size_t place(const struct xsave_image *image, unsigned int bit)
{
	return (size_t)(xsave_image_component(image, bit) - (const uint8_t *)image->data);
}

/* is_state[] of an image with @in_use. */
static void map_state(const struct xsave_image *image, uint64_t in_use)
{
	memset(is_state, 0, sizeof(is_state));
	for (size_t i = 0; i < LENGTH(states); i++)
		for (size_t n = 0; in_use & XSAVE_MASK(states[i].bit) && n < states[i].count; n++)
			memset(is_state + place(image, states[i].bit) + states[i].start +
				       n * states[i].stride,
			       1, states[i].size);
}

/* wanted[]: the canonical image of @image. */
static void expect(const struct xsave_image *image, uint64_t in_use, uint64_t xcomp_bv)
{
	const uint8_t *data = image->data;
	uint32_t mxcsr = xsave_image_mxcsr(image);

	map_state(image, in_use);
	for (size_t i = 0; i < image->size; i++)
		wanted[i] = is_state[i] ? data[i] : 0;
	if (!(in_use & M(X87)))
		fake_put(wanted, 0x037f, 2);
	fake_put(wanted + 24, mxcsr, 4);
	for (size_t i = 0; i < LENGTH(initials); i++)
		if (xsave_image_components(image) & ~in_use & XSAVE_MASK(initials[i].bit))
			fake_put(wanted + place(image, initials[i].bit), initials[i].value, 8);
	if (image->size >= 576)
		fake_header(wanted, in_use | (mxcsr != 0x1f80 ? M(SSE) : 0), xcomp_bv);
}

/* Everything that is no state, and not read as MXCSR or header, becomes other garbage. */
static void other_garbage(const struct xsave_image *image, uint8_t *data)
{
	bool compacted = xsave_image_format(image) == XSAVE_FORMAT_COMPACTED;

	for (size_t i = 0; i < image->size; i++) {
		bool mxcsr = i >= 24 && i < 28 && !compacted;
		bool header = i >= 512 && i < 528;

		if (!is_state[i] && !mxcsr && !header)
			data[i] ^= 0xff;
	}
}

/* A set of components that may be enabled together. */
static uint64_t some(uint64_t of)
{
	uint64_t set = of & fake_random();

	set &= set & M(LWP) ? ~(M(OPMASK) | M(ZMM_HI256) | M(HI16_ZMM)) : ~UINT64_C(0);
	return set & M(APX) ? set & ~MPX_MASK : set;
}

static void check_clean(const struct xsave_layout *layout, uint64_t in_use, uint64_t xcomp_bv,
			size_t size)
{
	struct xsave_image image = image_of(first, size, layout);
	bool right;

	memcpy(second, first, sizeof(first));
	expect(&image, in_use, xcomp_bv);
	other_garbage(&image, second);
	right = xsave_sanitize(first, size, layout) == XSAVE_OK;
	right &= !memcmp(first, wanted, size);
	check(right, "sanitized: the state, byte for byte, and nothing else");
	right = xsave_sanitize(second, size, layout) == XSAVE_OK;
	check(right && !memcmp(second, first, size), "the same from other garbage");
	right = xsave_sanitize(second, size, layout) == XSAVE_OK;
	check(right && !memcmp(second, first, size), "twice changes nothing more");
}

static void test_clean_standard(void)
{
	const struct xsave_layout *const layouts[] = { INTEL, AMD };

	for (int i = 0; i < ROUNDS; i++) {
		const struct xsave_layout *layout = layouts[i % 2];
		uint64_t in_use = some(layout->mask & XSAVE_USER_MASK);
		size_t size = xsave_standard_size(layout, in_use) + fake_random() % 100;

		fake_image(first, layout, in_use, 0);
		if (i % 3 == 0)
			fake_put(first + 24, 0x1f80, 4);
		check_clean(layout, in_use, 0, size);
	}
}

static void test_clean_compacted(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t xcomp_bv = C | some(INTEL->mask);
		uint64_t in_use = xcomp_bv & fake_random() & ~C;
		size_t size = xsave_compacted_size(xcomp_bv) + fake_random() % 100;

		fake_image(first, INTEL, xcomp_bv & ~C, xcomp_bv);
		fake_header(first, in_use, xcomp_bv);
		check_clean(INTEL, in_use, xcomp_bv, size);
	}
}

static void test_clean_legacy(void)
{
	fake_image(first, INTEL, 3, 0);
	check_clean(INTEL, 3, 0, 512);
}

/* Bits of the header that no restore takes do not get out. */
static void test_clean_header(void)
{
	fake_image(first, INTEL, 7, 0);
	fake_put(first + 512, 7 | C, 8);
	fake_put(first + 520, 0x1234, 8);
	fake_fill(first + 528, 48);
	check_clean(INTEL, 7, 0, 832);
	fake_image(first, INTEL, 7, C | 0x100007);
	fake_fill(first + 528, 48);
	check_clean(INTEL, 7, C | 0x100007, 900);
}

/* The default of xsave.h is canonical as it stands. */
static void test_default(void)
{
	struct xsave x = XSAVE_DEFAULT;
	uint8_t *bytes = (uint8_t *)&x;

	fake_put(bytes, 0x037f, 2); /* the structs have the byte order of the machine */
	fake_put(bytes + 24, 0x1f80, 4);
	fake_header(bytes, 0, C);
	memcpy(first, bytes, sizeof(x));
	check_eq(XSAVE_OK, xsave_sanitize(first, sizeof(x), INTEL), "the default");
	check(!memcmp(first, bytes, sizeof(x)), "the default is canonical");
}

/* One that cannot be cleaned or converted, and why. */
static const struct {
	enum xsave_error err;
	uint64_t xstate_bv, xcomp_bv;
	size_t size;
	const struct xsave_layout *layout;
} lost[] = {
	{ XSAVE_ERR_LENGTH, 3, 0, 0, INTEL },
	{ XSAVE_ERR_LENGTH, 3, 0, 511, INTEL },
	{ XSAVE_ERR_LENGTH, 3, 0, 513, INTEL },
	{ XSAVE_ERR_LENGTH, 3, 0, 575, INTEL },
	{ XSAVE_ERR_TRUNCATED, 7, 0, 831, INTEL },
	{ XSAVE_ERR_TRUNCATED, M(XTILEDATA), 0, 11007, INTEL },
	{ XSAVE_ERR_TRUNCATED, 7, C | 7, 831, INTEL },
	{ XSAVE_ERR_COMPONENT, XSAVE_MASK(20), 0, IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_COMPONENT, M(LWP), 0, IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_COMPONENT, M(BNDREGS), 0, IMAGE_SIZE, AMD },
	{ XSAVE_ERR_COMPONENT, M(CET_U), 0, IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_COMPONENT, XSAVE_MASK(20), C | XSAVE_MASK(20), IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_COMPONENT, M(LWP), C | XSAVE_MASK(20) | M(LWP), IMAGE_SIZE,
	  &xsave_layout_common },
	{ XSAVE_ERR_OVERLAP, M(APX) | M(BNDREGS), 0, IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_OVERLAP, M(APX) | M(BNDCSR), 0, IMAGE_SIZE, INTEL },
	{ XSAVE_ERR_OVERLAP, M(LWP) | M(OPMASK), 0, IMAGE_SIZE, AMD },
	{ XSAVE_ERR_XSTATE_BV_XCOMP, 7, C | 3, IMAGE_SIZE, INTEL },
};

static void test_lost(void)
{
	for (size_t i = 0; i < LENGTH(lost); i++) {
		struct xsave_image image = image_of(first, lost[i].size, lost[i].layout);

		fake_fill(first, IMAGE_SIZE);
		fake_header(first, lost[i].xstate_bv, lost[i].xcomp_bv);
		memcpy(second, first, IMAGE_SIZE);
		check_eq(lost[i].err, xsave_sanitize(first, lost[i].size, lost[i].layout),
			 xsave_strerror(lost[i].err));
		check(!memcmp(first, second, IMAGE_SIZE), "nothing was changed");
		fake_fill(third, IMAGE_SIZE);
		memcpy(second, third, IMAGE_SIZE);
		check_eq(lost[i].err,
			 xsave_convert(&image, lost[i].xstate_bv | 1, XSAVE_FORMAT_COMPACTED,
				       &xsave_layout_common, third, IMAGE_SIZE),
			 "converting finds the same");
		check(!memcmp(third, second, IMAGE_SIZE), "nothing was written");
	}
}

/* A layout may know more than the table, or have odd things to say about x87 and SSE. */
static void test_odd_layout(void)
{
	struct xsave_layout odd = xsave_layout_intel;

	odd.mask |= XSAVE_MASK(20);
	odd.size[20] = 64;
	odd.offset[20] = 11008;
	fake_image(first, INTEL, 7, 0);
	memcpy(second, first, IMAGE_SIZE);
	fake_put(first + 512, 7 | XSAVE_MASK(20), 8);
	check_eq(XSAVE_ERR_COMPONENT, xsave_sanitize(first, IMAGE_SIZE, &odd),
		 "nobody knows what an unknown component holds");
	odd.offset[XSAVE_SSE] = odd.size[XSAVE_X87] = 0;
	odd.size[XSAVE_SSE] = UINT32_MAX;
	fake_put(first + 512, 7, 8);
	check_eq(XSAVE_OK, xsave_sanitize(first, IMAGE_SIZE, &odd), "odd x87 and SSE");
	check_eq(XSAVE_OK, xsave_sanitize(second, IMAGE_SIZE, INTEL), "right ones");
	check(!memcmp(first, second, IMAGE_SIZE), "give the same");
}

/* What is not asked for may be lost. */
static void test_left_out(void)
{
	struct xsave_image image = image_of(first, IMAGE_SIZE, INTEL);

	fake_image(first, INTEL, 7, 0);
	fake_put(first + 512, 7 | XSAVE_MASK(20), 8);
	check_eq(XSAVE_OK, xsave_convert(&image, 3, XSAVE_FORMAT_COMPACTED, INTEL, second, 576),
		 "an unknown component is left out");
	image = image_of(second, 576, INTEL);
	check_eq(3, xsave_image_xstate_bv(&image), "x87 and SSE are there");
	check_eq(C | 3, xsave_image_xcomp_bv(&image), "and have room");
	image = image_of(first, IMAGE_SIZE, INTEL);
	check_eq(XSAVE_OK,
		 xsave_convert(&image, 5, XSAVE_FORMAT_COMPACTED, INTEL, second, IMAGE_SIZE),
		 "without SSE");
	image = image_of(second, IMAGE_SIZE, INTEL);
	check_eq(5, xsave_image_xstate_bv(&image), "SSE is not there");
	check(second[24] == 0x80 && second[25] == 0x1f, "MXCSR went with it");
}

static void test_no_place(void)
{
	static const struct {
		enum xsave_error err;
		enum xsave_format format;
		uint64_t components;
		const struct xsave_layout *layout;
		size_t size;
	} rows[] = {
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_NONE, 3, INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, (enum xsave_format)99, 3, INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_LEGACY, 7, INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_STANDARD, 3 | M(CET_U), INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_STANDARD, 3 | M(BNDREGS), AMD, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_STANDARD, M(PKRU), &xsave_layout_common,
		  IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_COMPACTED, XSAVE_MASK(21), INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_PLACE, XSAVE_FORMAT_STANDARD, MPX_MASK | M(APX), INTEL, IMAGE_SIZE },
		{ XSAVE_ERR_ROOM, XSAVE_FORMAT_LEGACY, 3, INTEL, 511 },
		{ XSAVE_ERR_ROOM, XSAVE_FORMAT_STANDARD, 3, INTEL, 575 },
		{ XSAVE_ERR_ROOM, XSAVE_FORMAT_STANDARD, 7, INTEL, 831 },
		{ XSAVE_ERR_ROOM, XSAVE_FORMAT_COMPACTED, M(PKRU), INTEL, 583 },
		{ XSAVE_ERR_ROOM, XSAVE_FORMAT_COMPACTED, 0, INTEL, 0 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct xsave_image image = image_of(first, IMAGE_SIZE, INTEL);
		uint64_t both = 7 | MPX_MASK | M(APX);

		fake_image(first, INTEL, both, C | both);
		fake_fill(third, IMAGE_SIZE);
		memcpy(second, third, IMAGE_SIZE);
		check_eq(rows[i].err,
			 xsave_convert(&image, rows[i].components, rows[i].format, rows[i].layout,
				       third, rows[i].size),
			 xsave_strerror(rows[i].err));
		check(!memcmp(third, second, IMAGE_SIZE), "nothing was written");
	}
}

static void test_format_size(void)
{
	struct xsave_layout odd = xsave_layout_intel;

	check_eq(512, xsave_format_size(XSAVE_FORMAT_LEGACY, INTEL, 1), "legacy");
	check_eq(576, xsave_format_size(XSAVE_FORMAT_STANDARD, INTEL, 0), "standard, empty");
	check_eq(832, xsave_format_size(XSAVE_FORMAT_STANDARD, INTEL, C | 7), "standard, AVX");
	check_eq(2440, xsave_format_size(XSAVE_FORMAT_STANDARD, AMD, 0x2e7), "standard, AMD");
	check_eq(584, xsave_format_size(XSAVE_FORMAT_COMPACTED, INTEL, C | 0x200), "compacted");
	check_eq(512, xsave_format_size(XSAVE_FORMAT_LEGACY, INTEL, C | 3), "bit 63 is no matter");
	odd.offset[XSAVE_CET_U] = 3000;
	check_eq(0, xsave_format_size(XSAVE_FORMAT_STANDARD, &odd, M(CET_U)), "supervisor");
	odd.offset[2] = 575;
	check_eq(0, xsave_format_size(XSAVE_FORMAT_STANDARD, &odd, 7), "AVX in the header");
	check_eq(832, xsave_format_size(XSAVE_FORMAT_COMPACTED, &odd, 7), "but not compacted");
	odd.size[2] = 255;
	check_eq(0, xsave_format_size(XSAVE_FORMAT_COMPACTED, &odd, 7), "AVX of another size");
}

/* A way to write an image; components are those that all ways of a trip have room for. */
struct way {
	enum xsave_format format;
	const struct xsave_layout *layout;
};

static const struct way ways[] = {
	{ XSAVE_FORMAT_STANDARD, INTEL },  { XSAVE_FORMAT_STANDARD, AMD },
	{ XSAVE_FORMAT_COMPACTED, INTEL }, { XSAVE_FORMAT_COMPACTED, AMD },
	{ XSAVE_FORMAT_LEGACY, INTEL },
};

static uint64_t room(const struct way *way)
{
	if (way->format == XSAVE_FORMAT_LEGACY)
		return SSE_X87;
	return way->format == XSAVE_FORMAT_STANDARD ? way->layout->mask & XSAVE_USER_MASK
						    : way->layout->mask;
}

static enum xsave_error make(const uint8_t *from, const struct way *by, size_t from_size,
			     const struct way *way, uint64_t components, uint8_t *to, size_t *size)
{
	struct xsave_image image = image_of(from, from_size, by->layout);

	*size = xsave_format_size(way->format, way->layout, components);
	return xsave_convert(&image, components, way->format, way->layout, to, *size);
}

/* From garbage to @a, then to @b and back: the same bytes. */
static void check_trip(const struct way *a, const struct way *b)
{
	static const struct way source = { XSAVE_FORMAT_COMPACTED, &xsave_layout_common };
	bool legacy = a->format == XSAVE_FORMAT_LEGACY || b->format == XSAVE_FORMAT_LEGACY;
	uint64_t components = some(room(a) & room(b));
	uint64_t all = XSAVE_KNOWN_MASK & ~(components & M(APX) ? MPX_MASK : M(APX));
	uint64_t in_use = components & fake_random();
	struct xsave_image image;
	struct xsave_cpu cpu;
	size_t size, other;
	bool right;

	if (legacy)
		in_use = components = SSE_X87;
	fake_image(third, source.layout, all, C | all);
	fake_put(third + 512, in_use, 8);
	right = !make(third, &source, IMAGE_SIZE, a, components, first, &size);
	fake_fill(second, IMAGE_SIZE);
	right &= !make(first, a, size, b, components, second, &other);
	image = image_of(second, other, b->layout);
	cpu = fake_cpu(b->layout, XSAVE_INSN_XSAVES);
	check_eq(XSAVE_OK, right ? xsave_validate(&image, &cpu) : XSAVE_ERROR_COUNT,
		 "a valid image is valid when converted");
	memcpy(wanted, second, other);
	right &= !xsave_sanitize(second, other, b->layout);
	check(right && !memcmp(second, wanted, other), "what is converted is canonical");
	fake_fill(third, IMAGE_SIZE);
	right &= !make(second, b, other, a, components, third, &other);
	check(right && size == other && !memcmp(first, third, size), "there and back");
}

static void test_trips(void)
{
	for (size_t a = 0; a < LENGTH(ways); a++)
		for (size_t b = 0; b < LENGTH(ways); b++)
			for (int i = 0; i < ROUNDS / 6; i++)
				check_trip(&ways[a], &ways[b]);
}

/* Converting to the same format and layout is cleaning. */
static void test_same(void)
{
	struct xsave_image image = image_of(first, IMAGE_SIZE, INTEL);
	uint64_t components = XSAVE_KNOWN_MASK & INTEL->mask & ~MPX_MASK;
	uint64_t in_use = components & ~(M(ZMM_HI256) | M(HDC) | M(HWP));

	fake_image(first, INTEL, components, C | components);
	fake_put(first + 512, in_use, 8);
	fake_fill(second, IMAGE_SIZE);
	check_eq(XSAVE_OK,
		 xsave_convert(&image, components, XSAVE_FORMAT_COMPACTED, INTEL, second,
			       IMAGE_SIZE),
		 "to the same");
	xsave_sanitize(first, IMAGE_SIZE, INTEL);
	check(!memcmp(first, second, IMAGE_SIZE), "is what sanitizing gives");
}

/* A known figure: the place of one byte of each component on the way from Intel to AMD. */
static void test_moved(void)
{
	static const struct {
		size_t intel, amd;
	} moved[] = { { 0, 0 },	     { 170, 170 },   { 577, 577 },  { 1089, 833 },
		      { 1160, 904 }, { 1700, 1444 }, { 2689, 2433 } };
	struct xsave_image image = image_of(first, 2696, INTEL);
	bool same = true;

	fake_image(first, INTEL, 0x2e7, 0);
	check_eq(XSAVE_OK, xsave_convert(&image, 0x2e7, XSAVE_FORMAT_STANDARD, AMD, second, 2440),
		 "from Intel to AMD");
	for (size_t i = 0; i < LENGTH(moved); i++)
		same &= first[moved[i].intel] == second[moved[i].amd];
	check(same, "bytes are where AMD has them");
}

static void test_larger_target(void)
{
	struct xsave_image image = image_of(first, 832, INTEL);
	bool zero = true;

	fake_image(first, INTEL, 7, 0);
	fake_fill(second, IMAGE_SIZE);
	check_eq(XSAVE_OK, xsave_convert(&image, 3, XSAVE_FORMAT_LEGACY, INTEL, second, IMAGE_SIZE),
		 "legacy into a larger target");
	for (size_t i = 512; i < IMAGE_SIZE; i++)
		zero &= !second[i];
	check(zero, "the rest is zero");
	image = image_of(second, 512, INTEL);
	check_eq(0x1fa0, xsave_image_mxcsr(&image), "MXCSR came along");
}

/* x87 or SSE not in use: a legacy image has their initial values. */
static void test_legacy_init(void)
{
	struct xsave_image image = image_of(first, 832, INTEL);
	bool zero = true;

	fake_image(first, INTEL, 4, 0);
	fake_put(first + 24, 0x1f80, 4);
	fake_fill(second, IMAGE_SIZE);
	check_eq(XSAVE_OK, xsave_convert(&image, 3, XSAVE_FORMAT_LEGACY, INTEL, second, 512),
		 "legacy of nothing in use");
	check(second[0] == 0x7f && second[1] == 3, "FCW");
	check(second[24] == 0x80 && second[25] == 0x1f, "MXCSR");
	for (size_t i = 2; i < 512; i++)
		zero &= i == 24 || i == 25 || !second[i];
	check(zero, "and no other byte");
}

/* MXCSR of a standard image counts without XSTATE_BV[1], and then sets it. */
static void test_mxcsr(void)
{
	struct xsave_image image = image_of(first, 576, INTEL);

	fake_image(first, INTEL, 1, 0);
	check_eq(XSAVE_OK, xsave_convert(&image, 3, XSAVE_FORMAT_COMPACTED, INTEL, second, 576),
		 "MXCSR without SSE in use");
	image.data = second;
	check_eq(3, xsave_image_xstate_bv(&image), "SSE is in use now");
	check_eq(0x1fa0, xsave_image_mxcsr(&image), "to hold MXCSR");
	check(!second[160] && !second[415], "XMM is not");
}

static void test_unaligned(void)
{
	uint64_t all = XSAVE_KNOWN_MASK & INTEL->mask & ~MPX_MASK;
	struct xsave_image image = image_of(first + 1, IMAGE_SIZE, INTEL);

	fake_image(first, INTEL, all, C | all);
	memmove(first + 1, first, IMAGE_SIZE);
	check_eq(XSAVE_OK,
		 xsave_convert(&image, all, XSAVE_FORMAT_COMPACTED, INTEL, second + 1, IMAGE_SIZE),
		 "from and to odd addresses");
	check_eq(XSAVE_OK, xsave_sanitize(first + 1, IMAGE_SIZE, INTEL), "cleaned at one");
	check(!memcmp(first + 1, second + 1, IMAGE_SIZE), "the same");
}

/* Wild layouts: no answer is asked for, but the sanitizers and guard pages look on. */
static void test_wild(void)
{
	static struct xsave_layout from, to;
	unsigned int made = 0;

	for (int i = 0; i < 1000; i++) {
		struct xsave_image image = image_of(first, fake_random() % IMAGE_SIZE, &from);
		uint64_t xcomp_bv = i % 2 ? C | 0x2e7 : 0;

		from = to = xsave_layout_intel;
		from.offset[fake_random() % 20] = (uint32_t)(fake_random() % IMAGE_SIZE);
		from.size[fake_random() % 20] = (uint32_t)fake_random();
		to.offset[fake_random() % 20] = (uint32_t)(fake_random() >> i % 33);
		fake_fill(first + 512, 64);
		fake_header(first, fake_random() & 0x2e7, xcomp_bv);
		made += !xsave_convert(&image, fake_random() & 0x2e7,
				       i % 4 < 2 ? XSAVE_FORMAT_STANDARD : XSAVE_FORMAT_COMPACTED,
				       &to, second, fake_random() % IMAGE_SIZE);
		made += !xsave_sanitize(first, image.size, &from);
	}
	check(made > 300, "many of them could be made");
}

int main(void)
{
	printf("# seed 0x%llx\n", (unsigned long long)SEED);
	test_clean_standard();
	test_clean_compacted();
	test_clean_legacy();
	test_clean_header();
	test_default();
	test_lost();
	test_odd_layout();
	test_left_out();
	test_no_place();
	test_format_size();
	test_trips();
	test_same();
	test_moved();
	test_larger_target();
	test_legacy_init();
	test_mxcsr();
	test_unaligned();
	test_wild();
	return check_end();
}
