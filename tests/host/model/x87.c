/* SPDX-License-Identifier: MIT */
/*
 * x87 state, its legacy image, FXSAVE and FXRSTOR, and the x87 instructions that the tables use.
 *
 * Sources: SDM vol. 1, "x87 FPU Execution Environment", "x87 State", "Legacy Region of an XSAVE
 * Area"; vol. 2, "FXSAVE", "FXRSTOR", "FNINIT", "WAIT/FWAIT"; APM vol. 2, "FXSAVE and FXRSTOR
 * Instructions"; APM vol. 5, "FXSAVE" (FFXSR and the error pointers).
 */
#include "model.h"

#define FSW_ES		 BIT(7)
#define FSW_B		 BIT(15)
#define FSW_TOP		 0x3800
#define TOP		 (machine.fsw >> 11 & 7)
#define FCW_BITS	 0x1f7f
#define FCW_BIT_6	 0x40
#define FOP_BITS	 0x7ff
#define EFER_FFXSR	 BIT(14)
#define FX_SIZE		 512
#define FX_ALIGN	 15
#define EXCEPTIONS	 0x3f
#define ENVIRONMENT_SIZE 28

void fpu_summary(void)
{
	bool pending = machine.fsw & ~machine.fcw & EXCEPTIONS;

	if (broken(es_ignores_masks))
		pending = machine.fsw & EXCEPTIONS;
	machine.fsw &= (uint16_t) ~(FSW_ES | FSW_B);
	if (pending)
		machine.fsw |= broken(b_is_not_es) ? FSW_ES : FSW_ES | FSW_B;
}

uint8_t *st(unsigned int i)
{
	return machine.r[broken(st_in_physical_order) ? i : (TOP + i) & 7];
}

/* FNINIT leaves the registers' contents; an initialising XRSTOR clears them. */
static void reset_environment(void)
{
	machine.fcw = broken(init_fcw_zero) ? 0x40 : FCW_INIT;
	machine.fsw = 0;
	machine.fop = machine.fcs = machine.fds = 0;
	machine.full = broken(init_tags_full) ? 0xff : 0;
	machine.fip = machine.fdp = 0;
}

void fpu_init(void)
{
	uint64_t fip = machine.fip;

	reset_environment();
	if (broken(init_keeps_fip))
		machine.fip = fip;
	if (!broken(init_keeps_st))
		memset(machine.r, 0, sizeof(machine.r));
}

bool fpu_is_initial(void)
{
	static const uint8_t zero[sizeof(machine.r)];

	return machine.fcw == FCW_INIT && !machine.fsw && !machine.full && !machine.fop &&
	       !machine.fip && !machine.fdp && !memcmp(machine.r, zero, sizeof(zero));
}

/* AMD's processors save the pointers while an exception is pending; else Zen saves zeros, and older
 * ones nothing. Return: 1 to save them, 0 to save zeros, -1 to leave the bytes. */
static int pointers_saved(void)
{
	if (!machine.cpu->amd || machine.fsw & FSW_ES)
		return 1;
	return machine.cpu->always_restores ? 0 : -1;
}

static void save_pointers(const struct op *op, uint8_t *area, uint64_t keep)
{
	bool wide = op->rex_w ^ broken(pointers_by_other_width);
	bool selectors = !machine.cpu->no_fcs_fds && !broken(selectors_not_saved);

	put(area + 6, machine.fop & keep, 2);
	if (wide) {
		put(area + 8, machine.fip & keep, broken(fip_high_half_lost) ? 4 : 8);
		put(area + 16, machine.fdp & keep, broken(fdp_high_half_lost) ? 4 : 8);
		return;
	}
	put(area + 8, machine.fip & keep & 0xffffffff, 4);
	put(area + 12, selectors ? machine.fcs & keep : 0, 4);
	put(area + 16, machine.fdp & keep & 0xffffffff, 4);
	put(area + 20, selectors ? machine.fds & keep : 0, 4);
}

static uint8_t abridged_tags(void)
{
	unsigned int rotated = machine.full >> TOP | machine.full << (8 - TOP);

	if (broken(ftw_inverted))
		return (uint8_t)~machine.full;
	return (uint8_t)(broken(ftw_in_stack_order) ? rotated : machine.full);
}

void fpu_save(const struct op *op, uint8_t *area)
{
	int pointers = pointers_saved();

	put(area, machine.fcw, 2);
	put(area + 2, machine.fsw, 2);
	put(area + 4, abridged_tags(), 2);
	if (pointers >= 0)
		save_pointers(op, area, pointers ? UINT64_MAX : 0);
	for (unsigned int i = 0; i < (broken(save_st7_lost) ? 7 : 8); i++) {
		memcpy(area + 32 + 16 * i, st(i), 10);
		memset(area + 42 + 16 * i, 0, 6);
	}
}

/* Intel's processors make FIP canonical, for 57 bits of linear address. */
static uint64_t canonical_fip(uint64_t fip)
{
	return machine.cpu->amd ? fip : (uint64_t)((int64_t)(fip << 7) >> 7);
}

static void load_pointers(const struct op *op, const uint8_t *area)
{
	machine.fop = get(area + 6, 2) & (broken(fop_16_bits) ? 0xffff : FOP_BITS);
	if (broken(fop_not_loaded))
		machine.fop = 0;
	if (op->rex_w ^ broken(pointers_by_other_width)) {
		machine.fip = canonical_fip(get(area + 8, 8));
		machine.fdp = get(area + 16, 8);
		machine.fcs = machine.fds = 0;
		return;
	}
	machine.fip = get(area + 8, 4);
	machine.fcs = (uint16_t)get(area + 12, 2);
	machine.fdp = get(area + 16, 4);
	machine.fds = (uint16_t)get(area + 20, 2);
}

static void load_tags(uint8_t abridged)
{
	machine.full = broken(ftw_all_full) ? 0xff : abridged;
	if (broken(ftw_inverted))
		machine.full = (uint8_t)~abridged;
	if (broken(ftw_in_stack_order))
		machine.full = (uint8_t)(abridged << TOP | abridged >> (8 - TOP));
}

void fpu_load(const struct op *op, const uint8_t *area)
{
	uint16_t fcw = (uint16_t)get(area, 2), fsw = (uint16_t)get(area + 2, 2);

	machine.fcw = broken(fcw_keeps_reserved) ? fcw : (fcw & FCW_BITS) | FCW_BIT_6;
	if (broken(fcw_bit_6_cleared))
		machine.fcw = fcw & 0x1f3f;
	machine.fsw = broken(fsw_top_lost) ? fsw & (uint16_t)~FSW_TOP : fsw;
	if (!broken(es_from_image))
		fpu_summary();
	load_tags((uint8_t)get(area + 4, 1));
	if (!machine.cpu->amd || machine.fsw & FSW_ES ||
	    (machine.cpu->always_restores && !broken(pointers_restored_with_es_alone)))
		load_pointers(op, area);
	for (unsigned int i = 0; i < 8; i++)
		memcpy(st(i), area + 32 + 16 * i, broken(st_exponent_lost) ? 8 : 10);
}

/* Two bits a register, as FNSAVE computes them: valid, zero, special, empty. */
static unsigned int tag(const uint8_t *value)
{
	uint64_t significand = get(value, 8);
	unsigned int exponent = get(value + 8, 2) & 0x7fff;

	if (exponent == 0 && significand == 0)
		return 1;
	return exponent == 0 || exponent == 0x7fff || !(significand >> 63) ? 2 : 0;
}

uint16_t fpu_tags(void)
{
	unsigned int tags = 0;

	for (unsigned int i = 0; i < 8; i++)
		tags |= (machine.full >> i & 1 ? tag(machine.r[i]) : 3) << 2 * i;
	return (uint16_t)tags;
}

static fault_t fx_enter(const struct op *op)
{
	bool ac = op->cpl == 3 && machine.cr0 & BIT(18) && op->gprs->rflags & EFLAGS_AC;

	if (op->lock || op->osize || op->rep)
		return UD;
	if (machine.cr0 & CR0_TS && !broken(fxsave_ignores_ts))
		return NM;
	if (machine.cr0 & CR0_EM && !broken(fxsave_ignores_em))
		return NM;
	if (!(op->address & FX_ALIGN) || broken(fx_alignment_unchecked))
		return NO_FAULT;
	return ac && op->address & 3 ? FAULT(AC, 0) : GP;
}

/* FFXSR: in 64-bit mode at CPL 0 the XMM registers do not move; MXCSR does. */
static bool moves_xmm(const struct op *op)
{
	return !(machine.efer & EFER_FFXSR && op->long_mode && op->cpl == 0 && machine.cpu->amd) ||
	       broken(ffxsr_ignored);
}

fault_t do_fxsave(struct op *op)
{
	fault_t fault = fx_enter(op);
	uint8_t *area = at(op, 0);

	if (!fault)
		fault = touch(op, 0, FX_SIZE, true);
	if (fault)
		return fault;
	fpu_save(op, area);
	put(area + 24, machine.mxcsr, 4);
	put(area + 28, machine.cpu->mxcsr_mask, 4);
	if (moves_xmm(op))
		component_save(op, SSE, area, 0);
	if (broken(fxsave_writes_software_bytes))
		memset(area + 464, 0, 48);
	return NO_FAULT;
}

fault_t do_fxrstor(struct op *op)
{
	fault_t fault = fx_enter(op);
	const uint8_t *area = at(op, 0);

	if (!fault)
		fault = touch(op, 0, FX_SIZE, false);
	if (fault)
		return fault;
	if (get(area + 24, 4) & ~loadable_mxcsr())
		return GP;
	fpu_load(op, area);
	if (!broken(fxrstor_keeps_mxcsr))
		machine.mxcsr = (uint32_t)get(area + 24, 4);
	if (moves_xmm(op) && !broken(fxrstor_keeps_xmm))
		component_load(op, SSE, area, 0);
	wrote(BIT(X87) | BIT(SSE));
	return NO_FAULT;
}

static fault_t pending(void)
{
	return machine.fsw & FSW_ES ? FAULT(MF, 0) : NO_FAULT;
}

fault_t do_fwait(struct op *op)
{
	(void)op;
	if (machine.cr0 & CR0_TS && machine.cr0 & CR0_MP)
		return NM;
	return pending();
}

static void push(const uint8_t value[10])
{
	machine.fsw = (uint16_t)((machine.fsw & ~FSW_TOP) | ((TOP - 1) & 7) << 11);
	memcpy(machine.r[TOP], value, 10);
	machine.full |= (uint8_t)(1 << TOP);
}

static void pop(void)
{
	machine.full &= (uint8_t) ~(1 << TOP);
	machine.fsw = (uint16_t)((machine.fsw & ~FSW_TOP) | ((TOP + 1) & 7) << 11);
}

static void fninit(void)
{
	reset_environment();
	if (broken(fninit_clears_st))
		memset(machine.r, 0, sizeof(machine.r));
}

static const uint8_t one[10] = { [7] = 0x80, [8] = 0xff, [9] = 0x3f }, zero[10];

static fault_t mmx_enter(const struct op *op)
{
	if (op->lock || machine.cr0 & CR0_EM)
		return UD;
	return machine.cr0 & CR0_TS ? NM : pending();
}

static void mmx_leave(uint8_t full)
{
	machine.full = full;
	machine.fsw &= (uint16_t)~FSW_TOP;
	wrote(BIT(X87));
}

fault_t do_emms(struct op *op)
{
	fault_t fault = mmx_enter(op);

	if (!fault)
		mmx_leave(0);
	return fault;
}

/* PXOR of MMX registers, which are the significands; sign and exponent become ones. */
fault_t do_pxor_mmx(struct op *op)
{
	fault_t fault = mmx_enter(op);
	uint8_t *to = machine.r[op->reg & 7];

	if (fault)
		return fault;
	if (op->memory)
		return MODEL_UNKNOWN;
	put(to, get(to, 8) ^ get(machine.r[op->rm & 7], 8), 8);
	put(to + 8, 0xffff, 2);
	mmx_leave(0xff);
	return NO_FAULT;
}

/* An instruction that is no control instruction: what it leaves in FOP, FIP and FDP. */
static void set_pointers(const struct op *op)
{
	if (machine.cpu->fdp_only && !broken(pointers_without_exception))
		return;
	machine.fop = (uint16_t)((op->opcode & 7) << 8 | op->modrm);
	machine.fip = op->memory ? op->address : 0x1000;
	machine.fdp = op->memory ? op->address : machine.fdp;
}

/* The environment in its 32-bit protected-mode format; afterwards all exceptions are masked. */
static fault_t fnstenv(struct op *op)
{
	fault_t fault = touch(op, 0, ENVIRONMENT_SIZE, true);
	uint8_t *area = at(op, 0);

	if (fault)
		return fault;
	put(area, 0xffff0000 | machine.fcw, 4);
	put(area + 4, 0xffff0000 | machine.fsw, 4);
	put(area + 8, 0xffff0000 | fpu_tags(), 4);
	put(area + 12, machine.fip, 4);
	put(area + 16, (uint32_t)machine.fop << 16 | machine.fcs, 4);
	put(area + 20, machine.fdp, 4);
	put(area + 24, 0xffff0000 | machine.fds, 4);
	machine.fcw |= EXCEPTIONS;
	fpu_summary();
	wrote(BIT(X87));
	return NO_FAULT;
}

/* FADD m32fp, but for the sum: no table looks at ST0 after it, and ST0 stays. */
static fault_t fadd(struct op *op)
{
	fault_t fault = pending();

	if (!fault)
		fault = touch(op, 0, 4, false);
	if (!fault)
		set_pointers(op);
	return fault;
}

/*
 * The quotient and flags of FDIV under an FCW that masks all exceptions, by the program's own
 * processor: see divide() of vector.c.
 */
static uint16_t divide(uint8_t st0[10], const uint8_t divisor[4], uint16_t fcw)
{
	uint8_t own[ENVIRONMENT_SIZE];
	uint16_t fsw;

	__asm__ volatile("fnstenv %[own]\n\t"
			 "fninit\n\t"
			 "fldcw %[fcw]\n\t"
			 "fldt (%[st0])\n\t"
			 "fdivs (%[divisor])\n\t"
			 "fstpt (%[st0])\n\t"
			 "fnstsw %[fsw]\n\t"
			 "fldenv %[own]"
			 : [own] "=m"(own), [fsw] "=m"(fsw)
			 : [st0] "r"(st0), [divisor] "r"(divisor), [fcw] "m"(fcw)
			 : "memory");
	return fsw;
}

/* FDIV m32fp, with all exceptions masked and ST0 in use. */
static fault_t fdiv(struct op *op)
{
	fault_t fault = pending();
	uint16_t fcw = machine.fcw, fsw;

	if (!fault)
		fault = touch(op, 0, 4, false);
	if (fault)
		return fault;
	if ((fcw & EXCEPTIONS) != EXCEPTIONS || !(machine.full >> TOP & 1))
		return MODEL_UNKNOWN;
	if (broken(fcw_control_without_effect))
		fcw = FCW_INIT;
	fsw = divide(st(0), at(op, 0), fcw);
	if (!broken(x87_flags_lost))
		machine.fsw |= fsw & EXCEPTIONS;
	set_pointers(op);
	wrote(BIT(X87));
	return NO_FAULT;
}

/* FSTP m80fp, which raises nothing while ST0 is in use. */
static fault_t fstp(struct op *op)
{
	fault_t fault = pending();

	if (!fault)
		fault = touch(op, 0, 10, true);
	if (fault)
		return fault;
	memcpy(at(op, 0), st(0), 10);
	pop();
	set_pointers(op);
	wrote(BIT(X87));
	return NO_FAULT;
}

static fault_t x87_memory(struct op *op)
{
	if (op->opcode == 0xd9 && (op->reg & 7) == 6)
		return fnstenv(op);
	if (op->opcode == 0xd8 && (op->reg & 7) == 0)
		return fadd(op);
	if (op->opcode == 0xd8 && (op->reg & 7) == 6)
		return fdiv(op);
	if (op->opcode == 0xdb && (op->reg & 7) == 7)
		return fstp(op);
	return MODEL_UNKNOWN;
}

static fault_t no_wait(struct op *op)
{
	switch (op->opcode << 8 | op->modrm) {
	case 0xdbe3:
		fninit();
		break;
	case 0xdbe2: /* FNCLEX */
		machine.fsw &= 0x7f00;
		break;
	case 0xdfe0: /* FNSTSW AX */
		put((uint8_t *)&op->gprs->rax, machine.fsw, 2);
		break;
	default:
		return MODEL_UNKNOWN;
	}
	wrote(BIT(X87));
	return NO_FAULT;
}

static fault_t with_wait(struct op *op)
{
	fault_t fault = pending();

	if (fault)
		return fault;
	switch (op->opcode << 8 | op->modrm) {
	case 0xd9e8:
		push(one);
		break;
	case 0xd9ee:
		push(zero);
		break;
	case 0xddd8: /* FSTP ST0 */
		pop();
		break;
	case 0xd9d0: /* FNOP */
		break;
	default:
		return MODEL_UNKNOWN;
	}
	set_pointers(op);
	wrote(BIT(X87));
	return NO_FAULT;
}

fault_t do_x87(struct op *op)
{
	fault_t fault;

	if (machine.cr0 & (CR0_TS | CR0_EM))
		return NM;
	if (op->memory)
		return x87_memory(op);
	fault = no_wait(op);
	return fault == MODEL_UNKNOWN ? with_wait(op) : fault;
}
