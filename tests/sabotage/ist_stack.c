/* SPDX-License-Identifier: MIT */
/*
 * The gates have no IST: an NMI runs on the stack that it interrupts, whatever that is. A good
 * stack bears it, so only who looks at RSP in the handler sees it.
 *
 * sabotage: replaces kernel/ist.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:eager/switch/<thread_switch>/0 the handler runs on
 */
#include "../../kernel/include/xtk/desc.h"

#define idt_set(vector, code, slot) idt_set(vector, code, IST_NONE)

#include "../../kernel/ist.c"
