/* SPDX-License-Identifier: MIT */
/*
 * An NMI at exactly one instruction, and the list of the instructions there are.
 *
 * The instruction is marked with INT3 through the writable alias. Its #BP runs on a stack of its
 * own and leaves NMI blocking as it is. There the NMI is prepared: a first self-NMI goes to a
 * catcher (another IDT), which so runs with NMIs blocked; a second one is latched behind it; the
 * catcher returns with the #BP's frame, and the IRET that unblocks NMIs is at the same time the one
 * that goes back to the instruction. The NMI is taken there, before the instruction executes.
 * Afterwards the same mark catches the return, so that everything can be compared.
 *
 * Sources: SDM vol. 3, "Handling Multiple NMIs", "Priority Among Concurrent Events".
 */
#ifndef XTK_INJECT_H
#define XTK_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xtk/nmi.h>

/* A function on the switch path, from the disassembly of its object (tools/path-table.awk). */
struct path_function {
	const char *name;
	uint64_t start;
	uint64_t count;		/* of instructions */
	const uint8_t *lengths; /* of each, in bytes */
};

extern const struct path_function path_functions[];
extern const uint64_t path_function_count;

/* path_find() - the function that has an instruction at @rip, and which it is; NULL if there is
 * none */
const struct path_function *path_find(uint64_t rip, unsigned int *index);

/* A boundary: before the @occurrence-th execution of the instruction at @rip, counted from 0. */
struct boundary {
	uint64_t rip;
	unsigned int occurrence;
};

/**
 * inject_trace_begin() - single-step from here on and record the boundaries on the path
 * @list: receives them in the order of execution
 * @max:  room in @list
 *
 * Delivery of an exception ends single-stepping, so the lazy #NM entry is marked to take it up
 * again.
 */
void inject_trace_begin(struct boundary *list, unsigned int max);

/* inject_trace_end() - Return: number of boundaries recorded; more than @max if there was no room
 * for all */
unsigned int inject_trace_end(void);

/* inject_trace_note() - record a boundary that single steps jump over: where an exception handler
 * resumes */
void inject_trace_note(uint64_t rip);

/* What a test looks at. @before and @after see the interrupted context on both sides of the NMI. */
struct inject_hooks {
	void (*before)(const struct trap_frame *frame);
	void (*delivered)(const struct nmi_record *record);
	void (*after)(const struct trap_frame *frame);
};

enum inject_outcome {
	INJECT_DONE,
	INJECT_NOT_REACHED, /* the instruction was not executed that often */
	INJECT_NOT_TAKEN,   /* the NMI did not come, or the return not back */
	INJECT_ELSEWHERE,   /* the NMI came at another instruction */
};

/* inject_arm() - an NMI at @at, once, from now on */
void inject_arm(const struct boundary *at, const struct inject_hooks *hooks);

/* inject_disarm() - Return: what became of it; nothing stays marked */
enum inject_outcome inject_disarm(void);

/**
 * inject_nmi() - an NMI at exactly the boundary that a #BP's frame describes
 * @frame: at the beginning of an IST stack, less the frame; the context to resume
 *
 * NMIs must be open there. Does not return, but for an NMI that does not come.
 */
void inject_nmi(struct trap_frame *frame);

/* inject_nmi_prepare() - before inject_nmi(), whenever the IDT has changed */
void inject_nmi_prepare(void);

#endif
