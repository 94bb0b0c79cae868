/* SPDX-License-Identifier: MIT */
/*
 * The NMI handler saves what FXSAVE would and believes that it has saved all.
 *
 * sabotage: replaces kernel/ist_state.c
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x21f/save:xsave/switch:eager/switch/<thread_switch>/0 register=ymm0\[255:128\]
 * caught-by: interrupt/nmi_spoils_no_optimised_save
 * at: register=ymm0
 * caught-by: interrupt/storm_changes_nothing
 * at: register=ymm0
 * caught-by: nmi/reports_the_state
 * at: YMM_Hi128 of ymm0
 */
#include <xsave.h>

#define xsave_save_with(cpu, area, size, mask)                                                     \
	(xsave_save_with(cpu, area, size, (mask)&XSAVE_LEGACY_MASK), mask)

#include "../../kernel/ist_state.c"
