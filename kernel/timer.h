/* SPDX-License-Identifier: MIT */
/*
 * The two halves of the timer interrupt.
 */
#ifndef XTK_TIMER_ENTRY_H
#define XTK_TIMER_ENTRY_H

void timer_entry(void);	 /* timer.asm: the gate */
void timer_handle(void); /* timer.c: what it calls */

#endif
