/* SPDX-License-Identifier: MIT */
/*
 * Proof that a report shows the machine: values are planted in the registers, and the very text
 * that went to the console is searched for them.
 */
#ifndef XTK_TESTS_PLANTED_H
#define XTK_TESTS_PLANTED_H

#include <stdint.h>

/* planted_load() - a pattern into the registers of @xcr0's components, and a copy of all text from
 * now on */
void planted_load(uint64_t xcr0);

/* planted_check() - the report since then holds every value, and the registers still do */
void planted_check(uint64_t xcr0);

#endif
