/* SPDX-License-Identifier: MIT */
/*
 * Values for every register: deterministic, all different, never 0, and all legal.
 *
 * Sources: SDM vol. 1, "x87 FPU Control Word", "x87 FPU Status Register", "MXCSR Control and Status
 * Register", "Intel MPX Configuration and Status Registers"; vol. 2, "LDTILECFG", "XRSTOR".
 */
#include <xtk/xregs.h>

#define ODD		    UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio */
#define MXCSR_ALL_MASKED    0x1f80
#define FCW_ALL_MASKED	    0x007f /* bit 6 reads 1 always */
#define FCW_PC_SHIFT	    8
#define FCW_RC_SHIFT	    10 /* RC, and above it the infinity control bit X */
#define FSW_TOP_SHIFT	    11
#define FSW_CODES_FLAGS	    0x477f /* C3-C0, SF and the exception flags */
#define FOP_BITS	    0x07ff
#define FTW_EMPTY	    3
#define ST_INTEGER_BIT	    (UINT64_C(1) << 63)
#define ST_SIGN		    0x8000
#define ST_EXPONENT_MAX	    0x7ffe /* the largest of a finite number */
#define PKRU_OTHER_KEYS	    0xfffffffc
#define BNDCFGU_EN_PRESERVE 3 /* EN and BNDPRESERVE */

/*
 * Word n of a seed, by the finaliser of SplitMix64: a bijection that maps 0 to 0. So no two words
 * of two seeds below 2^51 are equal, and none is 0. n is the word's place in struct xregs.
 */
static uint64_t word(uint64_t seed, uint64_t n)
{
	uint64_t z = (seed << 12) + n + 1;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The registers ST lie across words; theirs have places of their own, n being less than 2^12. */
#define ST_PLACE 2048
_Static_assert(sizeof(struct xregs) / 8 <= ST_PLACE, "the places of struct xregs lie below");

/* A value other than 0 that uses only the bits in free: w of them give 2^w - 1 seeds their own. */
static uint32_t scatter(uint64_t seed, uint32_t free)
{
	uint64_t all = 1, n;
	uint32_t value = 0;

	for (uint32_t f = free & (free - 1); f; f &= f - 1)
		all = all << 1 | 1;
	n = (seed % all + 1) * ODD & all;
	for (uint32_t f = free; f; f &= f - 1, n >>= 1)
		value |= n & 1 ? f & -f : 0;
	return value;
}

/* All canonical addresses of 48 bits, so canonical with 57 too: the CPU may force FIP to be so. */
static uint64_t canonical(uint64_t value)
{
	return (uint64_t)((int64_t)(value << 16) >> 16);
}

static void fill(struct xregs *r, void *to, size_t size, uint64_t seed)
{
	uint64_t place = (uint64_t)((uint8_t *)to - (uint8_t *)r) / 8, value = 0;
	uint8_t *byte = to;

	for (size_t i = 0; i < size; i++, value >>= 8) {
		if (i % 8 == 0)
			value = word(seed, place + i / 8);
		byte[i] = (uint8_t)value;
	}
}

/* 23 control words: RC, X and three of the four PC (01B is reserved), but not FNINIT's 037FH. */
static uint16_t fcw(uint64_t seed)
{
	static const uint8_t pc[] = { 3, 2, 0 };
	unsigned int n = 1 + (unsigned int)(seed % 23);

	return (uint16_t)(FCW_ALL_MASKED | pc[n % 3] << FCW_PC_SHIFT | n / 3 << FCW_RC_SHIFT);
}

/* As the abridged FTW: some registers are empty and some are not. 67 is prime to 254. */
static uint8_t not_empty(uint64_t seed)
{
	return (uint8_t)(1 + seed * 67 % 254);
}

static uint32_t mxcsr(uint64_t seed)
{
	return MXCSR_ALL_MASKED | scatter(seed, xregs_cpu.mxcsr_mask & ~MXCSR_ALL_MASKED);
}

/* A finite number that is normal, whose tag FNSAVE gives as valid. */
static void pattern_st(uint8_t st[10], uint64_t seed, unsigned int i)
{
	uint64_t significand = word(seed, ST_PLACE + 2 * i) | ST_INTEGER_BIT;
	uint64_t random = word(seed, ST_PLACE + 2 * i + 1);
	uint16_t exponent = (uint16_t)((random >> 48 & ST_SIGN) | (1 + random % ST_EXPONENT_MAX));

	__builtin_memcpy(st, &significand, sizeof(significand));
	__builtin_memcpy(st + sizeof(significand), &exponent, sizeof(exponent));
}

static void pattern_x87(struct xregs *r, uint64_t seed)
{
	struct xregs_x87 *x = &r->x87;

	fill(r, &x->fip, sizeof(x->fip) + sizeof(x->fdp), seed);
	x->fip = canonical(x->fip);
	x->fdp = canonical(x->fdp);
	x->fip_low = (uint32_t)x->fip;
	x->fdp_low = (uint32_t)x->fdp;
	x->fcs = x->fds = x->pad0 = x->pad1 = x->pad2 = x->pad3 = 0;
	x->fop = (uint16_t)scatter(seed, FOP_BITS);
	x->fcw = fcw(seed);
	x->fsw = (uint16_t)(scatter(seed, FSW_CODES_FLAGS) | (1 + seed % 7) << FSW_TOP_SHIFT);
	x->ftw = 0;
	for (unsigned int i = 0; i < 8; i++) {
		if (!(not_empty(seed) >> i & 1))
			x->ftw |= (uint16_t)(FTW_EMPTY << 2 * i);
		pattern_st(x->st[i], seed, i);
	}
}

static void pattern_vectors(struct xregs *r, uint64_t mask, uint64_t seed)
{
	for (unsigned int i = 0; i < 16; i++) {
		uint8_t *v = r->vector[i];

		if (mask & XSAVE_MASK(XSAVE_SSE))
			fill(r, v, XREGS_YMM_HI128, seed);
		if (mask & XSAVE_MASK(XSAVE_AVX))
			fill(r, v + XREGS_YMM_HI128, XREGS_ZMM_HI256 - XREGS_YMM_HI128, seed);
		if (mask & XSAVE_MASK(XSAVE_ZMM_HI256))
			fill(r, v + XREGS_ZMM_HI256, sizeof(r->vector[i]) - XREGS_ZMM_HI256, seed);
		if (mask & XSAVE_MASK(XSAVE_HI16_ZMM))
			fill(r, r->vector[16 + i], sizeof(r->vector[16 + i]), seed);
	}
}

static void pattern_opmask(struct xregs *r, uint64_t seed)
{
	fill(r, r->k, sizeof(r->k), seed);
	for (unsigned int i = 0; i < 8 && !xregs_cpu.avx512bw; i++)
		r->k[i] = scatter(8 * seed + i, UINT16_MAX);
}

/* BNDCFGU: the bound directory's base, a page. BNDSTATUS: an entry's address, an error code. */
static void pattern_bndcsr(struct xregs *r, uint64_t seed)
{
	fill(r, &r->bndcfgu, sizeof(r->bndcfgu) + sizeof(r->bndstatus), seed);
	r->bndcfgu = (canonical(r->bndcfgu) & ~UINT64_C(0xfff)) | BNDCFGU_EN_PRESERVE;
	r->bndstatus = (canonical(r->bndstatus) & ~UINT64_C(3)) | (1 + seed % 2);
}

/* Every tile has a shape of its own, and none is empty. */
static void pattern_amx(struct xregs *r, uint64_t seed)
{
	__builtin_memset(&r->tilecfg, 0, sizeof(r->tilecfg));
	__builtin_memset(r->tile, 0, sizeof(r->tile));
	r->tilecfg.palette = 1;
	for (uint64_t i = 0; i < 8; i++) {
		r->tilecfg.rows[i] = (uint8_t)(1 + (seed + 3 * i) % 16);
		r->tilecfg.colsb[i] = (uint16_t)(4 * (1 + (seed + 5 * i) % 16));
		for (unsigned int row = 0; row < r->tilecfg.rows[i]; row++)
			fill(r, r->tile[i][row], r->tilecfg.colsb[i], seed);
	}
}

/*
 * PKRU never closes key 0, which all pages have: at CPL 3 that would be the end, and Bochs
 * (2.7, 3.0) lets a write-disabled key forbid supervisor writes to supervisor pages too if CR0.WP
 * = 1.
 */
void xregs_pattern(struct xregs *r, uint64_t mask, uint64_t seed)
{
	if (mask & XSAVE_MASK(XSAVE_X87))
		pattern_x87(r, seed);
	if (mask & XSAVE_MASK(XSAVE_SSE))
		r->mxcsr = mxcsr(seed);
	pattern_vectors(r, mask, seed);
	if (mask & XSAVE_MASK(XSAVE_BNDREGS))
		fill(r, r->bnd, sizeof(r->bnd), seed);
	if (mask & XSAVE_MASK(XSAVE_BNDCSR))
		pattern_bndcsr(r, seed);
	if (mask & XSAVE_MASK(XSAVE_OPMASK))
		pattern_opmask(r, seed);
	if (mask & XSAVE_MASK(XSAVE_PKRU))
		r->pkru = scatter(seed, PKRU_OTHER_KEYS);
	if (mask & (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA)))
		pattern_amx(r, seed);
}
