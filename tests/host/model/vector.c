/* SPDX-License-Identifier: MIT */
/*
 * One or a few instructions of each extension: what enables it, and that it changes state.
 *
 * Sources: SDM vol. 2, "VEX Exception Summary", "AMX Exception Summary", the instruction pages;
 * vol. 1, "Detection and Operation of Intel AVX-512", "Programming with Intel AMX"; Intel APX
 * architecture specification, "Enabling APX".
 */
#include "model.h"

#define TILES	    8
#define TILE_SIZE   1024
#define ROW_SIZE    64
#define ROWS	    16
#define FLAG_CF	    0x001
#define FLAG_ZF	    0x040
#define FLAG_SF	    0x080
#define FLAG_OF	    0x800
#define MXCSR_FLAGS 0x3f
#define MXCSR_MASKS 0x1f80
#define MXCSR_RC    0x6000

/* What CPUID lacks cannot be set in XCR0. */
static bool enabled(uint64_t bits)
{
	if (!(machine.cr4 & CR4_OSXSAVE) && !broken(vex_ignores_osxsave))
		return false;
	return (machine.xcr0 & bits) == bits;
}

static bool is_opmask(const struct op *op)
{
	return op->encoding == VEX && (op->opcode == 0x47 || op->opcode == 0x98);
}

static bool wide_vectors(const struct op *op)
{
	uint64_t avx = BIT(SSE) | BIT(AVX);

	if (op->encoding == EVEX || is_opmask(op))
		return enabled(broken(evex_needs_avx_alone) ? avx : avx | AVX512_BITS);
	return enabled(avx);
}

/* VXORPS and VPXOR, and their legacy forms: a ^ b to the width, then zeros; legacy keeps the rest.
 */
static void bitwise(const struct op *op)
{
	unsigned int width = 16u << op->vl;
	const uint8_t *a = machine.vector[op->encoding ? op->vvvv : op->reg];
	const uint8_t *b = machine.vector[op->rm];
	uint8_t *to = machine.vector[op->reg];

	for (unsigned int i = 0; i < width; i++)
		to[i] = a[i] ^ b[i];
	if (op->encoding)
		memset(to + width, 0, 64 - width);
	wrote(BIT(SSE) | (op->encoding ? BIT(AVX) : 0));
	if (op->encoding == EVEX || op->encoding == VEX)
		wrote(machine.cpu->xcr0 & (BIT(ZMM_HI256) | (op->reg > 15 ? BIT(HI16_ZMM) : 0)));
}

/* VZEROUPPER, or VZEROALL with VEX.L = 1. */
static void zero(const struct op *op)
{
	unsigned int kept = op->vl ? 0 : 16;

	for (unsigned int i = 0; i < (op->long_mode ? 16u : 8u); i++)
		memset(machine.vector[i] + kept, 0, 64 - kept);
	wrote(BIT(SSE) | BIT(AVX) | (machine.cpu->xcr0 & BIT(ZMM_HI256)));
}

fault_t do_sse(struct op *op)
{
	fault_t fault = op->lock ? UD : sse_enter();

	if (op->opcode == 0xef && !op->osize)
		return do_pxor_mmx(op);
	if (fault)
		return fault;
	if (op->memory)
		return MODEL_UNKNOWN;
	bitwise(op);
	return NO_FAULT;
}

/*
 * The quotients and flags of DIVPS under an MXCSR that masks all exceptions. How to divide is not
 * what the tables ask: the program's own processor does it, as every x86-64 processor can.
 */
static uint32_t divide(uint8_t *quotient, const uint8_t *divisor, uint32_t mxcsr)
{
	uint32_t own;

	__asm__ volatile("stmxcsr %[own]\n\t"
			 "ldmxcsr %[mxcsr]\n\t"
			 "movups (%[quotient]), %%xmm0\n\t"
			 "movups (%[divisor]), %%xmm1\n\t"
			 "divps %%xmm1, %%xmm0\n\t"
			 "movups %%xmm0, (%[quotient])\n\t"
			 "stmxcsr %[mxcsr]\n\t"
			 "ldmxcsr %[own]"
			 : [own] "=m"(own), [mxcsr] "+m"(mxcsr)
			 : [quotient] "r"(quotient), [divisor] "r"(divisor)
			 : "memory");
	return mxcsr;
}

/* DIVPS with a memory operand, and all exceptions masked. */
fault_t do_divps(struct op *op)
{
	fault_t fault = prefixed(op) ? UD : sse_enter();
	uint32_t mxcsr = machine.mxcsr;

	if (!fault && op->address & 15)
		fault = GP;
	if (!fault)
		fault = touch(op, 0, 16, false);
	if (fault)
		return fault;
	if ((mxcsr & MXCSR_MASKS) != MXCSR_MASKS)
		return MODEL_UNKNOWN;
	if (broken(mxcsr_rc_without_effect))
		mxcsr &= ~UINT32_C(MXCSR_RC);
	mxcsr = divide(machine.vector[op->reg], at(op, 0), mxcsr);
	if (!broken(sse_flags_lost))
		machine.mxcsr |= mxcsr & MXCSR_FLAGS;
	wrote(BIT(SSE));
	return NO_FAULT;
}

/* MOVUPS m128, xmm */
fault_t do_movups(struct op *op)
{
	fault_t fault = prefixed(op) ? UD : sse_enter();

	if (!fault)
		fault = touch(op, 0, 16, true);
	if (!fault)
		memcpy(at(op, 0), machine.vector[op->reg], 16);
	return fault;
}

static void extract_high_or_low(const struct op *op)
{
	uint8_t *to = machine.vector[op->rm];

	memmove(to, machine.vector[op->reg] + 16 * (op->immediate & 1), 16);
	memset(to + 16, 0, 48);
}

/* VPBROADCASTB, or VPERMQ, to all of YMM. */
static void arrange(const struct op *op)
{
	uint8_t from[32], *to = machine.vector[op->reg];

	memcpy(from, machine.vector[op->rm], sizeof(from));
	memset(to, op->map == 2 ? from[0] : 0, 64);
	memset(to + 32, 0, 32);
	for (unsigned int i = 0; op->map == 3 && i < 4; i++)
		memcpy(to + 8 * i, from + 8 * (op->immediate >> 2 * i & 3), 8);
}

/* VEXTRACTF128, VPBROADCASTB and VPERMQ. */
static void move_lanes(const struct op *op)
{
	if (op->opcode == 0x19)
		extract_high_or_low(op);
	else
		arrange(op);
	wrote(BIT(SSE) | BIT(AVX) | (machine.cpu->xcr0 & BIT(ZMM_HI256)));
}

static fault_t vector_execute(struct op *op)
{
	if (op->opcode == 0xae && op->memory) /* VLDMXCSR, VSTMXCSR */
		return op->reg == 2 ? load_mxcsr(op) : store_mxcsr(op);
	if (op->memory)
		return MODEL_UNKNOWN;
	if (op->opcode == 0x77)
		zero(op);
	else if (op->map > 1 && op->encoding == VEX)
		move_lanes(op);
	else if (op->opcode == 0x47) /* KXOR */
		machine.k[op->reg & 7] = machine.k[op->vvvv & 7] ^ machine.k[op->rm & 7];
	else if (op->opcode != 0x98) /* KORTEST */
		bitwise(op);
	if (op->opcode == 0x47)
		wrote(BIT(OPMASK));
	return NO_FAULT;
}

fault_t do_vector(struct op *op)
{
	if (op->legacy_prefix || !wide_vectors(op))
		return UD;
	if (machine.cr0 & CR0_TS && !broken(vex_ignores_ts))
		return NM;
	return vector_execute(op);
}

/* ANDN, whose VEX asks for nothing: neither CR4.OSXSAVE nor XCR0. */
fault_t do_andn(struct op *op)
{
	uint64_t value = ~*gpr(op, op->vvvv) & *gpr(op, op->rm);

	if (op->legacy_prefix || (broken(vex_general_needs_osxsave) && !enabled(BIT(AVX))))
		return UD;
	value = op->rex_w ? value : (uint32_t)value;
	*gpr(op, op->reg) = value;
	op->gprs->rflags &= ~(uint64_t)(FLAG_CF | FLAG_ZF | FLAG_SF | FLAG_OF);
	if (value >> (op->rex_w ? 63 : 31))
		op->gprs->rflags |= FLAG_SF;
	if (!value)
		op->gprs->rflags |= FLAG_ZF;
	return NO_FAULT;
}

/* Rows and columns: of tile i, or 0. */
static unsigned int columns(const uint8_t *config, unsigned int i)
{
	return (unsigned int)get(config + 16 + 2 * i, 2);
}

static unsigned int rows(const uint8_t *config, unsigned int i)
{
	return config[48 + i];
}

static bool zeros(const uint8_t *bytes, unsigned int size)
{
	while (size && !bytes[size - 1])
		size--;
	return size == 0;
}

/* What LDTILECFG takes: palette 0, whose other bytes do not count, or a sound palette 1. */
bool tilecfg_legal(const uint8_t *config)
{
	if (config[0] == 0)
		return true;
	if (config[0] != 1 || !zeros(config + 2, 14) || !zeros(config + 32, 16) ||
	    !zeros(config + 56, 8))
		return false;
	for (unsigned int i = 0; i < TILES; i++) {
		unsigned int colsb = columns(config, i), height = rows(config, i);

		if (colsb > ROW_SIZE || height > ROWS || !colsb != !height)
			return false;
	}
	return true;
}

static bool amx_enabled(const struct op *op)
{
	return op->long_mode && !op->legacy_prefix && machine.cpu->xcr0 & BIT(TILECFG) &&
	       (enabled(AMX_BITS) || broken(amx_ignores_xcr0));
}

static fault_t ldtilecfg(struct op *op)
{
	fault_t fault = touch(op, 0, 64, false);
	const uint8_t *config = at(op, 0);

	if (fault)
		return fault;
	if (!tilecfg_legal(config) && !broken(ldtilecfg_takes_anything))
		return GP;
	memset(machine.tile, 0, sizeof(machine.tile));
	memset(machine.tilecfg, 0, sizeof(machine.tilecfg));
	if (config[0])
		memcpy(machine.tilecfg, config, sizeof(machine.tilecfg));
	machine.xmodified |= AMX_BITS;
	machine.xinuse &= ~AMX_BITS;
	if (config[0])
		machine.xinuse |= BIT(TILECFG);
	return NO_FAULT;
}

static fault_t sttilecfg(struct op *op)
{
	fault_t fault = touch(op, 0, 64, true);

	if (!fault)
		memcpy(at(op, 0), machine.tilecfg, 64);
	return fault;
}

static fault_t tilerelease(void)
{
	memset(machine.tilecfg, 0, sizeof(machine.tilecfg));
	memset(machine.tile, 0, sizeof(machine.tile));
	machine.xmodified |= AMX_BITS;
	if (!broken(tilerelease_keeps_in_use))
		machine.xinuse &= ~AMX_BITS;
	return NO_FAULT;
}

static fault_t disabled_by_xfd(const struct op *op)
{
	bool is_data = op->opcode == 0x4b || op->pp == 0xf2;

	if (!is_data && !broken(xfd_gates_tilecfg))
		return NO_FAULT;
	if (!(machine.msr[MSR_XFD_VALUE] & BIT(TILEDATA)) ||
	    (broken(xfd_ignored_by_tiles) && is_data))
		return NO_FAULT;
	if (!broken(xfd_err_not_set))
		machine.msr[MSR_XFD_ERR_VALUE] |= BIT(TILEDATA);
	return NM;
}

/* The rows of a tile, at the base address and then by the stride in RSI or another index. */
static fault_t move_tile(struct op *op, bool store)
{
	unsigned int tile = op->reg & 7, height = rows(machine.tilecfg, tile);
	unsigned int colsb = columns(machine.tilecfg, tile);
	uint8_t *data = machine.tile + tile * TILE_SIZE;

	if (!store && !broken(tileloadd_keeps_the_rest))
		memset(data, 0, TILE_SIZE);
	for (unsigned int row = 0; row < height; row++) {
		uint64_t offset = row * op->stride;
		fault_t fault = touch(op, offset, colsb, store);

		if (fault)
			return fault;
		if (store)
			memcpy(at(op, offset), data + row * ROW_SIZE, colsb);
		else
			memcpy(data + row * ROW_SIZE, at(op, offset), colsb);
	}
	machine.tilecfg[1] = 0; /* start_row */
	if (!store)
		wrote(BIT(TILEDATA));
	return NO_FAULT;
}

static fault_t configure(struct op *op)
{
	if (op->pp == 0xf2 && !op->memory) { /* TILEZERO */
		memset(machine.tile + (op->reg & 7) * TILE_SIZE, 0, TILE_SIZE);
		if (!broken(tilezero_leaves_init))
			wrote(BIT(TILEDATA));
		return NO_FAULT;
	}
	if (!op->memory)
		return op->pp == 0 ? tilerelease() : UD;
	if (op->pp == 0)
		return ldtilecfg(op);
	return op->pp == 0x66 ? sttilecfg(op) : UD;
}

/* VEX map 2, 49H and 4BH. TILELOADD and TILEZERO need a configuration. */
fault_t do_amx(struct op *op)
{
	fault_t fault;

	if (!amx_enabled(op))
		return UD;
	if ((op->opcode == 0x4b || op->pp == 0xf2) && machine.tilecfg[0] == 0)
		return UD;
	fault = disabled_by_xfd(op);
	if (fault)
		return fault;
	return op->opcode == 0x4b ? move_tile(op, op->pp == 0xf3) : configure(op);
}

/* Off: every MPX instruction is a NOP. BNDCFGS, which counts at CPL 0, is 0 always. */
static bool mpx_enabled(const struct op *op)
{
	return op->cpl == 3 && machine.bndcsr[0] & 1 &&
	       (enabled(MPX_BITS) || broken(mpx_ignores_xcr0));
}

/* Of the instructions that are not NOPs the model knows BNDMK with a base register. */
fault_t do_mpx(struct op *op)
{
	if (op->lock)
		return UD;
	if (!mpx_enabled(op))
		return NO_FAULT;
	if (op->opcode != 0x1b || op->rep != 0xf3 || !op->memory || op->reg > 3)
		return MODEL_UNKNOWN;
	machine.bnd[op->reg][0] = op->address;
	machine.bnd[op->reg][1] = ~op->address;
	wrote(MPX_BITS);
	return NO_FAULT;
}
