/* SPDX-License-Identifier: MIT */
/*
 * The model as struct probe_ops: a probe's state goes in, its instruction is executed, the state
 * comes out.
 */
#include <xtk/test.h>

#include "model.h"

#include <cmdline.h>
#include <frame.h>

static const struct op long_mode = { .long_mode = true, .rex_w = true };

static void load_x87(const struct xregs_x87 *x)
{
	machine.fcw = x->fcw;
	machine.fsw = x->fsw;
	machine.fop = x->fop;
	machine.fip = x->fip;
	machine.fdp = x->fdp;
	machine.fcs = machine.fds = 0;
	machine.full = 0;
	for (unsigned int i = 0; i < 8; i++) {
		machine.full |= (uint8_t)(((x->ftw >> 2 * i & 3) != 3) << i);
		memcpy(machine.r[((x->fsw >> 11) + i) & 7], x->st[i], 10);
	}
	fpu_summary();
}

static void store_x87(struct xregs_x87 *x)
{
	*x = (struct xregs_x87){ .fcw = machine.fcw, .fsw = machine.fsw, .ftw = fpu_tags() };
	x->fop = machine.fop;
	x->fip = machine.fip;
	x->fdp = machine.fdp;
	x->fip_low = (uint32_t)machine.fip;
	x->fdp_low = (uint32_t)machine.fdp;
	for (unsigned int i = 0; i < 8; i++)
		memcpy(x->st[i], machine.r[((machine.fsw >> 11) + i) & 7], 10);
}

/* Which bytes of which vector registers a component has. */
static const struct vector_part {
	uint8_t component, first, offset, size;
} vector_parts[] = {
	{ SSE, 0, 0, 16 },
	{ AVX, 0, 16, 16 },
	{ ZMM_HI256, 0, 32, 32 },
	{ HI16_ZMM, 16, 0, 64 },
};

static void move_vectors(uint8_t to[32][64], const uint8_t from[32][64], uint64_t mask)
{
	for (const struct vector_part *v = vector_parts; v < vector_parts + 4; v++)
		for (unsigned int i = v->first; mask >> v->component & 1 && i < v->first + 16u; i++)
			memcpy(to[i] + v->offset, from[i] + v->offset, v->size);
}

/* The bytes of a tile that its configuration has. */
static void copy_tiles(uint8_t *to, const uint8_t *from, const uint8_t *config)
{
	memset(to, 0, sizeof(machine.tile));
	for (unsigned int i = 0; i < 8 && config[0]; i++)
		for (unsigned int row = 0; row < config[48 + i]; row++) {
			unsigned int offset = 1024 * i + 64 * row;

			memcpy(to + offset, from + offset, get(config + 16 + 2 * i, 2));
		}
}

static void load_registers(const struct xregs *r, uint64_t mask)
{
	if (mask & BIT(X87))
		load_x87(&r->x87);
	if (mask & BIT(SSE))
		machine.mxcsr = r->mxcsr;
	move_vectors(machine.vector, r->vector, mask);
	if (mask & BIT(BNDREGS))
		memcpy(machine.bnd, r->bnd, sizeof(machine.bnd));
	if (mask & BIT(BNDCSR))
		memcpy(machine.bndcsr, &r->bndcfgu, sizeof(machine.bndcsr));
	if (mask & BIT(OPMASK))
		memcpy(machine.k, r->k, sizeof(machine.k));
	if (mask & BIT(PKRU))
		machine.pkru = r->pkru;
	if (mask & AMX_BITS) {
		memcpy(machine.tilecfg, &r->tilecfg, sizeof(machine.tilecfg));
		copy_tiles(machine.tile, (const uint8_t *)r->tile, machine.tilecfg);
		mask |= AMX_BITS;
	}
	wrote(mask);
}

static void store_registers(struct xregs *r, uint64_t mask)
{
	if (mask & BIT(X87))
		store_x87(&r->x87);
	if (mask & BIT(SSE))
		r->mxcsr = machine.mxcsr;
	move_vectors(r->vector, machine.vector, mask);
	if (mask & BIT(BNDREGS))
		memcpy(r->bnd, machine.bnd, sizeof(machine.bnd));
	if (mask & BIT(BNDCSR))
		memcpy(&r->bndcfgu, machine.bndcsr, sizeof(machine.bndcsr));
	if (mask & BIT(OPMASK))
		memcpy(r->k, machine.k, sizeof(machine.k));
	if (mask & BIT(PKRU))
		r->pkru = machine.pkru;
	if (mask & AMX_BITS) {
		memcpy(&r->tilecfg, machine.tilecfg, sizeof(machine.tilecfg));
		copy_tiles((uint8_t *)r->tile, machine.tile, machine.tilecfg);
	}
}

/* As an XRSTOR of another area would: what an earlier one left behind is gone. */
static void initialise(uint64_t mask)
{
	for (unsigned int i = 0; i < COMPONENTS; i++)
		if (mask >> i & 1)
			component_init(&long_mode, i);
	if (mask & BIT(SSE))
		machine.mxcsr = MXCSR_INIT;
	if (!mask)
		return;
	machine.xinuse &= ~mask;
	machine.xmodified = UINT64_MAX;
	machine.info.valid = false;
}

static void flip(const struct probe *p)
{
	machine.cr0 ^= p->cr0_flip;
	machine.cr4 ^= p->cr4_flip;
	machine.efer ^= p->efer_flip;
}

static unsigned int cpl_of(const struct probe *p)
{
	return p->mode == PROBE_V86 ? 3 : p->mode == PROBE_REAL ? 0 : p->cpl;
}

static void run(const struct probe *p, struct probe_result *r)
{
	struct op op = {
		.probe = p, .gprs = &r->gprs, .cpl = cpl_of(p), .long_mode = p->mode == PROBE_64
	};
	uint32_t pkru = machine.pkru;

	initialise(p->init);
	if (p->load)
		load_registers(p->regs, p->load);
	r->gprs = p->gprs;
	flip(p);
	r->fault = execute(&op);
	if (broken(osxsave_off_resets_xcr0) && p->cr4_flip & CR4_OSXSAVE)
		machine.xcr0 = 1;
	flip(p);
	if (r->fault == MODEL_UNKNOWN) {
		test_error("the model does not know %s", p->insn->name);
		r->fault = UD;
	}
	machine.pkru_before = pkru;
	r->cr2 = op.cr2;
	store_registers(&r->regs, p->store);
}

static const char *why_not(const struct probe *p)
{
	if (p->cpl == 3 && p->mode == PROBE_PROTECTED32)
		return "CPL 3 outside IA-32e mode";
	if (p->cpl == 3 && p->mode == PROBE_REAL)
		return "CPL 3 in real-address mode";
	return p->cpl == 0 && p->mode == PROBE_V86 ? "CPL 0 in virtual-8086 mode" : NULL;
}

static bool can_set(enum probe_register reg)
{
	const struct config *cpu = machine.cpu;

	return reg == PROBE_XCR0 ? cpu->xsave : reg == PROBE_XSS ? cpu->xsaves : cpu->xfd;
}

static const struct {
	uint32_t number;
	enum msr msr;
} registers[PROBE_REGISTERS] = {
	[PROBE_XSS] = { MSR_XSS, MSR_XSS_VALUE },
	[PROBE_XFD] = { MSR_XFD, MSR_XFD_VALUE },
	[PROBE_XFD_ERR] = { 0x1c5, MSR_XFD_ERR_VALUE },
};

static uint64_t get_register(enum probe_register reg)
{
	return reg == PROBE_XCR0 ? machine.xcr0 : machine.msr[registers[reg].msr];
}

static fault_t set_register(enum probe_register reg, uint64_t value)
{
	if (!can_set(reg))
		return reg == PROBE_XCR0 ? UD : GP;
	return reg == PROBE_XCR0 ? set_xcr0(value) : msr_write(registers[reg].number, value);
}

static struct probe_ops model_ops = {
	.name = "model",
	.why_not = why_not,
	.run = run,
	.cpuid = model_cpuid,
	.can_set = can_set,
	.get = get_register,
	.set = set_register,
	.protect = arena_protect,
};

const struct probe_ops *const probe_ops = &model_ops;

static const char *take_cpu(char *name)
{
	return machine_choose(name) ? NULL : "the model has no such CPU";
}

static const char *take_fault(char *name)
{
	return machine_break(name) ? NULL : "the model has no such fault";
}

const struct word machine_words[] = {
	{ "cpu", take_cpu, true },
	{ "fault", take_fault, true },
	{ NULL, NULL, false },
};

void machine_words_check(void)
{
	if (!machine.cpu)
		machine_reset(configs);
}

/* The program's own processor does not matter: what the tables ask of it is the model's. */
void machine_start(void)
{
	model_ops.arena = arena;
	xregs_cpu.mask = XREGS_MASK & (machine.cpu->xcr0 | BIT(X87) | BIT(SSE));
	xregs_cpu.avx512bw = 1;
	xregs_cpu.mxcsr_mask = machine.cpu->mxcsr_mask;
	xregs_cpu.pointers = !machine.cpu->amd;
}

bool machine_fault(ucontext_t *context, fault_t fault)
{
	(void)context;
	(void)fault;
	return false;
}
