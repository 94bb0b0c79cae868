/* SPDX-License-Identifier: MIT */
/*
 * XCR0 as the kernel sets it.
 */
#ifndef XTK_XSTATE_H
#define XTK_XSTATE_H

#include <stdbool.h>
#include <stdint.h>

#include <xsave.h>

/* The CPU at hand as the library sees it, with everything that XCR0 enabled at boot. */
extern struct xsave_cpu boot_xsave_cpu;

/*
 * The same with plain XSAVE: for the kernel's own handlers and reports. It is the oldest and best
 * tested of the instructions, so that an engine which breaks the compacted format can still be
 * reported on; and in an NMI handler XSAVEOPT and XSAVES are wrong, because their modified
 * optimization would skip what the buffer seems to hold already.
 */
extern struct xsave_cpu kernel_xsave_cpu;

/* xcr0_largest() - every component that the CPU offers; without APX where it comes with MPX (rule
 * X09) */
uint64_t xcr0_largest(void);

/**
 * xcr0_next_legal() - walk every legal XCR0 that the CPU offers, smallest first
 * @xcr0: the last one; 0 to begin
 *
 * Return: the next one, 0 after the last.
 */
uint64_t xcr0_next_legal(uint64_t xcr0);

/* xcr0_set() - XSETBV; @xcr0 must be legal */
void xcr0_set(uint64_t xcr0);

#endif
