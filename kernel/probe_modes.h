/* SPDX-License-Identifier: MIT */
/*
 * The probes of modes outside IA-32e mode: PROBE_PROTECTED32, PROBE_REAL and PROBE_V86 (real.c).
 */
#ifndef XTK_PROBE_MODES_H
#define XTK_PROBE_MODES_H

#include <xtk/probe.h>

/* probe_legacy_why_not() - as probe_ops->why_not(), for these three modes */
const char *probe_legacy_why_not(const struct probe *p);

/**
 * probe_legacy_run() - execute the instruction of @p in its mode
 * @p: what to run; its init and load are done, its store comes afterwards, by the caller
 * @r: receives fault, cr2 and gprs, RFLAGS as they were; the caller masks what does not count
 *
 * The caller flips CR0, CR4 and IA32_EFER; they are the same at the end. No extended register
 * changes but by the instruction.
 */
void probe_legacy_run(const struct probe *p, struct probe_result *r);

#endif
