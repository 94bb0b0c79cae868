/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler leaves CR0.TS clear. A lazy thread then uses another one's registers without #NM.
 * TS is first set at the end of a lazy switch, so an NMI anywhere before is harmless.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:lazy/switch/<thread_switch.done>/0 register=CR0
 */
#include <xtk/cpu.h>

#define write_cr0(value) ((void)(value))

#include "../../kernel/ist_state.c"
