/* SPDX-License-Identifier: MIT */
/*
 * Spoilt: without the attributes of protect.h a compiler sees that no load names a vector register.
 */
#include "../../../lib/protect.h"

#undef OUT_OF_LINE
#undef GENERAL_REGS
#define OUT_OF_LINE
#define GENERAL_REGS

#include "../../../lib/xsave.c"
