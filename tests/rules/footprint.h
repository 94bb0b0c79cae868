/* SPDX-License-Identifier: MIT */
/*
 * What a save or a restore may touch, and what it must: a page of the arena that cannot be reached
 * lies somewhere in, before or behind its area.
 */
#ifndef XTK_RULES_FOOTPRINT_H
#define XTK_RULES_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "restore.h"
#include "save.h"

#define FOOTPRINT_PAGE	   4096
#define FOOTPRINT_AREA_MAX (6 * FOOTPRINT_PAGE)

/* The page: where it begins, counted from the area, in steps of 64; and what it is like. */
struct hole {
	int32_t at;
	enum probe_access access;
	unsigned int key;
	bool no_reads, no_writes; /* by PKRU's rights of @key */
};

/* What an instruction operates on. The components @may may be touched anywhere, and so may the
 * legacy region and the header; those of @must are transferred, as are @header bytes from 512 on
 * and, if @mxcsr, MXCSR. */
struct footprint {
	uint64_t cb; /* the layout; 0: standard */
	uint64_t may, must;
	uint32_t header;
	bool mxcsr;
	bool writes;	   /* a save */
	bool reads_header; /* a save that reads XSTATE_BV first */
	unsigned int cpl;
	uint8_t *area;
	const char *rule; /* that is broken if it faults wrongly, or not at all */
};

/* footprint_of_save(), footprint_of_restore() - from the manual, the registers and, of a restore,
 * the image's header */
struct footprint footprint_of_save(const struct save *s);
struct footprint footprint_of_restore(const struct restore *r);

/* hole_area() - where the area lies for this hole; hole_close(), hole_open() - make the page so,
 * and accessible again. Return: false if the implementation cannot */
uint8_t *hole_area(const struct hole *h);
bool hole_close(const struct hole *h);
void hole_open(void);

/* hole_positions() - how many there are for an area of @span bytes, from one whose first 64 bytes
 * alone the hole covers to one behind the area; hole_position() - the @i-th */
uint32_t hole_positions(uint32_t span);
int32_t hole_position(uint32_t i);

/* hole_access() - the kinds of pages: not present, read only, and, where the header ends or begins
 * at the page, one like its neighbours. Return: whether kind @i is one here */
#define HOLE_KINDS 3
bool hole_access(struct hole *h, unsigned int i);

/* footprint_image() - an image of restore_inside where the hole wants it */
void footprint_image(struct restore *r, const struct hole *h, uint64_t bv, uint64_t cb);

/* footprint_judge() - whether the outcome of an instruction is one of those that the manual allows;
 * else a failed check */
bool footprint_judge(const struct footprint *f, const struct hole *h, const struct probe_result *r,
		     const char *where);

/* footprint_probe() - the instruction with random GPRs, none of which may have changed: that is
 * judged under @rule, "V13" or "R11" */
struct probe footprint_probe(const struct probe_insn *insn, unsigned int cpl, const uint8_t *area,
			     uint64_t mask);
bool footprint_gprs(const struct probe *p, const struct probe_result *r, const char *rule,
		    const char *where);

/* footprint_mask() - masks that differ in kind, of the components @known: none, all bits, each
 * component, and all up to each. footprint_masks() - how many */
unsigned int footprint_masks(uint64_t known);
uint64_t footprint_mask(uint64_t known, unsigned int i);

/* footprint_avx_alone() - whether AVX is asked for without SSE */
static inline bool footprint_avx_alone(uint64_t rfbm)
{
	return (rfbm & (SAVE_SSE | SAVE_AVX)) == SAVE_AVX;
}

#endif
