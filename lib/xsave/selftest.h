/* SPDX-License-Identifier: MIT */
/*
 * Does the machine do what the instruction is for? A short test at start-up (x86-64 only).
 */
#ifndef XSAVE_SELFTEST_H
#define XSAVE_SELFTEST_H

#include <stddef.h>

#include "cpu.h"
#include "error.h"

#define XSAVE_SELFTEST_SIZE 24576 /* bytes of scratch memory that always suffice */

/**
 * xsave_selftest() - save and load known values once, and look at every byte
 * @cpu:     the instruction and mask to try
 * @scratch: aligned to 64 bytes; its content is lost
 * @size:    bytes, XSAVE_SELFTEST_SIZE at least
 *
 * Emulators and hypervisors have put compacted components in wrong places, written past the end,
 * and lost values. The state of the caller is as before when this returns, whatever the engine did.
 * Interrupts may come in between if their handlers keep extended state. Other components than x87,
 * SSE, AVX and the ZMM registers are saved as the caller has them, and neither filled nor loaded: a
 * value there can fault or deny memory.
 *
 * Return: XSAVE_OK, also when the mask is empty; XSAVE_ERR_SCRATCH; XSAVE_ERR_INSN on other
 * machines than x86-64; or the XSAVE_ERR_ENGINE_* that was found: then choose another instruction
 * by xsave_cpu_restrict() and try again, or do not save at all. Source: SDM vol. 1, "Operation of
 * XSAVE" to "Operation of XRSTORS".
 */
enum xsave_error xsave_selftest(const struct xsave_cpu *cpu, void *scratch, size_t size);

#endif
