/* SPDX-License-Identifier: MIT */
/*
 * Images of every size between two pages that may not be touched: a byte too far, before or behind,
 * ends the program. For every function that takes an image, with right layouts and wild ones.
 *
 * Rules: N08.
 */
#include <sys/mman.h>

#include "bytes.h"
#include "check.h"
#include "fake_image.h"

#define PAGE  4096
#define PAGES 3 /* more than the largest image here */
#define INTEL (&xsave_layout_intel)

static uint8_t source[IMAGE_SIZE], target[IMAGE_SIZE];
static uint8_t *room; /* PAGES pages with a guard on either side */

static bool map_room(void)
{
	uint8_t *all =
		mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	room = all + PAGE;
	return all != MAP_FAILED && !mprotect(room, PAGES * PAGE, PROT_READ | PROT_WRITE);
}

/* The same layout with one thing in it that is not so. */
static struct xsave_layout odd_layout(const struct xsave_layout *layout)
{
	struct xsave_layout odd = *layout;
	unsigned int bit = (unsigned int)(fake_random() % 20);

	switch (fake_random() % 4) {
	case 0:
		odd.offset[bit] = (uint32_t)(fake_random() >> fake_random() % 33);
		break;
	case 1:
		odd.size[bit] = (uint32_t)(fake_random() >> fake_random() % 33);
		break;
	case 2:
		fake_fill((uint8_t *)&odd, sizeof(odd));
		break;
	default:
		break;
	}
	return odd;
}

/* Everything that reads an image; the sum is there so that nothing is left out. */
static uint64_t read_all(const struct xsave_image *image)
{
	struct xsave_cpu cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVES);
	uint64_t sum = xsave_image_format(image) + xsave_image_xstate_bv(image) +
		       xsave_image_xcomp_bv(image) + xsave_image_components(image) +
		       xsave_image_mxcsr(image) + xsave_validate(image, &cpu);

	for (unsigned int bit = 0; bit < 64; bit++) {
		const uint8_t *at = xsave_image_component(image, bit);
		size_t size = bit < 2 ? 512 : bit < 63 ? image->layout->size[bit] : 0;

		for (size_t i = 0; at && i < size; i++)
			sum += at[i];
	}
	return sum;
}

static void convert_from(const struct xsave_image *image)
{
	uint64_t components = xsave_image_components(image);

	xsave_convert(image, components, XSAVE_FORMAT_COMPACTED, INTEL, target, IMAGE_SIZE);
	xsave_convert(image, components & XSAVE_USER_MASK, XSAVE_FORMAT_STANDARD, INTEL, target,
		      IMAGE_SIZE);
	xsave_convert(image, 3, XSAVE_FORMAT_LEGACY, INTEL, target, IMAGE_SIZE);
}

static unsigned int convert_to(uint8_t *to, size_t size, const struct xsave_layout *layout)
{
	static const enum xsave_format formats[] = { XSAVE_FORMAT_LEGACY, XSAVE_FORMAT_STANDARD,
						     XSAVE_FORMAT_COMPACTED };
	struct xsave_image image = { source, IMAGE_SIZE, INTEL };
	uint64_t components = 0x602e7 >> fake_random() % 19;
	unsigned int made = 0;

	for (size_t i = 0; i < LENGTH(formats); i++)
		made += !xsave_convert(&image, components & (i ? ~UINT64_C(0) : 3), formats[i],
				       layout, to, size);
	return made;
}

/* @size bytes at @at of what source[] has, and then of what the functions make of it. */
static unsigned int try_all(uint8_t *at, size_t size, const struct xsave_layout *layout)
{
	struct xsave_image image = { at, size, layout };
	unsigned int made;

	memcpy(at, source, size);
	read_all(&image);
	convert_from(&image);
	made = !xsave_sanitize(at, size, layout);
	return made + convert_to(at, size, layout);
}

static void try_size(size_t size, unsigned int *made)
{
	struct xsave_layout odd = odd_layout(size % 2 ? INTEL : &xsave_layout_amd);
	uint64_t some = 0x602e7 & fake_random();

	fake_header(source, some, size % 3 ? 0 : C | some | 7);
	*made += try_all(room, size, INTEL);
	*made += try_all(room + PAGES * PAGE - size, size, INTEL);
	*made += try_all(room, size, &odd);
	*made += try_all(room + PAGES * PAGE - size, size, &odd);
}

/* The last bytes before the guard, by value and no byte more. */
static void test_bytes(void)
{
	uint8_t *end = room + PAGES * PAGE;

	xsave_bytes_zero(room, PAGES * PAGE);
	xsave_bytes_put64(end - 8, UINT64_C(0x8899aabbccddeeff));
	check_eq(0x8899aabbccddeeff, xsave_bytes_get64(end - 8), "eight bytes");
	check_eq(0x8899aabb, xsave_bytes_get32(end - 4), "four bytes");
	check_eq(0x8899, xsave_bytes_get16(end - 2), "two bytes");
	xsave_bytes_put32(end - 4, 0x01234567);
	check_eq(0x01234567ccddeeff, xsave_bytes_get64(end - 8), "four new ones");
	xsave_bytes_copy(end - 12, end - 8, 4);
	check(end[-12] == 0xff && end[-9] == 0xcc && end[-13] == 0, "a copy");
}

int main(void)
{
	unsigned int made = 0;

	printf("# seed 0x%llx\n", (unsigned long long)SEED);
	if (!map_room()) {
		check(false, "guard pages");
		return check_end();
	}
	test_bytes();
	fake_image(source, INTEL, 0x602e7, C | 0x602e7);
	for (size_t size = 0; size <= 11264; size += size < 2900 ? 1 : 37)
		try_size(size, &made);
	check(made > 10000, "all sizes, and most of them gave an image");
	return check_end();
}
