/* SPDX-License-Identifier: MIT */
/*
 * The first lines of a log.
 */
#ifndef XTK_HEADER_H
#define XTK_HEADER_H

#include <stdint.h>

#include <xtk/cpu.h>

typedef struct cpuid_regs (*header_cpuid)(uint32_t leaf, uint32_t subleaf);

/**
 * header_print() - the beginning, the header, and a line for each component of leaf 0DH
 * @boot:  how the program was started
 * @ask:   CPUID, as the machine under test answers it
 * @words: the command line; what would spoil the line is replaced in place
 *
 * Uses cpu.
 */
void header_print(const char *boot, header_cpuid ask, char *words);

#endif
