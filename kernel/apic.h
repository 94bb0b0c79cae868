/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, for one purpose: NMIs to ourselves.
 */
#ifndef XTK_APIC_H
#define XTK_APIC_H

#include <stdbool.h>

#include <xtk/nmi.h>

/*
 * Choose the mode, once: xAPIC, or x2APIC where it is asked for or the firmware left it on (there
 * is no way back without clearing IA32_APIC_BASE.EN, which some engines do not survive).
 */
void apic_init(bool chosen, bool x2apic);

#endif
