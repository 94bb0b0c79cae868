/* SPDX-License-Identifier: MIT */
/*
 * Judging images: from a valid one, one mutation a rule, and for registers every bit. Runs on any
 * machine.
 *
 * Rules: H03-H10 H12, R06 R08, N08, M04-M06 M08, E02 E04 E05, F01-F03, P02, T02.
 */
#include "check.h"
#include "fake_image.h"

/* All but MPX, which excludes APX; no supervisor component in the standard format. */
#define ALL	    (XSAVE_KNOWN_MASK & ~M(LWP) & ~MPX_MASK)
#define USER	    (ALL & XSAVE_USER_MASK)
#define WITH_MPX    ((ALL & ~M(APX)) | MPX_MASK)
#define HEADER	    (-1)
#define LEGACY_SIZE 512
#define INTEL	    (&xsave_layout_intel)

static uint8_t area[IMAGE_SIZE];

enum kind { LEGACY, STANDARD, COMPACTED, KINDS };

/* A valid image of each kind, and a CPU that takes it. */
struct subject {
	struct xsave_image image;
	struct xsave_cpu cpu;
};

static struct subject subject(enum kind kind, uint64_t in_use)
{
	bool compacted = kind == COMPACTED;
	struct subject s = {
		.image = { area, kind == LEGACY ? LEGACY_SIZE : IMAGE_SIZE, INTEL },
		.cpu = fake_cpu(INTEL, compacted ? XSAVE_INSN_XSAVES : XSAVE_INSN_XSAVE),
	};

	in_use &= compacted ? ALL | MPX_MASK : XSAVE_USER_MASK;
	fake_image(area, INTEL, in_use, compacted ? C | in_use : 0);
	return s;
}

static enum xsave_error judge(const struct subject *s)
{
	return xsave_validate(&s->image, &s->cpu);
}

static void test_valid(void)
{
	struct subject s = subject(LEGACY, 3);

	check_eq(XSAVE_OK, judge(&s), "valid: legacy");
	s = subject(STANDARD, USER);
	check_eq(XSAVE_OK, judge(&s), "valid: standard");
	s = subject(STANDARD, WITH_MPX);
	check_eq(XSAVE_OK, judge(&s), "valid: standard with MPX");
	s = subject(COMPACTED, ALL);
	check_eq(XSAVE_OK, judge(&s), "valid: compacted");
	s = subject(COMPACTED, WITH_MPX);
	check_eq(XSAVE_OK, judge(&s), "valid: compacted with MPX");
	s = subject(COMPACTED, USER);
	s.cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVEC);
	check_eq(XSAVE_OK, judge(&s), "valid: compacted, for XRSTOR");
	s.image.layout = &xsave_layout_amd;
	fake_image(area, &xsave_layout_amd, 0x2e7, 0);
	s.cpu = fake_cpu(&xsave_layout_amd, XSAVE_INSN_XSAVE);
	check_eq(XSAVE_OK, judge(&s), "valid: AMD's standard format");
	fake_image(area, INTEL, 0, C);
	s.image.size = 576;
	s.cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVEC);
	check_eq(XSAVE_OK, judge(&s), "valid: the initial image (L08)");
}

/* One mutation: @bytes of @value at @offset of the component or the header, over what was there. */
struct mutation {
	enum xsave_error err;
	enum xsave_effect effect;
	const char *rule;
	enum kind kind;
	int where;
	unsigned int offset, bytes;
	uint64_t value;
};

#define FAULTS	XSAVE_EFFECT_FAULTS
#define CHANGES XSAVE_EFFECT_CHANGES
#define IGNORES XSAVE_EFFECT_IGNORES

static const struct mutation mutations[] = {
	{ XSAVE_ERR_XCOMP_BV, FAULTS, "H09", STANDARD, HEADER, 8, 8, 7 },
	{ XSAVE_ERR_XSTATE_BV, FAULTS, "H05", STANDARD, HEADER, 0, 8, USER | M(CET_U) },
	{ XSAVE_ERR_XSTATE_BV, FAULTS, "H05", STANDARD, HEADER, 0, 8, USER | C },
	{ XSAVE_ERR_COMPONENT, FAULTS, "", STANDARD, HEADER, 0, 8, USER | M(LWP) },
	{ XSAVE_ERR_COMPONENT, FAULTS, "", STANDARD, HEADER, 0, 8, USER | XSAVE_MASK(20) },
	{ XSAVE_ERR_HEADER_16, FAULTS, "H03", STANDARD, HEADER, 16, 1, 1 },
	{ XSAVE_ERR_HEADER_16, FAULTS, "H03", STANDARD, HEADER, 23, 1, 0x80 },
	{ XSAVE_ERR_HEADER_UNCHECKED, IGNORES, "H03", STANDARD, HEADER, 24, 1, 1 },
	{ XSAVE_ERR_HEADER_UNCHECKED, IGNORES, "H03", STANDARD, HEADER, 63, 1, 1 },
	{ XSAVE_ERR_COMPONENT, FAULTS, "", COMPACTED, HEADER, 8, 8, C | ALL | XSAVE_MASK(20) },
	{ XSAVE_ERR_COMPONENT, FAULTS, "", COMPACTED, HEADER, 8, 8, C | ALL | M(LWP) },
	{ XSAVE_ERR_XSTATE_BV_63, FAULTS, "H08", COMPACTED, HEADER, 0, 8, C | ALL },
	{ XSAVE_ERR_XSTATE_BV_XCOMP, FAULTS, "H07", COMPACTED, HEADER, 8, 8, C | 3 },
	{ XSAVE_ERR_XSTATE_BV_XCOMP, FAULTS, "H07", COMPACTED, HEADER, 0, 8, ALL | XSAVE_MASK(20) },
	{ XSAVE_ERR_HEADER_REST, FAULTS, "H04", COMPACTED, HEADER, 16, 1, 1 },
	{ XSAVE_ERR_HEADER_REST, FAULTS, "H04", COMPACTED, HEADER, 63, 1, 0x80 },
	{ XSAVE_ERR_MXCSR, FAULTS, "M06", LEGACY, XSAVE_SSE, 24, 4, 0x11f80 },
	{ XSAVE_ERR_MXCSR, FAULTS, "M06", STANDARD, XSAVE_SSE, 24, 4, 0x11f80 },
	{ XSAVE_ERR_MXCSR, FAULTS, "M06", COMPACTED, XSAVE_SSE, 24, 4, 0x80001f80 },
	{ XSAVE_ERR_BNDCFGU, FAULTS, "", COMPACTED, XSAVE_BNDCSR, 0, 8, 4 },
	{ XSAVE_ERR_PT, FAULTS, "", COMPACTED, XSAVE_PT, 0, 8, 1 << 18 },
	{ XSAVE_ERR_PASID, FAULTS, "", COMPACTED, XSAVE_PASID, 0, 8, 0x100000 },
	{ XSAVE_ERR_CET_U_RESERVED, FAULTS, "E02", COMPACTED, XSAVE_CET_U, 0, 8, 0x40 },
	{ XSAVE_ERR_CET_U_TRACKER, FAULTS, "E02", COMPACTED, XSAVE_CET_U, 0, 8, 0xc00 },
	{ XSAVE_ERR_CET_U_BITMAP, FAULTS, "E02", COMPACTED, XSAVE_CET_U, 0, 8, UINT64_C(1) << 56 },
	{ XSAVE_ERR_SSP_ALIGN, FAULTS, "E02", COMPACTED, XSAVE_CET_U, 8, 8, 0x1002 },
	{ XSAVE_ERR_SSP_ALIGN, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 0, 8, 1 },
	{ XSAVE_ERR_SSP_ALIGN, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 8, 8, 2 },
	{ XSAVE_ERR_SSP_ALIGN, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 16, 8, 3 },
	{ XSAVE_ERR_SSP_CANONICAL, FAULTS, "E02", COMPACTED, XSAVE_CET_U, 8, 8, UINT64_C(1) << 62 },
	{ XSAVE_ERR_SSP_CANONICAL, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 0, 8, UINT64_C(1) << 62 },
	{ XSAVE_ERR_SSP_CANONICAL, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 8, 8, UINT64_C(1) << 62 },
	{ XSAVE_ERR_SSP_CANONICAL, FAULTS, "E02", COMPACTED, XSAVE_CET_S, 16, 8,
	  UINT64_C(1) << 62 },
	{ XSAVE_ERR_HDC, FAULTS, "", COMPACTED, XSAVE_HDC, 0, 8, 2 },
	{ XSAVE_ERR_UINTR_CANONICAL, FAULTS, "", COMPACTED, XSAVE_UINTR, 0, 8, UINT64_C(1) << 56 },
	{ XSAVE_ERR_UINTR_CANONICAL, FAULTS, "", COMPACTED, XSAVE_UINTR, 8, 8, UINT64_C(1) << 56 },
	{ XSAVE_ERR_UINTR_CANONICAL, FAULTS, "", COMPACTED, XSAVE_UINTR, 24, 8, UINT64_C(1) << 56 },
	{ XSAVE_ERR_UINTR_CANONICAL, FAULTS, "", COMPACTED, XSAVE_UINTR, 40, 8, UINT64_C(1) << 56 },
	{ XSAVE_ERR_UINTR_RESERVED, FAULTS, "", COMPACTED, XSAVE_UINTR, 21, 1, 1 },
	{ XSAVE_ERR_UINTR_RESERVED, FAULTS, "", COMPACTED, XSAVE_UINTR, 24, 8, 0x20 },
	{ XSAVE_ERR_UINTR_RESERVED, FAULTS, "", COMPACTED, XSAVE_UINTR, 40, 8, 8 },
	{ XSAVE_ERR_LBR, FAULTS, "", COMPACTED, XSAVE_LBR, 0, 8, 0x10 },
	{ XSAVE_ERR_LBR, FAULTS, "", COMPACTED, XSAVE_LBR, 8, 8, 33 },
	{ XSAVE_ERR_FCW, CHANGES, "F01", COMPACTED, XSAVE_X87, 0, 2, 0x033f },
	{ XSAVE_ERR_FCW, CHANGES, "F01", STANDARD, XSAVE_X87, 0, 2, 0x237f },
	{ XSAVE_ERR_FCW, CHANGES, "F01", LEGACY, XSAVE_X87, 0, 2, 0x03ff },
	{ XSAVE_ERR_FSW, CHANGES, "F02", LEGACY, XSAVE_X87, 2, 2, 0x0080 },
	{ XSAVE_ERR_FSW, CHANGES, "F02", COMPACTED, XSAVE_X87, 2, 2, 0x8001 },
	{ XSAVE_ERR_FOP, CHANGES, "F03", LEGACY, XSAVE_X87, 6, 2, 0x0800 },
	{ XSAVE_ERR_TILE_PALETTE, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 0, 1, 2 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 2, 1, 1 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", STANDARD, XSAVE_XTILECFG, 15, 1, 1 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 32, 1, 1 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 47, 1, 1 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 56, 1, 1 },
	{ XSAVE_ERR_TILE_RESERVED, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 63, 1, 1 },
	{ XSAVE_ERR_TILE_SIZE, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 16, 2, 65 },
	{ XSAVE_ERR_TILE_SIZE, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 17, 1, 1 },
	{ XSAVE_ERR_TILE_SIZE, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 48, 1, 17 },
	{ XSAVE_ERR_TILE_SIZE, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 30, 2, 65 },
	{ XSAVE_ERR_TILE_HALF, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 16, 2, 0 },
	{ XSAVE_ERR_TILE_HALF, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 48, 1, 0 },
	{ XSAVE_ERR_TILE_HALF, CHANGES, "T02", COMPACTED, XSAVE_XTILECFG, 55, 1, 16 },
	{ XSAVE_ERR_PKRU, IGNORES, "P02", COMPACTED, XSAVE_PKRU, 4, 4, 0x80000000 },
	{ XSAVE_ERR_PKRU, IGNORES, "P02", STANDARD, XSAVE_PKRU, 4, 4, 1 },
};

static uint64_t in_use_with(int where)
{
	return where == XSAVE_BNDCSR ? WITH_MPX : ALL;
}

static void check_mutation(const struct mutation *m)
{
	struct subject s = subject(m->kind, in_use_with(m->where));
	uint8_t *at = m->where == HEADER  ? area + 512
		      : m->kind == LEGACY ? area
					  : fake_at(area, INTEL, (unsigned int)m->where);

	check_eq(XSAVE_OK, judge(&s), "valid before");
	fake_put(at + m->offset, m->value, m->bytes);
	check_eq(m->err, judge(&s), xsave_strerror(m->err));
	check_eq(m->effect, xsave_error_effect(judge(&s)), "its effect");
	check(!strcmp(m->rule, xsave_error_rule(judge(&s))), "its rule");
	if (m->where == HEADER || m->kind == LEGACY)
		return;
	/* Not in use, nobody looks; but a standard image has MXCSR in any case (M04). */
	area[512 + m->where / 8] &= (uint8_t) ~(1 << m->where % 8);
	check_eq(m->kind == STANDARD && m->where == XSAVE_SSE ? m->err : XSAVE_OK, judge(&s),
		 "not in use");
}

static void test_mutations(void)
{
	bool seen[XSAVE_ERROR_COUNT] = { false };

	for (size_t i = 0; i < LENGTH(mutations); i++) {
		check_mutation(&mutations[i]);
		seen[mutations[i].err] = true;
	}
	/* By size and CPU, below. */
	seen[XSAVE_ERR_LENGTH] = seen[XSAVE_ERR_TRUNCATED] = seen[XSAVE_ERR_COMPACTION] = true;
	seen[XSAVE_ERR_XCOMP_BV_ENABLED] = seen[XSAVE_ERR_SUPERVISOR] = true;
	for (int i = XSAVE_ERR_LENGTH; i <= XSAVE_ERR_HEADER_UNCHECKED; i++)
		check(seen[i], xsave_error_name((enum xsave_error)i));
}

/* Every bit of a register: flipped in @value, it is an error just when it is in @reserved. */
static const struct {
	enum xsave_bit bit;
	unsigned int offset, bytes;
	uint64_t value, reserved;
} bits[] = {
	{ XSAVE_X87, 0, 2, 0x037f, 0xe0c0 },
	{ XSAVE_X87, 2, 2, 0, 0x8080 },
	{ XSAVE_X87, 6, 2, 0, 0xf800 },
	{ XSAVE_SSE, 24, 4, 0x1f80, 0xffff0000 },
	{ XSAVE_BNDCSR, 0, 8, 0, 0xff00000000000ffc },
	{ XSAVE_BNDCSR, 8, 8, 0, 0 },
	{ XSAVE_PT, 0, 8, 0, 0xfe7f000070840000 },
	{ XSAVE_PKRU, 0, 8, 0, 0xffffffff00000000 },
	{ XSAVE_PASID, 0, 8, 0, 0xffffffff7ff00000 },
	{ XSAVE_CET_U, 0, 8, 0, 0xff000000000003c0 },
	{ XSAVE_CET_U, 8, 8, 0, 0xff00000000000003 },
	{ XSAVE_CET_S, 0, 8, 0, 0xff00000000000003 },
	{ XSAVE_CET_S, 8, 8, 0, 0xff00000000000003 },
	{ XSAVE_CET_S, 16, 8, 0, 0xff00000000000003 },
	{ XSAVE_HDC, 0, 8, 0, ~UINT64_C(1) },
	{ XSAVE_UINTR, 0, 8, 0, 0xff00000000000000 },
	{ XSAVE_UINTR, 8, 8, 0, 0xff00000000000000 },
	{ XSAVE_UINTR, 16, 8, 0, 0x7fffff0000000000 },
	{ XSAVE_UINTR, 24, 8, 0, 0xff0000000000003f },
	{ XSAVE_UINTR, 32, 8, 0, 0 },
	{ XSAVE_UINTR, 40, 8, 0, 0xff0000000000000e },
	{ XSAVE_LBR, 0, 8, 0, 0xffffffffff80fff0 },
	{ XSAVE_LBR, 8, 8, 0, 0xffffffffffffff87 },
	{ XSAVE_HWP, 0, 8, 0, 0 },
};

static void test_bits(void)
{
	for (size_t i = 0; i < LENGTH(bits); i++) {
		struct subject s = subject(COMPACTED, in_use_with(bits[i].bit));
		uint8_t *at = fake_at(area, INTEL, bits[i].bit) + bits[i].offset;
		uint64_t refused = 0;

		for (unsigned int b = 0; b < 8 * bits[i].bytes; b++) {
			fake_put(at, bits[i].value ^ UINT64_C(1) << b, bits[i].bytes);
			refused |= judge(&s) ? UINT64_C(1) << b : 0;
		}
		check_eq(bits[i].reserved, refused, xsave_component(bits[i].bit)->name);
	}
}

/* F02: each flag, masked alone or alone not masked, with each value of ES and B. */
static void test_fsw(void)
{
	struct subject s = subject(LEGACY, 3);

	for (unsigned int flag = 0; flag < 8; flag++) {
		unsigned int bit = 1U << flag, exception = bit & 0x3f;

		for (unsigned int summary = 0; summary < 4; summary++) {
			unsigned int fsw = bit & ~0x80U;

			fsw |= (summary & 1) << 7 | (summary & 2) << 14;
			fake_put(area + 2, fsw, 2);
			fake_put(area, 0x0340 | exception, 2);
			check_eq(summary == 0 ? XSAVE_OK : XSAVE_ERR_FSW, judge(&s), "masked");
			fake_put(area, 0x037f & ~exception, 2);
			check_eq(summary == (exception ? 3 : 0) ? XSAVE_OK : XSAVE_ERR_FSW,
				 judge(&s), "not masked");
		}
	}
}

/* T02: palette 0 is the initial configuration; nothing behind it counts. */
static void test_palette_0(void)
{
	struct subject s = subject(COMPACTED, ALL);
	uint8_t *tilecfg = fake_at(area, INTEL, XSAVE_XTILECFG);

	memset(tilecfg, 0xff, 64);
	tilecfg[0] = 0;
	check_eq(XSAVE_OK, judge(&s), "palette 0");
	tilecfg[0] = 1;
	check_eq(XSAVE_ERR_TILE_RESERVED, judge(&s), "palette 1 with the same");
	memset(tilecfg, 0, 64);
	tilecfg[48] = 16;
	check_eq(XSAVE_OK, judge(&s), "palette 0 with half a tile");
	tilecfg[0] = 1;
	check_eq(XSAVE_ERR_TILE_HALF, judge(&s), "palette 1 with the same half");
}

static void test_canonical(void)
{
	static const struct {
		uint64_t address;
		enum xsave_error want;
	} rows[] = {
		{ 0x00fffffffffffffc, XSAVE_OK },
		{ 0x0100000000000000, XSAVE_ERR_SSP_CANONICAL },
		{ 0x7ffffffffffffffc, XSAVE_ERR_SSP_CANONICAL },
		{ 0xfefffffffffffffc, XSAVE_ERR_SSP_CANONICAL },
		{ 0xff00000000000000, XSAVE_OK },
	};
	struct subject s = subject(COMPACTED, ALL);

	for (size_t i = 0; i < LENGTH(rows); i++) {
		fake_put(fake_at(area, INTEL, XSAVE_CET_U) + 8, rows[i].address, 8);
		check_eq(rows[i].want, judge(&s), "canonical with 57 bits");
	}
}

/* H03, H04: each byte of the header behind the two words. */
static void test_header_bytes(void)
{
	for (unsigned int at = 16; at < 64; at++) {
		struct subject s = subject(STANDARD, USER);

		area[512 + at] = 1;
		check_eq(at < 24 ? XSAVE_ERR_HEADER_16 : XSAVE_ERR_HEADER_UNCHECKED, judge(&s),
			 "standard: a byte of the header");
		s = subject(COMPACTED, ALL);
		area[512 + at] = 1;
		check_eq(XSAVE_ERR_HEADER_REST, judge(&s), "compacted: a byte of the header");
	}
}

/* H05: each bit that XCR0 lacks, also on a CPU where XCR0 has shrunk (H12). */
static void test_xstate_bv(void)
{
	struct subject s = subject(STANDARD, USER);

	for (unsigned int bit = 0; bit < 64; bit++) {
		bool enabled = XSAVE_MASK(bit) & s.cpu.enabled;
		bool known = bit == 63 || INTEL->mask & XSAVE_MASK(bit);

		fake_image(area, INTEL, XSAVE_MASK(bit) & INTEL->mask & XSAVE_USER_MASK, 0);
		fake_header(area, XSAVE_MASK(bit), 0);
		check_eq(enabled ? XSAVE_OK
			 : known ? XSAVE_ERR_XSTATE_BV
				 : XSAVE_ERR_COMPONENT,
			 judge(&s), "XSTATE_BV with this bit alone");
	}
	s = subject(STANDARD, 7);
	check_eq(XSAVE_OK, judge(&s), "AVX");
	s.cpu.enabled = 3;
	check_eq(XSAVE_ERR_XSTATE_BV, judge(&s), "AVX after XCR0 shrank");
}

/* H06, R06, R08: each bit of XCOMP_BV, for XRSTOR and for XRSTORS. */
static void test_xcomp_bv(void)
{
	for (unsigned int bit = 0; bit < 63; bit++) {
		struct subject s = subject(COMPACTED, 0);
		bool known = INTEL->mask & XSAVE_MASK(bit);
		bool supervisor = XSAVE_SUPERVISOR_MASK & XSAVE_MASK(bit);
		enum xsave_error want = known ? XSAVE_OK : XSAVE_ERR_COMPONENT;

		fake_header(area, 0, C | XSAVE_MASK(bit));
		check_eq(want, judge(&s), "XCOMP_BV with this bit alone, XRSTORS");
		s.cpu.enabled &= ~XSAVE_MASK(bit);
		check_eq(known ? XSAVE_ERR_XCOMP_BV_ENABLED : want, judge(&s), "not enabled");
		s.cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVEC);
		check_eq(supervisor ? XSAVE_ERR_SUPERVISOR : want, judge(&s), "XRSTOR");
		s.cpu.enabled &= ~XSAVE_MASK(bit);
		check_eq(supervisor ? XSAVE_ERR_SUPERVISOR
			 : known    ? XSAVE_ERR_XCOMP_BV_ENABLED
				    : want,
			 judge(&s), "XRSTOR, not enabled");
	}
}

static void test_cpus(void)
{
	struct subject s = subject(COMPACTED, USER);

	s.cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVE);
	check_eq(XSAVE_ERR_COMPACTION, judge(&s), "H10: no compaction");
	s.cpu.compaction = true;
	check_eq(XSAVE_OK, judge(&s), "XSAVE on a CPU that has it");
	s = subject(COMPACTED, USER);
	s.cpu.enabled &= ~M(AVX);
	check_eq(XSAVE_ERR_XCOMP_BV_ENABLED, judge(&s), "H06: AVX is not enabled");
	s = subject(STANDARD, USER);
	s.cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVES);
	check_eq(XSAVE_OK, judge(&s), "standard, where XRSTORS is at hand");
	fake_header(area, USER | M(CET_U), 0);
	check_eq(XSAVE_ERR_XSTATE_BV, judge(&s), "H05: XCR0 has no supervisor component");
}

static void test_mxcsr(void)
{
	static const struct {
		enum kind kind;
		uint64_t xstate_bv, enabled;
		bool loaded;
	} rows[] = {
		{ LEGACY, 3, 3, true },	    { LEGACY, 3, 1, false },	{ STANDARD, 0, 3, true },
		{ STANDARD, 0, 5, true },   { STANDARD, 0, 1, false },	{ STANDARD, 2, 7, true },
		{ COMPACTED, 0, 7, false }, { COMPACTED, 4, 7, false }, { COMPACTED, 2, 7, true },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct subject s = subject(rows[i].kind, rows[i].xstate_bv);

		s.cpu.enabled = rows[i].enabled;
		fake_put(area, 0x037f, 2);
		fake_put(area + 6, 0, 2);
		fake_put(area + 24, 0x21f80, 4);
		check_eq(rows[i].loaded ? XSAVE_ERR_MXCSR : XSAVE_OK, judge(&s),
			 "M04-M06: MXCSR is judged when it would be loaded");
		s.cpu.mxcsr_mask = 0x2ffff;
		check_eq(XSAVE_OK, judge(&s), "M08: a CPU that has the bit");
	}
}

/* Sizes at which the last byte of what is in use is inside, and one less. */
static void test_sizes(void)
{
	static const struct {
		enum kind kind;
		uint64_t in_use;
		size_t size;
	} rows[] = {
		{ STANDARD, 3, 576 },	     { STANDARD, 7, 832 },
		{ STANDARD, M(PKRU), 2696 }, { STANDARD, USER, 11008 },
		{ COMPACTED, 3, 576 },	     { COMPACTED, 7, 832 },
		{ COMPACTED, M(PKRU), 584 }, { COMPACTED, M(XTILECFG) | M(PKRU), 704 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct subject s = subject(rows[i].kind, rows[i].in_use);

		s.image.size = rows[i].size;
		check_eq(XSAVE_OK, judge(&s), "just large enough");
		s.image.size--;
		check_eq(rows[i].size == 576 ? XSAVE_ERR_LENGTH : XSAVE_ERR_TRUNCATED, judge(&s),
			 "N08: a byte is missing");
	}
	for (size_t size = 0; size < 576; size++) {
		struct subject s = subject(LEGACY, 3);

		s.image.size = size;
		check_eq(size == 512 ? XSAVE_OK : XSAVE_ERR_LENGTH, judge(&s), "a length");
	}
}

/* Not in use, but in XCOMP_BV: a restore may touch it all the same (N02). */
static void test_truncated_init(void)
{
	struct subject s = subject(COMPACTED, 3);

	fake_header(area, 3, C | 7);
	s.image.size = 831;
	check_eq(XSAVE_ERR_TRUNCATED, judge(&s), "room for XCOMP_BV is missing");
	s = subject(STANDARD, 3);
	s.image.size = 576;
	check_eq(XSAVE_OK, judge(&s), "a standard image need only have what is in use");
}

/* Wild layouts and garbage: any answer, but one. */
static void test_wild(void)
{
	static struct xsave_layout wild;
	uint64_t seen = 0;

	for (int i = 0; i < 3000; i++) {
		struct xsave_image image = { area, fake_random() % IMAGE_SIZE, &wild };
		struct xsave_cpu cpu = fake_cpu(INTEL, XSAVE_INSN_XSAVES);
		enum xsave_error err;

		fake_fill((uint8_t *)&wild, sizeof(wild));
		fake_fill(area + 500, 100);
		if (i % 2)
			fake_header(area, fake_random() & 0xe7, C | 0xe7);
		err = xsave_validate(&image, &cpu);
		seen |= err == XSAVE_ERR_LENGTH || err >= XSAVE_ERR_TRUNCATED ? 0 : 1;
	}
	check_eq(0, seen, "garbage is an error of an image");
}

/* The first byte at an odd address. */
static void test_unaligned(void)
{
	static uint8_t odd[IMAGE_SIZE + 1];
	struct subject s = subject(COMPACTED, ALL);

	memcpy(odd + 1, area, IMAGE_SIZE);
	s.image.data = odd + 1;
	check_eq(XSAVE_OK, judge(&s), "valid at an odd address");
}

int main(void)
{
	printf("# seed 0x%llx\n", (unsigned long long)SEED);
	test_valid();
	test_mutations();
	test_bits();
	test_fsw();
	test_palette_0();
	test_canonical();
	test_header_bytes();
	test_xstate_bv();
	test_xcomp_bv();
	test_cpus();
	test_mxcsr();
	test_sizes();
	test_truncated_init();
	test_wild();
	test_unaligned();
	return check_end();
}
