/* SPDX-License-Identifier: MIT */
/*
 * XCR0: which values are legal; XGETBV and XSETBV.
 *
 * Sources: SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features", "Processor
 * Tracking of XSAVE-Managed State"; vol. 2, "XGETBV", "XSETBV"; Intel APX Architecture
 * Specification, "XSAVE State Management".
 */
#include "model.h"

static bool all_or_none(uint64_t value, uint64_t group)
{
	return !(value & group) || (value & group) == group;
}

static bool avx512_legal(uint64_t value)
{
	if (broken(xcr0_avx512_only_with_avx_checked))
		return !(value & AVX512_BITS) || value & BIT(AVX);
	if (broken(xcr0_hi16_alone))
		value &= ~BIT(HI16_ZMM), value |= value & BIT(OPMASK) ? BIT(HI16_ZMM) : 0;
	if (!all_or_none(value, AVX512_BITS))
		return false;
	return !(value & AVX512_BITS) || value & BIT(AVX) || broken(xcr0_avx512_without_avx);
}

static bool groups_legal(uint64_t value)
{
	if (!all_or_none(value, MPX_BITS) && !broken(xcr0_half_mpx))
		return false;
	if (!all_or_none(value, AMX_BITS) && !broken(xcr0_half_amx))
		return false;
	if (broken(xcr0_amx_needs_avx512) && value & BIT(TILECFG) && !(value & BIT(OPMASK)))
		return false;
	if (broken(xcr0_pkru_needs_avx) && value & BIT(PKRU) && !(value & BIT(AVX)))
		return false;
	if (broken(xcr0_sse_required) && !(value & BIT(SSE)))
		return false;
	return !(value & BIT(APX) && value & MPX_BITS) || broken(xcr0_apx_with_mpx);
}

static uint64_t settable(void)
{
	uint64_t supported = machine.cpu->xcr0;

	if (broken(xcr0_supervisor_accepted))
		supported |= machine.cpu->xss;
	if (broken(xcr0_high_dword_unchecked))
		supported |= UINT64_C(0xffffffff) << 32;
	if (broken(xcr0_takes_apx_unsupported))
		supported |= BIT(APX);
	return supported;
}

static bool xcr0_legal(uint64_t value)
{
	if (!(value & BIT(X87)) && !broken(xcr0_x87_optional))
		return false;
	if (value & ~settable() && !broken(xcr0_unsupported_accepted))
		return false;
	if (value & BIT(AVX) && !(value & BIT(SSE)) && !broken(xcr0_avx_without_sse))
		return false;
	return avx512_legal(value) && groups_legal(value);
}

static void lose_registers(uint64_t value)
{
	if (broken(xsetbv_clears_ymm) && !(value & BIT(AVX)))
		for (unsigned int i = 0; i < 16; i++)
			memset(machine.vector[i] + 16, 0, 16);
	if (broken(xsetbv_clears_opmask) && !(value & BIT(OPMASK)))
		memset(machine.k, 0, sizeof(machine.k));
}

fault_t set_xcr0(uint64_t value)
{
	bool legal = xcr0_legal(value);

	if (!legal && broken(refused_xsetbv_writes))
		machine.xcr0 = value | 1;
	if (!legal)
		return GP;
	if (broken(xsetbv_only_sets))
		value |= machine.xcr0;
	if (broken(xsetbv_adds_sse))
		value |= BIT(SSE);
	lose_registers(value);
	machine.xcr0 = value;
	return NO_FAULT;
}

static fault_t read_xcr(struct op *op, uint64_t number)
{
	uint64_t inuse = in_use(op);

	if (number == 0) {
		return_edx_eax(op, machine.xcr0);
		return NO_FAULT;
	}
	if (broken(xgetbv_any_index) && number > 1)
		number = 0, return_edx_eax(op, machine.xcr0);
	else if (number != 1 || !(machine.cpu->xgetbv1 || broken(xgetbv1_unenumerated)))
		return GP;
	if (machine.mxcsr != MXCSR_INIT && !broken(xgetbv1_ignores_mxcsr))
		inuse |= BIT(SSE);
	return_edx_eax(op, broken(xgetbv1_is_xcr0)	  ? machine.xcr0
			   : broken(xgetbv1_without_xcr0) ? inuse
							  : inuse & machine.xcr0);
	return NO_FAULT;
}

static bool xcr_usable(const struct op *op, bool ignores_osxsave, bool takes_prefix)
{
	if (prefixed(op) && !takes_prefix)
		return false;
	return machine.cpu->xsave && (machine.cr4 & CR4_OSXSAVE || ignores_osxsave);
}

fault_t do_xgetbv(struct op *op)
{
	uint64_t rcx = op->gprs->rcx;

	if (!xcr_usable(op, broken(xgetbv_ignores_osxsave), false))
		return UD;
	if (broken(ts_gates_xgetbv) && machine.cr0 & CR0_TS)
		return NM;
	if (broken(xgetbv_needs_cpl0) && op->cpl > 0)
		return GP;
	return read_xcr(op, broken(xgetbv_64_bit_index) ? rcx : (uint32_t)rcx);
}

fault_t do_xsetbv(struct op *op)
{
	uint64_t value = edx_eax(op), rcx = op->gprs->rcx;
	bool v86 = op->probe->mode == PROBE_V86;

	if (!xcr_usable(op, broken(xsetbv_ignores_osxsave), broken(xsetbv_takes_prefix)))
		return UD;
	if (broken(ts_gates_xsetbv) && machine.cr0 & CR0_TS)
		return NM;
	if (op->cpl > 0 && !broken(xsetbv_at_cpl3) &&
	    !(broken(xsetbv_same_at_cpl3) && value == machine.xcr0) &&
	    !(broken(xsetbv_in_v86) && v86))
		return GP;
	if ((broken(xsetbv_64_bit_index) ? rcx : (uint32_t)rcx) && !broken(xsetbv_any_index))
		return GP;
	if (broken(xsetbv_64_bit_rax))
		value |= op->gprs->rax;
	if (broken(xsetbv_ignores_edx))
		value = (uint32_t)value;
	return set_xcr0(value);
}
