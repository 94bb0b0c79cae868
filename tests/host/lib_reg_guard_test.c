/* SPDX-License-Identifier: MIT */
/*
 * Registers, the layout note and the software bytes between two pages that nobody may touch: at
 * every size of an image, of every format. Runs on any machine with pages.
 *
 * Rules: N08.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "fake_image.h"
#include "xsave/linux.h"
#include "xsave/reg.h"

#define PAGE  65536 /* a multiple of every machine's */
#define WHOLE 12288

static uint8_t *first, *end; /* of the memory that may be touched */

static void map(void)
{
	uint8_t *space = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (space == MAP_FAILED || mprotect(space + PAGE, PAGE, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(2);
	}
	first = space + PAGE;
	end = first + PAGE;
}

/* A component that is inside reads as garbage that is never zero, one that is not as initial. */
static bool read_is_right(const struct xsave_image *image, const struct xsave_reg *reg,
			  bool compacted)
{
	uint64_t have =
		compacted ? XSAVE_KNOWN_MASK : image->layout->mask & ~image->layout->supervisor;
	uint64_t value = xsave_reg_value(image, reg, reg->first + reg->count - 1U);
	unsigned int bit = reg->part[0].component;
	size_t stop = xsave_offset(image->layout, compacted ? C | have : 0, bit) +
		      image->layout->size[bit];
	bool inside = have & XSAVE_MASK(bit) && image->size >= stop && image->size >= 576;

	if (image->size == 512)
		inside = bit < 2;
	return inside ? value & 0xff : value == reg->initial;
}

static unsigned int try_size(uint8_t *data, size_t size, const struct xsave_layout *layout,
			     bool compacted)
{
	struct xsave_image image = { data, size, layout };
	uint8_t value[XSAVE_REG_SIZE];
	unsigned int wrong = 0;

	for (size_t i = 0; xsave_reg(i); i++) {
		const struct xsave_reg *reg = xsave_reg(i);
		unsigned int last = reg->first + reg->count - 1U;

		wrong += !read_is_right(&image, reg, compacted);
		wrong += xsave_reg_read(&image, reg, last, value) != XSAVE_OK;
		if (!reg->view && xsave_reg_in_use(&image, reg))
			wrong += xsave_reg_write(data, size, layout, reg, last, value) != XSAVE_OK;
	}
	xsave_linux_xcr0(&image);
	return wrong;
}

/* Everything in use; no byte is zero but in the header. */
static void fill(uint8_t *data, size_t size, bool compacted)
{
	uint8_t header[64];

	memset(data, 0xa5, size);
	memset(header, 0, sizeof(header));
	fake_put(header, ~C, 8);
	fake_put(header + 8, compacted ? C | XSAVE_KNOWN_MASK : 0, 8);
	if (size > 512)
		memcpy(data + 512, header, size - 512 < 64 ? size - 512 : 64);
}

static void test_sizes(const char *name, const struct xsave_layout *layout, bool compacted)
{
	unsigned int wrong = 0;

	for (size_t size = 0; size <= WHOLE; size++) {
		fill(end - size, size, compacted);
		wrong += try_size(end - size, size, layout, compacted);
		if (size % 64 && size > 640)
			continue;
		fill(first, size, compacted);
		wrong += try_size(first, size, layout, compacted);
	}
	check_eq(0, wrong, name);
}

/* A write that takes components into use initialises no byte beyond them. */
static void test_first_use(const char *name, const struct xsave_layout *layout, bool compacted)
{
	uint64_t have = compacted ? XSAVE_KNOWN_MASK : layout->mask & ~layout->supervisor;
	const uint8_t value[XSAVE_REG_SIZE] = { 1 };
	unsigned int wrong = 0;

	for (size_t i = 0; xsave_reg(i); i++) {
		const struct xsave_reg *reg = xsave_reg(i);
		unsigned int bit = reg->part[reg->parts - 1].component;
		size_t size = xsave_offset(layout, compacted ? C | XSAVE_KNOWN_MASK : 0, bit) +
			      layout->size[bit];
		enum xsave_error err;

		size = size < 576 ? 576 : size;
		fill(end - size, size, compacted);
		fake_put(end - size + 512, 0, 8);
		err = xsave_reg_write(end - size, size, layout, reg, reg->first, value);
		wrong += err != (have & XSAVE_MASK(bit) ? XSAVE_OK : XSAVE_ERR_REG);
	}
	check_eq(0, wrong, name);
}

static void test_note(void)
{
	struct xsave_layout layout;
	unsigned int wrong = 0;

	for (size_t size = 0; size < 63 * 16; size++) {
		uint8_t *note = end - size;

		memset(note, 0, size);
		for (size_t i = 0; i < size / 16; i++) {
			fake_put(note + i * 16, 62 - i, 4);
			fake_put(note + i * 16 + 4, 8, 4);
			fake_put(note + i * 16 + 8, 576 + i * 8, 4);
		}
		wrong += xsave_linux_layout(&layout, note, size) == XSAVE_OK && size % 16;
		memmove(first, note, size);
		wrong += xsave_linux_layout(&layout, first, size) == XSAVE_OK && size % 16;
	}
	check_eq(0, wrong, "notes of every length");
}

int main(void)
{
	struct xsave_layout intel = xsave_layout_intel, amd = xsave_layout_amd;

	/* Without the components that share bytes with others. */
	intel.mask &= ~M(APX);
	amd.mask &= ~M(LWP);
	map();
	test_sizes("compacted, at every size", &xsave_layout_common, true);
	test_sizes("standard, Intel, at every size", &intel, false);
	test_sizes("standard, AMD, at every size", &amd, false);
	test_first_use("compacted, first use", &xsave_layout_common, true);
	test_first_use("standard, first use", &intel, false);
	test_note();
	return check_end();
}
