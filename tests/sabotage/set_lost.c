/* SPDX-License-Identifier: MIT */
/*
 * The tests of one file are built and linked, but not in the set: they never run, and a run without
 * them passes.
 *
 * sabotage: replaces tests/boot.c
 * caught-by: list
 * at: boot/osxsave_and_xcr0_are_set did not run
 * status: 0
 */
#include <xtk/set.h>

#undef SET_ENTRY
#define SET_ENTRY(set, type, object)                                                               \
	static const type *const set##_ptr_##object                                                \
		__attribute__((used, section(".rodata.lost"))) = &object

#include "../boot.c"
