/* SPDX-License-Identifier: MIT */
/*
 * An entry design: the code and the stacks by which NMI, #MC and #DB enter the kernel.
 *
 * A design is kernel/ist/NAME.asm, kernel/ist/NAME.c and one IST_DESIGN in the latter. Its entry
 * code saves the interrupted context as struct trap_frame on a stack that is this nest level's own,
 * calls ist_handle() with it, and returns to the context as the frame then has it. Every label in
 * the assembly (.name) and every function in the C is a step: results and claims are named by them.
 * docs/ist-designs.md tells the whole.
 */
#ifndef XTK_IST_H
#define XTK_IST_H

#include <stdbool.h>

#include <xtk/frame.h>
#include <xtk/ist_state.h>
#include <xtk/set.h>
#include <xtk/stack.h>

/* What one nest level may need on the stack where ist_handle() is called: the frame, the handler,
 * and the whole extended state (11 KiB with AMX). And how many levels the laboratory nests. */
#define IST_LEVEL_SIZE (16 * 1024)
#define IST_LEVELS     8

struct ist_entry {
	enum vector vector;
	const void *code;
	enum ist_slot slot;	   /* IST_NONE: enters on the current stack */
	const struct stack *stack; /* where the CPU begins; NULL with IST_NONE */
};

#define IST_ENTRIES 3
#define IST_STACKS  4
#define IST_CLAIMS  48

/*
 * What a design promises for one nesting pattern. "NMI>DB>NMI": an NMI, whose entry or handler a
 * #DB interrupts, in which an NMI comes again. Before a colon stands what the first event
 * interrupts, if it is not the kernel's ordinary code: "user:NMI", "gap:NMI>DB".
 */
struct ist_claim {
	const char *pattern;
	const char *fails; /* the steps that the second event may not hit, separated by spaces;
			      "*": any; NULL: none, the design survives the pattern */
};

/* What every design claims that leaves #DF a stack of its own: in a list of claims. */
#define IST_SURVIVES_DOUBLE_FAULTS                                                                 \
	{ "DF", NULL }, { "NMI>DF", NULL }, { "DB>DF", NULL }, { "MC>DF", NULL },                  \
		{ "DF>NMI", NULL }, { "DB>DF>NMI", NULL },                                         \
	{                                                                                          \
		"MC>DF>NMI", NULL                                                                  \
	}

/* Three different vectors inside each other: what every design claims whose stacks are apart. */
#define IST_SURVIVES_THREE_VECTORS                                                                 \
	{ "NMI>DB>MC", NULL }, { "NMI>MC>DB", NULL }, { "DB>NMI>MC", NULL },                       \
		{ "DB>MC>NMI", NULL }, { "MC>NMI>DB", NULL },                                      \
	{                                                                                          \
		"MC>DB>NMI", NULL                                                                  \
	}

#define IST_NOT_APPLICABLE "n/a" /* in .fails: the CPU does not let the pattern happen */

struct ist_design {
	const char *name;
	const char *summary; /* one line */
	struct ist_entry entry[IST_ENTRIES];
	const struct stack *stacks[IST_STACKS]; /* where handlers may run, besides those of .entry
						 */
	bool on_interrupted; /* handlers may run on the interrupted stack, too; from CPL 3, on that
				of TSS.RSP0 */
	bool coalesces_nmi;  /* one run of the handler may answer for several NMIs */
	struct ist_claim claims[IST_CLAIMS];
	const char *(*missing)(void); /* the CPUID bit that the CPU lacks, NULL if it has all */
	void (*install)(void);	      /* sets what there is besides IDT and TSS, and initialises
					 what the design keeps; may be NULL */
	void (*remove)(void);
	uint64_t (*user_cr3)(void); /* the CR3 under which the laboratory runs CPL 3 code; NULL: the
				       kernel's own */
	const struct ist_state_policy *state; /* NULL: ist_state_on_stack */
};

/* ist_stack() - the stack on which the design in use enters @vector; NULL if it has none */
const struct stack *ist_stack(enum vector vector);

/* ist_may_run_on() - whether a handler that interrupted @frame may run on a stack: one of the
 * design's in use, or the interrupted one */
bool ist_may_run_on(const struct stack *stack, const struct trap_frame *frame);

/**
 * ist_handle() - what every entry design calls for every vector
 * @frame: the interrupted context; what the handler changes in it is what is returned to
 *
 * Call it with RFLAGS.DF = RFLAGS.AC = 0 and RSP 16-byte aligned, NMIs still blocked or not. It
 * saves the extended state on the stack, uses all of it, and puts it back; it also keeps CR0.TS,
 * CR2 and IA32_XFD.
 */
void ist_handle(struct trap_frame *frame);

/* ist_handler_set() - what ist_handle() runs for every vector from now on, between save and load of
 * the extended state; NULL: the kernel's own handlers */
void ist_handler_set(const struct ist_handler *handler);

/* ist_install() - gates and stacks of a design, in the place of the one before */
void ist_install(const struct ist_design *design);
const struct ist_design *ist_installed(void);

/* ist_install_chosen() - the first design of the word ist= that the CPU can run */
void ist_install_chosen(void);

/* ist_next() - walk the designs that the word ist= chooses; NULL begins, and ends */
const struct ist_design *ist_next(const struct ist_design *after);

SET_DECLARE(ist_designs, struct ist_design);

/* IST_DESIGN() - register a design: IST_DESIGN(my_design, .name = "my-design", …) */
#define IST_DESIGN(id, ...)                                                                        \
	static const struct ist_design ist_##id = { __VA_ARGS__ };                                 \
	SET_ENTRY(ist_designs, struct ist_design, ist_##id)

#endif
