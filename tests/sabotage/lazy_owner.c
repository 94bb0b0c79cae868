/* SPDX-License-Identifier: MIT */
/*
 * #NM names the new owner before the registers are its own. Nothing is lost, so only who compares
 * the owner with the registers in between can see it.
 *
 * sabotage: replaces kernel/lazy.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:lazy/switch/<lazy.too_early>/0 owner\[lazy\]=thread1 but
 */
#include <xsave.h>

#define xsave_load_with(...)                                                                       \
	do {                                                                                       \
		*(struct thread *volatile *)&s->owner[PART_LAZY] = new;                            \
		__asm__ volatile(".globl lazy.too_early\nlazy.too_early:");                        \
		xsave_load_with(__VA_ARGS__);                                                      \
	} while (0)

#include "../../kernel/lazy.c"
