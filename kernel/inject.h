/* SPDX-License-Identifier: MIT */
/*
 * Between inject.c and inject.asm.
 */
#ifndef XTK_INJECT_PRIVATE_H
#define XTK_INJECT_PRIVATE_H

#include <xtk/frame.h>

/* The #BP's frame that the catcher returns with. */
extern struct trap_frame *inject_frame;

/* inject.asm: gate 2 of the IDT that is in force while the NMI is prepared */
void inject_catcher(void);

/* inject.c: after an accident, from any context: nothing stays marked, whatever was armed or traced
 * is forgotten */
void inject_abandon(void);

/* inject.c: the catcher's C part: latch the second NMI and put the kernel's IDT back */
void inject_latch(void);

#endif
