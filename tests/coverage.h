/* SPDX-License-Identifier: MIT */
/*
 * Which instructions of the path got their NMI, held against the disassembly.
 */
#ifndef XTK_TESTS_COVERAGE_H
#define XTK_TESTS_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

void coverage_begin(void);

/* coverage_expect() - the trace executed the instruction at @rip */
void coverage_expect(uint64_t rip);

/* coverage_mark() - it got its NMI; @passed: and every check held */
void coverage_mark(uint64_t rip, bool passed);

/**
 * coverage_end() - judge and report
 * @complete: every configuration ran; else the figures are only reported
 *
 * Every instruction of the disassembly must have had its NMI. Those that had none, and those where
 * a check failed, are named one by one.
 */
void coverage_end(bool complete);

#endif
