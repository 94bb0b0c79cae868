/* SPDX-License-Identifier: MIT */
/*
 * XRSTOR and XRSTORS.
 *
 * Sources: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "XRSTOR and the Init and
 * Modified Optimizations", "Extended Feature Disable (XFD)"; vol. 2, "XRSTOR", "XRSTORS".
 */
#include "family.h"

/* A restore: what the header says, and what follows from it. */
struct restore {
	enum form form;
	uint64_t bv, cb, rfbm;
	uint64_t load, init;
	bool compacted, load_mxcsr, init_mxcsr;
};

static bool all_zero(const uint8_t *bytes, unsigned int size)
{
	while (size && !bytes[size - 1])
		size--;
	return size == 0;
}

static bool standard_header_legal(const struct restore *r, const uint8_t *header)
{
	uint64_t named = machine.xcr0;

	if (broken(bv_checked_by_rfbm))
		named |= ~r->rfbm;
	if (broken(bv_checked_by_cpuid))
		named |= machine.cpu->xcr0;
	if (broken(bv_low_dword_checked))
		named |= UINT64_C(0xffffffff) << 32;
	if (r->bv & ~named && !broken(bv_unchecked))
		return false;
	if (broken(standard_tail_checked) && !all_zero(header + 24, 40))
		return false;
	if (broken(standard_tail_16_unchecked))
		return all_zero(header + 8, 8);
	if (broken(standard_byte_23_unchecked))
		return all_zero(header + 8, 15);
	return broken(xcomp_bv_without_63) ? all_zero(header + 16, 8) : all_zero(header + 8, 16);
}

static unsigned int checked_tail(void)
{
	return broken(compacted_checks_to_23) ? 8 : broken(compacted_checks_to_62) ? 47 : 48;
}

static bool compacted_header_legal(const struct restore *r, const uint8_t *header)
{
	uint64_t cb = r->cb & ~COMPACT_BIT, named = family_may_name(r->form);

	if (broken(cb_supervisor_accepted))
		named |= machine.cpu->xss;
	if (broken(xrstors_cb_by_xcr0) && r->form == XRSTORS)
		named = machine.xcr0;
	if (cb & ~named && !broken(cb_unchecked))
		return false;
	if (r->bv & ~cb && !broken(bv_beyond_cb_accepted))
		return false;
	return all_zero(header + 16, checked_tail()) || broken(compacted_tail_unchecked);
}

static bool header_legal(const struct restore *r, const uint8_t *header)
{
	if (!r->compacted)
		return (r->form == XRSTOR || broken(xrstors_takes_standard)) &&
		       standard_header_legal(r, header);
	if (!machine.cpu->xsavec && !broken(compaction_unenumerated))
		return false;
	return compacted_header_legal(r, header);
}

static void decide_mxcsr(struct restore *r)
{
	bool named = r->rfbm & MXCSR_LOADS;

	if (broken(restore_mxcsr_by_sse_alone))
		named = r->rfbm & BIT(SSE);
	if (broken(restore_mxcsr_by_bv))
		named = r->load & BIT(SSE);
	if (!r->compacted) {
		r->load_mxcsr = named || broken(restore_mxcsr_always);
		return;
	}
	r->load_mxcsr = r->load & BIT(SSE);
	r->init_mxcsr = r->init & BIT(SSE) && !broken(compacted_init_keeps_mxcsr);
	if (broken(compacted_mxcsr_as_standard)) {
		r->load_mxcsr = named;
		r->init_mxcsr = false;
	}
	if (broken(compacted_mxcsr_by_avx))
		r->load_mxcsr |= (r->rfbm & BIT(AVX)) != 0;
}

static struct restore decide(const struct op *op, enum form form, const uint8_t *header)
{
	struct restore r = { .form = form, .bv = get(header, 8), .cb = get(header + 8, 8) };

	r.compacted = r.cb & COMPACT_BIT;
	r.rfbm = edx_eax(op) & family_may_name(form);
	if (broken(restore_mask_ignored))
		r.rfbm = family_may_name(form);
	if (broken(restore_rfbm_by_supported))
		r.rfbm = edx_eax(op) & machine.cpu->xcr0;
	r.load = r.rfbm & r.bv;
	r.init = r.rfbm & ~r.bv;
	if (broken(restore_does_not_init))
		r.init = 0;
	if (broken(restore_inits_all))
		r.init = family_may_name(form) & ~r.bv;
	if (broken(missing_in_cb_kept) && r.compacted)
		r.init &= r.cb;
	if (broken(load_without_rfbm))
		r.load = r.bv & family_may_name(form);
	decide_mxcsr(&r);
	return r;
}

static uint64_t restore_layout(const struct restore *r)
{
	if (!r->compacted)
		return 0;
	if (broken(compact_layout_by_bv))
		return COMPACT_BIT | r->bv;
	if (broken(compact_layout_by_rfbm))
		return COMPACT_BIT | (r->cb & r->rfbm);
	return r->cb;
}

static fault_t touch_restore(struct op *op, const struct restore *r)
{
	uint64_t mask = r->compacted && !broken(compact_probes_rfbm) ? r->rfbm & r->cb : r->rfbm;
	fault_t fault = touch_legacy(op, mask, false);

	return fault ? fault : touch_components(op, restore_layout(r), mask, false);
}

static bool mxcsr_legal(const struct restore *r, uint8_t *area)
{
	uint32_t reserved = ~loadable_mxcsr();

	if (broken(mxcsr_reserved_by_image))
		reserved = ~(uint32_t)get(area + MXCSR_AT + 4, 4);
	if (broken(mxcsr_checked_always))
		return !(get(area + MXCSR_AT, 4) & reserved);
	return !r->load_mxcsr || !(get(area + MXCSR_AT, 4) & reserved) ||
	       broken(mxcsr_reserved_dropped);
}

static bool supervisor_legal(const struct restore *r, uint8_t *area)
{
	if (r->rfbm & BIT(PT) && machine.msr[MSR_RTIT_CTL] & 1 && !broken(pt_restore_while_on))
		return false;
	if (r->rfbm & BIT(UINTR) && machine.msr[MSR_UINTR_MISC] >> 32 & 0xff &&
	    !broken(uintr_restore_with_uinv))
		return false;
	for (unsigned int i = PT; i <= HWP; i++) {
		struct msr_range range = component_msrs(i);

		for (unsigned int n = 0; r->load >> i & 1 && n < range.count; n++)
			if (!msr_value_legal(range.first + n,
					     get(area + component_offset(r->cb, i) + 8 * n, 8)))
				return false;
	}
	return true;
}

static void move_components(const struct op *op, const struct restore *r, const uint8_t *area)
{
	uint64_t cb = restore_layout(r);

	for (unsigned int i = 0; i < COMPONENTS; i++) {
		if (r->load >> i & 1)
			component_load(op, i, area, cb);
		else if (r->init >> i & 1)
			component_init(op, i);
	}
	if (r->load_mxcsr)
		machine.mxcsr = (uint32_t)get(area + MXCSR_AT, 4);
	if (broken(mxcsr_reserved_dropped))
		machine.mxcsr &= loadable_mxcsr();
	if (r->init_mxcsr)
		machine.mxcsr = MXCSR_INIT;
}

/* XINUSE and XMODIFIED after a restore, and XRSTOR_INFO. */
static void track(const struct op *op, const struct restore *r)
{
	machine.xinuse |= broken(bounds_stay_initial) ? r->load & ~MPX_BITS : r->load;
	if (broken(zero_data_is_initial))
		for (unsigned int i = AVX; i < COMPONENTS; i++)
			if (component_is_initial(i))
				machine.xinuse &= ~BIT(i);
	machine.xinuse &= ~r->init;
	if (!op->long_mode)
		machine.xinuse |= r->init & (BIT(SSE) | BIT(AVX) | AVX512_BITS);
	if (broken(avx_init_takes_hi256_along) && r->init & BIT(AVX))
		machine.xinuse &= ~BIT(ZMM_HI256);
	machine.xmodified = ~r->rfbm;
	if (broken(restore_marks_all_unmodified))
		machine.xmodified = 0;
	machine.info = (struct xrstor_info){ true, op->cpl, op->address, r->compacted ? r->cb : 0 };
}

static void spoil_after_restore(struct op *op)
{
	if (broken(restore_sets_flags))
		op->gprs->rflags ^= 1;
	if (broken(restore_clears_rdx))
		op->gprs->rdx = 0;
}

static fault_t check_restore(struct op *op, const struct restore *r, uint8_t *area)
{
	uint64_t disabled = r->load & machine.msr[MSR_XFD_VALUE];
	fault_t fault;

	if (!header_legal(r, area + XSTATE_BV_AT))
		return GP;
	fault = touch_restore(op, r);
	if (fault)
		return fault;
	if (!mxcsr_legal(r, area) || !supervisor_legal(r, area))
		return GP;
	if (broken(xfd_nm_by_rfbm))
		disabled = r->rfbm & machine.msr[MSR_XFD_VALUE];
	if (!disabled || broken(xfd_restore_ignored))
		return NO_FAULT;
	if (!broken(xfd_err_not_set))
		machine.msr[MSR_XFD_ERR_VALUE] |= disabled;
	return NM;
}

static uint32_t pkru_of(const struct restore *r, const uint8_t *area)
{
	return r->load & BIT(PKRU) ? (uint32_t)get(area + component_offset(r->cb, PKRU), 4) : 0;
}

static fault_t restore(struct op *op, enum form form)
{
	fault_t fault = family_enter(op, form);
	uint8_t *area = at(op, 0);
	uint32_t pkru = machine.pkru;
	struct restore r;

	if (!fault)
		fault = touch(op, broken(header_page_unchecked) ? 0 : XSTATE_BV_AT, HEADER_SIZE,
			      false);
	if (fault)
		return fault;
	r = decide(op, form, area + XSTATE_BV_AT);
	if (broken(header_checked_late))
		component_load(op, SSE, area, 0);
	if (broken(restore_obeys_new_pkru) && r.rfbm & BIT(PKRU))
		machine.pkru = pkru_of(&r, area);
	fault = check_restore(op, &r, area);
	machine.pkru = pkru;
	if (fault && broken(xrstors_fault_spoils) && r.load & BIT(CET_U))
		machine.msr[MSR_PL3_SSP] = 0x1000;
	if (fault && broken(mxcsr_loaded_before_check) && r.load_mxcsr && !mxcsr_legal(&r, area))
		move_components(op, &r, area);
	if (fault)
		return fault;
	if (broken(restore_raises_mf) && machine.fsw & BIT(7))
		return FAULT(MF, 0);
	move_components(op, &r, area);
	track(op, &r);
	spoil_after_restore(op);
	if (broken(restore_raises_xm) && r.load_mxcsr &&
	    machine.mxcsr & ~(machine.mxcsr >> 7) & 0x3f)
		return FAULT(XM, 0);
	return NO_FAULT;
}

fault_t do_xrstor(struct op *op)
{
	return restore(op, XRSTOR);
}

fault_t do_xrstors(struct op *op)
{
	return restore(op, XRSTORS);
}
