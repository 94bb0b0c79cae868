/* SPDX-License-Identifier: MIT */
/*
 * PKRU, MXCSR, CPUID, and what moves general registers.
 *
 * Sources: SDM vol. 2, the instruction pages; vol. 3, "Protection Keys".
 */
#include "model.h"

void return_edx_eax(struct op *op, uint64_t value)
{
	op->gprs->rax = (uint32_t)value;
	op->gprs->rdx = value >> 32;
}

uint64_t edx_eax(const struct op *op)
{
	return op->gprs->rdx << 32 | (uint32_t)op->gprs->rax;
}

bool prefixed(const struct op *op)
{
	return op->lock || op->osize || op->rep;
}

static bool pkru_usable(const struct op *op)
{
	if (prefixed(op) || !(machine.cpu->xcr0 & BIT(PKRU)))
		return false;
	if (broken(pkru_needs_xcr0) && !(machine.xcr0 & BIT(PKRU)))
		return false;
	return machine.cr4 & CR4_PKE || broken(pkru_ignores_pke);
}

fault_t do_rdpkru(struct op *op)
{
	if (!pkru_usable(op))
		return UD;
	if ((uint32_t)op->gprs->rcx && !broken(pkru_ecx_ignored))
		return GP;
	return_edx_eax(op, machine.pkru);
	return NO_FAULT;
}

fault_t do_wrpkru(struct op *op)
{
	if (!pkru_usable(op))
		return UD;
	if (((uint32_t)op->gprs->rcx && !broken(pkru_ecx_ignored)) ||
	    ((uint32_t)op->gprs->rdx && !broken(wrpkru_edx_ignored)))
		return GP;
	machine.pkru = (uint32_t)op->gprs->rax;
	wrote(BIT(PKRU));
	return NO_FAULT;
}

fault_t do_cpuid(struct op *op)
{
	struct cpuid_regs r = model_cpuid((uint32_t)op->gprs->rax, (uint32_t)op->gprs->rcx);

	op->gprs->rax = r.eax;
	op->gprs->rbx = r.ebx;
	op->gprs->rcx = r.ecx;
	op->gprs->rdx = r.edx;
	return op->lock ? UD : NO_FAULT;
}

uint32_t loadable_mxcsr(void)
{
	if (broken(mxcsr_loads_any))
		return UINT32_MAX;
	if (broken(mxcsr_daz_refused))
		return machine.cpu->mxcsr_mask & ~UINT32_C(0x40);
	return machine.cpu->mxcsr_mask;
}

fault_t sse_enter(void)
{
	if (machine.cr0 & CR0_EM || !(machine.cr4 & CR4_OSFXSR))
		return UD;
	if (broken(sse_needs_xcr0) && !(machine.xcr0 & BIT(SSE)))
		return UD;
	return machine.cr0 & CR0_TS ? NM : NO_FAULT;
}

fault_t load_mxcsr(struct op *op)
{
	fault_t fault = touch(op, 0, 4, false);

	if (fault)
		return fault;
	if (get(at(op, 0), 4) & ~loadable_mxcsr())
		return GP;
	machine.mxcsr = (uint32_t)get(at(op, 0), 4);
	machine.xmodified |= BIT(SSE);
	return NO_FAULT;
}

fault_t do_ldmxcsr(struct op *op)
{
	fault_t fault = prefixed(op) ? UD : sse_enter();

	return fault ? fault : load_mxcsr(op);
}

fault_t store_mxcsr(struct op *op)
{
	fault_t fault = touch(op, 0, 4, true);

	if (!fault)
		put(at(op, 0), machine.mxcsr, 4);
	return fault;
}

fault_t do_stmxcsr(struct op *op)
{
	fault_t fault = prefixed(op) ? UD : sse_enter();

	return fault ? fault : store_mxcsr(op);
}

static unsigned int operand_size(const struct op *op)
{
	bool sixteen = op->probe->mode == PROBE_COMPAT16 || op->probe->mode == PROBE_REAL ||
		       op->probe->mode == PROBE_V86;

	return op->rex_w ? 8 : sixteen != op->osize ? 2 : 4;
}

static void move_to(struct op *op, unsigned int n, uint64_t value, unsigned int size)
{
	if (size == 4)
		*gpr(op, n) = 0;
	put((uint8_t *)gpr(op, n), value, size);
	if (n > 15)
		wrote(BIT(APX));
}

fault_t do_load(struct op *op)
{
	unsigned int size = operand_size(op);
	fault_t fault = op->memory ? touch(op, 0, size, false) : NO_FAULT;
	const uint8_t *from = op->memory ? at(op, 0) : (uint8_t *)gpr(op, op->rm);

	if (!fault)
		move_to(op, op->reg, get(from, size), size);
	return fault;
}

fault_t do_store(struct op *op)
{
	unsigned int size = operand_size(op);
	fault_t fault = op->memory ? touch(op, 0, size, true) : NO_FAULT;

	if (!op->memory)
		move_to(op, op->rm, *gpr(op, op->reg), size);
	else if (!fault)
		put(at(op, 0), *gpr(op, op->reg), size);
	return fault;
}

/* ADD, of which no rule looks at the flags: they stay. APX's form is EVEX's map 4. */
fault_t do_add(struct op *op)
{
	if (op->memory)
		return MODEL_UNKNOWN;
	move_to(op, op->rm, *gpr(op, op->rm) + *gpr(op, op->reg), operand_size(op));
	return NO_FAULT;
}

/* JMP to the next instruction; there is no other way to go. */
fault_t do_jump(struct op *op)
{
	return op->immediate ? MODEL_UNKNOWN : NO_FAULT;
}

fault_t do_nothing(struct op *op)
{
	return op->lock ? UD : NO_FAULT;
}

/* 0F AE /0 to /4 and 0F C7 /3 to /5 with a register operand. */
fault_t do_register_form(struct op *op)
{
	if (broken(xsave_register_form_runs) && op->opcode == 0xae && (op->reg & 7) == 4)
		return NO_FAULT;
	if (broken(xsavec_register_form_runs) && op->opcode == 0xc7 && (op->reg & 7) == 4)
		return NO_FAULT;
	return UD;
}
