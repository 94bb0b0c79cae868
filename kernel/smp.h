/* SPDX-License-Identifier: MIT */
/*
 * What smp.asm and smp.c know of each other.
 */
#ifndef XTK_SMP_ENTRY_H
#define XTK_SMP_ENTRY_H

#include <stdint.h>

#include <xtk/frame.h>

#define SMP_STUB_SIZE 16

/* In the order in which smp.asm reads it. */
struct smp_boot {
	uint32_t cr3, efer; /* of the first CPU; IA32_EFER without LMA */
	uint32_t stack;	    /* top */
	uint32_t taken;	    /* 1: a CPU has come; others are to stand still */
	uint64_t cr0, cr4;  /* of the first CPU; for smp_main() */
};
extern struct smp_boot smp_boot;

/* What a stub leaves on the stack. */
struct smp_fault {
	uint64_t vector, error, rip;
};

/* smp.asm: the code for below 1 MiB, the address where it must be (a number, nothing lies there),
 * and the stubs of the exceptions */
extern const uint8_t smp_trampoline[], smp_trampoline_end[], smp_page[], smp_stubs[];

/* smp.asm calls these. smp_main() - the second CPU, in 64-bit mode on its stack; @cr4 as INIT left
 * it */
void smp_main(uint64_t cr4) __attribute__((noreturn));
void smp_faulted(const struct smp_fault *fault) __attribute__((noreturn));

#endif
