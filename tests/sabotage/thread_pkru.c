/* SPDX-License-Identifier: MIT */
/*
 * PKRU is switched lazily, though no #NM announces its use: until a thread touches something else
 * it runs with the protection keys of another.
 *
 * sabotage: replaces kernel/thread.c
 * caught-by: switch/every_bit_survives
 * at: ^xcr0:0x201/save:xsave/switch:lazy register=PKRU
 */
#include <xsave.h>

#undef XSAVE_TS_MASK
#define XSAVE_TS_MASK (UINT64_C(0) XSAVE_COMPONENTS(XSAVE_TERM_TS) | XSAVE_MASK(XSAVE_PKRU))

#include "../../kernel/thread.c"
