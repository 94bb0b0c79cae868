/* SPDX-License-Identifier: MIT */
/*
 * Which rows of the register table to print: a person wants YMM3, not XMM3 and an upper half.
 */
#include "xstate.h"

unsigned int row_home(const struct xsave_reg *row)
{
	unsigned int home = 0;

	for (unsigned int i = 0; i < row->parts; i++)
		home = row->part[i].component > home ? row->part[i].component : home;
	return home;
}

static bool has_part(const struct xsave_reg *row, const struct xsave_reg_part *part)
{
	for (unsigned int i = 0; i < row->parts; i++) {
		const struct xsave_reg_part *own = &row->part[i];

		if (own->component == part->component && own->offset == part->offset &&
		    own->stride == part->stride)
			return true;
	}
	return false;
}

/* Is @wide the same registers, only wider? A field beside the register that holds it is not that.
 */
static bool covers(const struct xsave_reg *wide, const struct xsave_reg *row)
{
	if (wide->size <= row->size || row->kind != XSAVE_REG_VECTOR)
		return false;
	for (unsigned int i = 0; i < row->parts; i++) {
		if (!has_part(wide, &row->part[i]))
			return false;
	}
	return true;
}

bool row_shown(const struct xsave_reg *row, uint64_t mask)
{
	const struct xsave_reg *wide;

	if (!(mask & XSAVE_MASK(row_home(row))))
		return false;
	for (size_t i = 0; (wide = xsave_reg(i)); i++) {
		if (mask & XSAVE_MASK(row_home(wide)) && covers(wide, row))
			return false;
	}
	return true;
}
