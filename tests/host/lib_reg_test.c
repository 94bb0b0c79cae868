/* SPDX-License-Identifier: MIT */
/*
 * The register table against places written down by hand, and reading and writing registers in
 * images of every format. Runs on any machine.
 *
 * Rules: R02, M04 M05, P02, F11, N08, X09.
 */
#include <stdlib.h>

#include "check.h"
#include "fake_image.h"
#include "xsave/reg.h"

/* Where each register is: SDM vol. 1, "XSAVE-Managed State"; x87 and SSE counted from the area. */
static const struct place {
	const char *name; /* with %u for the number */
	unsigned int bit, first, count, offset, stride, size;
	uint64_t initial;
} places[] = {
	{ "FCW", 0, 0, 1, 0, 0, 2, 0x37f },
	{ "FSW", 0, 0, 1, 2, 0, 2, 0 },
	{ "FTW", 0, 0, 1, 4, 0, 1, 0 },
	{ "FOP", 0, 0, 1, 6, 0, 2, 0 },
	{ "FIP", 0, 0, 1, 8, 0, 8, 0 },
	{ "FDP", 0, 0, 1, 16, 0, 8, 0 },
	{ "ST%u", 0, 0, 8, 32, 16, 10, 0 },
	{ "MXCSR", 1, 0, 1, 24, 0, 4, 0x1f80 },
	{ "XMM%u", 1, 0, 16, 160, 16, 16, 0 },
	{ "YMM%u_H", 2, 0, 16, 0, 16, 16, 0 },
	{ "BND%u.LB", 3, 0, 4, 0, 16, 8, 0 },
	{ "BND%u.UB", 3, 0, 4, 8, 16, 8, 0 },
	{ "BNDCFGU", 4, 0, 1, 0, 0, 8, 0 },
	{ "BNDSTATUS", 4, 0, 1, 8, 0, 8, 0 },
	{ "k%u", 5, 0, 8, 0, 8, 8, 0 },
	{ "ZMM%u_H", 6, 0, 16, 0, 32, 32, 0 },
	{ "ZMM%u", 7, 16, 16, 0, 64, 64, 0 },
	{ "YMM%u", 7, 16, 16, 0, 64, 32, 0 },
	{ "XMM%u", 7, 16, 16, 0, 64, 16, 0 },
	{ "IA32_RTIT_CTL", 8, 0, 1, 0, 0, 8, 0 },
	{ "IA32_RTIT_OUTPUT_BASE", 8, 0, 1, 8, 0, 8, 0 },
	{ "IA32_RTIT_OUTPUT_MASK_PTRS", 8, 0, 1, 16, 0, 8, 0 },
	{ "IA32_RTIT_STATUS", 8, 0, 1, 24, 0, 8, 0 },
	{ "IA32_RTIT_CR3_MATCH", 8, 0, 1, 32, 0, 8, 0 },
	{ "IA32_RTIT_ADDR%u_A", 8, 0, 2, 40, 16, 8, 0 },
	{ "IA32_RTIT_ADDR%u_B", 8, 0, 2, 48, 16, 8, 0 },
	{ "PKRU", 9, 0, 1, 0, 0, 4, 0 },
	{ "IA32_PASID", 10, 0, 1, 0, 0, 8, 0 },
	{ "IA32_U_CET", 11, 0, 1, 0, 0, 8, 0 },
	{ "IA32_PL3_SSP", 11, 0, 1, 8, 0, 8, 0 },
	{ "IA32_PL%u_SSP", 12, 0, 3, 0, 8, 8, 0 },
	{ "IA32_PM_CTL1", 13, 0, 1, 0, 0, 8, 1 },
	{ "UIHANDLER", 14, 0, 1, 0, 0, 8, 0 },
	{ "UISTACKADJUST", 14, 0, 1, 8, 0, 8, 0 },
	{ "IA32_UINTR_MISC", 14, 0, 1, 16, 0, 8, 0 },
	{ "UITTSZ", 14, 0, 1, 16, 0, 4, 0 },
	{ "UINV", 14, 0, 1, 20, 0, 1, 0 },
	{ "UIF", 14, 0, 1, 23, 0, 1, 0 },
	{ "UPIDADDR", 14, 0, 1, 24, 0, 8, 0 },
	{ "UIRR", 14, 0, 1, 32, 0, 8, 0 },
	{ "UITTADDR", 14, 0, 1, 40, 0, 8, 0 },
	{ "IA32_LBR_CTL", 15, 0, 1, 0, 0, 8, 0 },
	{ "IA32_LBR_DEPTH", 15, 0, 1, 8, 0, 8, 0 },
	{ "IA32_LER_FROM_IP", 15, 0, 1, 16, 0, 8, 0 },
	{ "IA32_LER_TO_IP", 15, 0, 1, 24, 0, 8, 0 },
	{ "IA32_LER_INFO", 15, 0, 1, 32, 0, 8, 0 },
	{ "IA32_LBR_%u_FROM_IP", 15, 0, 32, 40, 24, 8, 0 },
	{ "IA32_LBR_%u_TO_IP", 15, 0, 32, 48, 24, 8, 0 },
	{ "IA32_LBR_%u_INFO", 15, 0, 32, 56, 24, 8, 0 },
	{ "IA32_HWP_REQUEST", 16, 0, 1, 0, 0, 8, 0x8000ff01 },
	{ "TILECFG", 17, 0, 1, 0, 0, 64, 0 },
	{ "palette", 17, 0, 1, 0, 0, 1, 0 },
	{ "start_row", 17, 0, 1, 1, 0, 1, 0 },
	{ "colsb%u", 17, 0, 8, 16, 2, 2, 0 },
	{ "rows%u", 17, 0, 8, 48, 1, 1, 0 },
	{ "TMM%u", 18, 0, 8, 0, 1024, 1024, 0 },
	{ "R%u", 19, 16, 16, 0, 8, 8, 0 },
	{ "LWP.LWPCBAddress", 62, 0, 1, 0, 0, 8, 0 },
	{ "LWP.Flags", 62, 0, 1, 8, 0, 4, 0 },
	{ "LWP.BufferHeadOffset", 62, 0, 1, 12, 0, 4, 0 },
	{ "LWP.BufferBase", 62, 0, 1, 16, 0, 8, 0 },
	{ "LWP.BufferSize", 62, 0, 1, 24, 0, 4, 0 },
	{ "LWP.Filters", 62, 0, 1, 28, 0, 4, 0 },
	{ "LWP.SavedEventRecord", 62, 0, 1, 32, 0, 32, 0 },
	{ "LWP.EventCounter%u", 62, 1, 16, 64, 4, 4, 0 },
};

/* Bytes that are state; the others of a component are pads. MXCSR_MASK is not state. */
static const struct {
	unsigned int bit, bytes;
} state[] = {
	{ 0, 103 },  { 1, 260 },  { 2, 256 }, { 3, 64 },  { 4, 16 },	{ 5, 64 },   { 6, 512 },
	{ 7, 1024 }, { 8, 72 },	  { 9, 4 },   { 10, 8 },  { 11, 16 },	{ 12, 24 },  { 13, 8 },
	{ 14, 48 },  { 15, 808 }, { 16, 8 },  { 17, 64 }, { 18, 8192 }, { 19, 128 }, { 62, 128 },
};

/* Layouts without the components that share bytes with others. */
static struct xsave_layout intel_apx, intel_mpx, amd_pkru, amd_lwp;

static const struct format {
	const char *name;
	const struct xsave_layout *layout;
	uint64_t xcomp_bv;
	size_t size;
	uint64_t components; /* what there is room for */
} formats[] = {
	{ "standard, Intel", &intel_apx, 0, 11008, 0xe02e7 },
	{ "standard, Intel with MPX", &intel_mpx, 0, 11008, 0x602ff },
	{ "standard, AMD", &amd_pkru, 0, 2440, 0x2e7 },
	{ "standard, AMD with LWP", &amd_lwp, 0, 960, 0x4000000000000007 },
	{ "compacted, everything", &xsave_layout_common, C | XSAVE_KNOWN_MASK, IMAGE_SIZE,
	  XSAVE_KNOWN_MASK },
	{ "compacted, a few", &xsave_layout_common, C | 0x20207, 1024, 0x20207 },
	{ "compacted, no SSE", &xsave_layout_common, C | 0x5, 832, 0x5 },
	{ "compacted, nothing", &xsave_layout_common, C, 576, 0 },
	{ "legacy", &xsave_layout_common, 0, 512, 3 },
	{ "none", &xsave_layout_common, 0, 511, 0 },
};

#define for_each_format(f)                                                                         \
	for (const struct format *f = formats; f < formats + LENGTH(formats); f++)
#define for_each_reg(reg)                                                                          \
	for (size_t row = 0; row < 1000; row++)                                                    \
		for (const struct xsave_reg *reg = xsave_reg(row); reg; reg = NULL)
#define for_each_number(n, reg)                                                                    \
	for (unsigned int n = (reg)->first; n < (unsigned int)(reg)->first + (reg)->count; n++)

/* What byte @at of a component holds in the images here; never zero. */
static uint8_t known(unsigned int bit, size_t at)
{
	return (uint8_t)((bit * 37 + at * 11 + (at >> 8) * 5) % 255 + 1);
}

static bool in_legacy(unsigned int bit, size_t at)
{
	bool sse = (at >= 24 && at < 32) || (at >= 160 && at < 416);

	return bit == 0 ? at < 160 && !sse : sse;
}

static void fill_component(uint8_t *data, const struct format *f, unsigned int bit)
{
	uint8_t *to;

	if (bit < 2) {
		for (size_t at = 0; at < 416; at++)
			if (in_legacy(bit, at))
				data[at] = known(bit, at);
		return;
	}
	to = data + xsave_offset(f->layout, f->xcomp_bv, bit);
	for (size_t at = 0; at < f->layout->size[bit]; at++)
		to[at] = known(bit, at);
}

/* An image in memory of just its size, so that the sanitizers see a byte too far. */
static struct xsave_image make(const struct format *f, uint64_t in_use)
{
	uint8_t *data = malloc(f->size);
	uint8_t header[64] = { 0 };

	fake_fill(data, f->size);
	fake_put(header, in_use, 8);
	fake_put(header + 8, f->xcomp_bv, 8);
	xsave_for_each_bit (bit, f->components)
		fill_component(data, f, bit);
	if (f->size >= 576)
		memcpy(data + 512, header, sizeof(header));
	return (struct xsave_image){ data, f->size, f->layout };
}

static void drop(struct xsave_image *image)
{
	free((void *)(uintptr_t)image->data);
}

static uint8_t *bytes_of(const struct xsave_image *image)
{
	return (uint8_t *)(uintptr_t)image->data;
}

/* The value of a register by the list above; @in_use: its component is. */
static void value_of(const struct place *p, unsigned int number, bool in_use, uint8_t *value)
{
	memset(value, 0, p->size);
	if (in_use)
		for (size_t i = 0; i < p->size; i++)
			value[i] = known(p->bit, p->offset + p->stride * (number - p->first) + i);
	else
		fake_put(value, p->initial, p->size < 8 ? p->size : 8);
}

static bool mxcsr(const struct place *p)
{
	return p->bit == 1 && p->offset == 24;
}

/* M04: a standard image has MXCSR in use whatever XSTATE_BV says. */
static bool place_in_use(const struct format *f, const struct place *p, uint64_t in_use)
{
	if (mxcsr(p) && f->size >= 512 && !f->xcomp_bv)
		return true;
	if (f->size == 512)
		in_use = 3;
	return f->components & in_use & XSAVE_MASK(p->bit);
}

static unsigned int wrong_values(const struct format *f, const struct xsave_image *image,
				 uint64_t in_use, const struct place *p)
{
	uint8_t want[XSAVE_REG_SIZE], got[XSAVE_REG_SIZE + 1];
	unsigned int wrong = 0, number;
	char name[40];

	for (unsigned int n = p->first; n < p->first + p->count; n++) {
		const struct xsave_reg *reg;

		snprintf(name, sizeof(name), p->name, n);
		reg = xsave_reg_find(name, &number);
		if (!reg || reg->size != p->size)
			return 1000;
		value_of(p, n, place_in_use(f, p, in_use), want);
		memset(got, 0x5a, sizeof(got));
		wrong += xsave_reg_read(image, reg, number, got) != XSAVE_OK;
		wrong += memcmp(want, got, p->size) || got[p->size] != 0x5a;
		wrong += xsave_reg_in_use(image, reg) != place_in_use(f, p, in_use);
		memset(got, 0, 8);
		memcpy(got, want, p->size < 8 ? p->size : 8);
		for (int i = 0; i < 8; i++)
			wrong += got[i] != (uint8_t)(xsave_reg_value(image, reg, number) >> 8 * i);
	}
	return wrong;
}

/* All in use, nothing in use, one at a time. */
static void test_read(void)
{
	for_each_format(f)
	{
		unsigned int wrong = 0, n = 0;

		for (unsigned int bit = 0; bit <= 64; bit++) {
			uint64_t in_use = bit == 63 ? ~C : bit == 64 ? 0 : XSAVE_MASK(bit);
			struct xsave_image image = make(f, in_use);

			for (size_t i = 0; i < LENGTH(places); i++, n++)
				wrong += wrong_values(f, &image, in_use, &places[i]);
			drop(&image);
		}
		check_eq(0, wrong, f->name);
		check_eq(65 * LENGTH(places), n, f->name);
	}
}

static const struct xsave_reg *find(const char *name)
{
	unsigned int number;

	return xsave_reg_find(name, &number);
}

static bool starts_with(const struct xsave_image *image, const char *whole, const char *part,
			unsigned int number, size_t at)
{
	const struct xsave_reg *big = find(whole), *small = find(part);
	uint8_t a[XSAVE_REG_SIZE], b[XSAVE_REG_SIZE];

	if (xsave_reg_read(image, big, number, a) || xsave_reg_read(image, small, number, b))
		return false;
	return !memcmp(a + at, b, small->size) && big->view;
}

/* YMM and ZMM of numbers 0 to 15, in every combination of components in use. */
static void test_vectors(void)
{
	const struct xsave_reg *ymm = find("YMM0"), *zmm = find("ZMM0");
	unsigned int wrong = 0;

	check(ymm && ymm->size == 32 && zmm && zmm->size == 64, "sizes of YMM and ZMM");
	for_each_format(f) for (uint64_t in_use = 0; in_use < 0x80; in_use++)
	{
		uint64_t have = f->size == 512 ? 3 : in_use & f->components;
		struct xsave_image image = make(f, in_use);

		for (unsigned int n = 0; n < 16; n++) {
			wrong += !starts_with(&image, "YMM0", "XMM0", n, 0);
			wrong += !starts_with(&image, "YMM0", "YMM0_H", n, 16);
			wrong += !starts_with(&image, "ZMM0", "XMM0", n, 0);
			wrong += !starts_with(&image, "ZMM0", "YMM0_H", n, 16);
			wrong += !starts_with(&image, "ZMM0", "ZMM0_H", n, 32);
		}
		wrong += xsave_reg_in_use(&image, ymm) != !!(have & 0x6);
		wrong += xsave_reg_in_use(&image, zmm) != !!(have & 0x46);
		drop(&image);
	}
	check_eq(0, wrong, "YMM and ZMM are their parts");
}

static void test_names(void)
{
	unsigned int wrong = 0, rows = 0, longest = 0, number;
	char name[XSAVE_REG_NAME_SIZE + 1];

	for_each_reg(reg)
	{
		rows++;
		wrong += !reg->count || !reg->parts || reg->parts > XSAVE_REG_PARTS;
		for_each_number(n, reg)
		{
			wrong += xsave_reg_name(reg, n, name) != name;
			wrong += xsave_reg_find(name, &number) != reg || number != n;
			for (char *c = name; *c; c++)
				*c ^= (*c | 32) >= 'a' && (*c | 32) <= 'z' ? 32 : 0;
			wrong += xsave_reg_find(name, &number) != reg || number != n;
		}
		memset(name, 0x7f, sizeof(name));
		xsave_reg_name(reg, ~0U, name);
		wrong += name[XSAVE_REG_NAME_SIZE] != 0x7f || strlen(name) >= XSAVE_REG_NAME_SIZE;
		longest = strlen(name) > longest ? (unsigned int)strlen(name) : longest;
	}
	check_eq(0, wrong, "every name finds its register, in capitals and in small letters");
	check_eq(LENGTH(places) + 2, rows, "the table has the registers of the list, and YMM, ZMM");
	check_eq(27, longest, "the longest name with the longest number");
	check(!xsave_reg(rows) && !xsave_reg(~(size_t)0), "nothing past the table");
	check(find("XMM3") && !find("XMM3")->view, "XMM3 is no view");
	check(find("xmm16") && find("xmm16")->view, "XMM16 is one");
	check(!strcmp(xsave_reg_name(find("bnd2.ub"), 2, name), "BND2.UB"), "BND2.UB");
}

static void test_bad_names(void)
{
	static const char *const names[] = {
		"",
		"X",
		"XMM",
		"XMM32",
		"XMM3x",
		"ZMM99999999999999999999",
		"XMM-1",
		"XMM03",
		"XMM00",
		"XMM 3",
		"XMM#",
		"bnd4.lb",
		"BND.LB",
		"BND1.",
		"BND1.LBx",
		"R15",
		"R32",
		"k8",
		"ST8",
		"ST(0)",
		"FC",
		"FCW0",
		"FCW ",
		" FCW",
		"TMM8",
		"YMM16_H",
		"ZMM16_H",
		"IA32_PL4_SSP",
		"IA32_LBR_32_INFO",
		"colsb8",
		"IA32_RTIT_ADDR2_A",
		"LWP.EventCounter0",
		"LWP.EventCounter17",
		"XMM310",
		"MXCSR_MASK",
		"\xff",
		"XMM\xb3",
		"ZMM4294967296",
		"XMM256",
	};
	unsigned int number = 77;
	char what[40];

	for (size_t i = 0; i < LENGTH(names); i++) {
		snprintf(what, sizeof(what), "bad name %zu", i);
		check(!xsave_reg_find(names[i], &number) && number == 77, what);
	}
}

/* For each byte of each component, how many rows that are no views have it. */
static uint8_t owners[XSAVE_BITS][8192], seen[XSAVE_BITS][8192];

static unsigned int mark(uint8_t (*map)[8192], const struct xsave_reg *reg)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < reg->parts; i++)
		for_each_number(n, reg) for (size_t at = 0; at < reg->part[i].size; at++)
		{
			const struct xsave_reg_part *part = &reg->part[i];
			size_t byte = part->offset + part->stride * (n - part->first) + at;

			wrong += part->component < 2 ? !in_legacy(part->component, byte)
						     : byte >= 8192;
			if (byte < 8192)
				map[part->component][byte]++;
		}
	return wrong;
}

static void test_ownership(void)
{
	unsigned int wrong = 0;

	for_each_reg(reg)
	{
		wrong += mark(reg->view ? seen : owners, reg);
		wrong += !reg->view && reg->parts != 1;
		wrong += reg->view && reg->initial;
	}
	check_eq(0, wrong, "registers lie in their components");
	check_eq(21, LENGTH(state), "every component is in the list");
	for (size_t i = 0; i < LENGTH(state); i++) {
		const struct xsave_component *row = xsave_component(state[i].bit);
		size_t end = row->bit < 2 ? 416 : row->size;
		unsigned int owned = 0;

		for (size_t at = 0; at < 8192; at++) {
			uint8_t count = owners[row->bit][at];

			owned += count;
			wrong +=
				count > 1 || (count && at >= end) || (seen[row->bit][at] && !count);
		}
		check_eq(state[i].bytes, owned, row->name);
	}
	check_eq(0, wrong,
		 "no byte belongs to two, none lies outside, views have no bytes of their own");
}

/* A number that the row lacks, at either end. */
static void test_numbers(void)
{
	struct xsave_image image = make(&formats[4], ~C);
	unsigned int wrong = 0;

	for_each_reg(reg)
	{
		unsigned int numbers[] = { reg->first - 1U, reg->first + (unsigned int)reg->count,
					   256U + reg->first, ~0U, 1U << 31 };
		uint8_t value[XSAVE_REG_SIZE], before[XSAVE_REG_SIZE];
		uint8_t *copy = malloc(image.size);

		memcpy(copy, image.data, image.size);
		memset(value, 0x5a, sizeof(value));
		memcpy(before, value, sizeof(value));
		for (size_t i = 0; i < LENGTH(numbers); i++) {
			wrong += xsave_reg_read(&image, reg, numbers[i], value) != XSAVE_ERR_REG;
			wrong += xsave_reg_value(&image, reg, numbers[i]) != 0;
			wrong += xsave_reg_write(bytes_of(&image), image.size, image.layout, reg,
						 numbers[i], value) != XSAVE_ERR_REG;
		}
		wrong += memcmp(value, before, sizeof(value)) ||
			 memcmp(copy, image.data, image.size);
		free(copy);
	}
	check_eq(0, wrong, "numbers that a row lacks are refused, and nothing changes");
	drop(&image);
}

/* The registers of @components as a write initialises them. */
static void expect_initial(const struct format *f, uint8_t *want, uint64_t components)
{
	for (size_t i = 0; i < LENGTH(places); i++) {
		const struct place *p = &places[i];
		size_t base = p->bit < 2 ? 0 : xsave_offset(f->layout, f->xcomp_bv, p->bit);
		bool view = find(p->name) && find(p->name)->view;

		if (!(components & XSAVE_MASK(p->bit)) || view || (mxcsr(p) && !f->xcomp_bv))
			continue;
		for (unsigned int n = 0; n < p->count; n++) {
			uint8_t *to = want + base + p->offset + p->stride * n;
			char name[40];

			snprintf(name, sizeof(name), p->name, n + p->first);
			if (find(name)->view)
				continue;
			memset(to, 0, p->size);
			fake_put(to, p->initial, p->size < 8 ? p->size : 8);
		}
	}
}

static void expect_value(const struct format *f, uint8_t *want, const struct xsave_reg *reg,
			 unsigned int number, const uint8_t *value)
{
	for (size_t i = 0; i < reg->parts; i++) {
		const struct xsave_reg_part *part = &reg->part[i];
		size_t base = part->component < 2
				      ? 0
				      : xsave_offset(f->layout, f->xcomp_bv, part->component);

		memcpy(want + base + part->offset + part->stride * (number - part->first), value,
		       part->size);
		value += part->size;
	}
}

static uint64_t components_of(const struct xsave_reg *reg)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < reg->parts; i++)
		mask |= XSAVE_MASK(reg->part[i].component);
	return mask;
}

/* Writes one register into an image with @in_use and compares the whole image afterwards. */
static bool write_is_right(const struct format *f, uint64_t in_use, const struct xsave_reg *reg,
			   unsigned int number)
{
	uint64_t mask = components_of(reg), fresh = f->size == 512 ? 0 : mask & ~in_use;
	struct xsave_image image = make(f, in_use);
	uint8_t value[XSAVE_REG_SIZE], got[XSAVE_REG_SIZE], want[IMAGE_SIZE];
	enum xsave_error err;
	bool good;

	fake_fill(value, sizeof(value));
	memcpy(want, image.data, image.size);
	if (!(mask & ~f->components)) {
		expect_initial(f, want, fresh);
		expect_value(f, want, reg, number, value);
		if (fresh)
			fake_put(want + 512, in_use | mask, 8);
	}
	err = xsave_reg_write(bytes_of(&image), image.size, image.layout, reg, number, value);
	good = err == (mask & ~f->components ? XSAVE_ERR_REG : XSAVE_OK);
	good &= !memcmp(want, image.data, image.size);
	if (!err)
		good &= !xsave_reg_read(&image, reg, number, got) && !memcmp(value, got, reg->size);
	drop(&image);
	return good;
}

static void test_write(void)
{
	static const uint64_t in_use[] = { ~C, 0, 5, 0x42 };

	for_each_format(f)
	{
		unsigned int wrong = 0;

		for_each_reg(reg)
			for_each_number(n, reg) for (size_t i = 0; i < LENGTH(in_use); i++) wrong +=
			!write_is_right(f, in_use[i], reg, n);
		check_eq(0, wrong, f->name);
	}
}

/* The written image as a restore sees it: what was in its initial configuration still is. */
static void test_write_mxcsr(void)
{
	const uint8_t ones[16] = { 1, 1, 1, 1 }, csr[4] = { 0xbf, 0x1f, 0, 0 };
	struct xsave_image image = make(&formats[4], 0);

	check_eq(XSAVE_OK,
		 xsave_reg_write(bytes_of(&image), image.size, image.layout, find("XMM1"), 1, ones),
		 "XMM1 into a compacted image without SSE");
	check_eq(0x1f80, xsave_image_mxcsr(&image), "MXCSR stays in its initial configuration");
	drop(&image);

	image = make(&formats[0], 0);
	fake_put(bytes_of(&image) + 24, 0x1fa0, 4);
	xsave_reg_write(bytes_of(&image), image.size, image.layout, find("XMM1"), 1, ones);
	check_eq(0x1fa0, xsave_image_mxcsr(&image), "a standard image keeps its MXCSR");
	drop(&image);

	image = make(&formats[4], 0);
	xsave_reg_write(bytes_of(&image), image.size, image.layout, find("MXCSR"), 0, csr);
	check_eq(0x1fbf, xsave_image_mxcsr(&image), "MXCSR into a compacted image without SSE");
	check_eq(2, xsave_image_xstate_bv(&image), "SSE is in use then");
	check_eq(0, xsave_reg_value(&image, find("XMM0"), 15), "and XMM is zero");
	drop(&image);

	image = make(&formats[6], 5);
	check_eq(XSAVE_ERR_REG,
		 xsave_reg_write(bytes_of(&image), image.size, image.layout, find("MXCSR"), 0, csr),
		 "no place for MXCSR in a compacted image whose XCOMP_BV lacks SSE");
	drop(&image);
}

/* XSTATE_BV[63] is no component: a write leaves it as it was. */
static void test_write_bit63(void)
{
	struct xsave_image image = make(&formats[0], C);
	const uint8_t pkru[4] = { 4, 3, 2, 1 };

	check_eq(XSAVE_OK,
		 xsave_reg_write(bytes_of(&image), image.size, image.layout, find("PKRU"), 0, pkru),
		 "PKRU");
	check_eq(0x02, bytes_of(&image)[513], "XSTATE_BV[9] is set");
	check_eq(0x80, bytes_of(&image)[519], "XSTATE_BV[63] still is");
	drop(&image);
}

/* A layout that leaves too little room for a component's registers, or has no such component. */
static void test_false_layouts(void)
{
	struct xsave_layout layout = intel_apx;
	struct xsave_image image = make(&formats[0], ~C);
	const uint8_t value[32] = { 1 };

	image.layout = &layout;
	check(xsave_reg_value(&image, find("YMM0_H"), 0), "YMM0_H, with a true layout");
	layout.size[XSAVE_AVX] = 255;
	check_eq(0, xsave_reg_value(&image, find("YMM0_H"), 0), "AVX one byte short");
	check(!xsave_reg_in_use(&image, find("YMM0_H")), "is not in use");
	check_eq(XSAVE_ERR_REG,
		 xsave_reg_write(bytes_of(&image), image.size, &layout, find("YMM1"), 1, value),
		 "and has no room to write");
	layout.size[XSAVE_SSE] = 4096;
	check_eq(XSAVE_OK,
		 xsave_reg_write(bytes_of(&image), image.size, &layout, find("XMM1"), 1, value),
		 "x87 and SSE are where they always were");
	layout.mask = 0;
	check(!xsave_reg_in_use(&image, find("PKRU")), "no PKRU there");
	drop(&image);
}

/* Whoever writes APX must not change MPX, and the reverse. */
static void test_shared_bytes(void)
{
	static const struct {
		const char *name;
		const struct xsave_layout *layout;
		uint64_t in_use;
		enum xsave_error err;
	} rows[] = {
		{ "R31", &xsave_layout_intel, 0x80007, XSAVE_OK },
		{ "R31", &xsave_layout_intel, 0x00007, XSAVE_OK },
		{ "R31", &xsave_layout_intel, 0x0000f, XSAVE_ERR_REG },
		{ "R31", &xsave_layout_intel, 0x80010, XSAVE_ERR_REG },
		{ "BND0.LB", &xsave_layout_intel, 0x1f, XSAVE_OK },
		{ "BND0.LB", &xsave_layout_intel, 0x8001f, XSAVE_ERR_REG },
		{ "BNDCFGU", &xsave_layout_intel, 0x80007, XSAVE_ERR_REG },
		{ "k1", &xsave_layout_intel, 0x800ff, XSAVE_OK },
		{ "XMM1", &xsave_layout_intel, 0x8001f, XSAVE_OK },
		{ "k1", &xsave_layout_amd, 0xe7, XSAVE_OK },
		{ "k1", &xsave_layout_amd, 7 | M(LWP), XSAVE_ERR_REG },
		{ "ZMM1", &xsave_layout_amd, 7 | M(LWP), XSAVE_ERR_REG },
		{ "YMM1", &xsave_layout_amd, 7 | M(LWP), XSAVE_OK },
		{ "ZMM31", &xsave_layout_amd, 7 | M(LWP), XSAVE_OK },
		{ "LWP.Flags", &xsave_layout_amd, 7 | M(LWP), XSAVE_OK },
		{ "LWP.Flags", &xsave_layout_amd, 0x47, XSAVE_ERR_REG },
	};
	uint8_t value[64] = { 1 }, *data = malloc(11008), *copy = malloc(11008);
	unsigned int number;

	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct xsave_reg *reg = xsave_reg_find(rows[i].name, &number);
		enum xsave_error err;

		fake_fill(data, 11008);
		fake_header(data, rows[i].in_use, 0);
		memcpy(copy, data, 11008);
		err = xsave_reg_write(data, 11008, rows[i].layout, reg, number, value);
		check_eq(rows[i].err, err, rows[i].name);
		check(!err || !memcmp(copy, data, 11008), rows[i].name);
	}
	free(data);
	free(copy);
}

/* Any layout, header and size: the sanitizers look on, and a refused write changes nothing. */
static void test_any(void)
{
	unsigned int wrong = 0, written = 0;

	for (int i = 0; i < 3000; i++) {
		struct format f = { "any", NULL, 0, fake_random() % 4 ? fake_random() % 4096 : 512,
				    0 };
		uint8_t *data = malloc(f.size + 1), *copy = malloc(f.size + 1);
		struct xsave_layout layout = xsave_layout_intel;
		struct xsave_image image = { data, f.size, &layout };

		fake_fill(data, f.size);
		if (f.size >= 576 && fake_random() % 2)
			fake_put(data + 520, C | (fake_random() & fake_random()), 8);
		for (int n = 0; n < 8; n++) {
			layout.size[fake_random() % 63] =
				(uint32_t)(fake_random() >> fake_random() % 64);
			layout.offset[fake_random() % 63] =
				(uint32_t)(fake_random() >> fake_random() % 64);
		}
		layout.mask = fake_random() | fake_random();
		layout.align64 = fake_random();
		layout.supervisor = fake_random() & fake_random();
		for_each_reg(reg)
		{
			unsigned int number =
				reg->first + (unsigned int)(fake_random() % reg->count);
			uint8_t value[XSAVE_REG_SIZE], got[XSAVE_REG_SIZE];

			fake_fill(value, reg->size);
			memcpy(copy, data, f.size);
			wrong += xsave_reg_read(&image, reg, number, got) != XSAVE_OK;
			xsave_reg_in_use(&image, reg);
			if (xsave_reg_write(data, f.size, &layout, reg, number, value)) {
				wrong += memcmp(copy, data, f.size) != 0;
				continue;
			}
			written++;
		}
		free(data);
		free(copy);
	}
	check_eq(0, wrong, "any bytes: reading always works, a refused write changes nothing");
	check(written > 10000, "any bytes: some writes have room");
}

static struct xsave_layout only(const struct xsave_layout *layout, uint64_t mask)
{
	struct xsave_layout part = *layout;

	part.mask &= mask;
	return part;
}

int main(void)
{
	intel_apx = only(&xsave_layout_intel, ~MPX_MASK);
	intel_mpx = only(&xsave_layout_intel, ~M(APX));
	amd_pkru = only(&xsave_layout_amd, ~M(LWP));
	amd_lwp = only(&xsave_layout_amd, 7 | M(LWP));
	printf("# seed 0x%llx\n", (unsigned long long)fake_state);
	test_names();
	test_bad_names();
	test_ownership();
	test_read();
	test_vectors();
	test_numbers();
	test_write();
	test_write_mxcsr();
	test_write_bit63();
	test_false_layouts();
	test_shared_bytes();
	test_any();
	return check_end();
}
