/* SPDX-License-Identifier: MIT */
/*
 * What a hosted program has of its own, beside probe_ops (xtk/probe.h) and machine_words
 * (kernel/cmdline.h): native.c gives one definition of each, the model another.
 */
#ifndef TESTS_HOST_RULES_FRAME_H
#define TESTS_HOST_RULES_FRAME_H

#include <stdbool.h>
#include <ucontext.h>

#include <xtk/fault.h>

/* machine_start() - called when the words have been taken, before anything else of probe_ops; also
 * sets xregs_cpu */
void machine_start(void);

/* machine_fault() - a fault of this process. Return: whether it was the probe's; @context then says
 * where to go on. */
bool machine_fault(ucontext_t *context, fault_t fault);

#endif
