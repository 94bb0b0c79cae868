/* SPDX-License-Identifier: MIT */
/*
 * The XSAVE family: when its instructions execute at all, and which memory they may touch.
 *
 * Order of the checks: #UD, #NM, #GP of privilege and alignment, #PF of the header, #GP of what it
 * says, #PF of the components, #NM of XFD. Like the CPUs that were looked at, the model looks at
 * the whole area first and then moves: a fault changes nothing.
 *
 * Sources: SDM vol. 1, "Operation of XSAVE" to "Operation of XRSTORS", "Memory Accesses by the
 * XSAVE Feature Set"; vol. 2, the instruction pages.
 */
#include "family.h"

static bool offered(enum form form)
{
	const struct config *cpu = machine.cpu;

	switch (form) {
	case XSAVEOPT:
		return cpu->xsaveopt || broken(xsaveopt_unenumerated);
	case XSAVEC:
		return cpu->xsavec || broken(xsavec_unenumerated);
	case XSAVES:
	case XRSTORS:
		return cpu->xsaves || broken(xsaves_unenumerated);
	case XSAVE:
	case XRSTOR:
	default:
		return cpu->xsave;
	}
}

static bool ignores_osxsave(enum form form)
{
	return (broken(xsave_ignores_osxsave) && form == XSAVE) ||
	       (broken(xsaveopt_ignores_osxsave) && form == XSAVEOPT) ||
	       (broken(xrstor_ignores_osxsave) && form == XRSTOR) ||
	       (broken(xsaves_ignores_osxsave) && form == XSAVES);
}

static bool ignores_ts(enum form form)
{
	return (broken(xsave_ignores_ts) && form == XSAVE) ||
	       (broken(xsavec_ignores_ts) && form == XSAVEC) ||
	       (broken(xrstor_ignores_ts) && form == XRSTOR) ||
	       (broken(xrstors_ignores_ts) && form == XRSTORS);
}

static bool forbidden_prefix(const struct op *op, enum form form)
{
	if (broken(lock_xsave_runs) && form == XSAVE && op->lock)
		return false;
	if (broken(osize_xsave_runs) && form == XSAVE && op->osize)
		return false;
	if (broken(rep_xsavec_runs) && form == XSAVEC && op->rep)
		return false;
	return op->lock || op->osize || op->rep;
}

static bool usable(const struct op *op, enum form form)
{
	bool osxsave = machine.cr4 & CR4_OSXSAVE || ignores_osxsave(form) ||
		       (broken(osxsave_checked_in_user_only) && op->cpl == 0);

	return osxsave && offered(form) && !forbidden_prefix(op, form);
}

static bool needs_cpl0(enum form form)
{
	return (form == XSAVES && !broken(xsaves_at_cpl3)) ||
	       (form == XRSTORS && !broken(xrstors_at_cpl3));
}

/* SDM vol. 3, "Interrupt 17": +1 and +2 give #AC where it is enabled, as on Intel's CPUs. */
static fault_t misaligned(const struct op *op)
{
	bool ac = op->cpl == 3 && machine.cr0 & BIT(18) && op->gprs->rflags & EFLAGS_AC;
	uint64_t mask = broken(area_aligned_to_32) ? 31 : broken(area_aligned_to_16) ? 15 : 63;

	if (!(op->address & mask) || broken(area_alignment_ignored))
		return NO_FAULT;
	return (ac || broken(ac_always)) && op->address & 3 ? FAULT(AC, 0) : GP;
}

fault_t family_enter(struct op *op, enum form form)
{
	bool ts = machine.cr0 & CR0_TS && !ignores_ts(form);

	if (broken(gp_before_nm) && misaligned(op))
		return GP;
	if (broken(nm_before_ud) && ts)
		return NM;
	if (!usable(op, form))
		return UD;
	if (ts && broken(ts_nm_clears_xfd_err))
		machine.msr[MSR_XFD_ERR_VALUE] = 0;
	if (ts || (broken(em_gates_xsave) && machine.cr0 & CR0_EM))
		return NM;
	if (needs_cpl0(form) && op->cpl > 0)
		return GP;
	if (broken(pf_before_alignment))
		return touch(op, XSTATE_BV_AT, 24, false) ? touch(op, XSTATE_BV_AT, 24, false)
							  : misaligned(op);
	return misaligned(op);
}

uint64_t family_may_name(enum form form)
{
	return machine.xcr0 | (form == XSAVES || form == XRSTORS ? machine.msr[MSR_XSS_VALUE] : 0);
}

/* Any byte of the legacy region that is x87's or SSE's, of the header and of each component. */
fault_t touch_legacy(struct op *op, uint64_t mask, bool write)
{
	fault_t fault = NO_FAULT;

	if (mask & BIT(X87))
		fault = touch(op, 0, MXCSR_AT, write);
	if (!fault && mask & MXCSR_LOADS)
		fault = touch(op, MXCSR_AT, 8, write);
	if (!fault && mask & BIT(X87))
		fault = touch(op, 32, 128, write);
	if (!fault && mask & BIT(SSE))
		fault = touch(op, 160, 256, write);
	return fault;
}

fault_t touch_components(struct op *op, uint64_t cb, uint64_t mask, bool write)
{
	for (unsigned int i = AVX; i < COMPONENTS; i++) {
		fault_t fault;

		if (!(mask >> i & 1) || (broken(footprint_stops_at_avx) && i > AVX))
			continue;
		fault = touch(op, component_offset(broken(footprint_is_standard) ? 0 : cb, i),
			      component_size(i), write);
		if (fault)
			return fault;
	}
	return NO_FAULT;
}
