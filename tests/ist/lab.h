/* SPDX-License-Identifier: MIT */
/*
 * The laboratory of the entry designs: one case after another, each a chain of events at chosen
 * instruction boundaries.
 *
 * A case begins in a base context, which the first event interrupts. Every further event hits a
 * boundary of what the events before it run: the entry code, the window inside the handler, the way
 * back. Boundaries are marked with INT3; its #BP runs on a stack of its own and is left without
 * IRET, so NMIs stay as blocked as they were. There
 *
 *	an NMI is made to arrive exactly there, as xtk/inject.h tells, where NMIs are open;
 *	an NMI is sent and stays latched until the next IRET, where they are blocked;
 *	#DB and #MC are delivered by writing the frame that the CPU would and jumping to the entry.
 *
 * Every IRETQ of the design under test is marked all the time and executed by proxy, with the same
 * registers and stack: so the laboratory knows when NMIs open, and a case that never ends is ended
 * after IRET_LIMIT of them.
 *
 * Source: SDM vol. 3, "Handling Multiple NMIs", "64-Bit Mode Stack Frame", "Interrupt Stack Table".
 */
#ifndef XTK_TESTS_IST_LAB_H
#define XTK_TESTS_IST_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/inject.h>
#include <xtk/ist.h>

#define LAB_EVENTS 8

/* Bits of lab_masked: what cannot be delivered now. */
#define LAB_MASK(vector) (1u << (vector))

/* One boundary of a recorded run. */
struct lab_boundary {
	uint32_t rip;	 /* of the kernel's image, below 4 GiB */
	uint32_t masked; /* LAB_MASK() of the vectors that cannot be delivered here */
};

/* @path and @index say where: the recorded run of the events before it. The first event hits the
 * base context and has none, unless that is a piece of code. */
struct lab_event {
	enum vector vector;
	bool latched;	/* NMI only: sent here, delivered after the next IRET */
	bool real;	/* #DB only: by a breakpoint in DR0, not by writing the frame */
	bool forbidden; /* its vector is masked, and the design may stop instead of surviving: by a
			   #DF in a function whose name ends in "fatal" */
	const struct lab_boundary *path;
	unsigned int index;
};

/* What the first event interrupts: one boundary between two INT3, with chosen registers, or any
 * boundary of a piece of code. */
struct lab_base {
	const char *name;
	const uint8_t *code; /* two INT3 */
	uint64_t rflags;
	uint64_t (*rsp)(void);
	bool user;	      /* at CPL 3 */
	bool ts;	      /* CR0.TS = 1 */
	void (*window)(void); /* the piece of code; all else is unused then */
};

/* How a case ended. */
struct lab_verdict {
	const char *what; /* NULL: as it should */
	bool unreachable; /* the design has switched the breakpoint of a real #DB off */
	char detail[120];
};

/* A run of the laboratory: one design, one base context, and when a handler re-arms its vector. */
struct lab_setup {
	const struct ist_design *design;
	const struct lab_base *base;
	bool rearm_early;
};

/* lab_begin() - take the machine; lab_end() gives it back as it was */
void lab_begin(const struct lab_setup *setup);
void lab_end(void);

/**
 * lab_record() - the boundaries after the last of some events, by single steps
 * @events: at least one; none: the boundaries of the base context's piece of code
 * @list:   receives them, from the entry of the last event to the return to the base context
 * @max:    room in @list
 *
 * All events are delivered by writing their frames, NMIs too: single steps open NMIs.
 *
 * Return: number of boundaries; 0 if the events do not end well, which @verdict tells, or @max is
 * too small.
 */
unsigned int lab_record(const struct lab_event *events, unsigned int count,
			struct lab_boundary *list, unsigned int max, struct lab_verdict *verdict);

/* lab_run() - one case. Return: whether everything is as it should be; @verdict says what is not */
bool lab_run(const struct lab_event *events, unsigned int count, struct lab_verdict *verdict);

/* The base contexts: "kernel" first, then "user", "gap", "forged", "flags", "odd", "ts". */
extern const struct lab_base lab_bases[];
extern const unsigned int lab_base_count;

/* windows.c: the pieces of code: a thread switch, and the report of a test */
extern const struct lab_base lab_window_bases[];
extern const unsigned int lab_window_base_count;
/* lab_windows_begin(), lab_windows_end() - the threads that the first of them switches */
void lab_windows_begin(void);
void lab_windows_end(void);

/* text.c: what the disassembly says of an address */

struct lab_place {
	const struct path_function *label; /* the last label or function before it; NULL: none */
	unsigned int index;		   /* of the instruction behind the label */
};

/* lab_handler_rip() - the first boundary inside the handler */
uint64_t lab_handler_rip(void);

void lab_text_init(void);
struct lab_place lab_place(uint64_t rip);
/* lab_see() - a recorded run has come to an address; lab_visit_unseen() - those of the functions it
 * has come to where none has */
void lab_see(uint64_t rip);
void lab_visit_unseen(void (*visit)(uint64_t rip));
/* lab_step() - the name of the step at an address of @design */
const char *lab_step(const struct ist_design *design, uint64_t rip);
/* lab_place_name() - "label+0xN". Return: as format_text() */
size_t lab_place_name(char *out, size_t size, uint64_t rip);
/* lab_iretqs() - the IRETQs of all entry designs. Return: how many, @max at most */
unsigned int lab_iretqs(uint64_t *list, unsigned int max);

#endif
