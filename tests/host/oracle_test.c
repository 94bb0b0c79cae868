/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of the rule tables against figures written down by hand and against second
 * formulas: legal values of XCR0, sizes, both layouts, the bytes of each component; and the walks
 * over XCR0.
 *
 * Links: tests/rules/oracle.c tests/rules/oracle_image.c tests/rules/facts.c tests/rules/insns.c
 *        kernel/xregs_compare.c kernel/xregs_pattern.c
 * Rules: C10 C12, E06, A01-A03, L01-L03, X02-X10, F01-F06 F11, V05 V10 V11.
 */
#include <string.h>

#include <xtk/options.h>
#include <xtk/probe.h>
#include <xtk/test.h>

#include "../rules/facts.h"
#include "../rules/insns.h"
#include "../rules/oracle.h"
#include "check.h"

#define BIT(n)	  (UINT64_C(1) << (n))
#define C	  ORACLE_COMPACT
#define INTEL	  (0xffULL | BIT(9) | BIT(17) | BIT(18))
#define EVERY	  (INTEL | BIT(19))
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What the linked files want of a kernel. */
struct options options;
struct xregs_cpu xregs_cpu = {
	.mask = XREGS_MASK, .avx512bw = 1, .mxcsr_mask = 0xffff, .pointers = true
};
static uint64_t supported, xcr0_now;
static bool settable;
static unsigned int failures, passes;
static char skipped[64];

void test_fail(const char *rule, const char *expected, const char *got, const char *where, ...)
{
	(void)rule, (void)expected, (void)got, (void)where;
	failures++;
}

void test_checked(const char *rule, uint64_t checks)
{
	(void)rule;
	passes += (unsigned int)checks;
}

void test_skip(const char *format, ...)
{
	snprintf(skipped, sizeof(skipped), "%s", format);
}

static struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
	static const uint32_t offsets[64] = {
		[2] = 576,  [3] = 960,	[4] = 1024,  [5] = 1088,  [6] = 1152,
		[7] = 1664, [9] = 2688, [17] = 2752, [18] = 2816, [19] = 960
	};

	if (leaf == 0)
		return (struct cpuid_regs){
			.eax = 13, .ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163
		};
	if (leaf == 1)
		return (struct cpuid_regs){ .ecx = UINT32_C(1) << 26 };
	if (leaf == 7)
		return (struct cpuid_regs){ .ebx = 1 << 13 };
	if (subleaf == 0)
		return (struct cpuid_regs){ .eax = (uint32_t)supported,
					    .edx = (uint32_t)(supported >> 32) };
	if (subleaf == 1)
		return (struct cpuid_regs){ .eax = 0xf, .ecx = 0x1800 };
	return (struct cpuid_regs){ .ebx = subleaf < 64 ? offsets[subleaf] : 0 };
}

static const char *fake_why_not(const struct probe *p)
{
	return p->cpl ? NULL : "CPL 0";
}

static void fake_run(const struct probe *p, struct probe_result *r)
{
	uint32_t mask = 0x2ffff;

	memset(r, 0, sizeof(*r));
	if (p->insn == &insn_fxsave64_bytes)
		memcpy((void *)(uintptr_t)(p->gprs.rdi + ORACLE_MASK), &mask, sizeof(mask));
}

static bool fake_can_set(enum probe_register reg)
{
	(void)reg;
	return settable;
}

static uint64_t fake_get(enum probe_register reg)
{
	return reg == PROBE_XCR0 ? xcr0_now : 0;
}

static uint8_t arena[PROBE_ARENA_SIZE] __attribute__((aligned(4096)));
static const struct probe_ops ops = { .name = "fake",
				      .arena = arena,
				      .why_not = fake_why_not,
				      .run = fake_run,
				      .cpuid = fake_cpuid,
				      .can_set = fake_can_set,
				      .get = fake_get };
const struct probe_ops *const probe_ops = &ops;

/* Legal, by a list of what may stand together: the sets of a group, each with what it wants. */
static bool legal(uint64_t value, uint64_t from)
{
	static const struct {
		uint64_t group;
		uint64_t sets[4];
		unsigned int count;
	} groups[] = {
		{ 0xe6, { 0, 2, 6, 0xe6 }, 4 },
		{ 0x18 | BIT(19), { 0, 0x18, BIT(19) }, 3 },
		{ BIT(17) | BIT(18), { 0, BIT(17) | BIT(18) }, 2 },
	};
	uint64_t rest = value & ~(BIT(9) | BIT(62));

	if ((value & from) != value || !(value & 1))
		return false;
	rest &= ~UINT64_C(1);
	for (size_t g = 0; g < LENGTH(groups); g++) {
		bool found = false;

		for (unsigned int i = 0; i < groups[g].count; i++)
			found |= (value & groups[g].group) == groups[g].sets[i];
		if (!found)
			return false;
		rest &= ~groups[g].group;
	}
	return !rest;
}

static void test_legality(void)
{
	static const struct {
		uint64_t value;
		const char *rule;
	} rows[] = {
		{ 0, "X02" },		{ 0x6, "X02" },
		{ 0x5, "X03" },		{ 0x21, "X04" },
		{ 0x67, "X04" },	{ 0xe3, "X05" },
		{ 0xe1, "X05" },	{ 0x9, "X06" },
		{ 0x11, "X06" },	{ BIT(17) | 1, "X07" },
		{ BIT(18) | 7, "X07" }, { BIT(19) | 0x19, "X09" },
		{ BIT(8) | 1, "X10" },	{ BIT(11) | 1, "X10" },
		{ BIT(63) | 1, "X10" }, { BIT(20) | 1, "X10" },
		{ BIT(62) | 1, "X10" }, { BIT(16) | 4, "X02" },
		{ BIT(10) | 5, "X10" }, { BIT(18) | 0x25, "X03" },
	};
	unsigned int wrong = 0, accepted = 0;

	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *rule = oracle_xcr0(rows[i].value, EVERY);

		check(rule && !strcmp(rule, rows[i].rule), rows[i].rule);
	}
	for (uint64_t value = 0; value < BIT(20); value++) {
		bool taken = !oracle_xcr0(value, EVERY);

		wrong += taken != legal(value, EVERY);
		accepted += taken;
	}
	check_eq(0, wrong, "XCR0 below 2^20 by two formulas");
	check_eq(4 * 3 * 2 * 2, accepted, "values that are legal");
	check(!oracle_xcr0(BIT(62) | 7, BIT(62) | 7), "LWP where it is offered");
	check(!strcmp(oracle_xcr0(0x801, ~UINT64_C(0)), "X10"), "supervisor state, though offered");
	check(!strcmp(oracle_xcr0(BIT(63) | 1, ~UINT64_C(0)), "X10"), "bit 63, though offered");
	check(!strcmp(oracle_xcr0(0xe7, 0x7), "X10"), "AVX-512 that is not offered");
}

static void test_table(void)
{
	static const struct {
		unsigned int bit, size, supervisor, align;
	} rows[] = {
		{ 2, 256, 0, 0 },   { 3, 64, 0, 0 },   { 4, 64, 0, 0 },	 { 5, 64, 0, 0 },
		{ 6, 512, 0, 0 },   { 7, 1024, 0, 0 }, { 8, 128, 1, 0 }, { 9, 8, 0, 0 },
		{ 10, 8, 1, 0 },    { 11, 16, 1, 0 },  { 12, 24, 1, 0 }, { 13, 8, 1, 0 },
		{ 14, 48, 1, 0 },   { 15, 808, 1, 0 }, { 16, 8, 1, 0 },	 { 17, 64, 0, 1 },
		{ 18, 8192, 0, 1 }, { 19, 128, 0, 0 }, { 20, 0, 0, 0 },	 { 61, 0, 0, 0 },
		{ 62, 128, 0, 0 },  { 63, 0, 0, 0 },   { 64, 0, 0, 0 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		unsigned int bit = rows[i].bit;

		check(oracle_size(bit) == rows[i].size &&
			      oracle_supervisor(bit) == rows[i].supervisor &&
			      oracle_align64(bit) == rows[i].align,
		      "a component");
	}
}

static void test_layout(void)
{
	static const struct {
		uint64_t cb;
		unsigned int bit, offset, end;
	} rows[] = {
		{ C | 7, 2, 576, 832 },
		{ C | 4, 2, 576, 832 },
		{ C, 0, 0, 576 },
		{ C | 0xa0, 7, 640, 1664 },
		{ C | 0x84, 7, 832, 1856 },
		{ C | 0x280, 9, 1600, 1608 },
		{ C | 0x60200, 17, 640, 8896 },
		{ C | 0x60200, 18, 704, 8896 },
		{ C | 0x602e7, 18, 2560, 10752 },
		{ C | 0x202e7, 17, 2496, 2560 },
		{ C | 0x2e7, 9, 2432, 2440 },
		{ C | 0x1807, 12, 848, 872 },
		{ C | 0x41807, 18, 896, 9088 },
		{ C | 0xe02e7, 19, 10752, 10880 },
		{ C | BIT(62) | 7, 62, 832, 960 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		if (rows[i].bit)
			check_eq(rows[i].offset, oracle_offset(rows[i].cb, rows[i].bit),
				 "compacted offset");
		check_eq(rows[i].end, oracle_image_size(rows[i].cb, 0), "compacted size");
	}
	supported = EVERY;
	facts_read();
	check_eq(960, oracle_offset(0, 19), "APX lies where MPX lay");
	check_eq(576, oracle_image_size(0, 3), "x87 and SSE");
	check_eq(2696, oracle_image_size(0, 0x2e7), "up to PKRU");
	check_eq(11008, oracle_image_size(0, 0x602e7), "all that Sapphire Rapids has");
	check_eq(1088, oracle_image_size(0, BIT(19) | 7), "APX: the highest bit, in the middle");
	check_eq(2696, oracle_image_size(0, BIT(19) | 0x207),
		 "the largest end, not the last bit's");
}

static void test_parts(void)
{
	struct oracle_part parts[2];

	check(oracle_parts(0, 0, parts) == 2 && parts[0].offset == 0 && parts[0].size == 24 &&
		      parts[1].offset == 32 && parts[1].size == 128,
	      "x87 has two parts");
	check(oracle_parts(1, C | 2, parts) == 1 && parts[0].offset == 160 && parts[0].size == 256,
	      "SSE has one");
	check(oracle_open_byte(0, 0, 5) && !oracle_open_byte(0, 0, 4) && !oracle_open_byte(0, 0, 6),
	      "byte 5");
	check(oracle_open_byte(0, 0, 42) && oracle_open_byte(0, 0, 159) &&
		      !oracle_open_byte(0, 0, 41) && !oracle_open_byte(0, 0, 48),
	      "the pads of ST");
	check(!oracle_open_byte(9, C | 0x200, 579) && oracle_open_byte(9, C | 0x200, 580),
	      "the upper half of PKRU");
	check(!oracle_open_byte(4, 0, 1039) && oracle_open_byte(4, 0, 1040), "BNDCSR from 16 on");
}

/* Every component there and back, in both formats, for every register; each byte within its part.
 */
static void test_image(void)
{
	static uint8_t image[16384], other[16384];
	static struct xregs regs, back;
	unsigned int wrong = 0, outside = 0;

	for (uint64_t seed = 1; seed < 40; seed++) {
		uint64_t cb = seed & 1 ? C | (XREGS_MASK & ~UINT64_C(0x18)) | 0x1800 : 0;
		uint64_t mask = XREGS_MASK & ~(cb ? UINT64_C(0x18) : 0);
		bool rex_w = seed & 2;

		oracle_values(&regs, mask, seed);
		memset(image, 0x5a, sizeof(image));
		memset(&back, 0, sizeof(back));
		if (!rex_w) {
			regs.x87.fip &= UINT32_MAX;
			regs.x87.fdp &= UINT32_MAX;
		}
		for (unsigned int i = 0; i < 19; i++) {
			struct oracle_part parts[2];

			if (!(mask >> i & 1))
				continue;
			memcpy(other, image, sizeof(other));
			oracle_encode(image, i, cb, &regs, rex_w);
			oracle_decode(&back, i, cb, image, rex_w);
			for (unsigned int n = oracle_parts(i, cb, parts); n--;)
				memcpy(other + parts[n].offset, image + parts[n].offset,
				       parts[n].size);
			outside += memcmp(other, image, sizeof(other)) != 0;
		}
		back.mxcsr = regs.mxcsr;
		wrong += xregs_compare(&regs, &back, mask, NULL);
	}
	check_eq(0, wrong, "registers that did not come back");
	check_eq(0, outside, "components that wrote outside of their parts");
}

static void test_bytes(void)
{
	static uint8_t image[4096];
	static struct xregs regs;

	regs.vector[1][0] = 0x11;
	regs.vector[1][16] = 0x22;
	regs.vector[1][32] = 0x33;
	regs.vector[17][0] = 0x44;
	regs.pkru = 0x55667788;
	regs.k[1] = 0x99;
	regs.bnd[1].lb = 0xaa;
	regs.bndstatus = 0xbb;
	for (unsigned int i = 1; i < 10; i++)
		oracle_encode(image, i, 0, &regs, true);
	check(image[160 + 16] == 0x11 && image[576 + 16] == 0x22, "XMM1 and YMM1_H");
	check(image[1152 + 32] == 0x33 && image[1664 + 64] == 0x44, "ZMM1_Hi256 and ZMM17");
	check(image[2688] == 0x88 && image[2691] == 0x55 && !image[2692], "PKRU");
	check(image[1088 + 8] == 0x99 && image[960 + 16] == 0xaa && image[1024 + 8] == 0xbb,
	      "k1, BND1 and BNDSTATUS");
}

static void test_x87(void)
{
	static uint8_t image[576];
	static struct xregs regs;

	memset(image, 0xff, sizeof(image));
	oracle_decode(&regs, 0, 0, image, true);
	check_eq(0x1f7f, regs.x87.fcw, "FCW has no more bits");
	check_eq(0x7f7f, regs.x87.fsw, "FSW.ES and B are computed: all is masked");
	check_eq(0x7ff, regs.x87.fop, "FOP has 11 bits");
	check_eq(0xaaaa, regs.x87.ftw, "NaNs are special");
	image[0] = 0x7e;
	oracle_decode(&regs, 0, 0, image, true);
	check_eq(0xffff, regs.x87.fsw, "FSW.ES and B are computed: one is not masked");
	memset(image, 0, sizeof(image));
	image[3] = 3 << 3; /* TOP = 3 */
	image[4] = 0x18;   /* R3 and R4: ST0 and ST1 */
	image[32 + 16 + 7] = 0x80;
	image[32 + 16 + 8] = 1; /* ST1 is a normal number */
	oracle_decode(&regs, 0, 0, image, true);
	check_eq(0xfc7f, regs.x87.ftw, "tags in physical order, data in stack order");
	oracle_encode(image, 0, 0, &regs, true);
	check_eq(0x18, image[4], "abridged tags");
	image[8 + 5] = 1;
	oracle_decode(&regs, 0, 0, image, true);
	check_eq(UINT64_C(1) << 40, regs.x87.fip, "FIP has 64 bits with REX.W");
	oracle_decode(&regs, 0, 0, image, false);
	check_eq(0, regs.x87.fip, "and 32 bits without");
	check_eq(0x100, regs.x87.fcs, "where FCS is beside it");
}

static void test_initial(void)
{
	static struct xregs regs;
	unsigned int wrong = 0;

	memset(&regs, 0xff, sizeof(regs));
	oracle_initial(&regs, XREGS_MASK);
	check_eq(0x37f, regs.x87.fcw, "FCW");
	check_eq(0xffff, regs.x87.ftw, "all of ST is empty");
	check_eq(0xffffffff, regs.mxcsr, "MXCSR is left alone");
	for (unsigned int i = 0; i < 19; i++)
		wrong += !oracle_is_initial(&regs, i);
	check_eq(0, wrong, "components that are not initial");
	oracle_values(&regs, XREGS_MASK, 7);
	for (unsigned int i = 0; i < 19; i++)
		wrong += XREGS_MASK >> i & 1 && oracle_is_initial(&regs, i);
	check_eq(0, wrong, "components that still are");
	oracle_initial(&regs, XREGS_MASK);
	regs.vector[3][63] = 1;
	check(!oracle_is_initial(&regs, 6) && oracle_is_initial(&regs, 2),
	      "one byte of ZMM3_Hi256");
}

static void test_same(void)
{
	static struct xregs a, b;

	oracle_values(&a, XREGS_MASK, 3);
	b = a;
	check(oracle_same(&a, &b, XREGS_MASK, true, "R05", "") && passes == 1 && !failures,
	      "equal");
	b.mxcsr ^= 1;
	check(oracle_same(&a, &b, XREGS_MASK, false, "R05", "") && !failures, "but for MXCSR");
	check(!oracle_same(&a, &b, XREGS_MASK, true, "R05", "") && failures == 1, "MXCSR counts");
	b.k[7] ^= BIT(63);
	check(!oracle_same(&a, &b, BIT(5), false, "R05", "") && failures == 2, "one bit of k7");
	check(oracle_same(&a, &b, XREGS_MASK & ~BIT(5), false, "R05", ""), "outside of the mask");
}

static unsigned int walk(uint64_t (*next)(uint64_t), uint64_t *last)
{
	unsigned int count = 0, disorder = 0;

	*last = 0;
	for (uint64_t x = next(0); x; x = next(x), count++) {
		disorder += x <= *last || !legal(x, supported);
		*last = x;
	}
	check_eq(0, disorder, "values in order, and legal");
	return count;
}

static void test_walks(void)
{
	uint64_t last;

	supported = 0x21f;
	settable = true;
	facts_read();
	check(facts.amd && facts.no_fcs_fds && facts.mxcsr_mask == 0x2ffff, "facts");
	check_eq(0x1800, facts.xss_supported, "what IA32_XSS offers");
	check_eq(3 * 2 * 2, walk(facts_xcr0_next, &last), "values of 21FH");
	check_eq(0x21f, last, "the largest");
	check_eq(7, walk(facts_xcr0_some, &last), "1, 3, 207, 219, 21B, 1F and 21F");
	options.depth_full = true;
	check_eq(12, walk(facts_xcr0_some, &last), "all at depth=full");
	options.depth_full = false;
	supported = INTEL;
	facts_read();
	check_eq(4 * 2 * 2 * 2, walk(facts_xcr0_next, &last), "values of 602FFH");
	check_eq(INTEL, last, "the largest of them");
	xcr0_now = 0xe7;
	settable = false;
	check_eq(1, walk(facts_xcr0_next, &last), "one value where XCR0 cannot be set");
	check_eq(0xe7, last, "which is the one there is");
	check(facts_skip(false, "CPUID bit") && *skipped && !facts_skip(true, ""), "a skip");
}

int main(void)
{
	test_legality();
	test_table();
	test_layout();
	test_parts();
	test_image();
	test_bytes();
	test_x87();
	test_initial();
	test_same();
	test_walks();
	return check_end();
}
