/* SPDX-License-Identifier: MIT */
/*
 * The library and the program in one unit: the compiler sees all of it at once.
 */
#include XSAVE_C

#include "../../../lib/claim.c"
#include "../../../lib/component.c"
#include "../../../lib/cpu.c"
#include "../../../lib/layout.c"
#include "../../../lib/leaf0d.c"
#include "../../../lib/xcr0.c"

#include "spoil.c"
