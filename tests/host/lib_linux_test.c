/* SPDX-License-Identifier: MIT */
/*
 * The layout note of core files, true and false, and XCR0 from the software bytes. Runs on any
 * machine.
 *
 * Rules: C03 C06 C07 C09 C10, X02.
 */
#include <stdlib.h>

#include "check.h"
#include "fake_image.h"
#include "xsave/linux.h"

/* One entry of the note, as Linux has it in struct x86_xfeat_component. */
struct entry {
	uint32_t type, size, offset, flags;
};

static const struct entry sapphire[] = {
	{ 2, 256, 576, 0 }, { 5, 64, 1088, 0 },	 { 6, 512, 1152, 0 },	{ 7, 1024, 1664, 0 },
	{ 9, 8, 2688, 0 },  { 17, 64, 2752, 0 }, { 18, 8192, 2816, 0 },
};

static const struct entry genoa[] = {
	{ 2, 256, 576, 0 },   { 5, 64, 832, 0 }, { 6, 512, 896, 0 },
	{ 7, 1024, 1408, 0 }, { 9, 8, 2432, 0 },
};

#define MOST 80

/* The note in memory of just its size. */
static uint8_t *make(const struct entry *entries, size_t count)
{
	uint8_t *note = malloc(count * 16 + !count);

	for (size_t i = 0; i < count; i++) {
		fake_put(note + i * 16, entries[i].type, 4);
		fake_put(note + i * 16 + 4, entries[i].size, 4);
		fake_put(note + i * 16 + 8, entries[i].offset, 4);
		fake_put(note + i * 16 + 12, entries[i].flags, 4);
	}
	return note;
}

/* What the note gives; on an error the layout must be as it was. */
static enum xsave_error read_note(struct xsave_layout *layout, const struct entry *entries,
				  size_t count)
{
	uint8_t *note = make(entries, count);
	struct xsave_layout before;
	enum xsave_error err;

	memset(layout, 0x5a, sizeof(*layout));
	before = *layout;
	err = xsave_linux_layout(layout, note, count * 16);
	if (err && memcmp(&before, layout, sizeof(before)))
		check(false, "an error left the layout changed");
	free(note);
	return err;
}

static bool same_places(const struct xsave_layout *a, const struct xsave_layout *b)
{
	bool same = true;

	xsave_for_each_bit (bit, a->mask)
		same &= a->size[bit] == b->size[bit] && a->offset[bit] == b->offset[bit];
	return same && !(a->mask & ~b->mask) && a->align64 == (b->align64 & a->mask);
}

static void test_true(void)
{
	struct xsave_layout layout;

	check_eq(XSAVE_OK, read_note(&layout, sapphire, LENGTH(sapphire)), "Sapphire Rapids");
	check_eq(0x602e7, layout.mask, "its components");
	check_eq(0, layout.supervisor, "no supervisor components");
	check_eq(0x60000, layout.align64, "known align flags");
	check(same_places(&layout, &xsave_layout_intel), "Intel's places");
	check_eq(10752, xsave_layout_compacted_size(&layout, 0x602e7), "packed as CPUID has it");

	check_eq(XSAVE_OK, read_note(&layout, genoa, LENGTH(genoa)), "Genoa");
	check_eq(0x2e7, layout.mask, "its components");
	check(same_places(&layout, &xsave_layout_amd), "AMD's places");

	check_eq(XSAVE_OK, read_note(&layout, NULL, 0), "x87 and SSE only: no entry");
	check_eq(3, layout.mask, "they need none");
	check(layout.size[0] == 160 && layout.size[1] == 256 && layout.offset[1] == 160, "places");
}

/* Genoa's note with one entry replaced, or added behind the others. */
static void test_entries(void)
{
	static const struct {
		const char *name;
		struct entry entry;
		enum xsave_error err;
	} rows[] = {
		{ "x87 where it is", { 0, 160, 0, 0 }, XSAVE_OK },
		{ "SSE where it is", { 1, 256, 160, 0 }, XSAVE_OK },
		{ "SSE elsewhere", { 1, 256, 576, 0 }, XSAVE_ERR_OFFSET },
		{ "short SSE", { 1, 255, 160, 0 }, XSAVE_ERR_SIZE },
		{ "unknown behind all", { 20, 24, 2440, 0 }, XSAVE_OK },
		{ "unknown, the last number", { 62, 128, 2440, 0 }, XSAVE_OK },
		{ "flags are reserved", { 9, 8, 2432, 0xffffffff }, XSAVE_OK },
		{ "APX in the hole behind all", { 19, 128, 2440, 0 }, XSAVE_OK },
		{ "bit 63", { 63, 64, 2440, 0 }, XSAVE_ERR_NOTE },
		{ "bit 64", { 64, 64, 2440, 0 }, XSAVE_ERR_NOTE },
		{ "no bit", { 0xffffffff, 64, 2440, 0 }, XSAVE_ERR_NOTE },
		{ "supervisor component", { 11, 16, 2440, 0 }, XSAVE_ERR_KIND },
		{ "PKRU in the header", { 9, 8, 568, 0 }, XSAVE_ERR_OFFSET },
		{ "PKRU nowhere", { 9, 8, 0, 0 }, XSAVE_ERR_OFFSET },
		{ "PKRU inside Hi16_ZMM", { 9, 8, 2431, 0 }, XSAVE_ERR_OVERLAP },
		{ "AVX on top of opmask", { 2, 256, 577, 0 }, XSAVE_ERR_OVERLAP },
		{ "unknown around everything", { 20, 4096, 576, 0 }, XSAVE_ERR_OVERLAP },
		{ "short AVX", { 2, 128, 576, 0 }, XSAVE_ERR_SIZE },
		{ "empty AVX", { 2, 0, 576, 0 }, XSAVE_ERR_SIZE },
		{ "empty unknown", { 20, 0, 2440, 0 }, XSAVE_ERR_SIZE },
		{ "huge unknown", { 20, 0x100001, 2440, 0 }, XSAVE_ERR_SIZE },
		{ "huger unknown", { 20, 0xffffffff, 2440, 0 }, XSAVE_ERR_SIZE },
		{ "up to the limit", { 20, 32, 0x100000 - 32, 0 }, XSAVE_OK },
		{ "past the limit", { 20, 32, 0x100000 - 31, 0 }, XSAVE_ERR_BOUNDS },
		{ "sum past 32 bits", { 20, 32, 0xfffffff0, 0 }, XSAVE_ERR_BOUNDS },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct entry entries[LENGTH(genoa) + 1];
		size_t at = 0, count = LENGTH(genoa);
		struct xsave_layout layout;

		memcpy(entries, genoa, sizeof(genoa));
		while (at < LENGTH(genoa) && entries[at].type != rows[i].entry.type)
			at++;
		entries[at] = rows[i].entry;
		count += at == LENGTH(genoa);
		check_eq(rows[i].err, read_note(&layout, entries, count), rows[i].name);
		if (!rows[i].err && rows[i].entry.type > 1)
			check(layout.size[rows[i].entry.type] == rows[i].entry.size &&
				      layout.offset[rows[i].entry.type] == rows[i].entry.offset &&
				      layout.mask & XSAVE_MASK(rows[i].entry.type),
			      rows[i].name);
	}
}

/* The same number twice, even if both entries say the same. */
static void test_duplicates(void)
{
	for (uint32_t type = 0; type < 3; type++) {
		static const struct entry one[] = { { 0, 160, 0, 0 },
						    { 1, 256, 160, 0 },
						    { 2, 256, 576, 0 } };
		struct entry two[] = { one[type], { 9, 8, 2432, 0 }, one[type] };
		struct xsave_layout layout;

		check_eq(XSAVE_OK, read_note(&layout, two, 2), "once");
		check_eq(XSAVE_ERR_NOTE, read_note(&layout, two, 3), "twice");
	}
}

static void test_lengths(void)
{
	struct entry entries[MOST];
	uint8_t *note = make(sapphire, LENGTH(sapphire));
	struct xsave_layout layout;
	unsigned int wrong = 0;

	for (size_t size = 0; size <= sizeof(sapphire); size++) {
		uint8_t *part = malloc(size + !size);

		memcpy(part, note, size);
		wrong += xsave_linux_layout(&layout, part, size) !=
			 (size % 16 ? XSAVE_ERR_NOTE : XSAVE_OK);
		free(part);
	}
	check_eq(0, wrong, "every length: whole entries or none");
	check_eq(XSAVE_ERR_NOTE, xsave_linux_layout(&layout, note, ~(size_t)15),
		 "an absurd length");
	free(note);

	/* Everything that has a number, and one more. */
	for (uint32_t i = 0; i < MOST; i++) {
		const struct xsave_component *row = xsave_component(i);

		entries[i] = (struct entry){ i, row ? row->size : 8, 576 + i * 8192, 0 };
	}
	entries[0] = (struct entry){ 0, 160, 0, 0 };
	entries[1] = (struct entry){ 1, 256, 160, 0 };
	for (uint32_t i = 8, left = 8; i < MOST; i++)
		if (i >= 63 || !(XSAVE_SUPERVISOR_MASK & XSAVE_MASK(i)))
			entries[left++] = entries[i];
	check_eq(XSAVE_OK, read_note(&layout, entries, 63 - 8), "every user component");
	check_eq(XSAVE_ERR_NOTE, read_note(&layout, entries, 63 - 7), "and a number too high");
	check_eq(XSAVE_ERR_NOTE, read_note(&layout, entries, 64), "more entries than numbers");
}

/* Any bytes are refused, or give a layout that keeps its promises. */
static void test_garbage(void)
{
	unsigned int good = 0, wrong = 0;

	for (int i = 0; i < 100000; i++) {
		struct entry entries[LENGTH(sapphire)];
		uint32_t *word = &entries[fake_random() % LENGTH(entries)].type + fake_random() % 4;
		struct xsave_layout layout;
		size_t size;

		memcpy(entries, sapphire, sizeof(entries));
		*word ^= UINT32_C(1) << fake_random() % 32;
		if (read_note(&layout, entries, LENGTH(entries)))
			continue;
		good++;
		size = xsave_standard_size(&layout, layout.mask);
		wrong += size < 576 || size > 0x100000 || layout.supervisor;
		xsave_for_each_bit (bit, layout.mask & XSAVE_KNOWN_MASK)
			wrong += layout.size[bit] != xsave_component(bit)->size;
	}
	check(good > 1000, "garbage: some of it is harmless");
	check_eq(0, wrong, "garbage: what is accepted keeps the promises");
}

static void test_xcr0(void)
{
	static const struct {
		const char *name;
		uint64_t at464, at472, xcomp_bv;
		size_t size;
		uint64_t xcr0;
	} rows[] = {
		{ "core file", 0x602e7, 0x55, 0, 2816, 0x602e7 },
		{ "core file, least size", 7, 0x55, 0, 576, 7 },
		{ "signal frame", 0xac446505853, 0x2e7, 0, 2696, 0x2e7 },
		{ "signal frame with bit 63:32", 0x246505853, 0x4000000000000007, 0, 960,
		  0x4000000000000007 },
		{ "not the magic word", 0x46505857, 0x2e7, 0, 2696, 0x46505857 },
		{ "nothing there", 0, 0, 0, 2696, 0 },
		{ "bit 0 is clear", 6, 7, 0, 2696, 0 },
		{ "signal frame, bit 0 is clear", 0x46505853, 6, 0, 2696, 0 },
		{ "compacted", 7, 7, C | 7, 2696, 0 },
		{ "legacy", 7, 7, 0, 512, 0 },
		{ "no image", 7, 7, 0, 575, 0 },
		{ "no image at all", 7, 7, 0, 0, 0 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		static uint8_t whole[4096];
		uint8_t *data = malloc(rows[i].size + !rows[i].size);
		struct xsave_image image = { data, rows[i].size, &xsave_layout_common };

		fake_fill(whole, sizeof(whole));
		fake_put(whole + 464, rows[i].at464, 8);
		fake_put(whole + 472, rows[i].at472, 8);
		fake_header(whole, 7, rows[i].xcomp_bv);
		memcpy(data, whole, rows[i].size);
		check_eq(rows[i].xcr0, xsave_linux_xcr0(&image), rows[i].name);
		free(data);
	}
}

int main(void)
{
	test_true();
	test_entries();
	test_duplicates();
	test_lengths();
	test_garbage();
	test_xcr0();
	return check_end();
}
