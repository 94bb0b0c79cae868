/* SPDX-License-Identifier: MIT */
/*
 * Everything that an NMI must leave as it was: the interrupted registers, control and debug
 * registers, the extended state by value, the threads' areas, the owners.
 */
#ifndef XTK_TESTS_NMI_CHECK_H
#define XTK_TESTS_NMI_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/inject.h>

#define RING 3 /* contexts that take part: the test's own and two threads */

/* The hooks for inject_arm(). */
extern const struct inject_hooks nmi_check_hooks;

/**
 * nmi_check_begin() - what the next injection is about
 * @where:  names the case in a failure; must stay valid
 * @xcr0:   components to compare
 * @owners: whether the threads' contexts hold what their registers should: then the owners that the
 * switch has written down are held against the registers
 */
void nmi_check_begin(const char *where, uint64_t xcr0, bool owners);

#endif
