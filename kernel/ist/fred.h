/* SPDX-License-Identifier: MIT */
/*
 * What FRED event delivery pushes, and how it becomes a struct trap_frame.
 *
 * Source: Intel, "Flexible Return and Event Delivery (FRED) Specification", "FRED Event Delivery",
 * "FRED Return Instructions".
 */
#ifndef XTK_IST_FRED_H
#define XTK_IST_FRED_H

#include <stdint.h>

#include <xtk/frame.h>

#define FRED_SELECTOR UINT64_C(0xffff)

/* What stands above the selector in the SS field. */
#define FRED_NMI	  (UINT64_C(1) << 18) /* blocked by this event; ERETS and ERETU unblock */
#define FRED_VECTOR_SHIFT 32
#define FRED_TYPE_SHIFT	  48

enum fred_type {
	FRED_INTERRUPT = 0,
	FRED_TYPE_NMI = 2,
	FRED_EXCEPTION = 3,
	FRED_INT_N = 4,
	FRED_INT1 = 5,
	FRED_INT3 = 6,
	FRED_SYSCALL = 7, /* vector 1; SYSENTER: vector 2 */
};

/* The CPU's frame lies above the quadwords that the stub pushed: error code to SS are where struct
 * trap_frame has them. Two more follow. */
struct fred_frame {
	struct trap_frame trap;
	uint64_t event_data; /* #PF: CR2; #DB: as DR6; #NM: IA32_XFD_ERR */
	uint64_t reserved;
};

/* The upper parts of the fields CS and SS, kept while a handler sees the selectors. */
struct fred_event {
	uint64_t cs, ss;
};

/**
 * fred_decode() - make a frame what every handler expects
 * @frame: CS and SS as the CPU pushed them; becomes a frame as an interrupt gate would have left
 *
 * A system call is no vector of the IDT: 256 and its vector.
 *
 * Return: what fred_encode() puts back.
 */
static inline struct fred_event fred_decode(struct trap_frame *frame)
{
	struct fred_event e = { frame->cs & ~FRED_SELECTOR, frame->ss & ~FRED_SELECTOR };

	frame->vector = e.ss >> FRED_VECTOR_SHIFT & 0xff;
	if ((e.ss >> FRED_TYPE_SHIFT & 0xf) == FRED_SYSCALL)
		frame->vector += VEC_COUNT;
	frame->cs &= FRED_SELECTOR;
	frame->ss &= FRED_SELECTOR;
	return e;
}

/* fred_encode() - what the return instruction needs, whatever context the handler left: the stack
 * level that was interrupted, and whether NMIs are to be unblocked */
static inline void fred_encode(struct trap_frame *frame, struct fred_event e)
{
	frame->cs = (frame->cs & FRED_SELECTOR) | e.cs;
	frame->ss = (frame->ss & FRED_SELECTOR) | e.ss;
}

#endif
