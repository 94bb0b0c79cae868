/* SPDX-License-Identifier: MIT */
/*
 * What a person needs to see of a machine that stopped: frame, control registers, extended state,
 * backtrace.
 */
#ifndef XTK_DUMP_H
#define XTK_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xtk/frame.h>

/* The whole report: every part below. Saves the extended state itself, and puts it back. */
void dump_exception(const struct trap_frame *frame);

void dump_frame(const struct trap_frame *frame);
void dump_control_registers(void);

/**
 * dump_state() - extended state on the console, a component at a time
 * @area: XSAVE area; standard or compacted format
 * @size: bytes of it
 *
 * Prints XCR0, IA32_XSS, XSTATE_BV, XINUSE, and of each component in use every 32 bytes that are
 * not all zero.
 */
void dump_state(const void *area, size_t size);

/* dump_state_possible() - whether state can be saved: not before cpu_enable(), nor while a test has
 * cleared CR4.OSXSAVE */
bool dump_state_possible(void);

/**
 * dump_backtrace() - `# bt ADDRESS` lines, which the host turns into file:line
 * @rbp: frame pointer to start from; the walk ends where it leaves the known stacks
 * @rip: innermost address, or 0
 */
void dump_backtrace(uint64_t rbp, uint64_t rip);

#endif
