/* SPDX-License-Identifier: MIT */
/*
 * The command line, parsed. Words that were not given have the values named here.
 */
#ifndef XTK_OPTIONS_H
#define XTK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <xsave.h>

enum switch_mode { SWITCH_EAGER, SWITCH_LAZY, SWITCH_MODES };

struct options {
	const char *tests; /* NULL: all but the group selftest */
	bool list, events, depth_full, apic_chosen, x2apic, shuffle;
	bool xcr0_given, save_given, switch_given;
	uint64_t xcr0;
	enum xsave_insn save;
	enum switch_mode mode;
	const char *ist;     /* entry design; "plain" */
	const char *case_id; /* NULL: every case */
	uint64_t seed;	     /* of all random data; 1 */
	uint64_t shuffle_seed;
	unsigned int repeat;	    /* 1 */
	unsigned int shard, shards; /* 0 of 1: this part of the laboratory's cases */
	const char *from, *to;	    /* NULL: positions of the laboratory (docs/protocol.md) */
	bool each;		    /* tell each position */
};

extern struct options options;

/* case_selected() - whether the case of this name is to run (case=ID runs exactly one) */
bool case_selected(const char *id);

const char *switch_mode_name(enum switch_mode mode);

#endif
