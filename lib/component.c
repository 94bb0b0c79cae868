/* SPDX-License-Identifier: MIT */
/*
 * The component table as data, and walking a mask. The rows themselves are in component.h.
 */
#include "xsave/component.h"

#include <stddef.h>

#include "protect.h"

#define ROW(bit_, id, name_, size_, sup, al, xfd_, ts_, intel, amd)                                \
	[bit_] = {                                                                                 \
		.name = (name_),                                                                   \
		.bit = (bit_),                                                                     \
		.size = (size_),                                                                   \
		.offset_intel = (intel),                                                           \
		.offset_amd = (amd),                                                               \
		.supervisor = (sup),                                                               \
		.align64 = (al),                                                                   \
		.xfd = (xfd_),                                                                     \
		.ts = (ts_),                                                                       \
	},

static const struct xsave_component components[XSAVE_BITS] = { XSAVE_COMPONENTS(ROW) };

const struct xsave_component *xsave_component(unsigned int bit)
{
	return bit < XSAVE_BITS && components[bit].name ? &components[bit] : NULL;
}

/* xsave_fit() runs it between the caller and the instruction. */
GENERAL_REGS unsigned int xsave_next_bit(uint64_t mask, unsigned int from)
{
	uint64_t rest = from < XSAVE_BITS ? mask >> from << from : 0;

	/* Bit 63 needs no masking: its number is XSAVE_BITS. */
	return rest ? (unsigned int)__builtin_ctzll(rest) : XSAVE_BITS;
}

uint64_t xsave_known_mask(void)
{
	return XSAVE_KNOWN_MASK;
}

uint64_t xsave_user_mask(void)
{
	return XSAVE_USER_MASK;
}

uint64_t xsave_supervisor_mask(void)
{
	return XSAVE_SUPERVISOR_MASK;
}

uint64_t xsave_ts_mask(void)
{
	return XSAVE_TS_MASK;
}
