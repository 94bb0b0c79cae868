/* SPDX-License-Identifier: MIT */
/*
 * A second CPU, which runs one function at a time for the first one.
 *
 * It has the kernel's memory map and CR0, CR4 and IA32_EFER, a GDT, TSS, IDT and stack of its own,
 * and no way out of a fault: that ends its work. XCR0, IA32_XSS, IA32_XFD and all extended state
 * are as the start left them.
 */
#ifndef XTK_SMP_H
#define XTK_SMP_H

#include <stdbool.h>
#include <stdint.h>

/* What the second CPU found in itself before it wrote anything but CR4.OSXSAVE. */
struct smp_first {
	bool osxsave; /* CPUID.1:ECX[27], when CR4 was still that of INIT */
	uint64_t cr4; /* of INIT */
	uint64_t xcr0, xss, xfd;
};

/**
 * smp_start() - INIT and start-up IPIs; the second CPU then waits for work
 *
 * The first call takes any CPU that answers; every other one resets and starts the same.
 *
 * Return: NULL, or what is missing, for test_skip(). That a CPU which was started before does not
 * start again is a failed check, and returned too.
 * Source: SDM vol. 3, "MP Initialization Protocol Algorithm for MP Systems".
 */
const char *smp_start(void);

/* smp_first() - of the last start; smp_reset() - of the very first one, where it had only been
 * through reset and what the firmware did */
const struct smp_first *smp_first(void);
const struct smp_first *smp_reset(void);

/* smp_go() - the second CPU begins @function; smp_wait() - until it has returned
 * Return: false if it faulted, or does not come back; that is said by a failed check */
void smp_go(uint64_t (*function)(void *argument), void *argument);
bool smp_wait(uint64_t *value);

/* smp_call() - both in one */
bool smp_call(uint64_t (*function)(void *argument), void *argument, uint64_t *value);

/* smp_nmi_first() - from the second CPU: an NMI to the first */
void smp_nmi_first(void);

/* smp_stop() - INIT: the second CPU stands still. Every test that started it ends with this. */
void smp_stop(void);

#endif
