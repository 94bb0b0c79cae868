/* SPDX-License-Identifier: MIT */
/*
 * Patterns for test threads, and the comparison of every bit.
 *
 * Rules: R05 (round trip of every component), R02 (initial configuration).
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "context.h"

#define FLAGS_FREE                                                                                 \
	UINT64_C(0x0000000000240cd5) /* CF PF AF ZF SF DF OF AC ID: a thread may hold any value */

_Static_assert(offsetof(struct gprs, rflags) == 6 * 8, "probe.asm: GPRS_RFLAGS");
_Static_assert(offsetof(struct gprs, skew) == 7 * 8, "probe.asm: GPRS_SKEW");
_Static_assert(offsetof(struct gprs, rsp) == 8 * 8, "probe.asm: GPRS_RSP");

struct context contexts[THREADS];

static struct xregs live; /* as just read: compared at once, so one for all contexts */

static uint64_t mix(uint64_t n)
{
	n ^= n >> 33;
	n *= UINT64_C(0xff51afd7ed558ccd);
	n ^= n >> 29;
	return n;
}

static void fill_gprs(struct gprs *g, uint64_t seed)
{
	g->rbx = mix(seed + 1);
	g->rbp = mix(seed + 2);
	g->r12 = mix(seed + 3);
	g->r13 = mix(seed + 4);
	g->r14 = mix(seed + 5);
	g->r15 = mix(seed + 6);
	g->rflags = (mix(seed + 7) & FLAGS_FREE) | EFLAGS_FIXED;
	g->skew = seed % 3 ? seed % 17 : 0;
}

static void bytes_text(char *out, size_t size, const uint8_t *bytes, unsigned int length)
{
	size_t at = 0;

	for (unsigned int i = 0; i < length && at + 3 < size; i++)
		at += format_text(out + at, size - at, "%02x", bytes[i]);
}

void context_fail(const struct xregs_diff *d, const char *rule, const char *where)
{
	char want[36], got[36];

	bytes_text(want, sizeof(want), d->want, d->length);
	bytes_text(got, sizeof(got), d->got, d->length);
	test_fail(rule, want, got, "%s register=%s byte=%u", where, d->name, d->offset);
}

static void check_regs(const struct xregs *want, const struct xregs *have, uint64_t mask,
		       const char *where)
{
	struct xregs_diff first;

	if (xregs_compare(want, have, mask, &first))
		context_fail(&first, "R05", where);
	else
		test_checked("R05", 1);
}

void context_fill(unsigned int index, uint64_t mask, uint64_t seed)
{
	static struct xregs pattern;
	struct context *c = &contexts[index];

	fill_gprs(&c->gprs, seed * 64 + index);
	xregs_pattern(&pattern, mask, seed * 16 + index);
	xregs_load(&pattern, mask);
	xregs_store(&c->regs, mask);
	check_regs(&pattern, &c->regs, mask, "filling the registers");
}

static void check_gprs(const struct gprs *want, const struct gprs *have, const char *where)
{
	static const char *const names[] = { "rbx", "rbp",    "r12", "r13", "r14",
					     "r15", "rflags", NULL,  "rsp" };
	const uint64_t *w = &want->rbx, *g = &have->rbx;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i])
			expect_equal(g[i], w[i], "thread", "%s register=%s", where, names[i]);
	}
}

void context_check(unsigned int index, uint64_t mask, const char *where)
{
	struct context *c = &contexts[index];

	check_gprs(&c->gprs, &c->gprs_after, where);
	xregs_store(&live, mask);
	check_regs(&c->regs, &live, mask, where);
}

void context_check_initial(uint64_t mask, const char *where)
{
	static struct xregs initial;
	struct xregs_diff first;

	memset(&initial, 0, sizeof(initial));
	initial.x87.fcw = XSAVE_DEFAULT_FCW;
	initial.x87.ftw = 0xffff;
	initial.mxcsr = XSAVE_DEFAULT_MXCSR;
	xregs_store(&live, mask);
	if (xregs_compare(&initial, &live, mask, &first))
		context_fail(&first, "R02", where);
	else
		test_checked("R02", 1);
}
