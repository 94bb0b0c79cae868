/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, for these purposes: NMIs to ourselves and to the first CPU, the start of a second
 * one, and a timer.
 */
#ifndef XTK_APIC_H
#define XTK_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/nmi.h>

/* Commands of the ICR: delivery mode and level; the vector of a start-up IPI is a page's number. */
#define APIC_NMI     0x4400
#define APIC_INIT    0x4500
#define APIC_STARTUP 0x4600

#define APIC_TIMER_VECTOR 0xf0 /* the priority class that CR8 = 0EH lets through */

/*
 * Choose the mode, once: xAPIC, or x2APIC where it is asked for or the firmware left it on (there
 * is no way back without clearing IA32_APIC_BASE.EN, which some engines do not survive).
 */
void apic_init(bool chosen, bool x2apic);

/* apic_enable() - the local APIC of this CPU, as apic_init() chose */
void apic_enable(void);

/* apic_id() - how apic_send() names this CPU */
uint32_t apic_id(void);

/* apic_send() - an IPI to one CPU. apic_send_others() - to all but this one. */
void apic_send(uint32_t id, uint32_t command);
void apic_send_others(uint32_t command);

/* apic_timer() - an interrupt after @count clocks of the timer; 0: none. apic_eoi() - the handler
 * of an interrupt that is no NMI is done. */
void apic_timer(uint32_t count);
void apic_eoi(void);

#endif
