/* SPDX-License-Identifier: MIT */
/*
 * What only exists outside IA-32e mode and is no probe.
 */
#ifndef XTK_LEGACY_H
#define XTK_LEGACY_H

#include <stdint.h>

/**
 * legacy_task_switch() - call another task through its TSS, in 32-bit protected mode
 * @cr0: receives CR0 as the second task found it, and as the first one found it after IRET; each of
 * the two switches was begun with CR0.TS = 0
 *
 * Registers 8 to 31 of SSE, AVX and AVX-512 are undefined afterwards. No NMI may come.
 * Source: SDM vol. 3, "Task Switching".
 */
void legacy_task_switch(uint64_t cr0[2]);

#endif
