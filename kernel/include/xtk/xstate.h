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

/**
 * xcr0_enable() - set in XCR0 every component that CPUID offers, the rules allow together and
 * XSETBV takes; without APX where it comes with MPX (rule X09)
 *
 * Needs CR4.OSXSAVE = 1 and a working exception table.
 *
 * Return: the value.
 */
uint64_t xcr0_enable(void);

/* xcr0_largest() - what xcr0_enable() has set; 0 without XSAVE */
uint64_t xcr0_largest(void);

/**
 * xcr0_next_legal() - walk every legal XCR0 that the CPU offers and XSETBV takes, smallest first
 * @xcr0: the last one; 0 to begin
 *
 * XCR0 is as before, afterwards.
 *
 * Return: the next one, 0 after the last.
 */
uint64_t xcr0_next_legal(uint64_t xcr0);

/* xcr0_set() - XSETBV; @xcr0 must be legal */
void xcr0_set(uint64_t xcr0);

#endif
