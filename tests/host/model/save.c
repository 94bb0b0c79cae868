/* SPDX-License-Identifier: MIT */
/*
 * XSAVE, XSAVEOPT, XSAVEC and XSAVES.
 *
 * Sources: SDM vol. 1, "Operation of XSAVE" to "Operation of XSAVES", "Processor Tracking of
 * XSAVE-Managed State", "Extended Feature Disable (XFD)"; vol. 2, the instruction pages.
 */
#include "family.h"

/* TILEDATA that XFD disables is left out of what the compacted saves and XSAVEOPT touch. */
static fault_t touch_save(struct op *op, enum form form, uint64_t cb, uint64_t rfbm)
{
	uint64_t extended = form == XSAVE ? rfbm : rfbm & ~machine.msr[MSR_XFD_VALUE];
	fault_t fault = touch_legacy(op, rfbm, true);

	if (!fault && (rfbm || !broken(save_rfbm0_does_nothing)))
		fault = touch(op, XSTATE_BV_AT, 16, true);
	return fault ? fault : touch_components(op, cb, extended, true);
}

static uint64_t components_in_use(const struct op *op, enum form form, uint64_t rfbm)
{
	uint64_t inuse = in_use(op);
	bool compacted = form == XSAVEC || form == XSAVES;

	if (!broken(xfd_save_keeps_bv))
		inuse &= ~machine.msr[MSR_XFD_VALUE];
	if (machine.mxcsr != MXCSR_INIT && !(compacted && broken(savec_bv_ignores_mxcsr)))
		inuse |= BIT(SSE);
	return inuse & rfbm;
}

/* The components that the modified optimization leaves out: never SSE if MXCSR is not 1F80H. */
static uint64_t unmodified(const struct op *op, enum form form, uint64_t rfbm)
{
	const struct xrstor_info *info = &machine.info;
	uint64_t cb = form == XSAVES ? COMPACT_BIT | rfbm : 0;

	if (form == XSAVE || (form == XSAVEC && !broken(savec_modified_optimization)))
		return 0;
	if (form == XSAVEC)
		cb = info->xcomp_bv;
	if (broken(modified_ignores_format))
		cb = info->xcomp_bv;
	if (!info->valid || info->xcomp_bv != cb ||
	    (info->address != op->address && !broken(modified_ignores_address)) ||
	    (info->cpl != op->cpl && !broken(modified_ignores_cpl)))
		return 0;
	if (form == XSAVES && machine.mxcsr != MXCSR_INIT)
		return ~machine.xmodified & ~BIT(SSE);
	return ~machine.xmodified;
}

static uint64_t to_write(const struct op *op, enum form form, uint64_t rfbm, uint64_t bv)
{
	uint64_t mask = form == XSAVE ? rfbm : bv;

	if (broken(xsave_skips_initial) && form == XSAVE)
		mask = bv;
	if (broken(xsaveopt_writes_initial) && form == XSAVEOPT)
		mask = rfbm;
	if (broken(xsavec_writes_initial) && form == XSAVEC)
		mask = rfbm;
	if (broken(save_always_x87) && form == XSAVE)
		mask |= BIT(X87);
	if (broken(save_always_sse) && form != XSAVE)
		mask |= BIT(SSE);
	if (broken(save_avx_by_sse) && rfbm & BIT(SSE))
		mask |= BIT(AVX) & machine.xcr0;
	return mask & ~unmodified(op, form, rfbm);
}

static bool saves_mxcsr(enum form form, uint64_t rfbm, uint64_t bv, uint64_t written)
{
	if (broken(save_mxcsr_by_sse_alone) && form < XSAVEC)
		return rfbm & BIT(SSE);
	if (broken(save_mxcsr_always))
		return true;
	if (broken(xsaveopt_mxcsr_if_in_use) && form == XSAVEOPT)
		return bv & BIT(SSE);
	if (form < XSAVEC)
		return rfbm & MXCSR_LOADS;
	if (broken(savec_mxcsr_by_avx))
		return rfbm & MXCSR_LOADS;
	return written & BIT(SSE);
}

static uint32_t mxcsr_mask(void)
{
	if (broken(mxcsr_mask_lacks_daz))
		return machine.cpu->mxcsr_mask & ~UINT32_C(0x40);
	return machine.cpu->mxcsr_mask;
}

static void write_standard_header(uint8_t *area, uint64_t rfbm, uint64_t bv)
{
	uint64_t old = get(area + XSTATE_BV_AT, 8);

	if (broken(save_bv_overwrites))
		old = 0;
	if (broken(save_bv_only_ors))
		rfbm = 0;
	put(area + XSTATE_BV_AT, (old & ~rfbm) | bv, broken(save_bv_16_bits) ? 2 : 8);
	if (broken(save_clears_xcomp_bv))
		put(area + XCOMP_BV_AT, 0, 8);
	if (broken(save_clears_header_tail))
		memset(area + XCOMP_BV_AT + 8, 0, 48);
}

static void write_compacted_header(uint8_t *area, uint64_t rfbm, uint64_t bv)
{
	uint64_t old = get(area + XSTATE_BV_AT, 8), cb = COMPACT_BIT | rfbm;

	if (broken(savec_cb_without_bit_63))
		cb = rfbm;
	if (broken(savec_cb_is_in_use))
		cb = COMPACT_BIT | bv;
	if (broken(savec_cb_is_xcr0))
		cb = COMPACT_BIT | machine.xcr0;
	put(area + XSTATE_BV_AT, broken(savec_bv_merges) ? (old & ~rfbm) | bv : bv, 8);
	put(area + XCOMP_BV_AT, cb, 8);
	if (broken(savec_clears_header_tail))
		memset(area + XCOMP_BV_AT + 8, 0, 48);
}

static void write_components(const struct op *op, uint8_t *area, uint64_t cb, uint64_t written)
{
	for (unsigned int i = 0; i < COMPONENTS; i++) {
		if (!(written >> i & 1))
			continue;
		/* What XFD disables is saved as if it were in its initial configuration. */
		if (machine.msr[MSR_XFD_VALUE] >> i & 1 && !broken(xfd_save_leaks))
			memset(area + component_offset(cb, i), 0, component_size(i));
		else
			component_save(op, i, area, cb);
	}
}

static void spoil_after_save(struct op *op, uint8_t *area)
{
	if (broken(save_writes_software_bytes))
		memset(area + 464, 0, 48);
	if (broken(save_writes_reserved_bytes))
		memset(area + 416, 0, 48);
	if (broken(save_clears_rax))
		op->gprs->rax = 0;
	if (broken(save_sets_flags))
		op->gprs->rflags |= 1;
}

static uint64_t requested(const struct op *op, enum form form)
{
	uint64_t mask = edx_eax(op);

	if (broken(save_rfbm_ignores_xcr0) && form <= XSAVES)
		return mask & (machine.cpu->xcr0 | family_may_name(form));
	if (broken(save_mask_0_is_all) && form <= XSAVES && mask == 0)
		return family_may_name(form);
	if (broken(xsaves_ignores_xss) && form == XSAVES)
		return mask & machine.xcr0;
	if (broken(xsaves_rfbm_all_supervisor) && form == XSAVES)
		return mask & (machine.xcr0 | machine.cpu->xss);
	return mask & family_may_name(form);
}

static uint64_t layout_of(enum form form, uint64_t rfbm, uint64_t bv)
{
	if (form != XSAVEC && form != XSAVES)
		return 0;
	return COMPACT_BIT | (broken(compact_packs_in_use) ? bv : rfbm);
}

static fault_t save(struct op *op, enum form form)
{
	fault_t fault = family_enter(op, form);
	uint64_t rfbm = requested(op, form);
	uint64_t bv = components_in_use(op, form, rfbm), written = to_write(op, form, rfbm, bv);
	uint64_t cb = layout_of(form, rfbm, bv);
	uint8_t *area = at(op, 0);

	if (!fault)
		fault = touch_save(op, form, cb, rfbm);
	if (!fault && broken(save_raises_mf) && machine.fsw & BIT(7) && rfbm & BIT(X87))
		fault = FAULT(MF, 0);
	if (fault)
		return fault;
	write_components(op, area, cb, written);
	if (saves_mxcsr(form, rfbm, bv, written)) {
		put(area + MXCSR_AT, machine.mxcsr, 4);
		put(area + MXCSR_AT + 4, mxcsr_mask(), 4);
	}
	if (cb)
		write_compacted_header(area, rfbm, bv);
	else if (rfbm || !broken(save_rfbm0_does_nothing))
		write_standard_header(area, rfbm, bv);
	spoil_after_save(op, area);
	return NO_FAULT;
}

fault_t do_xsave(struct op *op)
{
	return save(op, XSAVE);
}

fault_t do_xsaveopt(struct op *op)
{
	return save(op, XSAVEOPT);
}

fault_t do_xsavec(struct op *op)
{
	return save(op, XSAVEC);
}

fault_t do_xsaves(struct op *op)
{
	return save(op, XSAVES);
}
