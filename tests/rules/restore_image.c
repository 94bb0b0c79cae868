/* SPDX-License-Identifier: MIT */
/*
 * The image of a restore: what it holds, and whether its header is legal.
 *
 * Rules: H03-H10, R06-R08.
 * Sources: SDM vol. 1, "XSAVE Header", "Standard Form of XRSTOR", "Compacted Form of XRSTOR",
 * "Operation of XRSTORS"; vol. 2, "XRSTOR", "XRSTORS".
 */
#include <xtk/string.h>
#include <xtk/table.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define PLACES	     32 /* of 64 bytes, where an image may begin */
#define ZERO_FROM    16 /* in the header: bytes that no XCOMP_BV has */
#define STANDARD_END 24 /* bytes from there on the standard form does not look at */

uint64_t restore_bv(const struct restore *r)
{
	return oracle_get64(r->area + ORACLE_BV);
}

uint64_t restore_cb(const struct restore *r)
{
	return oracle_get64(r->area + ORACLE_CB);
}

uint32_t restore_mxcsr(const struct restore *r)
{
	uint32_t value;

	memcpy(&value, r->area + ORACLE_MXCSR, sizeof(value));
	return value;
}

void restore_encode(const struct restore *r)
{
	uint64_t cb = restore_cb(r), has = restore_bv(r) & XREGS_MASK & r->xcr0;

	for (unsigned int i = 0; has >> i; i++) {
		if (has >> i & 1)
			oracle_encode(r->area, i, cb, &restore_inside, true);
	}
	memcpy(r->area + ORACLE_MXCSR, &restore_inside.mxcsr, sizeof(restore_inside.mxcsr));
}

/* Where an engine looks for PKRU by mistake, it must find a value that leaves key 0 open: a closed
 * one takes the memory of the next test away, and on some engines that of the kernel. */
static void open_key_0(void *words, uint32_t size)
{
	uint8_t *bytes = words;

	for (uint32_t i = 0; i < size; i += 4)
		bytes[i] &= 0xfc;
}

void restore_open_keys(struct xregs *regs, uint64_t xcr0)
{
	if (!(xcr0 & RESTORE_PKRU))
		return;
	open_key_0(regs->vector, sizeof(regs->vector));
	open_key_0(regs->k, sizeof(regs->k));
	open_key_0(regs->bnd, sizeof(regs->bnd));
	if (xcr0 & RESTORE_AMX)
		open_key_0(regs->tile, sizeof(regs->tile));
}

void restore_open_area(const struct restore *r, uint32_t size)
{
	if (r->xcr0 & RESTORE_PKRU)
		open_key_0(r->area + ORACLE_EXTENDED, size - ORACLE_EXTENDED);
}

void restore_fill(struct restore *r, uint64_t bv, uint64_t cb)
{
	uint32_t size = oracle_image_size(cb, save_known(r->xcr0));

	r->area = probe_ops->arena + 64 * (table_random() % PLACES);
	table_fill(r->area, size);
	restore_open_area(r, size);
	memset(r->area + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	oracle_put64(r->area + ORACLE_BV, bv);
	oracle_put64(r->area + ORACLE_CB, cb);
	restore_encode(r);
}

static bool all_zero(const struct restore *r, unsigned int from, unsigned int to)
{
	const uint8_t *header = r->area + ORACLE_BV;

	while (from < to && !header[from])
		from++;
	return from == to;
}

static const char *standard_rule(const struct restore *r)
{
	if (restore_cb(r))
		return "H09";
	if (!all_zero(r, ZERO_FROM, STANDARD_END))
		return "H03";
	return restore_bv(r) & ~r->xcr0 ? "H05" : NULL;
}

/* XRSTOR knows no supervisor state, whatever IA32_XSS has. */
static const char *xcomp_bv_rule(const struct restore *r)
{
	uint64_t foreign = restore_cb(r) & ~ORACLE_COMPACT & ~restore_all(r);

	if (!foreign)
		return NULL;
	if (r->kind == RESTORE_XRSTORS)
		return "R08";
	for (unsigned int i = 0; i < 63; i++) {
		if (foreign >> i & 1 && !oracle_supervisor(i))
			return "H06";
	}
	return "R06";
}

const char *restore_header(const struct restore *r)
{
	uint64_t cb = restore_cb(r);
	const char *rule;

	if (!(cb & ORACLE_COMPACT))
		return r->kind == RESTORE_XRSTORS ? "R07" : standard_rule(r);
	if (r->kind != RESTORE_XRSTORS && !facts.xsavec)
		return "H10";
	rule = xcomp_bv_rule(r);
	if (rule)
		return rule;
	if (restore_bv(r) & ~cb)
		return "H07";
	return all_zero(r, ZERO_FROM, ORACLE_EXTENDED - ORACLE_BV) ? NULL : "H04";
}

bool restore_mxcsr_loaded(const struct restore *r)
{
	uint64_t rfbm = restore_rfbm(r);

	if (restore_cb(r) & ORACLE_COMPACT)
		return rfbm & restore_bv(r) & RESTORE_SSE;
	return rfbm & (RESTORE_SSE | RESTORE_AVX);
}
