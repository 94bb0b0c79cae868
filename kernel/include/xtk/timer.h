/* SPDX-License-Identifier: MIT */
/*
 * An interrupt that comes by itself: the timer of the local APIC. Elsewhere interrupts are off.
 */
#ifndef XTK_TIMER_H
#define XTK_TIMER_H

#include <stdint.h>

/**
 * timer_begin() - interrupts are on from here on, and only the timer's come
 * @tick: called with interrupts off, on the stack of what was interrupted; it must leave extended
 * state alone
 *
 * CPUID.1:EDX[9] APIC must be there.
 */
void timer_begin(void (*tick)(void));

/* timer_once() - one tick after @count clocks of the timer */
void timer_once(uint32_t count);

/* timer_end() - interrupts are off, and all is as it was; nothing if they were off already, as
 * after an accident */
void timer_end(void);

#endif
