/* SPDX-License-Identifier: MIT */
/*
 * The self-test of the library: passes on this CPU with every instruction, and finds every defect
 * that is put between it and the CPU.
 *
 * The saves and loads that the self-test calls are the library's own followed by a defect, such as
 * emulators have had. Whatever it finds, the registers of the caller must be as before.
 *
 * Links: lib/bytes.c lib/claim.c lib/component.c lib/cpu.c lib/cpuid.c lib/image.c lib/layout.c
 * lib/leaf0d.c lib/reg.c lib/selftest.c lib/xcr0.c
 *
 * Rules: L01, M05, R02 R05, V03 V04 V07.
 */
#define xsave_save_with	 product_save_with
#define xsave_load_with	 product_load_with
#define xsave_save_xsave product_save_xsave
#include "../../lib/xsave.c"
#undef xsave_save_with
#undef xsave_load_with
#undef xsave_save_xsave

#include <xsave/insn.h>
#include <xsave/selftest.h>

#include "check.h"
#include "cpu_regs.h"

static _Alignas(64) uint8_t scratch[XSAVE_SELFTEST_SIZE + 64];

struct defect {
	const char *name;
	enum xsave_error found;
	uint64_t needs; /* components */
	bool compacted; /* shows in the compacted format only */
	void (*after_save)(uint8_t *area, uint64_t saved);
	uint64_t (*before_load)(const struct xsave *image, uint64_t mask);
	void (*after_load)(const struct xsave *image);
};

static const struct defect *defect;
static bool plain_xsave_is_bad;

uint64_t xsave_save_with(const struct xsave_cpu *cpu, void *area, size_t size, uint64_t mask)
{
	uint64_t saved = product_save_with(cpu, area, size, mask);

	if (defect && defect->after_save)
		defect->after_save(area, saved);
	return saved;
}

uint64_t xsave_load_with(const struct xsave_cpu *cpu, const void *area, size_t size, uint64_t mask)
{
	const struct xsave *image = area;

	if (defect && defect->before_load)
		mask = defect->before_load(image, mask);
	mask = product_load_with(cpu, area, size, mask);
	if (defect && defect->after_load)
		defect->after_load(image);
	return mask;
}

/* Before anything else the self-test looks with plain XSAVE at what is enabled. */
uint64_t xsave_save_xsave(void *area, uint64_t rfbm);

uint64_t xsave_save_xsave(void *area, uint64_t rfbm)
{
	struct xsave *image = area;

	product_save_xsave(area, rfbm);
	image->header.reserved[0] = plain_xsave_is_bad;
	return rfbm;
}

static struct xsave_header *header(uint8_t *area)
{
	return &((struct xsave *)(void *)area)->header;
}

static void stale_header(uint8_t *area, uint64_t saved)
{
	(void)saved;
	header(area)->reserved[5] = 1;
}

static void wrong_xcomp_bv(uint8_t *area, uint64_t saved)
{
	(void)saved;
	header(area)->xcomp_bv ^= XSAVE_MASK(XSAVE_SSE);
}

static void foreign_xstate_bv(uint8_t *area, uint64_t saved)
{
	header(area)->xstate_bv |= XSAVE_MASK(XSAVE_LWP) & ~saved;
}

static void in_use_as_initial(uint8_t *area, uint64_t saved)
{
	(void)saved;
	header(area)->xstate_bv &= ~XSAVE_MASK(XSAVE_SSE);
}

/* As Bochs 2.7 does: the extended region follows the XMM registers, and the header's words come
 * last. */
static void region_at_416(uint8_t *area, uint64_t saved)
{
	uint64_t xstate_bv = header(area)->xstate_bv, xcomp_bv = header(area)->xcomp_bv;

	memmove(area + 416, area + XSAVE_EXTENDED, xsave_compacted_size(saved) - XSAVE_EXTENDED);
	header(area)->xstate_bv = xstate_bv;
	header(area)->xcomp_bv = xcomp_bv;
}

static void lost_st7(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[32 + 7 * 16] ^= 1;
}

static void lost_xmm15(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[160 + 15 * 16 + 15] ^= 1;
}

static void lost_mxcsr(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[25] ^= 0x40;
}

static void lost_ymm0(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[XSAVE_EXTENDED] ^= 0x80;
}

static void lost_zmm31(uint8_t *area, uint64_t saved)
{
	area[xsave_compacted_offset(saved, XSAVE_HI16_ZMM) + 1023] ^= 0x80;
}

static void lost_k1(uint8_t *area, uint64_t saved)
{
	header(area)->xstate_bv |= XSAVE_MASK(XSAVE_OPMASK);
	memset(area + xsave_compacted_offset(saved, XSAVE_OPMASK), 0x5a, 64);
}

static void software_bytes(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[464] ^= 1;
}

static void past_the_end(uint8_t *area, uint64_t saved)
{
	area[xsave_compacted_size(saved)] ^= 1;
}

static void far_past_the_end(uint8_t *area, uint64_t saved)
{
	(void)saved;
	area[sizeof(struct xsave_large) + 1024] ^= 1;
}

static bool is_initial(const struct xsave *image)
{
	return !image->header.xstate_bv;
}

static uint64_t nothing(const struct xsave *image, uint64_t mask)
{
	(void)image;
	(void)mask;
	return 0;
}

static uint64_t no_avx(const struct xsave *image, uint64_t mask)
{
	return is_initial(image) ? mask : mask & ~XSAVE_MASK(XSAVE_AVX);
}

static uint64_t no_initial(const struct xsave *image, uint64_t mask)
{
	return is_initial(image) ? 0 : mask;
}

static uint64_t no_initial_avx(const struct xsave *image, uint64_t mask)
{
	return is_initial(image) ? mask & ~XSAVE_MASK(XSAVE_AVX) : mask;
}

/* As Bochs 2.7 does: the XMM registers are initialised, and MXCSR is not. */
static void mxcsr_kept(const struct xsave *image)
{
	static const uint32_t other = 0x5f80;

	if (is_initial(image))
		__asm__ volatile("ldmxcsr %0" : : "m"(other));
}

static void loses_st0(const struct xsave *image)
{
	if (!is_initial(image))
		__asm__ volatile("fstp %%st(0); fld1" : :);
}

#define X87    XSAVE_MASK(XSAVE_X87)
#define SSE    XSAVE_MASK(XSAVE_SSE)
#define AVX    XSAVE_MASK(XSAVE_AVX)
#define AVX512 UINT64_C(0xe0)

static const struct defect defects[] = {
	{ "stale header", XSAVE_ERR_ENGINE_HEADER, X87, false, stale_header, NULL, NULL },
	{ "wrong XCOMP_BV", XSAVE_ERR_ENGINE_HEADER, SSE, false, wrong_xcomp_bv, NULL, NULL },
	{ "foreign XSTATE_BV", XSAVE_ERR_ENGINE_HEADER, X87, false, foreign_xstate_bv, NULL, NULL },
	{ "in use as initial", XSAVE_ERR_ENGINE_HEADER, SSE, false, in_use_as_initial, NULL, NULL },
	{ "extended region at 416", XSAVE_ERR_ENGINE_PLACE, AVX, true, region_at_416, NULL, NULL },
	{ "ST7 lost", XSAVE_ERR_ENGINE_PLACE, X87, false, lost_st7, NULL, NULL },
	{ "XMM15 lost", XSAVE_ERR_ENGINE_PLACE, SSE, false, lost_xmm15, NULL, NULL },
	{ "MXCSR lost", XSAVE_ERR_ENGINE_PLACE, SSE, false, lost_mxcsr, NULL, NULL },
	{ "YMM0 lost", XSAVE_ERR_ENGINE_PLACE, AVX, false, lost_ymm0, NULL, NULL },
	{ "ZMM31 lost", XSAVE_ERR_ENGINE_PLACE, AVX512, true, lost_zmm31, NULL, NULL },
	{ "k1 lost", XSAVE_ERR_ENGINE_PLACE, AVX512, true, lost_k1, NULL, NULL },
	{ "software bytes", XSAVE_ERR_ENGINE_FOOTPRINT, X87, false, software_bytes, NULL, NULL },
	{ "past the end", XSAVE_ERR_ENGINE_FOOTPRINT, X87, true, past_the_end, NULL, NULL },
	{ "far past", XSAVE_ERR_ENGINE_FOOTPRINT, X87, false, far_past_the_end, NULL, NULL },
	{ "loads nothing", XSAVE_ERR_ENGINE_LOAD, X87, false, NULL, nothing, NULL },
	{ "loads no AVX", XSAVE_ERR_ENGINE_LOAD, AVX, false, NULL, no_avx, NULL },
	{ "loses ST0", XSAVE_ERR_ENGINE_LOAD, X87, false, NULL, NULL, loses_st0 },
	{ "initialises nothing", XSAVE_ERR_ENGINE_INIT, X87, false, NULL, no_initial, NULL },
	{ "initialises no AVX", XSAVE_ERR_ENGINE_INIT, AVX, false, NULL, no_initial_avx, NULL },
	{ "keeps MXCSR", XSAVE_ERR_ENGINE_INIT, SSE, false, NULL, NULL, mxcsr_kept },
};

/* The registers of the caller stay as they are, whatever is found. */
static void expect(const struct xsave_cpu *cpu, enum xsave_error want, const char *what)
{
	struct regs before = make_regs(3), after;
	enum xsave_error err;

	set_regs(&before);
	err = xsave_selftest(cpu, scratch, XSAVE_SELFTEST_SIZE);
	get_regs(&after);
	__asm__ volatile("fninit");
	check_eq(want, err, what);
	check_eq(0, differ(&before, &after, visible()), "the caller's registers stay");
}

/* What is seen: FXSAVE has no header, and it moves x87 and SSE together. */
static bool visible_defect(const struct xsave_cpu *cpu, const struct defect *d)
{
	if (d->compacted && !xsave_insn_compacted(cpu->insn))
		return false;
	if (cpu->insn == XSAVE_INSN_FXSAVE && d->found == XSAVE_ERR_ENGINE_LOAD)
		return d->before_load != no_avx;
	return (cpu->mask & d->needs) == d->needs;
}

static void test_defects(const struct xsave_cpu *cpu)
{
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++) {
		if (!visible_defect(cpu, &defects[i]))
			continue;
		defect = &defects[i];
		expect(cpu, defect->found, defect->name);
		defect = NULL;
	}
}

/* XCR0 names a component that is not there: XSAVE never writes it. */
static void test_lying_xcr0(const struct xsave_cpu *cpu)
{
	struct xsave_cpu lying = *cpu;

	if (cpu->insn == XSAVE_INSN_FXSAVE)
		return;
	if (HAS(XSAVE_XTILECFG)) {
		check_skip("a lying XCR0", "this CPU has CPUID.(0DH,0):EAX[18:17] AMX");
		return;
	}
	lying.layout = xsave_layout_intel;
	lying.enabled |= XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA);
	check_eq(XSAVE_OK, xsave_cpu_restrict(&lying, cpu->insn, lying.enabled), "a lie");
	expect(&lying, XSAVE_ERR_ENGINE_PLACE, "a lying XCR0");
}

/* A layout from a CPUID that lies: the self-test must not look there. */
static void test_far_place(const struct xsave_cpu *cpu)
{
	struct xsave_cpu far = *cpu;

	if (cpu->insn == XSAVE_INSN_FXSAVE || !(cpu->mask & AVX))
		return;
	far.layout = xsave_layout_intel;
	far.layout.offset[XSAVE_AVX] = 0x7fffff00;
	expect(&far, XSAVE_ERR_ENGINE_PLACE, "a place far away");
}

static void test_plain_xsave(const struct xsave_cpu *cpu)
{
	plain_xsave_is_bad = true;
	expect(cpu, cpu->insn == XSAVE_INSN_FXSAVE ? XSAVE_OK : XSAVE_ERR_ENGINE_HEADER,
	       "stale header of plain XSAVE");
	plain_xsave_is_bad = false;
}

/* As on a CPU without AVX-512. Here it has some, perhaps, and VEX loads zero the upper halves. */
static void test_avx_only(void)
{
	struct xsave_cpu cpu;
	struct regs before = make_regs(5), after;
	enum xsave_error err;

	check_eq(XSAVE_OK, xsave_cpu_distrust(&cpu, xcr0 & 7), "AVX at most");
	set_regs(&before);
	err = xsave_selftest(&cpu, scratch, XSAVE_SELFTEST_SIZE);
	get_regs(&after);
	__asm__ volatile("fninit");
	check_eq(XSAVE_OK, err, "AVX at most: passes");
	check_eq(0, differ(&before, &after, xcr0 & 7), "AVX at most: the caller's registers stay");
}

static void test_cpu(struct xsave_cpu *cpu)
{
	static const uint64_t masks[] = { 1, 2, 3, 4, 7, 0x20, 0x40, 0x80, 0xe0, 0xe4, 0 };
	enum xsave_insn insn = cpu->insn;
	uint64_t all = cpu->mask;

	expect(cpu, XSAVE_OK, xsave_insn_name(insn));
	test_defects(cpu);
	test_lying_xcr0(cpu);
	test_plain_xsave(cpu);
	test_far_place(cpu);
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		if (!(masks[i] & ~all) && !xsave_cpu_restrict(cpu, insn, masks[i]))
			expect(cpu, XSAVE_OK, "a part of the components");
}

static void test_every_insn(const struct xsave_cpuid *cpuid)
{
	struct xsave_cpu cpu;

	for (int i = XSAVE_INSN_FXSAVE; i < XSAVE_INSN_XSAVES; i++) {
		enum xsave_insn insn = (enum xsave_insn)i;

		check_eq(XSAVE_OK, xsave_cpu_init(&cpu, cpuid, xcr0, 0), "this CPU");
		if (xsave_cpu_restrict(&cpu, insn, i ? cpu.enabled : XSAVE_LEGACY_MASK))
			check_skip(xsave_insn_name(insn), "CPUID.(0DH,1):EAX");
		else
			test_cpu(&cpu);
	}
	check_skip("xsaves", "CPL 0 only");
}

static void test_scratch(const struct xsave_cpu *cpu)
{
	check_eq(XSAVE_ERR_SCRATCH, xsave_selftest(cpu, scratch, XSAVE_SELFTEST_SIZE - 1),
		 "scratch too small");
	check_eq(XSAVE_ERR_SCRATCH, xsave_selftest(cpu, scratch + 32, XSAVE_SELFTEST_SIZE),
		 "scratch not aligned");
	memset(scratch, 0x77, sizeof(scratch));
	check_eq(XSAVE_OK, xsave_selftest(cpu, scratch + 64, XSAVE_SELFTEST_SIZE), "just enough");
	for (int i = 0; i < 64; i++)
		if (scratch[i] != 0x77)
			check(false, "nothing written before the scratch area");
}

int main(void)
{
	struct xsave_cpuid cpuid;
	struct xsave_cpu cpu;

	xsave_cpuid_read(&cpuid);
	if (!(cpuid.leaf1_ecx & XSAVE_CPUID_1_ECX_OSXSAVE)) {
		check_skip("everything", "CPUID.1:ECX[27] OSXSAVE");
		return check_end();
	}
	xcr0 = insn_xgetbv(0);
	test_every_insn(&cpuid);
	check_eq(XSAVE_OK, xsave_cpu_distrust(&cpu, xcr0), "distrust");
	test_scratch(&cpu);
	test_cpu(&cpu);
	test_avx_only();
	return check_end();
}
