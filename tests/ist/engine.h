/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of the laboratory.
 */
#ifndef XTK_TESTS_IST_ENGINE_H
#define XTK_TESTS_IST_ENGINE_H

#include <xtk/desc.h>
#include <xtk/frame.h>
#include <xtk/ist_state.h>
#include <xtk/recover.h>

#include "lab.h"

/* What was delivered, and to which context. */
struct lab_delivery {
	enum vector vector;
	struct trap_frame frame;
};

/* One case, while it runs. */
struct lab_case {
	const struct lab_event *events;
	unsigned int count;
	bool recording;
	struct lab_delivery delivered[LAB_EVENTS];
	unsigned int deliveries;	  /* including a latched NMI once it has been delivered */
	unsigned int begun;		  /* events that have been injected or sent */
	unsigned int ran[VEC_EXCEPTIONS]; /* handler runs by vector */
	unsigned int nmi_answered;	  /* deliveries when the NMI handler last began */
	unsigned int level;		  /* of nesting of handlers */
	uint64_t back[IST_LEVELS + 1];	  /* where the handler of each level returns to */
	unsigned int irets;
	bool nmi_blocked, nmi_latched;
	bool real;		/* DR0 has raised a #DB */
	bool stopped;		/* by the design, which has seen what it cannot survive */
	bool home;		/* a piece of code goes on where the first event hit it */
	struct trap_frame base; /* the context that the first event interrupted */
	struct lab_verdict verdict;
};

extern struct lab_setup lab_setup;
extern struct lab_case lab_case;

/* What lab_window() changes. */
extern uint32_t lab_masked;

/* The gates of the design, whatever the IDT holds while a run is recorded. */
extern struct idt_entry lab_gates[VEC_EXCEPTIONS];

/* lab_fail() - the case is over; the first call counts */
void lab_fail(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* lab_give_up() - from any context: back to lab_run() or lab_record() */
void lab_give_up(void) __attribute__((noreturn));

/* lab.asm */
void lab_leave(const struct trap_frame *context) __attribute__((noreturn));
void lab_enter(const struct trap_frame *context) __attribute__((noreturn));
uint64_t lab_body(uint32_t early, uint32_t late, uint64_t level);
extern const uint8_t lab_window[] __asm__("lab_window.enter");
extern const uint8_t lab_iretq[], lab_base_kernel[], lab_base_user[], lab_syscall_gap_start[];

/* marks.c: INT3 over instructions, through the writable alias */
void mark_set(uint64_t rip);
void mark_clear(uint64_t rip);
bool mark_is_set(uint64_t rip);
void marks_clear_all(void);
/* The IRETQs of all designs, marked as long as the laboratory has the machine. */
void iretqs_mark(void);
void iretqs_unmark(void);
bool is_iretq(uint64_t rip);

/* deliver.c: a base context's INT3, a mark, or an IRETQ */
bool lab_on_breakpoint(struct trap_frame *frame);

/* record.c: single steps */
void record_begin(struct lab_boundary *list, unsigned int max);
unsigned int record_end(void);
/* From the entry of the last event on; @frame is the context in which it begins. */
void record_from(struct trap_frame *frame) __attribute__((noreturn));
/* A marked instruction is about to execute in a recorded run. */
void record_at_mark(struct trap_frame *frame) __attribute__((noreturn));
/* An IRETQ is about to go to the context of @frame. */
void record_iret(struct trap_frame *frame) __attribute__((noreturn));
/* #DB of a step. */
bool record_on_debug(struct trap_frame *frame);

/* record_window() - the boundaries of the base context's piece of code */
void record_window(void);

/* deliver.c: a #DB that DR0 has raised is in its handler */
void lab_real_arrived(const struct trap_frame *frame);
/* DR0, DR6 and DR7 as before. Return: whether a #DB was still to come */
bool lab_breakpoint_forget(void);

/* run.c: a line of the timeline, for the words `events case=ID` */
void lab_event_line(const char *what, enum vector vector, uint64_t rip, uint64_t rsp);

/* deliver.c: the way to the first event, in a base context that is a piece of code */
void lab_way_to_first(void);

/* handle.c: what ist_handle() runs, and what a #DF leads to */
extern const struct ist_handler lab_handler;
void lab_handle_init(void);
bool lab_on_double_fault(struct trap_frame *frame);

/* run.c: NMIs are open and none is pending */
void lab_check_nmi(void);

/* base.c */
/* base_init() - a pattern, and values in the registers that no case changes */
void base_init(void);
struct trap_frame base_context(void);
/* base_load() - all registers of the base context that lab_enter() does not load */
void base_load(void);
/* base_restore() - segments and tables as they were before a broken design came */
void base_restore(void);
/* base_begin(), base_end() - the two INT3: take the picture, and judge by it */
void base_begin(const struct trap_frame *frame);
void base_end(const struct trap_frame *frame);

/* frame_difference() - compare the registers of two frames; RF is the delivery's affair. Return:
 * the name of the first register that differs, NULL if none does */
const char *frame_difference(const struct trap_frame *a, const struct trap_frame *b);

#endif
