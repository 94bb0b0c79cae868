/* SPDX-License-Identifier: MIT */
/*
 * The library takes an area for 64 bytes larger than it is: a component that ends there is written
 * past it. The areas of threads and of NMIs hold everything and come by another way.
 *
 * sabotage: replaces lib/xsave.c
 * caught-by: lib/never_past_the_area
 * at: ^unexpected exception
 */
#include <xsave/layout.h>

#define xsave_fit(compacted, mask, size) xsave_fit(compacted, mask, (size) + 64)

#include "../../lib/xsave.c"
