/* SPDX-License-Identifier: MIT */
/*
 * The bytes of each state component: from registers to an image, and back.
 *
 * Rules: V05 V06, V10 V11, F01-F06 F11, R02.
 * Sources: SDM vol. 1, "XSAVE-Managed State", "Processor Tracking of XSAVE-Managed State" (the
 * initial configurations), "x87 FPU Status Register", "x87 FPU Tag Word"; vol. 2, "FXSAVE" (the
 * legacy region, the abridged tag word).
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"

#define FCW_INIT      0x037f
#define FCW_BITS      0x1f3f /* bit 6 reads 1, and 7 and 13 to 15 read 0 */
#define FCW_ONE	      0x0040
#define FSW_FLAGS     0x003f /* and the masks in FCW */
#define FSW_ES_B      0x8080
#define FSW_TOP_SHIFT 11
#define FOP_BITS      0x07ff
#define FTW_EMPTY     3
#define FTW_SPECIAL   2
#define FTW_ZERO      1
#define ALL_EMPTY     0xffff
#define EXPONENT      0x7fff
#define SIGNIFICAND_1 (UINT64_C(1) << 63) /* the integer bit */

/* Offsets in the legacy region. */
enum { FCW = 0, FSW = 2, FTW = 4, FOP = 6, FIP = 8, FCS = 12, FDP = 16, FDS = 20, ST = 32 };
#define ST_SLOT 16

static void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at + 2) << 16 | get16(at);
}

void oracle_put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

uint64_t oracle_get64(const uint8_t *at)
{
	return (uint64_t)get32(at + 4) << 32 | get32(at);
}

/* Bit i: register i, by its physical number, is not empty. */
static uint8_t abridged(uint16_t ftw)
{
	unsigned int result = 0;

	for (unsigned int i = 0; i < 8; i++)
		result |= (unsigned int)((ftw >> 2 * i & 3) != FTW_EMPTY) << i;
	return (uint8_t)result;
}

static unsigned int tag(const uint8_t st[10])
{
	uint64_t significand = oracle_get64(st);
	uint16_t exponent = get16(st + 8) & EXPONENT;

	if (!exponent && !significand)
		return FTW_ZERO;
	return exponent && exponent != EXPONENT && significand & SIGNIFICAND_1 ? 0 : FTW_SPECIAL;
}

/* The slots are in stack order, the tags in physical order. */
static uint16_t full_tags(uint8_t not_empty, uint16_t fsw, const uint8_t (*st)[10])
{
	unsigned int top = fsw >> FSW_TOP_SHIFT & 7, tags = 0;

	for (unsigned int i = 0; i < 8; i++) {
		unsigned int physical = (top + i) & 7;

		tags |= (not_empty >> physical & 1 ? tag(st[i]) : FTW_EMPTY) << 2 * physical;
	}
	return (uint16_t)tags;
}

static void encode_x87(uint8_t *image, const struct xregs_x87 *x, bool rex_w)
{
	put16(image + FCW, x->fcw);
	put16(image + FSW, x->fsw);
	image[FTW] = abridged(x->ftw);
	put16(image + FOP, x->fop);
	if (rex_w) {
		oracle_put64(image + FIP, x->fip);
		oracle_put64(image + FDP, x->fdp);
	} else {
		put32(image + FIP, (uint32_t)x->fip);
		put16(image + FCS, x->fcs);
		put32(image + FDP, (uint32_t)x->fdp);
		put16(image + FDS, x->fds);
	}
	for (unsigned int i = 0; i < 8; i++)
		memcpy(image + ST + ST_SLOT * i, x->st[i], sizeof(x->st[i]));
}

/* ES and B are a summary of the flags that are not masked, whatever the image says of them. */
static uint16_t loaded_fsw(uint16_t fsw, uint16_t fcw)
{
	fsw &= (uint16_t)~FSW_ES_B;
	return fsw & ~fcw & FSW_FLAGS ? fsw | FSW_ES_B : fsw;
}

static void decode_x87(struct xregs_x87 *x, const uint8_t *image, bool rex_w)
{
	memset(x, 0, sizeof(*x));
	x->fcw = (get16(image + FCW) & FCW_BITS) | FCW_ONE;
	x->fsw = loaded_fsw(get16(image + FSW), x->fcw);
	x->fop = get16(image + FOP) & FOP_BITS;
	x->fip = rex_w ? oracle_get64(image + FIP) : get32(image + FIP);
	x->fdp = rex_w ? oracle_get64(image + FDP) : get32(image + FDP);
	x->fip_low = (uint32_t)x->fip;
	x->fdp_low = (uint32_t)x->fdp;
	x->fcs = rex_w ? 0 : get16(image + FCS);
	x->fds = rex_w ? 0 : get16(image + FDS);
	for (unsigned int i = 0; i < 8; i++)
		memcpy(x->st[i], image + ST + ST_SLOT * i, sizeof(x->st[i]));
	x->ftw = full_tags(image[FTW], x->fsw, (const uint8_t(*)[10])x->st);
}

/*
 * All other components are arrays: count pieces of size bytes, stride bytes apart in struct xregs
 * from member on, and side by side in the image.
 */
#define AT(member) offsetof(struct xregs, member)
static const struct array {
	uint8_t bit, count;
	uint16_t size, stride, member;
} arrays[] = {
	{ 1, 16, 16, 64, AT(vector) },
	{ 2, 16, 16, 64, AT(vector[0][XREGS_YMM_HI128]) },
	{ 3, 4, 16, 16, AT(bnd) },
	{ 4, 1, 16, 16, AT(bndcfgu) },
	{ 5, 8, 8, 8, AT(k) },
	{ 6, 16, 32, 64, AT(vector[0][XREGS_ZMM_HI256]) },
	{ 7, 16, 64, 64, AT(vector[16]) },
	{ 9, 1, 4, 4, AT(pkru) },
	{ 17, 1, 64, 64, AT(tilecfg) },
	{ 18, 8, 1024, 1024, AT(tile) },
};

static const struct array *array_of(unsigned int bit)
{
	for (unsigned int i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		if (arrays[i].bit == bit)
			return &arrays[i];
	}
	return NULL;
}

static uint8_t *data_of(uint8_t *image, unsigned int bit, uint64_t cb)
{
	struct oracle_part parts[2];

	oracle_parts(bit, cb, parts);
	return image + parts[0].offset;
}

void oracle_encode(uint8_t *image, unsigned int bit, uint64_t cb, const struct xregs *regs,
		   bool rex_w)
{
	const struct array *a = array_of(bit);
	uint8_t *to;

	if (bit == 0)
		encode_x87(image, &regs->x87, rex_w);
	if (!a)
		return;
	to = data_of(image, bit, cb);
	for (unsigned int i = 0; i < a->count; i++)
		memcpy(to + a->size * i, (const uint8_t *)regs + a->member + a->stride * i,
		       a->size);
}

void oracle_decode(struct xregs *regs, unsigned int bit, uint64_t cb, const uint8_t *image,
		   bool rex_w)
{
	const struct array *a = array_of(bit);
	const uint8_t *from;

	if (bit == 0)
		decode_x87(&regs->x87, image, rex_w);
	if (!a)
		return;
	from = data_of((uint8_t *)(uintptr_t)image, bit, cb);
	for (unsigned int i = 0; i < a->count; i++)
		memcpy((uint8_t *)regs + a->member + a->stride * i, from + a->size * i, a->size);
}

void oracle_initial(struct xregs *regs, uint64_t mask)
{
	if (mask & 1) {
		memset(&regs->x87, 0, sizeof(regs->x87));
		regs->x87.fcw = FCW_INIT;
		regs->x87.ftw = ALL_EMPTY;
	}
	for (const struct array *a = arrays; a < arrays + sizeof(arrays) / sizeof(*arrays); a++) {
		for (unsigned int i = 0; mask >> a->bit & 1 && i < a->count; i++)
			memset((uint8_t *)regs + a->member + a->stride * i, 0, a->size);
	}
}

static bool all_zero(const uint8_t *at, unsigned int size)
{
	while (size && !*at++)
		size--;
	return !size;
}

static bool x87_is_initial(const struct xregs_x87 *x)
{
	return x->fcw == FCW_INIT && !x->fsw && x->ftw == ALL_EMPTY && !x->fop && !x->fip &&
	       !x->fdp && all_zero(x->st[0], sizeof(x->st));
}

bool oracle_is_initial(const struct xregs *regs, unsigned int bit)
{
	const struct array *a = array_of(bit);

	if (bit == 0)
		return x87_is_initial(&regs->x87);
	for (unsigned int i = 0; a && i < a->count; i++) {
		if (!all_zero((const uint8_t *)regs + a->member + a->stride * i, a->size))
			return false;
	}
	return true;
}

bool oracle_open_byte(unsigned int bit, uint64_t cb, uint32_t offset)
{
	struct oracle_part parts[2];
	const struct array *a = array_of(bit);

	if (bit == 0)
		return offset == FTW + 1 || (offset >= ST && (offset - ST) % ST_SLOT >= 10);
	oracle_parts(bit, cb, parts);
	return a && offset >= parts[0].offset + a->size * a->count;
}

/* A pattern has no register that is 0, and neither FCW nor FSW.TOP as after an initialisation. */
void oracle_values(struct xregs *regs, uint64_t mask, uint64_t seed)
{
	xregs_pattern(regs, mask, seed);
}

static void hex(char *out, const uint8_t *bytes, unsigned int length)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < length; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static bool fail(const struct xregs_diff *d, const char *rule, const char *where)
{
	char want[2 * sizeof(d->want) + 1], got[2 * sizeof(d->got) + 1];

	hex(want, d->want, d->length);
	hex(got, d->got, d->length);
	test_fail(rule, want, got, "%s register=%s+%u", where, d->name, d->offset);
	return false;
}

bool oracle_same(const struct xregs *want, const struct xregs *got, uint64_t mask, bool mxcsr,
		 const char *rule, const char *where)
{
	static struct xregs without; /* @got, with the MXCSR that is wanted */
	struct xregs_diff first;

	if (!mxcsr && want->mxcsr != got->mxcsr) {
		without = *got;
		without.mxcsr = want->mxcsr;
		got = &without;
	}
	if (xregs_compare(want, got, mask, &first))
		return fail(&first, rule, where);
	test_checked(rule, 1);
	return true;
}
