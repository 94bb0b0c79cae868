/* SPDX-License-Identifier: MIT */
/*
 * FCW is lost on the lazy path: the thread that touches its state gets the control word of the one
 * before. An eager switch does not come here.
 *
 * sabotage: replaces kernel/lazy.c
 * caught-by: switch/every_bit_survives
 * at: ^xcr0:0x1/save:fxsave/switch:lazy register=FCW
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:lazy/switch register=FCW
 */
#include <xsave.h>

#define xsave_load_with(...)                                                                       \
	do {                                                                                       \
		uint16_t fcw;                                                                      \
		__asm__ volatile("fnstcw %0" : "=m"(fcw));                                         \
		xsave_load_with(__VA_ARGS__);                                                      \
		__asm__ volatile("fldcw %0" : : "m"(fcw));                                         \
	} while (0)

#include "../../kernel/lazy.c"
