/* SPDX-License-Identifier: MIT */
/*
 * A component is left out of the switch: all threads share BNDCFGU and BNDSTATUS. Both tests
 * that switch threads see it, each under its first XCR0 with MPX.
 *
 * sabotage: replaces kernel/thread.c
 * caught-by: switch/every_bit_survives
 * at: ^xcr0:0x19/save:xsave/switch:eager register=BNDCFGU
 * caught-by: nmi/every_boundary_of_the_switch
 * at: ^xcr0:0x21f/save:xsave/switch:eager/switch register=BNDCFGU
 */
#include <xsave.h>

#define xsave_cpu_restrict(cpu, insn, mask)                                                        \
	xsave_cpu_restrict(cpu, insn, (mask) & ~XSAVE_MASK(XSAVE_BNDCSR))

#include "../../kernel/thread.c"
