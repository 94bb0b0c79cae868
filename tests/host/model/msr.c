/* SPDX-License-Identifier: MIT */
/*
 * The MSRs that the XSAVE feature set manages, and those that steer it; RDMSR and WRMSR.
 *
 * Sources: SDM vol. 1, "XSAVE-Managed State" (which MSRs a component has, and in which order),
 * "Processor Tracking of XSAVE-Managed State" (their initial values); vol. 4, "Architectural MSRs".
 */
#include "model.h"

#define EVERY	  UINT64_MAX
#define LINEAR	  0 /* legal: canonical addresses */
#define SSP	  3 /* legal: canonical and these bits 0 */
#define HWP_RESET 0x8000ff01

/* legal: the bits that may be 1; of those below 8, see above. owner: the component. */
static const struct {
	uint32_t number;
	uint8_t owner;
	uint64_t legal, initial;
} msrs[MSR_LBR_FIRST] = {
	[MSR_XSS_VALUE] = { MSR_XSS, COMPONENTS, EVERY, 0 },
	[MSR_XFD_VALUE] = { MSR_XFD, COMPONENTS, EVERY, 0 },
	[MSR_XFD_ERR_VALUE] = { 0x1c5, COMPONENTS, EVERY, 0 },
	[MSR_S_CET] = { 0x6a2, CET_S, ~UINT64_C(0x3c0), 0 },
	[MSR_U_CET] = { 0x6a0, CET_U, ~UINT64_C(0x3c0), 0 },
	[MSR_PL3_SSP] = { 0x6a7, CET_U, SSP, 0 },
	[MSR_PL0_SSP] = { 0x6a4, CET_S, SSP, 0 },
	[MSR_PL1_SSP] = { 0x6a5, CET_S, SSP, 0 },
	[MSR_PL2_SSP] = { 0x6a6, CET_S, SSP, 0 },
	[MSR_PASID] = { 0xd93, PASID, 0x800fffff, 0 },
	[MSR_PM_CTL1] = { 0xdb1, HDC, 1 | BIT(63), 1 },
	[MSR_HWP_REQUEST] = { 0x774, HWP, EVERY, HWP_RESET },
	[MSR_UINTR_HANDLER] = { 0x986, UINTR, LINEAR, 0 },
	[MSR_UINTR_STACKADJUST] = { 0x987, UINTR, LINEAR, 0 },
	[MSR_UINTR_MISC] = { 0x988, UINTR, 0x800000ffffffffff, 0 },
	[MSR_UINTR_PD] = { 0x989, UINTR, LINEAR, 0 },
	[MSR_UINTR_RR] = { 0x985, UINTR, EVERY, 0 },
	[MSR_UINTR_TT] = { 0x98a, UINTR, LINEAR, 0 },
	[MSR_RTIT_CTL] = { 0x570, PT, EVERY, 0 },
	[MSR_RTIT_OUTPUT_BASE] = { 0x560, PT, EVERY, 0 },
	[MSR_RTIT_OUTPUT_MASK_PTRS] = { 0x561, PT, EVERY, 0 },
	[MSR_RTIT_STATUS] = { 0x571, PT, EVERY, 0 },
	[MSR_RTIT_CR3_MATCH] = { 0x572, PT, EVERY, 0 },
	[MSR_RTIT_ADDR0_A] = { 0x580, PT, LINEAR, 0 },
	[MSR_RTIT_ADDR0_B] = { 0x581, PT, LINEAR, 0 },
	[MSR_RTIT_ADDR1_A] = { 0x582, PT, LINEAR, 0 },
	[MSR_RTIT_ADDR1_B] = { 0x583, PT, LINEAR, 0 },
	[MSR_LBR_CTL] = { 0x14ce, LBR, EVERY, 0 },
	[MSR_LBR_DEPTH] = { 0x14cf, LBR, 0x7f, 0 },
	[MSR_LER_FROM] = { 0x1dd, LBR, EVERY, 0 },
	[MSR_LER_TO] = { 0x1de, LBR, EVERY, 0 },
	[MSR_LER_INFO] = { 0x1e0, LBR, EVERY, 0 },
};

struct msr_range component_msrs(unsigned int i)
{
	switch (i) {
	case PT:
		return (struct msr_range){ MSR_RTIT_CTL, 9 };
	case PASID:
		return (struct msr_range){ MSR_PASID, 1 };
	case CET_U:
		return (struct msr_range){ MSR_U_CET, 2 };
	case CET_S:
		return (struct msr_range){ MSR_PL0_SSP, 3 };
	case HDC:
		return (struct msr_range){ MSR_PM_CTL1, 1 };
	case UINTR:
		return (struct msr_range){ MSR_UINTR_HANDLER, 6 };
	case LBR:
		return (struct msr_range){ MSR_LBR_CTL, 5 + 3 * LBR_ENTRIES };
	case HWP:
		return (struct msr_range){ MSR_HWP_REQUEST, 1 };
	default:
		return (struct msr_range){ 0, 0 };
	}
}

uint64_t msr_initial(unsigned int msr)
{
	return msr < MSR_LBR_FIRST ? msrs[msr].initial : 0;
}

bool msr_value_legal(unsigned int msr, uint64_t value)
{
	uint64_t legal = msr < MSR_LBR_FIRST ? msrs[msr].legal : EVERY;

	if (broken(cet_reserved_accepted) && msr == MSR_U_CET)
		return true;
	if (broken(ssp_misaligned_accepted) && legal == SSP)
		return canonical(value);
	if (broken(ssp_noncanonical_accepted) && legal == SSP)
		return !(value & SSP);
	if (msr == MSR_U_CET || msr == MSR_S_CET) /* SUPPRESS and TRACKER exclude each other */
		return !(value & ~legal) && (value >> 10 & 3) != 3 &&
		       canonical(value & ~UINT64_C(0xfff));
	if (legal == LINEAR || legal == SSP)
		return canonical(value) && !(value & legal);
	return !(value & ~legal);
}

/* The MSR of this number; MSR_VALUES if the CPU does not have it. */
static unsigned int msr_find(uint32_t number)
{
	uint64_t has = machine.cpu->xss;

	for (unsigned int i = 0; i < 3 * LBR_ENTRIES && has & BIT(LBR); i++)
		if (number == (i % 3 == 0 ? 0x1500u : i % 3 == 1 ? 0x1600u : 0x1200u) + i / 3)
			return MSR_LBR_FIRST + i;
	for (unsigned int i = 0; i < MSR_LBR_FIRST; i++)
		if (msrs[i].number == number)
			return msrs[i].owner == COMPONENTS || has >> msrs[i].owner & 1 ? i
										       : MSR_VALUES;
	return MSR_VALUES;
}

static bool msr_exists(unsigned int msr)
{
	if (msr == MSR_XSS_VALUE)
		return machine.cpu->xsaves || broken(xss_unenumerated);
	if (msr == MSR_XFD_VALUE || msr == MSR_XFD_ERR_VALUE)
		return machine.cpu->xfd || broken(xfd_unenumerated);
	return msr < MSR_VALUES;
}

static bool xss_legal(uint64_t value)
{
	uint64_t supported = machine.cpu->xss;

	if (broken(xss_takes_user_bits))
		supported |= machine.cpu->xcr0;
	if (broken(xss_takes_anything))
		return true;
	if (broken(xss_refuses_cet_s_alone) && (value & BIT(CET_S)) && !(value & BIT(CET_U)))
		return false;
	return !(value & ~supported);
}

static bool xfd_legal(uint64_t value)
{
	uint64_t supported = BIT(TILEDATA) | (broken(xfd_takes_tilecfg) ? BIT(TILECFG) : 0);

	return !(value & ~supported) || broken(xfd_takes_anything);
}

fault_t msr_write(uint32_t number, uint64_t value)
{
	unsigned int msr = msr_find(number);
	bool legal;

	if (!msr_exists(msr))
		return GP;
	if (msr == MSR_XSS_VALUE)
		legal = xss_legal(value);
	else if (msr == MSR_XFD_VALUE || msr == MSR_XFD_ERR_VALUE)
		legal = xfd_legal(value);
	else
		legal = msr_value_legal(msr, value);
	if (!legal)
		return GP;
	machine.msr[msr] = value;
	if (msr > MSR_XFD_ERR_VALUE && msr < MSR_LBR_FIRST)
		machine.xmodified |= BIT(msrs[msr].owner);
	if (msr >= MSR_LBR_FIRST)
		machine.xmodified |= BIT(LBR);
	return NO_FAULT;
}

static bool privileged(const struct op *op)
{
	return op->cpl > 0;
}

fault_t do_rdmsr(struct op *op)
{
	unsigned int msr = msr_find((uint32_t)op->gprs->rcx);

	if (privileged(op) && !(broken(xss_readable_at_cpl3) && msr == MSR_XSS_VALUE))
		return GP;
	if (!msr_exists(msr))
		return GP;
	return_edx_eax(op, machine.msr[msr]);
	return NO_FAULT;
}

fault_t do_wrmsr(struct op *op)
{
	return privileged(op) ? GP : msr_write((uint32_t)op->gprs->rcx, edx_eax(op));
}
