/* SPDX-License-Identifier: MIT */
/*
 * An entry design: the code and the stacks by which NMI, #MC and #DB enter the kernel.
 *
 * A design is kernel/ist/NAME.asm, kernel/ist/NAME.c and one IST_DESIGN in the latter. Its entry
 * code ends in a call of nmi_handle() or trap_handle() with the interrupted context as struct
 * trap_frame, and in the return to that context.
 */
#ifndef XTK_IST_H
#define XTK_IST_H

#include <xtk/frame.h>
#include <xtk/set.h>
#include <xtk/stack.h>

struct ist_entry {
	enum vector vector;
	const void *code;
	enum ist_slot slot;
	const struct stack *stack;
};

#define IST_ENTRIES 3

struct ist_design {
	const char *name;
	const char *summary; /* one line */
	struct ist_entry entry[IST_ENTRIES];
};

/* ist_stack() - the stack on which the design in use enters @vector; NULL if it has none */
const struct stack *ist_stack(enum vector vector);

SET_DECLARE(ist_designs, struct ist_design);

#define IST_DESIGN(id, ...)                                                                        \
	static const struct ist_design ist_##id = { .name = #id, __VA_ARGS__ };                    \
	SET_ENTRY(ist_designs, struct ist_design, ist_##id)

#endif
