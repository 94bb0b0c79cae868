/* SPDX-License-Identifier: MIT */
/*
 * xsave_convert() and xsave_sanitize() against the CPU at hand: the same registers saved at the
 * same moment in every format, over garbage, must be the same image after conversion, byte for
 * byte; and a converted image must bring the registers back. Built with -mgeneral-regs-only.
 *
 * Rules: R05 R12 L02-L05 O12.
 */
#include "silicon.h"

#define ROUNDS	     3000
#define IMAGES	     "tests/host/images/"
#define SAVING_INSNS 4 /* of CPL 3 */

static uint8_t source[MEMORY_SIZE] AREA, back[MEMORY_SIZE] AREA, other[MEMORY_SIZE] AREA;
static uint8_t saved[SAVING_INSNS][MEMORY_SIZE] AREA;
static struct xsave_cpu cpus[SAVING_INSNS];
static bool has[SAVING_INSNS];
static unsigned int wrong, compared;

static enum xsave_format format_of(enum xsave_insn insn)
{
	if (insn == XSAVE_INSN_FXSAVE)
		return XSAVE_FORMAT_LEGACY;
	return xsave_insn_compacted(insn) ? XSAVE_FORMAT_COMPACTED : XSAVE_FORMAT_STANDARD;
}

static uint64_t mask_of(enum xsave_insn insn, uint64_t mask)
{
	return insn == XSAVE_INSN_FXSAVE ? XSAVE_LEGACY_MASK : mask;
}

static size_t size_of(enum xsave_insn insn, uint64_t mask)
{
	return xsave_format_size(format_of(insn), &cpu.layout, mask_of(insn, mask));
}

static void fail(const char *what, int from, int to, uint64_t mask, size_t at)
{
	if (wrong++ < 5)
		printf("# %s: %s to %s, mask %llx: byte %zu\n", what,
		       xsave_insn_name((enum xsave_insn)from), xsave_insn_name((enum xsave_insn)to),
		       (unsigned long long)mask, at);
}

/* The first byte that differs; @size when none does. */
static size_t differ_at(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t i = 0;

	while (i < size && a[i] == b[i])
		i++;
	return i;
}

/*
 * MXCSR: XSAVE moves it with AVX, XSAVEC with SSE (M01, M02), so that AVX without SSE is not the
 * same state in both. A save without either leaves old memory there, and the image does not tell.
 * Tiles go with their configuration.
 */
static uint64_t random_mask(void)
{
	uint64_t mask = random_part(xcr0);

	mask |= mask ? 0 : XSAVE_LEGACY_MASK; /* a save of nothing writes no image */
	mask |= mask & XSAVE_MASK(XSAVE_AVX) ? XSAVE_MASK(XSAVE_SSE) : 0;
	return mask | (mask & XSAVE_MASK(XSAVE_XTILEDATA) ? XSAVE_MASK(XSAVE_XTILECFG) : 0);
}

/* Save the registers of @source with every instruction, nothing in between. */
static void save_all(uint64_t mask)
{
	for (size_t i = 0; i < SAVING_INSNS; i++) {
		random_bytes(saved[i], area_size);
		((struct xsave *)saved[i])->legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	}
	insn_xrstor(source, xcr0);
	for (int i = 0; i < SAVING_INSNS; i++)
		if (has[i])
			xsave_save_with(&cpus[i], saved[i], MEMORY_SIZE,
					mask_of((enum xsave_insn)i, mask));
	load_default();
}

/* The canonical XSTATE_BV of an image whose MXCSR may say more (M03). */
static uint64_t in_use(const struct xsave_image *image)
{
	bool sse = xsave_image_mxcsr(image) != XSAVE_DEFAULT_MXCSR;

	return xsave_image_xstate_bv(image) | (sse ? XSAVE_MASK(XSAVE_SSE) : 0);
}

/*
 * What instruction @from saved, converted to the format of @to, against what @to saved. Whether
 * something is in use is compared with @from: between the two the scheduler may have reloaded the
 * registers, and a component in its initial configuration then counts as such or not.
 */
static void compare(int from, int to, uint64_t mask)
{
	enum xsave_insn insn = (enum xsave_insn)to;
	size_t from_size = size_of((enum xsave_insn)from, mask), size = size_of(insn, mask);
	const struct xsave_image image = { saved[from], from_size, &cpu.layout };
	const struct xsave_image converted = { other, size, &cpu.layout };

	memcpy(back, saved[to], size);
	memset(other, 0x77, size);
	if (xsave_sanitize(back, size, &cpu.layout) ||
	    xsave_convert(&image, mask_of(insn, mask), format_of(insn), &cpu.layout, other, size))
		fail("refused", from, to, mask, 0);
	else if (to != XSAVE_INSN_FXSAVE && xsave_image_xstate_bv(&converted) != in_use(&image))
		fail("XSTATE_BV", from, to, mask, XSAVE_LEGACY_SIZE);
	if (size > XSAVE_LEGACY_SIZE)
		memcpy(back + XSAVE_LEGACY_SIZE, other + XSAVE_LEGACY_SIZE, 8);
	if (memcmp(back, other, size))
		fail("different", from, to, mask, differ_at(back, other, size));
	compared++;
}

/* FXSAVE always saves x87 and SSE: it has an equal only in those that saved just these two. */
static void compare_pairs(uint64_t mask)
{
	for (int from = 0; from < SAVING_INSNS; from++)
		for (int to = 0; to < SAVING_INSNS; to++)
			if (has[from] && has[to] &&
			    (mask == XSAVE_LEGACY_MASK || (from && to))) /* 0: FXSAVE */
				compare(from, to, mask);
}

static void test_same_moment(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t mask = i % 5 ? random_mask() : XSAVE_LEGACY_MASK;

		random_image(source, 0, random_part(xcr0));
		save_all(mask);
		compare_pairs(mask);
	}
	check_eq(0, wrong, "one image, whichever instruction saved it");
	printf("# %u pairs\n", compared);
	check(compared >= ROUNDS, "pairs were compared");
}

/* XSTATE_BV is the CPU's own judgement, and AMD's CPUs do not save the pointers (F09). */
static void forgive(uint8_t *area)
{
	set_word(area, XSAVE_LEGACY_SIZE, 0);
	if (!pointers_kept)
		clear_pointers(area);
}

/*
 * The random image has zeros where no state is: so what was loaded must be, byte for byte, what the
 * library makes of each save. Here it cannot agree with itself about a byte that it drops.
 */
static void test_nothing_lost(void)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		random_image(source, 0, random_part(xcr0));
		save_all(xcr0);
		forgive(source);
		for (int from = XSAVE_INSN_XSAVE; from < SAVING_INSNS; from++) {
			size_t size = size_of((enum xsave_insn)from, xcr0);
			const struct xsave_image image = { saved[from], size, &cpu.layout };

			if (!has[from])
				continue;
			if (xsave_convert(&image, xcr0, XSAVE_FORMAT_STANDARD, &cpu.layout, other,
					  area_size))
				fail("refused", from, from, xcr0, 0);
			forgive(other);
			if (memcmp(source, other, area_size))
				fail("lost", from, from, xcr0, differ_at(source, other, area_size));
		}
	}
	check_eq(0, wrong, "no byte of a register is lost");
}

/* -- loading -------------------------------------------------------------------------------------
 */

/* Other registers first, so that what is not loaded is seen. */
static void load_over(const void *area, size_t size, uint64_t mask)
{
	random_image(source, 0, xcr0);
	memset(back, 0, area_size);
	insn_xrstor(source, xcr0);
	xsave_load_with(&cpu, area, size, mask);
	insn_xsave(back, mask);
	load_default();
}

/* Registers in @back against a canonical standard image. */
static bool is_back(uint8_t *want, uint64_t mask)
{
	size_t size = xsave_standard_size(&cpu.layout, mask);

	if (xsave_sanitize(back, size, &cpu.layout))
		return false;
	forgive(want);
	forgive(back);
	return !memcmp(want, back, size);
}

/*
 * Convert an image for this CPU in a format, load it, and see the registers. A standard image gets
 * the room that other vendors' CPUs would need: with less, the library does not load all of it.
 */
static bool loads(const struct xsave_image *from, uint64_t mask, enum xsave_format format)
{
	static uint8_t want[MEMORY_SIZE];
	size_t size = format == XSAVE_FORMAT_STANDARD
			      ? sizeof(struct xsave_large)
			      : xsave_format_size(format, &cpu.layout, mask);
	uint8_t *area = memory + (MEMORY_SIZE - size) / 64 * 64;
	const struct xsave_image image = { area, size, &cpu.layout };

	if (xsave_convert(from, mask, format, &cpu.layout, area, size) ||
	    xsave_validate(&image, &cpu) ||
	    xsave_convert(from, mask, XSAVE_FORMAT_STANDARD, &cpu.layout, want, sizeof(want)))
		return false;
	load_over(area, size, mask);
	return is_back(want, mask);
}

static void test_round_trip(void)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		uint64_t mask = random_mask() | XSAVE_LEGACY_MASK;
		int insn = XSAVE_INSN_XSAVE + (int)(random_word() % (SAVING_INSNS - 1));
		size_t size = size_of((enum xsave_insn)insn, mask);
		const struct xsave_image image = { saved[insn], size, &cpu.layout };

		if (!has[insn])
			continue;
		random_image(source, 0, random_part(xcr0));
		save_all(mask);
		if (!loads(&image, mask, XSAVE_FORMAT_STANDARD) ||
		    (cpu.compaction && !loads(&image, mask, XSAVE_FORMAT_COMPACTED)))
			fail("not back", insn, insn, mask, differ_at(back, source, size));
	}
	check_eq(0, wrong, "converted images bring the registers back");
}

/* -- images of other CPUs ------------------------------------------------------------------------
 */

static size_t read_image(const char *name)
{
	char path[100];
	FILE *file;
	size_t size = 0;

	snprintf(path, sizeof(path), IMAGES "%s.bin", name);
	file = fopen(path, "rb");
	if (file) {
		size = fread(other, 1, sizeof(other), file);
		fclose(file);
	}
	return size;
}

/* What both the image and this CPU have. */
static void test_foreign(const char *name, const struct xsave_layout *layout)
{
	struct xsave_image image = { other, read_image(name), layout };
	uint64_t mask = xsave_image_components(&image) & xcr0;

	printf("# %s: components %llx\n", name, (unsigned long long)mask);
	check(image.size && mask, "is there, and has something for this CPU");
	check(loads(&image, mask, XSAVE_FORMAT_STANDARD), "loads in standard format");
	if (cpu.compaction)
		check(loads(&image, mask, XSAVE_FORMAT_COMPACTED), "loads in compacted format");
}

static void test_foreigners(void)
{
	static const struct {
		const char *name;
		const struct xsave_layout *layout;
	} images[] = {
		{ "intel-avx", &xsave_layout_intel },
		{ "intel-mpx-pkru", &xsave_layout_intel },
		{ "intel-avx512-pkru", &xsave_layout_intel },
		{ "intel-amx", &xsave_layout_intel },
		{ "intel-amx-compacted", &xsave_layout_intel },
		{ "intel-apx", &xsave_layout_intel },
		{ "intel-dirty", &xsave_layout_intel },
		{ "intel-holes", &xsave_layout_intel },
		{ "amd-avx512-pkru", &xsave_layout_amd },
		{ "amd-cet-compacted", &xsave_layout_amd },
		{ "amd-lwp", &xsave_layout_amd },
		{ "legacy", &xsave_layout_intel },
	};

	for (size_t i = 0; i < LENGTH(images); i++)
		test_foreign(images[i].name, images[i].layout);
}

int main(void)
{
	if (!silicon_setup())
		return check_end();
	for (int i = 0; i < SAVING_INSNS; i++)
		has[i] = use_insn(&cpus[i], (enum xsave_insn)i);
	check_eq(XSAVE_OK, xsave_cpu_restrict(&cpu, cpu.insn, xcr0), "what this process may use");
	test_same_moment();
	test_nothing_lost();
	test_round_trip();
	test_foreigners();
	return check_end();
}
