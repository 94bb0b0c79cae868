/* SPDX-License-Identifier: MIT */
/*
 * The event trace (word `events`): one line for every entry into and exit from an IST handler, the
 * data of the timelines.
 */
#ifndef XTK_EVENT_H
#define XTK_EVENT_H

#include <xtk/cpu.h>
#include <xtk/frame.h>
#include <xtk/options.h>
#include <xtk/print.h>

static inline void event(const char *what, enum vector vector, enum ist_slot ist, uint64_t rip)
{
	if (options.events)
		print("# ev t=%lu what=%s vec=%d ist=%d rsp=0x%lx rip=0x%lx\n", rdtsc(), what,
		      vector, ist, (uint64_t)__builtin_frame_address(0), rip);
}

#endif
