/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler saves into the area of the thread that it interrupted, instead of a buffer of its
 * own. The registers come back all the same; what the area held does not, as only a comparison of
 * the areas shows.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:eager/switch/<thread_switch>/0 the threads' areas
 */
#include <xsave.h>
#include <xtk/thread.h>

#define xsave_save_with(cpu, memory, size, mask)                                                   \
	xsave_save_with(cpu, s->area = (switch_state.current ?: threads)->state, size, mask)

#include "../../kernel/ist_state.c"
