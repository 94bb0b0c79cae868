/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler takes a page fault and does not put CR2 back: a #PF handler that it interrupted
 * would look at the wrong address. Only a CR2 that was planted before the NMI shows it.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:eager/switch/<thread_switch>/0 register=CR2
 */
#include <xtk/cpu.h>
#include <xtk/fault.h>

#define write_cr2(value) ((void)(value), (void)read_byte_safe((void *)8))

#include "../../kernel/ist_state.c"
