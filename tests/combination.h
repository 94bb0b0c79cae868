/* SPDX-License-Identifier: MIT */
/*
 * Every way to switch that the CPU offers: XCR0 x instruction x mode.
 */
#ifndef XTK_TESTS_COMBINATION_H
#define XTK_TESTS_COMBINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xtk/options.h>

struct combination {
	uint64_t xcr0;
	enum xsave_insn insn;
	enum switch_mode mode;
};

/* combination_name() - "xcr0:0x7/save:xsave/switch:lazy". Return: length */
size_t combination_name(const struct combination *c, char *out, size_t size);

/**
 * combinations_visit() - every legal combination that xcr0=, save= and switch= allow, smallest XCR0
 * first
 * @visit: called for each; NULL to count only
 *
 * Return: how many there are.
 */
unsigned int combinations_visit(void (*visit)(const struct combination *c));

#endif
