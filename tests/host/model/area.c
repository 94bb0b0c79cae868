/* SPDX-License-Identifier: MIT */
/*
 * State components: where they lie in an image, and how their registers move.
 *
 * Sources: SDM vol. 1, "XSAVE-Managed State", "XSAVE Area", "Extended Region of an XSAVE Area",
 * "Processor Tracking of XSAVE-Managed State".
 */
#include "model.h"

static const struct {
	uint16_t size;
	uint16_t intel, amd; /* offset in standard format; 0: supervisor component */
	bool aligned;
} layout[COMPONENTS] = {
	[AVX] = { 256, 576, 576, false },
	[BNDREGS] = { 64, 960, 960, false },
	[BNDCSR] = { 64, 1024, 1024, false },
	[OPMASK] = { 64, 1088, 832, false },
	[ZMM_HI256] = { 512, 1152, 896, false },
	[HI16_ZMM] = { 1024, 1664, 1408, false },
	[PT] = { 128, 0, 0, false },
	[PKRU] = { 8, 2688, 2432, false },
	[PASID] = { 8, 0, 0, false },
	[CET_U] = { 16, 0, 0, false },
	[CET_S] = { 24, 0, 0, false },
	[HDC] = { 8, 0, 0, false },
	[UINTR] = { 48, 0, 0, false },
	[LBR] = { 808, 0, 0, false },
	[HWP] = { 8, 0, 0, false },
	[TILECFG] = { 64, 2752, 2752, true },
	[TILEDATA] = { 8192, 2816, 2816, true },
	[APX] = { 128, 960, 960, false },
};

uint32_t component_size(unsigned int i)
{
	if (broken(apx_size_64) && i == APX)
		return 64;
	if (broken(lbr_size_800) && i == LBR)
		return 800;
	return i < COMPONENTS ? layout[i].size : 64;
}

uint32_t standard_offset(unsigned int i)
{
	if (i >= COMPONENTS)
		return 0;
	if (broken(apx_offset_2816) && i == APX)
		return 11008;
	return machine.cpu->amd ? layout[i].amd : layout[i].intel;
}

bool component_aligned(unsigned int i)
{
	return i < COMPONENTS && layout[i].aligned;
}

bool component_supervisor(unsigned int i)
{
	return machine.cpu->xss >> i & 1;
}

static bool rounds_up(unsigned int i)
{
	if (broken(compact_aligns_all))
		return true;
	return component_aligned(i) && !broken(compact_never_aligns);
}

uint32_t component_offset(uint64_t cb, unsigned int i)
{
	uint32_t offset = EXTENDED;

	if (!(cb & COMPACT_BIT) || broken(compact_is_standard) ||
	    (broken(apx_compacted_at_960) && i == APX))
		return standard_offset(i);
	for (unsigned int n = AVX; n <= i; n++) {
		if (!(cb >> n & 1))
			continue;
		if (rounds_up(n))
			offset = (offset + 63) & ~63u;
		if (n < i)
			offset += component_size(n);
	}
	return offset + (broken(compact_starts_late) ? 64 : 0);
}

uint32_t area_size(uint64_t cb, uint64_t mask)
{
	uint32_t size = EXTENDED;

	for (unsigned int i = AVX; i < COMPONENTS; i++) {
		uint32_t end = component_offset(cb, i) + component_size(i);

		if (mask >> i & 1 && end > size)
			size = end;
	}
	return size;
}

void wrote(uint64_t mask)
{
	machine.xinuse |= mask;
	machine.xmodified |= mask;
}

/*
 * XINUSE of SSE is about the XMM registers alone; XGETBV and the saves report it as 1 if MXCSR is
 * not 1F80H. Outside 64-bit mode Hi16_ZMM always is in its initial configuration; AMD's processors
 * track it all the same.
 */
uint64_t in_use(const struct op *op)
{
	uint64_t mask = machine.xinuse;

	for (unsigned int i = PT; i <= HWP; i++) {
		if (i == PKRU)
			continue;
		mask = component_is_initial(i) ? mask & ~BIT(i) : mask | BIT(i);
	}
	if (!op->long_mode && !machine.cpu->amd)
		mask &= ~BIT(HI16_ZMM);
	if (!op->long_mode && broken(compat_sse_initial))
		mask &= ~BIT(SSE);
	if (!op->long_mode && broken(compat_avx_initial))
		mask &= ~BIT(AVX);
	if (broken(xinuse_misses_opmask))
		mask &= ~BIT(OPMASK);
	if (broken(xinuse_misses_ymm_high))
		mask &= ~(memcmp(machine.vector[7] + 16, "\0\0\0\0\0\0\0", 8) ? 0 : BIT(AVX));
	return mask;
}

/* The vector registers that the mode has: 16 with 64-bit mode, else 8. */
static unsigned int registers(const struct op *op)
{
	return op->long_mode || broken(compat_moves_16) ? 16 : 8;
}

struct slice {
	uint8_t first, offset, size; /* of the registers: the first, and which of their bytes */
};

static struct slice slice(unsigned int i)
{
	switch (i) {
	case SSE:
		return (struct slice){ 0, 0, 16 };
	case AVX:
		return (struct slice){ 0, 16, 16 };
	case ZMM_HI256:
		return (struct slice){ 0, 32, 32 };
	default:
		return (struct slice){ 16, 0, 64 };
	}
}

static void vector_save(const struct op *op, unsigned int i, uint8_t *to)
{
	struct slice s = slice(i);
	unsigned int count = registers(op);

	if (i == HI16_ZMM && !op->long_mode && !broken(compat_moves_16))
		return;
	if (broken(save_ymm15_lost) && i == AVX)
		count = 15;
	for (unsigned int n = 0; n < count; n++)
		memcpy(to + n * s.size, machine.vector[s.first + n] + s.offset, s.size);
}

static void vector_load(const struct op *op, unsigned int i, const uint8_t *from)
{
	struct slice s = slice(i);
	unsigned int count = op->long_mode || broken(compat_loads_16) ? 16 : 8;

	if (i == HI16_ZMM && !op->long_mode && !broken(compat_loads_16))
		return;
	for (unsigned int n = 0; n < count; n++) {
		unsigned int to = broken(load_hi16_reversed) && i == HI16_ZMM ? 15 - n : n;

		memcpy(machine.vector[s.first + to] + s.offset, from + n * s.size,
		       broken(load_zmm_half) && i == ZMM_HI256 ? 16 : s.size);
	}
}

static void vector_init(const struct op *op, unsigned int i)
{
	struct slice s = slice(i);
	unsigned int count = op->long_mode || broken(compat_loads_16) ? 16 : 8;

	if (i == HI16_ZMM && !op->long_mode)
		return;
	if (broken(init_sse_clears_ymm) && i == SSE)
		s.size = 32;
	if (broken(init_avx_clears_zmm) && i == AVX)
		s.size = 48;
	if (broken(init_avx_clears_xmm) && i == AVX)
		s = (struct slice){ 0, 0, 32 };
	for (unsigned int n = 0; n < count; n++)
		memset(machine.vector[s.first + n] + s.offset, 0, s.size);
}

static bool vector_is_initial(unsigned int i)
{
	static const uint8_t zero[64];
	struct slice s = slice(i);

	for (unsigned int n = 0; n < 16; n++)
		if (memcmp(machine.vector[s.first + n] + s.offset, zero, s.size))
			return false;
	return true;
}

/* The components whose registers are the bytes of a member of struct machine. */
static uint8_t *member(unsigned int i, uint32_t *size)
{
	*size = component_size(i);
	switch (i) {
	case BNDREGS:
		return (uint8_t *)machine.bnd;
	case BNDCSR:
		*size = sizeof(machine.bndcsr); /* the rest is reserved */
		return (uint8_t *)machine.bndcsr;
	case OPMASK:
		return (uint8_t *)machine.k;
	case PKRU:
		*size = sizeof(machine.pkru);
		return (uint8_t *)&machine.pkru;
	case TILECFG:
		return machine.tilecfg;
	case TILEDATA:
		return machine.tile;
	case APX:
		return (uint8_t *)machine.apx;
	default:
		return NULL;
	}
}

static void msrs_save(unsigned int i, uint8_t *to)
{
	struct msr_range range = component_msrs(i);

	if (i == PT) {
		memset(to, 0, component_size(i));
		memcpy(to, &machine.msr[MSR_RTIT_CTL], 8);
		if (!broken(pt_save_keeps_traceen))
			machine.msr[MSR_RTIT_CTL] &= ~UINT64_C(1);
		to += 8;
		range.first++;
		range.count--;
	}
	memcpy(to, &machine.msr[range.first], 8 * range.count);
	if (i == UINTR && !broken(uintr_save_keeps_uinv))
		machine.msr[MSR_UINTR_MISC] &= ~(UINT64_C(0xff) << 32);
	if (broken(cet_s_swapped) && i == CET_S)
		memcpy(to, &machine.msr[MSR_PL2_SSP], 8);
}

static void msrs_init(unsigned int i)
{
	struct msr_range range = component_msrs(i);

	for (unsigned int n = range.first; n < range.first + range.count; n++)
		if (n != MSR_LBR_DEPTH)
			machine.msr[n] = msr_initial(n);
	if (broken(cet_init_keeps_ssp) && i == CET_U)
		machine.msr[MSR_PL3_SSP] = 0x1000;
}

static bool msrs_are_initial(unsigned int i)
{
	struct msr_range range = component_msrs(i);

	for (unsigned int n = range.first; n < range.first + range.count; n++)
		if (n != MSR_LBR_DEPTH && machine.msr[n] != msr_initial(n))
			return false;
	return true;
}

static bool is_vector(unsigned int i)
{
	return i == SSE || i == AVX || i == ZMM_HI256 || i == HI16_ZMM;
}

static uint8_t *place(uint8_t *area, uint64_t cb, unsigned int i)
{
	if (i == SSE)
		return area + (broken(xmm_at_176) ? 176 : 160);
	return area + component_offset(cb, i);
}

void component_save(const struct op *op, unsigned int i, uint8_t *area, uint64_t cb)
{
	uint32_t size;
	uint8_t *registers_at = member(i, &size);

	if (i == X87)
		fpu_save(op, area);
	else if (is_vector(i))
		vector_save(op, i, place(area, cb, i));
	else if (registers_at)
		memcpy(place(area, cb, i), registers_at, size);
	else
		msrs_save(i, place(area, cb, i));
}

/* XRSTOR of an illegal tile configuration gives the initial one, and no fault. */
static void member_load(unsigned int i, const uint8_t *from, uint8_t *to, uint32_t size)
{
	if (i == TILECFG && !tilecfg_legal(from) && !broken(xrstor_takes_any_tilecfg)) {
		memset(to, 0, size);
		return;
	}
	if (broken(load_opmask_16) && i == OPMASK) {
		for (unsigned int n = 0; n < 8; n++)
			machine.k[n] = get(from + 8 * n, 2);
		return;
	}
	memcpy(to, broken(pkru_from_upper_half) && i == PKRU ? from + 4 : from, size);
	if (broken(tilecfg_start_row_lost) && i == TILECFG)
		to[1] = 0;
	if (broken(load_bnd_complemented) && i == BNDREGS)
		for (unsigned int n = 0; n < 4; n++)
			machine.bnd[n][1] = ~machine.bnd[n][1];
	if (broken(load_bndstatus_lost) && i == BNDCSR)
		machine.bndcsr[1] = 0;
	if (broken(tiledata_needs_tilecfg) && i == TILEDATA && !machine.tilecfg[0])
		memset(to, 0, size);
	if (broken(tiledata_half) && i == TILEDATA)
		memset(to + size / 2, 0, size / 2);
}

void component_load(const struct op *op, unsigned int i, const uint8_t *area, uint64_t cb)
{
	const uint8_t *from = place((uint8_t *)(uintptr_t)area, cb, i);
	struct msr_range range = component_msrs(i);
	uint32_t size;
	uint8_t *to = member(i, &size);

	if (i == X87)
		fpu_load(op, area);
	else if (is_vector(i))
		vector_load(op, i, from);
	else if (to)
		member_load(i, from, to, size);
	else
		memcpy(&machine.msr[range.first], from, 8 * range.count);
}

void component_init(const struct op *op, unsigned int i)
{
	uint32_t size;
	uint8_t *to = member(i, &size);

	if (i == X87)
		fpu_init();
	else if (is_vector(i))
		vector_init(op, i);
	else if (to)
		memset(to, broken(init_pkru_closed) && i == PKRU ? 0x55 : 0, size);
	else
		msrs_init(i);
}

bool component_is_initial(unsigned int i)
{
	uint32_t size;
	const uint8_t *bytes = member(i, &size);

	if (i == X87)
		return fpu_is_initial();
	if (is_vector(i))
		return vector_is_initial(i);
	if (!bytes)
		return msrs_are_initial(i);
	while (size && !bytes[size - 1])
		size--;
	return size == 0;
}
