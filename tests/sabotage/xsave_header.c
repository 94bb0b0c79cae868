/* SPDX-License-Identifier: MIT */
/*
 * A save that does not zero the header: what the area held before makes the load raise #GP. The
 * areas of threads and of NMIs are zero there from the beginning.
 *
 * sabotage: replaces lib/xsave.c
 * caught-by: lib/round_trip_through_a_dirty_area
 * at: ^unexpected exception
 * caught-by: lib/selftest
 * at: ^fxsave: self-test: the save wrote a wrong XSAVE header
 */
#include <xsave.h>

uint64_t product_save_with(const struct xsave_cpu *cpu, void *area, size_t size, uint64_t mask);

#define xsave_save_with product_save_with
#include "../../lib/xsave.c"
#undef xsave_save_with

uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area, size_t size, uint64_t mask)
{
	static struct xsave_header none; /* of an area too small for a header */
	bool room = size >= XSAVE_EXTENDED;
	struct xsave_header *header = room ? &((struct xsave *)area)->header : &none;
	uint64_t before = header->reserved[0];
	uint64_t saved = product_save_with(cpu, area, size, mask);

	header->reserved[0] = before;
	return saved;
}
