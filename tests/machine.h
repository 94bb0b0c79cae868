/* SPDX-License-Identifier: MIT */
/*
 * The registers that an interruption must leave alone and that are no general-purpose or extended
 * state.
 */
#ifndef XTK_TESTS_MACHINE_H
#define XTK_TESTS_MACHINE_H

#include <stdint.h>

struct machine {
	uint64_t cr0, cr2, cr3, cr4, dr0, dr1, dr2, dr3, dr6, dr7;
	uint64_t fs_base, gs_base, kernel_gs_base, efer, xcr0, xss, xfd;
};

void machine_read(struct machine *m);

/* machine_write() - set right whatever differs */
void machine_write(const struct machine *m);

/* machine_check() - compare; each difference is a failed check */
void machine_check(const struct machine *want, const struct machine *got, const char *rule,
		   const char *where);

/* machine_difference() - the name of the first register that differs, NULL if none does */
const char *machine_difference(const struct machine *want, const struct machine *got);

#endif
