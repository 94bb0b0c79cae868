/* SPDX-License-Identifier: MIT */
/*
 * From bytes to an instruction: prefixes, opcode, operand, then the table. What the table lacks is
 * an error of whoever wrote the probe or of the model, never #UD.
 *
 * Sources: SDM vol. 2, "Instruction Format", "Opcode Map", "Opcode Extensions For One-Byte And
 * Two-byte Opcodes"; Intel APX architecture specification, "REX2 Prefix".
 */
#include "model.h"

enum operand { NO_MODRM, MEMORY, REGISTER, EITHER, EXACTLY };

#define ANY 0xff /* ModR/M.reg */

/* value: ModR/M.reg of MEMORY, REGISTER and EITHER, all of ModR/M of EXACTLY. */
static const struct row {
	uint8_t encoding, map, opcode;
	uint8_t operand, value;
	fault_t (*execute)(struct op *op);
} rows[] = {
	{ 0, 1, 0xae, MEMORY, 0, do_fxsave },
	{ 0, 1, 0xae, MEMORY, 1, do_fxrstor },
	{ 0, 1, 0xae, MEMORY, 2, do_ldmxcsr },
	{ 0, 1, 0xae, MEMORY, 3, do_stmxcsr },
	{ 0, 1, 0xae, MEMORY, 4, do_xsave },
	{ 0, 1, 0xae, MEMORY, 5, do_xrstor },
	{ 0, 1, 0xae, MEMORY, 6, do_xsaveopt },
	{ 0, 1, 0xae, REGISTER, 5, do_nothing }, /* LFENCE, MFENCE, SFENCE */
	{ 0, 1, 0xae, REGISTER, 6, do_nothing },
	{ 0, 1, 0xae, REGISTER, 7, do_nothing },
	{ 0, 1, 0xae, REGISTER, ANY, do_register_form },
	{ 0, 1, 0xc7, MEMORY, 3, do_xrstors },
	{ 0, 1, 0xc7, MEMORY, 4, do_xsavec },
	{ 0, 1, 0xc7, MEMORY, 5, do_xsaves },
	{ 0, 1, 0xc7, REGISTER, 3, do_register_form },
	{ 0, 1, 0xc7, REGISTER, 4, do_register_form },
	{ 0, 1, 0xc7, REGISTER, 5, do_register_form },
	{ 0, 1, 0x01, EXACTLY, 0xd0, do_xgetbv },
	{ 0, 1, 0x01, EXACTLY, 0xd1, do_xsetbv },
	{ 0, 1, 0x01, EXACTLY, 0xee, do_rdpkru },
	{ 0, 1, 0x01, EXACTLY, 0xef, do_wrpkru },
	{ 0, 1, 0xa2, NO_MODRM, 0, do_cpuid },
	{ 0, 1, 0x30, NO_MODRM, 0, do_wrmsr },
	{ 0, 1, 0x32, NO_MODRM, 0, do_rdmsr },
	{ 0, 1, 0x1a, EITHER, ANY, do_mpx },
	{ 0, 1, 0x1b, EITHER, ANY, do_mpx },
	{ 0, 1, 0x77, NO_MODRM, 0, do_emms },
	{ 0, 1, 0x57, EITHER, ANY, do_sse },
	{ 0, 1, 0xef, EITHER, ANY, do_sse },
	{ 0, 1, 0x5e, MEMORY, ANY, do_divps },
	{ 0, 1, 0x11, MEMORY, ANY, do_movups },
	{ 0, 0, 0x90, NO_MODRM, 0, do_nothing },
	{ 0, 0, 0xeb, NO_MODRM, 0, do_jump },
	{ 0, 0, 0x9b, NO_MODRM, 0, do_fwait },
	{ 0, 0, 0x8b, EITHER, ANY, do_load },
	{ 0, 0, 0x89, EITHER, ANY, do_store },
	{ 0, 0, 0xd8, EITHER, ANY, do_x87 },
	{ 0, 0, 0xd9, EITHER, ANY, do_x87 },
	{ 0, 0, 0xdb, EITHER, ANY, do_x87 },
	{ 0, 0, 0xdd, EITHER, ANY, do_x87 },
	{ 0, 0, 0xdf, EITHER, ANY, do_x87 },
	{ REX2, 0, 0x90, NO_MODRM, 0, do_nothing },
	{ REX2, 0, 0x8b, REGISTER, ANY, do_load },
	{ REX2, 0, 0x89, REGISTER, ANY, do_store },
	{ VEX, 1, 0x57, EITHER, ANY, do_vector },
	{ VEX, 1, 0xef, EITHER, ANY, do_vector },
	{ VEX, 1, 0x47, REGISTER, ANY, do_vector },
	{ VEX, 1, 0x77, NO_MODRM, 0, do_vector },
	{ VEX, 1, 0x98, REGISTER, ANY, do_vector },
	{ VEX, 1, 0xae, MEMORY, 2, do_vector },
	{ VEX, 1, 0xae, MEMORY, 3, do_vector },
	{ VEX, 2, 0x78, REGISTER, ANY, do_vector },
	{ VEX, 3, 0x00, REGISTER, ANY, do_vector },
	{ VEX, 3, 0x19, REGISTER, ANY, do_vector },
	{ VEX, 2, 0xf2, REGISTER, ANY, do_andn },
	{ VEX, 2, 0x49, EITHER, ANY, do_amx },
	{ VEX, 2, 0x4b, MEMORY, ANY, do_amx },
	{ EVEX, 1, 0x57, EITHER, ANY, do_vector },
	{ EVEX, 1, 0xef, EITHER, ANY, do_vector },
	{ EVEX, 4, 0x01, REGISTER, ANY, do_add },
};

struct bytes {
	const uint8_t *next, *end;
};

static uint8_t take(struct bytes *b)
{
	return b->next < b->end ? *b->next++ : 0;
}

static bool take_prefix(struct op *op, uint8_t byte)
{
	switch (byte) {
	case 0xf0:
		op->lock = op->legacy_prefix = true;
		return true;
	case 0x66:
		op->osize = op->legacy_prefix = true;
		return true;
	case 0xf2:
	case 0xf3:
		op->rep = byte;
		op->legacy_prefix = true;
		return true;
	case 0x67: /* the arena lies below 4 GiB, and all segments are flat */
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		op->address_size |= byte == 0x67;
		return true;
	default:
		return false;
	}
}

/* The extensions of ModR/M's and SIB's register numbers: 8 of REX and VEX, 16 of EVEX and REX2. */
struct extend {
	uint8_t r, x, b;
};

static const uint8_t pps[] = { 0, 0x66, 0xf3, 0xf2 };

static void take_vex(struct op *op, struct bytes *b, uint8_t first, struct extend *e)
{
	uint8_t p0 = take(b), p1 = first == 0xc5 ? p0 : take(b);

	op->encoding = VEX;
	op->map = first == 0xc5 ? 1 : p0 & 0x1f;
	e->r = p0 & 0x80 ? 0 : 8;
	if (first == 0xc4) {
		e->x = p0 & 0x40 ? 0 : 8;
		e->b = p0 & 0x20 ? 0 : 8;
		op->rex_w = p1 & 0x80;
	}
	op->vvvv = ~p1 >> 3 & 15;
	op->vl = p1 >> 2 & 1;
	op->pp = pps[p1 & 3];
}

static void take_evex(struct op *op, struct bytes *b, struct extend *e)
{
	uint8_t p0 = take(b), p1 = take(b), p2 = take(b);

	op->encoding = EVEX;
	op->map = p0 & 7;
	e->r = (p0 & 0x80 ? 0 : 8) | (p0 & 0x10 ? 0 : 16);
	e->x = p0 & 0x40 ? 0 : 8; /* of a vector register in r/m it is bit 4 */
	e->b = p0 & 0x20 ? 0 : 8;
	op->rex_w = p1 & 0x80;
	op->vvvv = (~p1 >> 3 & 15) | (p2 & 8 ? 0 : 16);
	op->vl = p2 >> 5 & 3;
	op->pp = pps[p1 & 3];
}

static void take_rex2(struct op *op, struct bytes *b, struct extend *e)
{
	uint8_t p = take(b);

	op->encoding = REX2;
	op->map = p >> 7;
	op->rex_w = p & 8;
	e->r = (p & 4 ? 8 : 0) | (p & 0x40 ? 16 : 0);
	e->x = (p & 2 ? 8 : 0) | (p & 0x20 ? 16 : 0);
	e->b = (p & 1 ? 8 : 0) | (p & 0x10 ? 16 : 0);
}

/* Outside 64-bit mode these are LDS, LES and BOUND unless a register operand follows. */
static bool is_vector_prefix(const struct op *op, const struct bytes *b)
{
	return op->long_mode || (b->next < b->end && *b->next >= 0xc0);
}

static void take_opcode(struct op *op, struct bytes *b, struct extend *e)
{
	uint8_t byte = take(b);

	while (take_prefix(op, byte))
		byte = take(b);
	if (op->long_mode && (byte & 0xf0) == 0x40) {
		*e = (struct extend){ byte & 4 ? 8 : 0, byte & 2 ? 8 : 0, byte & 1 ? 8 : 0 };
		op->rex_w = byte & 8;
		byte = take(b);
		op->legacy_prefix |= byte == 0xc4 || byte == 0xc5 || byte == 0x62 || byte == 0xd5;
	}
	if ((byte == 0xc4 || byte == 0xc5) && is_vector_prefix(op, b))
		take_vex(op, b, byte, e);
	else if (byte == 0x62 && is_vector_prefix(op, b))
		take_evex(op, b, e);
	else if (byte == 0xd5 && op->long_mode)
		take_rex2(op, b, e);
	if (op->encoding) {
		byte = take(b);
	} else if (byte == 0x0f) {
		op->map = 1;
		byte = take(b);
	}
	op->opcode = byte;
}

static const struct row *find(const struct op *op, uint8_t modrm)
{
	bool memory = modrm < 0xc0;

	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		if (r->encoding != op->encoding || r->map != op->map || r->opcode != op->opcode)
			continue;
		if (r->operand == NO_MODRM || (r->operand == EXACTLY && r->value == modrm))
			return r;
		if (r->operand == EXACTLY || (r->operand == MEMORY && !memory) ||
		    (r->operand == REGISTER && memory))
			continue;
		if (r->value == ANY || r->value == (modrm >> 3 & 7))
			return r;
	}
	return NULL;
}

/* General register n; R16 to R31 are APX's, and RSP is none of the probe's. */
uint64_t *gpr(const struct op *op, unsigned int n)
{
	static uint64_t nowhere;
	struct probe_gprs *g = op->gprs;
	uint64_t *const low[] = { &g->rax, &g->rcx, &g->rdx, &g->rbx, &nowhere, &g->rbp,
				  &g->rsi, &g->rdi, &g->r8,  &g->r9,  &g->r10,	&g->r11,
				  &g->r12, &g->r13, &g->r14, &g->r15 };

	return n < 16 ? low[n] : &machine.apx[n & 15];
}

static int32_t displacement(struct bytes *b, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)take(b) << 8 * i;
	return size == 1 ? (int8_t)value : (int32_t)value;
}

/* Return: the base register's number with the index added to @address. */
static unsigned int take_sib(struct op *op, struct bytes *b, const struct extend *e,
			     uint64_t *address)
{
	uint8_t sib = take(b);
	unsigned int index = (sib >> 3 & 7) | e->x;

	if (index != 4) {
		op->stride = *gpr(op, index) << (sib >> 6);
		if (op->encoding != VEX || op->map != 2)
			*address += op->stride;
	}
	return sib & 7;
}

static void take_address(struct op *op, struct bytes *b, const struct extend *e)
{
	unsigned int mod = op->modrm >> 6, base = op->modrm & 7;
	uint64_t address = 0;

	if (base == 4)
		base = take_sib(op, b, e, &address);
	address += (uint64_t)(int64_t)displacement(b, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	op->stack = base == 5 && !(e->b & 8);
	address += *gpr(op, base | e->b);
	op->address = op->long_mode ? address : (uint32_t)address;
	if (op->address_size && op->long_mode)
		op->address = (uint32_t)address;
}

/* 16-bit code: its segment starts where the arena does. Of 16-bit addresses there is BX alone. */
static void take_address16(struct op *op, struct bytes *b, const struct extend *e)
{
	if (op->address_size)
		take_address(op, b, e);
	else
		op->address = (uint16_t)op->gprs->rbx;
	op->address += (uintptr_t)arena;
}

static bool apx_enabled(const struct op *op)
{
	bool on = machine.cr4 & CR4_OSXSAVE && machine.xcr0 & BIT(APX);

	return !op->legacy_prefix && machine.cpu->xcr0 & BIT(APX) &&
	       (on || broken(apx_ignores_xcr0));
}

/* REX2, and EVEX map 4, which promotes legacy instructions. */
static bool is_apx(const struct op *op)
{
	return op->encoding == REX2 || (op->encoding == EVEX && op->map == 4);
}

static bool sixteen_bit(const struct op *op)
{
	enum probe_mode mode = op->probe->mode;

	return mode == PROBE_COMPAT16 || mode == PROBE_REAL || mode == PROBE_V86;
}

/* All of map 0F3AH has a byte, and JMP rel8. */
static void take_immediate(struct op *op, struct bytes *b)
{
	if (op->map == 3 || (op->map == 0 && op->opcode == 0xeb))
		op->immediate = take(b);
}

static fault_t execute_one(struct op *op, struct bytes *b)
{
	struct extend e = { 0 };
	const struct row *row;

	take_opcode(op, b, &e);
	if (is_apx(op) && !apx_enabled(op))
		return UD;
	row = find(op, b->next < b->end ? *b->next : 0);
	if (!row)
		return MODEL_UNKNOWN;
	if (row->operand == NO_MODRM) {
		take_immediate(op, b);
		return row->execute(op);
	}
	op->modrm = take(b);
	op->memory = op->modrm < 0xc0;
	op->reg = (op->modrm >> 3 & 7) | e.r;
	op->rm = (op->modrm & 7) | e.b | (op->encoding == EVEX ? e.x << 1 : 0);
	if (op->memory && sixteen_bit(op))
		take_address16(op, b, &e);
	else if (op->memory)
		take_address(op, b, &e);
	take_immediate(op, b);
	return row->execute(op);
}

/* One instruction behind the other. */
fault_t execute(struct op *op)
{
	const struct probe_insn *insn = op->probe->insn;
	struct bytes b = { insn->bytes, insn->bytes + insn->length };
	const struct op fresh = *op;

	while (b.next < b.end) {
		fault_t fault = execute_one(op, &b);

		if (fault)
			return fault;
		*op = fresh;
	}
	return NO_FAULT;
}
