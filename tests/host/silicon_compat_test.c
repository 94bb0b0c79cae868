/* SPDX-License-Identifier: MIT */
/*
 * Images in the 32-bit form: saved in compatibility mode, where there are eight registers of a
 * kind, and by 64-bit code without REX.W. What the CPU at hand writes then, and that the library
 * takes it. Built with -mgeneral-regs-only.
 *
 * Rules: D01-D03 F05.
 */
#include "silicon_compat.h"
#include "xsave/reg.h"

static uint8_t state[MEMORY_SIZE] AREA, after[MEMORY_SIZE] AREA, over_a[MEMORY_SIZE];

static bool has_component(unsigned int bit)
{
	return xcr0 & XSAVE_MASK(bit);
}

/* Registers 8 to 15, or 16 to 31, of a component: those that 32-bit code does not have. */
static const struct {
	unsigned int bit;
	uint16_t from, to; /* bytes; of SSE in the area */
} upper[] = {
	{ XSAVE_SSE, 160 + 128, 160 + 256 },
	{ XSAVE_AVX, 128, 256 },
	{ XSAVE_ZMM_HI256, 256, 512 },
	{ XSAVE_HI16_ZMM, 0, 1024 },
};

static size_t start_of(unsigned int bit, uint64_t xcomp_bv)
{
	return bit == XSAVE_SSE ? 0 : xsave_offset(&cpu.layout, xcomp_bv, bit);
}

static int save32(const uint8_t *insn, uint8_t pattern)
{
	struct compat_call call = { insn, xcr0, state, after };

	memset(compat_area, pattern, MEMORY_SIZE);
	memset(compat_area + XSAVE_LEGACY_SIZE, 0, XSAVE_EXTENDED - XSAVE_LEGACY_SIZE);
	return compat_do(&call);
}

static size_t count_written(size_t from, size_t to)
{
	size_t written = 0;

	for (size_t i = from; i < to; i++)
		written += over_a[i] == compat_area[i];
	return written;
}

static void read_cpuid(uint32_t leaf, uint32_t *ebx, uint32_t *ecx)
{
	uint32_t edx;

	*ecx = 0;
	__asm__ volatile("cpuid" : "+a"(leaf), "=b"(*ebx), "+c"(*ecx), "=d"(edx));
}

/* CPUID.0:ECX, the end of "AuthenticAMD" */
static bool is_amd(void)
{
	uint32_t ebx, ecx;

	read_cpuid(0, &ebx, &ecx);
	return ecx == 0x444d4163;
}

/* D01: two patterns, and not a byte of the upper registers differs from them. */
static void test_bytes(const uint8_t *insn, uint64_t xcomp_bv)
{
	random_image(state, 0, xcr0);
	check_eq(0, save32(insn, 0x5a), "a save in compatibility mode");
	memcpy(over_a, compat_area, sizeof(over_a));
	check_eq(0, save32(insn, 0xc3), "another");
	if (is_amd())
		check_skip("D03: Hi16_ZMM is init", "AMD: a Zen 4 says that it is in use");
	else
		check_eq(0, xstate_bv_of(compat_area) & XSAVE_MASK(XSAVE_HI16_ZMM),
			 "D03: Hi16_ZMM is init");
	for (size_t i = 0; i < LENGTH(upper); i++) {
		size_t start = start_of(upper[i].bit, xcomp_bv);

		if (!has_component(upper[i].bit))
			continue;
		check_eq(0, count_written(start + upper[i].from, start + upper[i].to),
			 "D01: upper registers are not written");
		if (upper[i].from)
			check_eq(
				upper[i].to - upper[i].from,
				count_written(start + upper[i].from - (upper[i].to - upper[i].from),
					      start + upper[i].from),
				"the lower ones are");
	}
}

/* The value of a register in what 32-bit code saved is that of the lower registers, or initial. */
static bool same_register(const struct xsave_image *image, const char *name, bool lower)
{
	const struct xsave_image source = { state, area_size, &cpu.layout };
	uint8_t got[XSAVE_REG_SIZE], want[XSAVE_REG_SIZE] = { 0 };
	unsigned int number;
	const struct xsave_reg *reg = xsave_reg_find(name, &number);

	if (!reg || xsave_reg_read(image, reg, number, got))
		return false;
	if (lower && xsave_reg_read(&source, reg, number, want))
		return false;
	return !memcmp(got, want, reg->size);
}

static void test_registers(const struct xsave_image *image)
{
	static const struct {
		const char *name;
		bool lower;
	} registers[] = {
		{ "MXCSR", true }, { "FCW", true },    { "ST0", true },	   { "ST7", true },
		{ "XMM0", true },  { "YMM7", true },   { "ZMM3", true },   { "k7", true },
		{ "XMM8", false }, { "ZMM15", false }, { "ZMM16", false }, { "YMM31", false },
	};

	for (size_t i = 0; i < LENGTH(registers); i++)
		check(same_register(image, registers[i].name, registers[i].lower),
		      registers[i].name);
}

/* Over zeros, as a process would: the library validates, reads, sanitises and converts it. */
static void test_library(const uint8_t *insn, enum xsave_format format)
{
	static uint8_t area[MEMORY_SIZE], back[MEMORY_SIZE];
	size_t size = xsave_format_size(format, &cpu.layout, xcr0);
	const struct xsave_image image = { area, size, &cpu.layout };
	const struct xsave_image converted = { back, sizeof(back), &cpu.layout };

	random_image(state, 0, xcr0);
	check_eq(0, save32(insn, 0), "a save over zeros");
	memcpy(area, compat_area, size);
	check_eq(format, xsave_image_format(&image), "its format");
	check_eq(XSAVE_OK, xsave_validate(&image, &cpu), "it is valid");
	test_registers(&image);
	check_eq(XSAVE_OK, xsave_sanitize(area, size, &cpu.layout), "it can be sanitised");
	test_registers(&image);
	for (int to = XSAVE_FORMAT_STANDARD; to <= XSAVE_FORMAT_COMPACTED; to++) {
		check_eq(XSAVE_OK,
			 xsave_convert(&image, xcr0, (enum xsave_format)to, &cpu.layout, back,
				       sizeof(back)),
			 "and converted");
		test_registers(&converted);
	}
}

/* D02: what 32-bit code initialises, it does for its own registers. */
static void test_restore(void)
{
	struct compat_call call = { compat_xrstor, xcr0, state, after };
	const struct xsave_image image = { after, area_size, &cpu.layout };

	random_image(state, 0, xcr0);
	random_image(compat_area, 0, 0);
	memset(after, 0, sizeof(after));
	check_eq(0, compat_do(&call), "D02: a restore in compatibility mode");
	check(same_register(&image, "XMM8", true), "XMM8 stays");
	check(same_register(&image, "XMM0", false), "XMM0 is initialised");
	if (has_component(XSAVE_HI16_ZMM)) {
		check(same_register(&image, "ZMM15", true), "ZMM15 stays");
		check(same_register(&image, "ZMM16", true), "ZMM16 stays");
		check(same_register(&image, "ZMM7", false), "ZMM7 is initialised");
	}
}

static void test_format(const uint8_t *insn, enum xsave_format format)
{
	bool compacted = format == XSAVE_FORMAT_COMPACTED;

	printf("# compatibility mode, %s\n", compacted ? "XSAVEC" : "XSAVE");
	test_bytes(insn, compacted ? XSAVE_XCOMP_COMPACTED | xcr0 : 0);
	test_library(insn, format);
}

static void test_compat(void)
{
	struct compat_call nothing = { compat_xsave, 0, state, after };

	if (!compat_has_segment()) {
		check_skip("compatibility mode", "Linux has no 32-bit code segment");
		return;
	}
	random_image(state, 0, 0);
	if (!check_line(compat_map(), "memory below 4 GiB"))
		return;
	check_eq(0, compat_do(&nothing), "there and back");
	test_format(compat_xsave, XSAVE_FORMAT_STANDARD);
	if (cpu.compaction)
		test_format(compat_xsavec, XSAVE_FORMAT_COMPACTED);
	else
		check_skip("xsavec", "CPUID.(0DH,1):EAX[1] XSAVEC");
	test_restore();
}

/* -- without REX.W -------------------------------------------------------------------------------
 */

static inline void narrow_xsave(void *area, uint64_t rfbm)
{
	__asm__ volatile("xsave (%0)"
			 :
			 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))
			 : "memory");
}

static inline void narrow_xrstor(const void *area, uint64_t rfbm)
{
	__asm__ volatile("xrstor (%0)"
			 :
			 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))
			 : "memory");
}

/* An exception is pending, else AMD's CPUs do not save the pointers (F09). */
static void make_pending(struct xsave *image, uint64_t fip, uint64_t fdp)
{
	random_image(image, 0, XSAVE_MASK(XSAVE_X87));
	image->legacy.fcw = XSAVE_DEFAULT_FCW & ~1;
	image->legacy.fsw = 0x8081;
	image->legacy.fip = fip;
	image->legacy.fdp = fdp;
}

/* F05: 32 bits of FIP and FDP, FCS and FDS behind them; the image is valid and comes back. */
static void test_narrow(void)
{
	static struct xsave_large from, narrow, again;
	const struct xsave_image image = { &narrow, area_size, &cpu.layout };

	printf("# 64-bit mode without REX.W\n");
	make_pending((struct xsave *)&from, 0x1122334455aa, 0x2233445566bb);
	insn_xrstor(&from, xcr0);
	narrow_xsave(&narrow, xcr0);
	narrow_xrstor(&narrow, xcr0);
	narrow_xsave(&again, xcr0);
	load_default();
	check_eq(0x334455aa, (uint32_t)narrow.legacy.fip, "F05: FIP has 32 bits");
	check_eq(0x445566bb, (uint32_t)narrow.legacy.fdp, "FDP has 32 bits");
	check(narrow.legacy.fip >> 32 != 0x1122 && narrow.legacy.fdp >> 32 != 0x2233,
	      "the rest of them is lost");
	check_eq(XSAVE_OK, xsave_validate(&image, &cpu), "it is valid");
	again.header.xstate_bv = narrow.header.xstate_bv; /* the scheduler may change that */
	check(!memcmp(&narrow, &again, area_size), "and is the same after a restore");
	check_eq(XSAVE_OK, xsave_sanitize(&narrow, area_size, &cpu.layout), "it can be sanitised");
	check_eq(0x334455aa, (uint32_t)narrow.legacy.fip, "FIP is still there");
}

/* CPUID.(7,0):EBX[13]: FCS and FDS are zero then. */
static void test_selectors(void)
{
	static struct xsave_large from, narrow;
	uint32_t ebx, ecx;

	read_cpuid(7, &ebx, &ecx);
	make_pending((struct xsave *)&from, 0, 0);
	from.legacy.fip = UINT64_C(0x1234) << 32 | 0x401000;
	from.legacy.fdp = UINT64_C(0x5678) << 32 | 0x402000;
	narrow_xrstor(&from, xcr0);
	narrow_xsave(&narrow, xcr0);
	load_default();
	if (ebx & 1U << 13) {
		check_eq(0, (uint16_t)(narrow.legacy.fip >> 32), "F05: FCS is deprecated");
		check_eq(0, (uint16_t)(narrow.legacy.fdp >> 32), "FDS is deprecated");
		return;
	}
	check_eq(0x1234, (uint16_t)(narrow.legacy.fip >> 32), "F05: FCS");
	check_eq(0x5678, (uint16_t)(narrow.legacy.fdp >> 32), "FDS");
}

int main(void)
{
	if (!silicon_setup())
		return check_end();
	test_compat();
	test_narrow();
	test_selectors();
	return check_end();
}
