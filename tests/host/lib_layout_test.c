/* SPDX-License-Identifier: MIT */
/*
 * The component table and both layouts against figures written down by hand, and what fits into an
 * area. Executes nothing special, so it runs on any machine.
 *
 * Rules: C10 C12, E06, L01-L05 L08, N02 N08.
 */
#include <string.h>

#include "check.h"
#include "xsave.h"

#define C XSAVE_XCOMP_COMPACTED

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void test_table(void)
{
	static const struct {
		const char *name;
		unsigned int bit, size;
	} rows[] = {
		{ "AVX", 2, 256 },	{ "BNDREGS", 3, 64 },	   { "BNDCSR", 4, 64 },
		{ "opmask", 5, 64 },	{ "ZMM_Hi256", 6, 512 },   { "Hi16_ZMM", 7, 1024 },
		{ "PT", 8, 128 },	{ "PKRU", 9, 8 },	   { "PASID", 10, 8 },
		{ "CET_U", 11, 16 },	{ "CET_S", 12, 24 },	   { "HDC", 13, 8 },
		{ "UINTR", 14, 48 },	{ "LBR", 15, 808 },	   { "HWP", 16, 8 },
		{ "XTILECFG", 17, 64 }, { "XTILEDATA", 18, 8192 }, { "APX", 19, 128 },
		{ "LWP", 62, 128 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct xsave_component *row = xsave_component(rows[i].bit);

		check(row && row->bit == rows[i].bit && row->size == rows[i].size &&
			      !strcmp(row->name, rows[i].name),
		      rows[i].name);
	}
	check(!xsave_component(20) && !xsave_component(63) && !xsave_component(~0U),
	      "unknown bits");
	check_eq(0x40000000000fffff, xsave_known_mask(), "known components");
	check_eq(0x40000000000e02ff, xsave_user_mask(), "user components");
	check_eq(0x1fd00, xsave_supervisor_mask(), "supervisor components");
	check_eq(0xe7, xsave_ts_mask(), "components whose first use raises #NM under CR0.TS");
	check_eq(0x60000, XSAVE_ALIGN64_MASK, "aligned components");
}

static void test_next_bit(void)
{
	uint64_t seen = 0;

	xsave_for_each_bit (bit, ~UINT64_C(0))
		seen |= XSAVE_MASK(bit);
	check_eq(~C, seen, "a walk meets bits 0 to 62");
	check_eq(62, xsave_next_bit(XSAVE_MASK(62), 3), "next bit, far");
	check_eq(XSAVE_BITS, xsave_next_bit(~UINT64_C(0), 63), "no bit 63");
	check_eq(XSAVE_BITS, xsave_next_bit(7, 3), "nothing above");
}

static void test_standard(void)
{
	static const struct {
		const struct xsave_layout *layout;
		uint64_t mask;
		size_t size;
	} rows[] = {
		{ &xsave_layout_intel, 0, 576 },
		{ &xsave_layout_intel, 3, 576 },
		{ &xsave_layout_intel, 7, 832 },
		{ &xsave_layout_intel, 0x1f, 1088 },
		{ &xsave_layout_intel, 0xe7, 2688 },
		{ &xsave_layout_intel, 0x21f, 2696 },
		{ &xsave_layout_intel, 0x202e7, 2816 },
		{ &xsave_layout_intel, 0x602e7, 11008 },
		{ &xsave_layout_intel, 0x80001, 1088 },
		{ &xsave_layout_intel, 0x80007, 1088 },
		{ &xsave_layout_intel, 0x80207, 2696 },
		{ &xsave_layout_intel, 0x100, 0 },
		{ &xsave_layout_intel, 1 << 20, 0 },
		{ &xsave_layout_intel, XSAVE_MASK(62), 0 },
		{ &xsave_layout_amd, XSAVE_MASK(62), 960 },
		{ &xsave_layout_amd, 7, 832 },
		{ &xsave_layout_amd, 0x207, 2440 },
		{ &xsave_layout_amd, 0xe7, 2432 },
		{ &xsave_layout_amd, 0x18, 0 },
		{ &xsave_layout_common, 0x1f, 1088 },
		{ &xsave_layout_common, 0x20, 0 },
		{ &xsave_layout_common, 0x200, 0 },
	};
	char what[80];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		snprintf(what, sizeof(what), "standard size, row %zu", i);
		check_eq(rows[i].size, xsave_standard_size(rows[i].layout, rows[i].mask), what);
	}
	check_eq(0xfffff, xsave_layout_intel.mask, "Intel's components");
	check_eq(0x400000000001ffe7, xsave_layout_amd.mask, "AMD's components");
	check_eq(xsave_known_mask(), xsave_layout_common.mask, "everybody's components");
	check_eq(0x980, xsave_offset(&xsave_layout_amd, 0, XSAVE_PKRU), "AMD has PKRU at 980H");
	check_eq(0xa80, xsave_offset(&xsave_layout_intel, 0, XSAVE_PKRU), "Intel has it at A80H");
	check_eq(0, xsave_offset(&xsave_layout_common, 0, XSAVE_PKRU), "nobody knows else");
	check_eq(0, xsave_offset(&xsave_layout_intel, 0, XSAVE_CET_U), "no supervisor state there");
	check_eq(0, xsave_offset(&xsave_layout_intel, 0, 64), "no bit 64");
}

static void test_compacted(void)
{
	static const struct {
		uint64_t mask;
		unsigned int bit;
		size_t offset, size;
	} rows[] = {
		{ 0, 2, 0, 576 },
		{ 3, 1, 160, 576 },
		{ 4, 2, 576, 832 },
		{ 7, 2, 576, 832 },
		{ 0xa0, 7, 640, 1664 },
		{ 0x84, 7, 832, 1856 },
		{ 0x280, 9, 1600, 1608 },
		{ 0xe7, 7, 1408, 2432 },
		{ 0x21f, 9, 960, 968 },
		{ 0x2e7, 9, 2432, 2440 },
		{ 0x60200, 17, 640, 8896 },
		{ 0x202e7, 17, 2496, 2560 },
		{ 0x602e7, 18, 2560, 10752 },
		{ 0x602e7, 5, 832, 10752 },
		{ 0x61ae7, 12, 2456, 10752 },
		{ 0x100, 8, 576, 704 },
		{ 0x80001, 19, 576, 704 },
		{ 0xe0001, 19, 8832, 8960 },
		{ 0x8000, 15, 576, 1384 },
		{ 0x1fffff, 20, 0, 0 },
		{ 0xe7, 9, 0, 2432 },
		{ 0xe7, 63, 0, 2432 },
		{ 0x4000000000000004, 62, 832, 960 },
	};
	char what[80];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		snprintf(what, sizeof(what), "compacted %llx", (unsigned long long)rows[i].mask);
		check_eq(rows[i].size, xsave_compacted_size(rows[i].mask), what);
		check_eq(rows[i].size, xsave_compacted_size(rows[i].mask | C), what);
		check_eq(rows[i].offset, xsave_compacted_offset(rows[i].mask, rows[i].bit), what);
		check_eq(rows[i].offset,
			 xsave_offset(&xsave_layout_common, rows[i].mask | C, rows[i].bit), what);
	}
	check_eq(576, xsave_compacted_offset(XSAVE_MASK(2) | XSAVE_MASK(40), 2), "before unknown");
	check_eq(0, xsave_compacted_offset(XSAVE_MASK(62) | XSAVE_MASK(40), 62), "behind unknown");
}

/* Sums that no honest CPU gives, but a layout may. */
static void test_huge(void)
{
	struct xsave_layout layout = xsave_layout_common;

	xsave_for_each_bit (bit, ~UINT64_C(3)) {
		layout.mask |= XSAVE_MASK(bit);
		layout.size[bit] = layout.offset[bit] = UINT32_MAX;
	}
	layout.align64 = XSAVE_MASK(3);
	check_eq(UINT64_C(0x1fffffffe), xsave_standard_size(&layout, 7), "standard, past 32 bits");
	check_eq(UINT64_C(576) + 61 * UINT64_C(0xffffffff) + 1,
		 xsave_layout_compacted_size(&layout, ~UINT64_C(0)), "compacted, past 32 bits");
	check_eq(UINT64_C(0x100000240), xsave_layout_compacted_offset(&layout, 0xf, 3),
		 "an aligned component past 32 bits");
}

/* The components that both vendors have, in every combination. */
static void test_guess(void)
{
	static const struct {
		uint64_t xcr0;
		size_t size;
		const struct xsave_layout *layout;
	} rows[] = {
		{ 0x602e7, 11008, &xsave_layout_intel },
		{ 0x2e7, 2696, &xsave_layout_intel },
		{ 0x2e7, 2440, &xsave_layout_amd },
		{ 0xe7, 2688, &xsave_layout_intel },
		{ 0xe7, 2432, &xsave_layout_amd },
		{ 0x207, 2696, &xsave_layout_intel },
		{ 0x207, 2440, &xsave_layout_amd },
		{ 0x1f, 1088, &xsave_layout_intel },
		{ 0x80007, 1088, &xsave_layout_intel },
		{ 0x4000000000000007, 960, &xsave_layout_amd },
		{ 7, 832, &xsave_layout_intel },
		{ 3, 576, &xsave_layout_intel },
		{ 0x2e7, 2697, NULL },
		{ 0x2e7, 832, NULL },
		{ 0x107, 832, NULL },
		{ 0x100007, 832, NULL },
		{ 0x4000000000000018, 0, NULL },
		{ 0x4000000000000018, 1088, NULL },
		{ 3, 575, NULL },
		{ 3, 0, NULL },
	};
	const struct xsave_layout *intel = &xsave_layout_intel, *amd = &xsave_layout_amd;
	uint64_t both = intel->mask & amd->mask & XSAVE_USER_MASK;
	unsigned int wrong = 0, same = 0;
	char what[80];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		snprintf(what, sizeof(what), "guess, row %zu", i);
		check(xsave_layout_guess(rows[i].xcr0, rows[i].size) == rows[i].layout, what);
	}
	for (uint64_t xcr0 = 0; xcr0 <= both; xcr0 = ((xcr0 | ~both) + 1) & both) {
		size_t size = xsave_standard_size(amd, xcr0);
		bool agree = true;

		xsave_for_each_bit (bit, xcr0)
			agree &= intel->offset[bit] == amd->offset[bit];
		same += agree;
		wrong += xsave_layout_guess(xcr0, size) != (agree ? intel : amd);
		wrong += xsave_layout_guess(xcr0, xsave_standard_size(intel, xcr0)) != intel;
		if (xcr0 == both)
			break;
	}
	check_eq(0, wrong, "guess: where both have the size, they agree on every component");
	check_eq(8, same, "guess: x87, SSE and AVX are the same for both");
}

/* Is this the best that fits? Every component left out must be one that does not. */
static bool fit_is_right(bool compacted, uint64_t mask, size_t size, uint64_t fit)
{
	uint64_t before = 0;

	if (fit & ~mask || fit & ~(compacted ? XSAVE_KNOWN_MASK : XSAVE_USER_MASK))
		return false;
	xsave_for_each_bit (bit, mask & (compacted ? XSAVE_KNOWN_MASK : XSAVE_USER_MASK)) {
		uint64_t here = XSAVE_MASK(bit), intel = here & xsave_layout_intel.mask;
		uint64_t other = here & xsave_layout_amd.mask;
		bool fits = compacted
				    ? xsave_compacted_size(before | here) <= size
				    : xsave_standard_size(&xsave_layout_intel, intel) <= size &&
					      xsave_standard_size(&xsave_layout_amd, other) <= size;

		if (fits != !!(fit & here))
			return false;
		before |= fit & here;
	}
	return true;
}

static void test_fit(void)
{
	static const uint64_t masks[] = {
		0,     1,	3,	 7,	  0x1f,		0x21f,	 0xe7,	 0x207,
		0x2e7, 0x602e7, 0x1fd00, 0xfffff, ~UINT64_C(0), 0x40200, 0xe0000
	};
	unsigned int wrong = 0;

	for (size_t m = 0; m < LENGTH(masks); m++)
		for (size_t size = 576; size <= 12352; size++)
			for (int c = 0; c < 2; c++)
				wrong += !fit_is_right(c, masks[m], size,
						       xsave_fit(c, masks[m], size));
	check_eq(0, wrong, "fit: all that fits and nothing else, at every size");
	for (size_t size = 0; size < 576; size++)
		wrong += xsave_fit(false, 3, size) || xsave_fit(true, 3, size);
	check_eq(0, wrong, "fit: nothing in less than 576 bytes");
	check_eq(XSAVE_FIT_SMALL, xsave_fit(true, ~UINT64_C(0), 4096), "fit: the small constant");
	check_eq(XSAVE_FIT_LARGE, xsave_fit(true, ~UINT64_C(0), 12288), "fit: the large constant");
	check_eq(XSAVE_FIT_SMALL & XSAVE_USER_MASK, xsave_fit(false, ~UINT64_C(0), 4096),
		 "fit: small, standard");
	check_eq(XSAVE_USER_MASK, xsave_fit(false, ~UINT64_C(0), 12288), "fit: large, standard");
}

static void test_default(void)
{
	static const struct xsave small = XSAVE_DEFAULT;
	static const struct xsave_large large = XSAVE_DEFAULT;
	struct xsave_legacy legacy = small.legacy;
	unsigned int set = 0;

	check(!memcmp(&small, &large, sizeof(small)), "one initialiser, two structs");
	check(legacy.fcw == 0x37f && legacy.mxcsr == 0x1f80, "FCW and MXCSR");
	check(small.header.xstate_bv == 0 && small.header.xcomp_bv == C, "bit 63 alone");
	for (size_t i = 0; i < sizeof(large); i++)
		set += ((const unsigned char *)&large)[i] != 0;
	check_eq(5, set, "all other bytes are zero");
	check_eq(24, offsetof(struct xsave_legacy, mxcsr), "offset of MXCSR");
	check_eq(160, offsetof(struct xsave_legacy, xmm), "offset of XMM0");
	check_eq(464, offsetof(struct xsave_legacy, software), "offset of the software bytes");
	check_eq(64, _Alignof(struct xsave), "alignment");
	check_eq(64, _Alignof(struct xsave_large), "alignment");
}

int main(void)
{
	test_table();
	test_next_bit();
	test_standard();
	test_compacted();
	test_huge();
	test_guess();
	test_fit();
	test_default();
	return check_end();
}
