/* SPDX-License-Identifier: MIT */
/*
 * Every way to switch that the CPU offers.
 */
#include <xtk/print.h>
#include <xtk/xstate.h>

#include "combination.h"

size_t combination_name(const struct combination *c, char *out, size_t size)
{
	return format_text(out, size, "xcr0:0x%lx/save:%s/switch:%s", c->xcr0,
			   xsave_insn_name(c->insn), switch_mode_name(c->mode));
}

/* The CPU has the instruction, and it can move these components: FXSAVE x87 and SSE only. */
static bool possible(const struct combination *c)
{
	struct xsave_cpu probe = boot_xsave_cpu;

	return xsave_cpu_restrict(&probe, c->insn, c->xcr0) == XSAVE_OK;
}

static bool asked_for(const struct combination *c)
{
	return (!options.xcr0_given || options.xcr0 == c->xcr0) &&
	       (!options.save_given || options.save == c->insn) &&
	       (!options.switch_given || options.mode == c->mode);
}

static unsigned int visit_one(const struct combination *c,
			      void (*visit)(const struct combination *c))
{
	if (!possible(c) || !asked_for(c))
		return 0;
	if (visit)
		visit(c);
	return 1;
}

unsigned int combinations_visit(void (*visit)(const struct combination *c))
{
	unsigned int count = 0;

	for (uint64_t xcr0 = xcr0_next_legal(0); xcr0; xcr0 = xcr0_next_legal(xcr0)) {
		for (int insn = XSAVE_INSN_FXSAVE; insn < XSAVE_INSNS; insn++) {
			for (int mode = SWITCH_EAGER; mode < SWITCH_MODES; mode++) {
				struct combination c = { xcr0, (enum xsave_insn)insn,
							 (enum switch_mode)mode };

				count += visit_one(&c, visit);
			}
		}
	}
	return count;
}
