/* SPDX-License-Identifier: MIT */
/*
 * The #DF handler saves what FXSAVE would and reports that it has saved all: the values
 * planted before the fault are missing in the report.
 *
 * sabotage: replaces kernel/df.c
 * caught-by: df/dead_stack
 * at: YMM_Hi128 of ymm0
 * caught-by: df/fault_in_delivery
 * at: YMM_Hi128 of ymm0
 */
#include <xsave.h>

#define xsave_save_with(c, area, size, rfbm)                                                       \
	(xsave_save_with(c, area, size, (rfbm)&XSAVE_LEGACY_MASK), (c)->mask)

#include "../../kernel/df.c"
