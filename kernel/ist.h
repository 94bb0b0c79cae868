/* SPDX-License-Identifier: MIT */
/*
 * Choosing the entry design.
 */
#ifndef XTK_IST_RUN_H
#define XTK_IST_RUN_H

#include <xtk/ist.h>

/* ist_design_find() - the design of that name, NULL if there is none */
const struct ist_design *ist_design_find(const char *name);

/* ist_handler_set() - what ist_handle() calls from now on; NULL: the kernel's own handlers */
void ist_handler_set(void (*handler)(struct trap_frame *frame));

/* ist_install() - gates and stacks of a design */
void ist_install(const struct ist_design *design);

#endif
