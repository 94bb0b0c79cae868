/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler clobbers XMM15 after it has put the interrupted state back. The tests that
 * compare registers around an NMI see it, one of them at the first boundary already.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x3/save:fxsave/switch:eager/switch/<thread_switch>/0 register=xmm15
 * caught-by: interrupt/nmi_spoils_no_optimised_save
 * at: register=xmm15
 * caught-by: interrupt/storm_changes_nothing
 * at: register=xmm15
 * caught-by: nmi/reports_the_state
 * at: register=xmm15
 */
#include <xsave.h>

#define xsave_load_with(...)                                                                       \
	do {                                                                                       \
		xsave_load_with(__VA_ARGS__);                                                      \
		__asm__ volatile("pcmpeqd %xmm15, %xmm15");                                        \
	} while (0)

#include "../../kernel/ist_state.c"
