/* SPDX-License-Identifier: MIT */
/*
 * The steps of main.c that have no header of their own.
 */
#ifndef XTK_BOOT_H
#define XTK_BOOT_H

#include <stdint.h>

/* multiboot.asm comes here, in 64-bit mode on boot_stack, with what the loader left in EAX and EBX.
 */
void kmain(uint32_t magic, uint64_t address) __attribute__((noreturn));

/* cpu.c, in this order */
void cpu_survey(void);
void cpu_enable(void);
void cpu_enable_xstate(void);

#endif
