/* SPDX-License-Identifier: MIT */
/*
 * Compares two register files bit by bit, and names the first register that differs.
 *
 * Sources: SDM vol. 1, "XSAVE-Supported Features and State-Component Bitmaps" (which register is of
 * which component), "x87 FPU Status Register", "Intel AMX Tile Architecture".
 */
#include <xtk/xregs.h>

/*
 * The kinds of register: count of them, numbered from first, stride bytes apart from member on.
 * bits: those that belong to it, 0 for all. pointer: counts only if xregs_cpu.pointers.
 */
/* clang-format off */
#define KINDS(X) \
	/* name      part         id      first count stride size    bits pointer member */ \
	X("FCW",       "",          X87,         0,   1,     0,     2,      0, 0, x87.fcw)       \
	X("FSW.TOP",   "",          X87,         0,   1,     0,     2, 0x3800, 0, x87.fsw)       \
	X("FSW",       "",          X87,         0,   1,     0,     2, 0xc7ff, 0, x87.fsw)       \
	X("FTW",       "",          X87,         0,   1,     0,     2,      0, 0, x87.ftw)       \
	X("FOP",       "",          X87,         0,   1,     0,     2,      0, 1, x87.fop)       \
	X("FIP",       "",          X87,         0,   1,     0,     8,      0, 1, x87.fip)       \
	X("FDP",       "",          X87,         0,   1,     0,     8,      0, 1, x87.fdp)       \
	X("ST",        "",          X87,         0,   8,    10,    10,      0, 0, x87.st)        \
	X("MXCSR",     "",          SSE,         0,   1,     0,     4,      0, 0, mxcsr)         \
	X("xmm",       "",          SSE,         0,  16,    64,    16,      0, 0, vector)        \
	X("ymm",       "[255:128]", AVX,         0,  16,    64,    16,      0, 0, vector[0][16]) \
	X("bnd",       "",          BNDREGS,     0,   4,    16,    16,      0, 0, bnd)           \
	X("BNDCFGU",   "",          BNDCSR,      0,   1,     0,     8,      0, 0, bndcfgu)       \
	X("BNDSTATUS", "",          BNDCSR,      0,   1,     0,     8,      0, 0, bndstatus)     \
	X("k",         "",          OPMASK,      0,   8,     8,     8,      0, 0, k)             \
	X("zmm",       "[511:256]", ZMM_HI256,   0,  16,    64,    32,      0, 0, vector[0][32]) \
	X("zmm",       "",          HI16_ZMM,   16,  16,    64,    64,      0, 0, vector[16])    \
	X("PKRU",      "",          PKRU,        0,   1,     0,     4,      0, 0, pkru)          \
	X("TILECFG",   "",          XTILECFG,    0,   1,     0,    64,      0, 0, tilecfg)       \
	X("tmm",       "",          XTILEDATA,   0,   8,  1024,  1024,      0, 0, tile)
/* clang-format on */

struct kind {
	const char *name, *part;
	uint16_t component, first, count, stride, size, bits;
	bool pointer;
	uint16_t offset;
};

static const struct kind kinds[] = {
#define ROW(name, part, id, first, count, stride, size, bits, pointer, member)                     \
	{ name, part, XSAVE_##id, first, count, stride, size, bits, pointer, AT(member) },
#define AT(member) offsetof(struct xregs, member)
	KINDS(ROW)
};

#define MATRIX_ROW 64 /* what is larger than this is a matrix, whose rows have this size */

static uint64_t load64(const uint8_t *from)
{
	uint64_t value;

	__builtin_memcpy(&value, from, sizeof(value));
	return value;
}

/* Return: the first byte of the register that differs, or its size. Words first: it runs often. */
static unsigned int mismatch(const struct kind *kind, const uint8_t *want, const uint8_t *got)
{
	unsigned int i = 0;

	while (i + 8 <= kind->size && load64(want + i) == load64(got + i))
		i += 8;
	for (; i < kind->size; i++) {
		unsigned int differ = want[i] ^ got[i];

		if (kind->bits)
			differ &= kind->bits >> 8 * i;
		if (differ)
			break;
	}
	return i;
}

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *append_number(char *to, unsigned int n)
{
	const char digits[] = { (char)('0' + n / 10), (char)('0' + n % 10), '\0' };

	return append(to, n < 10 ? digits + 1 : digits);
}

static void describe(struct xregs_diff *d, const struct kind *kind, unsigned int i,
		     const uint8_t *want, const uint8_t *got)
{
	char *end = append(d->name, kind->name);
	unsigned int at = mismatch(kind, want, got), size = kind->size - at;

	if (kind->count > 1)
		end = append_number(end, kind->first + i);
	end = append(end, kind->part);
	if (kind->size > MATRIX_ROW)
		append_number(append(end, " row "), at / MATRIX_ROW);
	d->component = kind->component;
	d->offset = at % MATRIX_ROW;
	d->length = size < sizeof(d->want) ? size : sizeof(d->want);
	__builtin_memcpy(d->want, want + at, d->length);
	__builtin_memcpy(d->got, got + at, d->length);
}

unsigned int xregs_compare(const struct xregs *want, const struct xregs *got, uint64_t mask,
			   struct xregs_diff *first)
{
	unsigned int differing = 0;

	mask &= xregs_cpu.mask;
	for (const struct kind *k = kinds; k < kinds + sizeof(kinds) / sizeof(*kinds); k++) {
		const uint8_t *w = (const uint8_t *)want + k->offset;
		const uint8_t *g = (const uint8_t *)got + k->offset;

		if (!(mask & XSAVE_MASK(k->component)) || (k->pointer && !xregs_cpu.pointers))
			continue;
		for (unsigned int i = 0; i < k->count; i++, w += k->stride, g += k->stride) {
			if (mismatch(k, w, g) == k->size)
				continue;
			if (!differing++ && first)
				describe(first, k, i, w, g);
		}
	}
	return differing;
}
