/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler does not clear CR0.TS first: it takes #NM itself, and that gives the registers to
 * a thread that has not asked for them.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:lazy/switch/<thread_switch.done>/0 the threads' areas
 */
#include <xtk/cpu.h>

#define clts() ((void)0)

#include "../../kernel/ist_state.c"
