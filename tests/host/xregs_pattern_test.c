/* SPDX-License-Identifier: MIT */
/*
 * Tests xregs_pattern() and xregs_compare(), which touch no register: runs the same on any x86-64.
 *
 * Sources: SDM vol. 1, "x87 FPU Control Word", "x87 FPU Status Register", "MXCSR Control and Status
 * Register"; vol. 2, "LDTILECFG".
 */
#include <string.h>

#include <xtk/xregs.h>

#include "check.h"

#define AMX	 (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define SEEDS	 4096
#define DISTINCT 16 /* seeds less than this apart give each register other values */
#define FSW_TOP	 0x3800
#define AT(x)	 offsetof(struct xregs, x)

static struct xregs a, b, got;

/* How many registers a component has, FSW.TOP aside. */
static const unsigned int registers[XSAVE_BITS] = {
	[XSAVE_X87] = 14,   [XSAVE_SSE] = 17,	  [XSAVE_AVX] = 16,	  [XSAVE_BNDREGS] = 4,
	[XSAVE_BNDCSR] = 2, [XSAVE_OPMASK] = 8,	  [XSAVE_ZMM_HI256] = 16, [XSAVE_HI16_ZMM] = 16,
	[XSAVE_PKRU] = 1,   [XSAVE_XTILECFG] = 1, [XSAVE_XTILEDATA] = 8,
};

static void pattern(struct xregs *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	xregs_pattern(r, XREGS_MASK, seed);
}

static bool x87_is_legal(const struct xregs_x87 *x)
{
	bool canonical = (uint64_t)((int64_t)(x->fip << 16) >> 16) == x->fip;
	bool fcw = (x->fcw & 0xe07f) == 0x7f && (x->fcw >> 8 & 3) != 1;
	bool fsw = !(x->fsw & 0x8080) && x->fsw & FSW_TOP;

	return fcw && x->fcw != XSAVE_DEFAULT_FCW && fsw && x->ftw != UINT16_MAX &&
	       x->fop <= 0x7ff && canonical && x->fip >> 32 && x->fdp >> 32;
}

static bool tilecfg_is_legal(const struct xregs_tilecfg *t)
{
	bool ok = t->palette == 1 && t->start_row == 0;

	for (unsigned int i = 0; i < 8; i++)
		ok &= t->rows[i] - 1U < 16 && t->colsb[i] - 1U < 64 && t->colsb[i] % 4 == 0;
	return ok;
}

/* Each row of a tile has data in its first column if it is configured, and none beyond. */
static bool tiles_are_legal(const struct xregs *r)
{
	static const uint8_t zero[64];
	const struct xregs_tilecfg *t = &r->tilecfg;
	bool ok = tilecfg_is_legal(t);

	for (unsigned int i = 0; ok && i < 8 * 16; i++) {
		const uint8_t *row = r->tile[i / 16][i % 16];
		bool inside = i % 16 < t->rows[i / 16];
		size_t used = inside ? t->colsb[i / 16] : 0;

		ok &= !memcmp(row, zero, 4) != inside && !memcmp(row + used, zero, 64 - used);
	}
	return ok;
}

static bool is_legal(const struct xregs *r)
{
	return x87_is_legal(&r->x87) && tiles_are_legal(r) && (r->mxcsr & 0x1f80) == 0x1f80 &&
	       !(r->mxcsr & ~xregs_cpu.mxcsr_mask) && r->mxcsr != XSAVE_DEFAULT_MXCSR &&
	       (r->bndcfgu & 0xfff) == 3 && (r->bndstatus & 3) % 3 != 0 && !(r->pkru & 3);
}

/* Return: whether each register of two files differs; TOP, which takes 7 values only, aside. */
static bool all_differ(const struct xregs *x, struct xregs *y)
{
	const uint16_t fsw = y->x87.fsw;
	bool ok = true;

	y->x87.fsw = (uint16_t)((fsw & ~FSW_TOP) | (x->x87.fsw & FSW_TOP));
	xsave_for_each_bit (bit, XREGS_MASK)
		ok &= xregs_compare(x, y, XSAVE_MASK(bit), NULL) >= registers[bit];
	return ok;
}

static void test_patterns(const char *cpu_kind)
{
	static struct xregs zero, window[DISTINCT];
	bool legal = true, nonzero = true, distinct = true, same = true;

	printf("# %s\n", cpu_kind);
	memset(window, 0, sizeof(window));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct xregs *r = &window[seed % DISTINCT];

		pattern(r, seed);
		pattern(&b, seed);
		legal &= is_legal(r);
		nonzero &= all_differ(r, &zero);
		same &= !xregs_compare(r, &b, XREGS_MASK, NULL);
		for (struct xregs *other = window; other < window + DISTINCT; other++)
			distinct &= other == r || all_differ(r, other);
	}
	check(legal, "every value is legal");
	check(nonzero, "no register is 0");
	check(distinct, "registers differ between seeds that lie less than 16 apart");
	check(same, "a seed gives the same values again");
}

/* Return: whether no two of count items of size bytes, all zeros aside, are equal. */
static bool all_distinct(const void *items, size_t count, size_t size)
{
	static const uint8_t zero[64];
	const uint8_t *at = items;
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			ok &= memcmp(at + i * size, at + j * size, size) != 0 ||
			      memcmp(at + i * size, zero, size) == 0;
	return ok;
}

static void test_within(void)
{
	pattern(&a, 5);
	check(all_distinct(a.vector, sizeof(a.vector) / 8, 8), "quadwords of vector registers");
	check(all_distinct(a.k, 8, 8) && all_distinct(a.bnd, 8, 8), "k and bnd registers");
	check(all_distinct(a.x87.st, 8, 10), "ST registers");
	check(all_distinct(a.tile, 8 * 16, 64), "rows of tiles");
	check(all_distinct(a.tilecfg.rows, 8, 1) && all_distinct(a.tilecfg.colsb, 8, 2),
	      "shapes of tiles");
}

static void test_narrow_opmask(void)
{
	bool narrow = true;

	pattern(&a, 1);
	for (unsigned int i = 0; i < 8; i++)
		narrow &= a.k[i] <= UINT16_MAX;
	check(narrow, "without AVX512BW a k register has 16 bits");
}

static void test_pattern_masks(void)
{
	bool own = true, others = true;

	pattern(&a, 6);
	memset(&b, 0xa5, sizeof(b));
	xsave_for_each_bit (bit, XREGS_MASK & ~AMX) {
		memset(&got, 0xa5, sizeof(got));
		xregs_pattern(&got, XSAVE_MASK(bit), 6);
		own &= !xregs_compare(&a, &got, XSAVE_MASK(bit), NULL);
		others &= !xregs_compare(&b, &got, XREGS_MASK & ~XSAVE_MASK(bit), NULL);
	}
	check(own, "a component's values do not depend on the mask");
	check(others, "fields outside the mask are not written");
}

/* Return: whether this byte of struct xregs belongs to a register. */
static bool counts(size_t at)
{
	static const size_t pads[][2] = {
		{ AT(x87.pad0), AT(x87.fsw) }, { AT(x87.pad1), AT(x87.ftw) },
		{ AT(x87.pad2), AT(x87.fop) }, { AT(x87.fdp_low), AT(x87.st) },
		{ AT(x87.pad4), AT(x87.fip) }, { AT(tile) + sizeof(a.tile), sizeof(a) },
	};
	bool pad = false;

	for (size_t i = 0; i < sizeof(pads) / sizeof(*pads); i++)
		pad |= at >= pads[i][0] && at < pads[i][1];
	if (!xregs_cpu.pointers)
		pad |= (at >= AT(x87.fop) && at < AT(x87.fdp_low)) ||
		       (at >= AT(x87.fip) && at < AT(vector));
	return !pad;
}

static void test_compare_bits(const char *what)
{
	size_t wrong = 0;

	pattern(&a, 7);
	pattern(&b, 7);
	for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
		uint8_t *byte = (uint8_t *)&b + bit / 8;

		*byte ^= (uint8_t)(1 << bit % 8);
		wrong += xregs_compare(&a, &b, XREGS_MASK, NULL) != counts(bit / 8);
		*byte ^= (uint8_t)(1 << bit % 8);
	}
	if (!check_line(!wrong, what))
		printf("# %zu bits of struct xregs\n", wrong);
}

static void test_compare_masks(void)
{
	bool ok = true;

	pattern(&a, 8);
	pattern(&b, 9);
	xsave_for_each_bit (bit, XREGS_MASK) {
		struct xregs_diff d = { .component = XSAVE_BITS };

		ok &= xregs_compare(&a, &b, XSAVE_MASK(bit), &d) && d.component == bit;
	}
	check(ok, "compares the components of the mask only");
	xregs_cpu.mask &= ~AMX;
	check(!xregs_compare(&a, &b, AMX, NULL), "nor those that the CPU does not let us move");
	xregs_cpu.mask |= AMX;
}

/* One byte differs: the name and the place are as here, the bytes from there on are shown. */
static void check_named(size_t at, const char *name, unsigned int component, unsigned int offset,
			unsigned int length)
{
	const uint8_t *x = (const uint8_t *)&a + at;
	uint8_t *y = (uint8_t *)&b + at;
	struct xregs_diff d = { .name = "" };
	unsigned int differing;

	pattern(&a, 8);
	pattern(&b, 8);
	*y ^= 0x30;
	differing = xregs_compare(&a, &b, XREGS_MASK, &d);
	if (!check_line(differing == 1 && !strcmp(d.name, name) && d.component == component &&
				d.offset == offset && d.length == length &&
				!memcmp(d.want, x, length) && !memcmp(d.got, y, length),
			name))
		printf("# got %s byte %u, %u bytes\n", d.name, d.offset, d.length);
}

static void test_names(void)
{
	check_named(AT(x87.fcw), "FCW", XSAVE_X87, 0, 2);
	check_named(AT(x87.fsw), "FSW", XSAVE_X87, 0, 2);
	check_named(AT(x87.fsw) + 1, "FSW.TOP", XSAVE_X87, 1, 1);
	check_named(AT(x87.st[7][9]), "ST7", XSAVE_X87, 9, 1);
	check_named(AT(mxcsr), "MXCSR", XSAVE_SSE, 0, 4);
	check_named(AT(vector[10][3]), "xmm10", XSAVE_SSE, 3, 13);
	check_named(AT(vector[3][31]), "ymm3[255:128]", XSAVE_AVX, 15, 1);
	check_named(AT(vector[9][32]), "zmm9[511:256]", XSAVE_ZMM_HI256, 0, 16);
	check_named(AT(vector[31][63]), "zmm31", XSAVE_HI16_ZMM, 63, 1);
	check_named(AT(k[5]), "k5", XSAVE_OPMASK, 0, 8);
	check_named(AT(bnd[2].ub), "bnd2", XSAVE_BNDREGS, 8, 8);
	check_named(AT(bndcfgu) + 2, "BNDCFGU", XSAVE_BNDCSR, 2, 6);
	check_named(AT(bndstatus), "BNDSTATUS", XSAVE_BNDCSR, 0, 8);
	check_named(AT(pkru), "PKRU", XSAVE_PKRU, 0, 4);
	check_named(AT(tilecfg.rows[1]), "TILECFG", XSAVE_XTILECFG, 49, 15);
	check_named(AT(tile[2][3][60]), "tmm2 row 3", XSAVE_XTILEDATA, 60, 16);
	check_named(AT(tile[7][15][63]), "tmm7 row 15", XSAVE_XTILEDATA, 63, 1);
}

int main(void)
{
	/* not xregs_init(): the kinds of CPU that matter here are given, not asked for */
	xregs_cpu = (struct xregs_cpu){
		.mask = XREGS_MASK, .avx512bw = 1, .mxcsr_mask = 0x2ffff, .pointers = true
	};
	test_patterns("AVX512BW, DAZ, MM");
	printf("# all different in one pattern\n");
	test_within();
	test_pattern_masks();
	test_compare_bits("a flip of any bit of any register is one difference");
	test_compare_masks();
	test_names();
	xregs_cpu.avx512bw = 0;
	xregs_cpu.mxcsr_mask = 0xffbf;
	test_patterns("no AVX512BW, no DAZ");
	test_narrow_opmask();
	xregs_cpu.pointers = false;
	test_compare_bits("FOP, FIP and FDP do not count where the CPU does not save them");
	return check_end();
}
