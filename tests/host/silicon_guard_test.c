/* SPDX-License-Identifier: MIT */
/*
 * No byte outside the area, and inside it only those of the components asked for: every instruction
 * of the CPU at hand, every size, every set of components. Built with -mgeneral-regs-only.
 *
 * Rules: N08 (nothing outside the area), V01 V03-V08 V10 V11 O05 (which bytes a save writes).
 */
#include "silicon.h"

#define PATTERN_A 0x5a
#define PATTERN_B 0xc3
#define SIZES	  12416 /* past the end of everything known */

static uint8_t state[MEMORY_SIZE] AREA;
static uint8_t pattern[MEMORY_SIZE];

/* One save or load, as fault_of() takes it. */
struct move {
	const struct xsave_cpu *cpu;
	uint8_t *area;
	size_t size;
	uint64_t mask, moved;
	const uint8_t *registers; /* loaded before a save */
};

static void save(void *context)
{
	struct move *m = context;

	insn_xrstor(m->registers, xcr0);
	m->moved = xsave_save_with(m->cpu, m->area, m->size, m->mask);
	load_default();
}

static void load(void *context)
{
	struct move *m = context;

	m->moved = xsave_load_with(m->cpu, m->area, m->size, m->mask);
	load_default();
}

static uint64_t want_moved(const struct xsave_cpu *one, uint64_t mask, size_t size)
{
	uint64_t fit = xsave_fit(xsave_insn_compacted(one->insn), mask & one->mask, size);

	return one->insn == XSAVE_INSN_FXSAVE && fit != one->mask ? 0 : fit;
}

/* -- sizes ---------------------------------------------------------------------------------------
 */

/* The bytes of the map outside an area, against what they were filled with. */
static bool outside_kept(const uint8_t *area, size_t size)
{
	size_t before = (size_t)(area - memory), after = before + size;

	return !memcmp(memory, pattern, before) &&
	       !memcmp(memory + after, pattern, MEMORY_SIZE - after);
}

static bool size_is_kept(const struct xsave_cpu *one, uint8_t *area, size_t size)
{
	struct move m = { one, area, size, ALL, 0, state };
	uint64_t want = want_moved(one, ALL, size);

	memset(memory, PATTERN_A, MEMORY_SIZE);
	if (fault_of(save, &m) || m.moved != want || !outside_kept(area, size))
		return false;
	return !fault_of(load, &m) && m.moved == want && outside_kept(area, size);
}

/*
 * As close to the page behind as alignment allows, then right behind the page before. Sizes go by
 * 8: an area may end anywhere.
 */
static void test_sizes(const struct xsave_cpu *one, uint64_t in_use, const char *what)
{
	unsigned int wrong = 0, first = 0;

	random_image(state, 0, in_use);
	for (unsigned int size = 0; size <= SIZES; size += 8) {
		uint8_t *last = memory + (MEMORY_SIZE - size) / 64 * 64;

		if (size_is_kept(one, last, size) && size_is_kept(one, memory, size))
			continue;
		first = wrong++ ? first : size;
	}
	if (wrong)
		printf("# first at size %u\n", first);
	check_eq(0, wrong, what);
}

/* The default image needs 576 bytes, whatever is enabled (L08). */
static void test_default(const struct xsave_cpu *one)
{
	static const struct xsave image = XSAVE_DEFAULT;
	uint8_t *area = memory + MEMORY_SIZE - XSAVE_EXTENDED;
	struct move m = { one, area, XSAVE_EXTENDED, ALL, 0, NULL };

	memcpy(area, &image, XSAVE_EXTENDED);
	check_eq(0, fault_of(load, &m), "the default in front of a page without access");
	check_eq(one->mask, m.moved, "the default: everything is loaded");
}

/* -- bytes ---------------------------------------------------------------------------------------
 */

/* Bytes of a component that the CPU is known to write; the rest are pads (V05, V10, V11). */
static size_t written_bytes(unsigned int bit)
{
	switch (bit) {
	case XSAVE_BNDCSR:
		return 16;
	case XSAVE_PKRU:
		return 4;
	default:
		return cpu.layout.size[bit];
	}
}

enum byte { KEPT, MAY, MUST }; /* what a save does to a byte of the area */

static void expect(uint8_t *bytes, size_t from, size_t to, enum byte what)
{
	memset(bytes + from, what, to - from);
}

static void expect_x87(uint8_t *bytes)
{
	expect(bytes, 0, 24, MUST);
	expect(bytes, 5, 6, MAY);
	for (size_t i = 0; i < 8; i++) {
		expect(bytes, 32 + 16 * i, 42 + 16 * i, MUST);
		expect(bytes, 42 + 16 * i, 48 + 16 * i, MAY);
	}
}

/*
 * What a save of @rfbm does to each byte, @xstate_bv being what it said is in use. Saves with the
 * init optimization leave the rest of @rfbm alone (O05), but for MXCSR (O09).
 */
static void expect_bytes(uint8_t *bytes, const struct xsave_cpu *one, uint64_t rfbm,
			 uint64_t xstate_bv)
{
	bool compacted = xsave_insn_compacted(one->insn);
	uint64_t xcomp_bv = compacted ? XSAVE_XCOMP_COMPACTED | rfbm : 0;
	bool init_optimization = compacted || one->insn == XSAVE_INSN_XSAVEOPT;
	uint64_t put = init_optimization ? rfbm & xstate_bv : rfbm;

	memset(bytes, KEPT, MEMORY_SIZE);
	if (!rfbm)
		return;
	expect(bytes, XSAVE_LEGACY_SIZE, XSAVE_EXTENDED, MUST);
	if (put & XSAVE_MASK(XSAVE_X87))
		expect_x87(bytes);
	if (compacted ? put & XSAVE_MASK(XSAVE_SSE)
		      : rfbm & (XSAVE_MASK(XSAVE_SSE) | XSAVE_MASK(XSAVE_AVX)))
		expect(bytes, 24, 32, MUST);
	if (put & XSAVE_MASK(XSAVE_SSE))
		expect(bytes, 160, 416, MUST);
	xsave_for_each_bit (bit, put & ~XSAVE_LEGACY_MASK) {
		size_t at = xsave_offset(&cpu.layout, xcomp_bv, bit);

		expect(bytes, at, at + cpu.layout.size[bit], MAY);
		expect(bytes, at, at + written_bytes(bit), MUST);
	}
}

/*
 * The same registers over two patterns, into @over_a and the memory. Once more when the scheduler
 * came in between: reloaded, a component in its initial configuration may count as in use.
 */
static bool save_twice(struct move *m, uint8_t *over_a)
{
	for (int tries = 0; tries < 10; tries++) {
		memset(memory, PATTERN_A, MEMORY_SIZE);
		if (fault_of(save, m))
			return false;
		memcpy(over_a, memory, MEMORY_SIZE);
		memset(memory, PATTERN_B, MEMORY_SIZE);
		if (fault_of(save, m))
			return false;
		if (!m->moved || xstate_bv_of(over_a) == xstate_bv_of(memory))
			return true;
	}
	return false;
}

/* A byte is the same after both saves iff it was written. */
static bool map_is_right(const struct xsave_cpu *one, uint64_t mask)
{
	static uint8_t over_a[MEMORY_SIZE], bytes[MEMORY_SIZE];
	struct move m = { one, memory, MEMORY_SIZE, mask, 0, state };

	if (!save_twice(&m, over_a) || m.moved != want_moved(one, mask, MEMORY_SIZE))
		return false;
	expect_bytes(bytes, one, m.moved, xstate_bv_of(memory));
	for (size_t i = 0; i < MEMORY_SIZE; i++) {
		bool written = over_a[i] == memory[i];

		if ((bytes[i] == MUST && !written) || (bytes[i] == KEPT && written)) {
			printf("# %s of %llx: byte %zu is %s\n", xsave_insn_name(one->insn),
			       (unsigned long long)mask, i, written ? "written" : "left out");
			return false;
		}
	}
	return true;
}

/* Every subset of the components of this CPU. */
static void test_bytes(const struct xsave_cpu *one, uint64_t in_use, const char *what)
{
	unsigned int wrong = 0;
	uint64_t mask = 0;

	random_image(state, 0, in_use);
	do {
		wrong += !map_is_right(one, mask);
		mask = (mask - xcr0) & xcr0; /* the next subset */
	} while (mask);
	check_eq(0, wrong, what);
}

static void test_insn(const struct xsave_cpu *one)
{
	printf("# %s\n", xsave_insn_name(one->insn));
	test_sizes(one, xcr0, "sizes, everything in use");
	test_sizes(one, 0, "sizes, initial configuration");
	test_default(one);
	test_bytes(one, xcr0, "bytes, everything in use");
	test_bytes(one, xcr0 & ~UINT64_C(6), "bytes, all but SSE and AVX in use");
	test_bytes(one, 0, "bytes, initial configuration");
}

/* Plain XSAVE and constants: neither CPUID nor a layout of this CPU is used. */
static void test_distrust(void)
{
	static struct xsave_cpu distrusted;

	check_eq(XSAVE_OK, xsave_cpu_distrust(&distrusted, insn_xgetbv(0)), "distrust");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&distrusted, XSAVE_INSN_XSAVE, xcr0), "its mask");
	distrusted.keep = 0;
	test_insn(&distrusted);
}

/* A CPU whose XRSTOR knows no compacted images: the default is a standard image then. */
static void test_without_compaction(void)
{
	struct xsave_cpu one = cpu;

	one.insns &= ~(1U << XSAVE_INSN_XSAVEC | 1U << XSAVE_INSN_XSAVES);
	check_eq(XSAVE_OK, xsave_cpu_restrict(&one, XSAVE_INSN_XSAVE, xcr0), "without XSAVEC");
	check(!one.compaction, "no compacted image is loaded");
	test_default(&one);
}

int main(void)
{
	struct xsave_cpu one;

	if (!silicon_setup())
		return check_end();
	memset(pattern, PATTERN_A, sizeof(pattern));
	for (int insn = XSAVE_INSN_FXSAVE; insn < XSAVE_INSN_XSAVES; insn++)
		if (use_insn(&one, (enum xsave_insn)insn))
			test_insn(&one);
	printf("# distrust\n");
	test_distrust();
	printf("# standard format only\n");
	test_without_compaction();
	return check_end();
}
