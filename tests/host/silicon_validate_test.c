/* SPDX-License-Identifier: MIT */
/*
 * xsave_validate() against the CPU at hand: images that it saved, then damaged, go to a bare
 * XRSTOR. It must fault exactly when the verdict says so; what loads must come back from a save as
 * the image had it, but for what the verdict calls a change. Built with -mgeneral-regs-only.
 *
 * Rules: H03-H09, M04-M06 M08, N02, F01-F03, T02.
 */
#include "silicon.h"

#define RANDOM_CASES 12000
#define SHOWN	     5 /* failed cases that are described */

static uint8_t base[2][MEMORY_SIZE] AREA; /* by the format: standard, compacted */
static uint8_t canonical[MEMORY_SIZE] AREA, loaded[MEMORY_SIZE] AREA;
static unsigned int cases, wrong, seen[XSAVE_EFFECT_IGNORES + 1];

static const uint64_t formats[] = { 0, XSAVE_XCOMP_COMPACTED };

/* Without compaction there is one format only, and the skip has said so. */
static size_t format_count = LENGTH(formats);

/* Load the image in memory, and see what the registers are then. */
static void move(void *unused)
{
	(void)unused;
	insn_xrstor(memory, ALL);
	insn_xsave(loaded, ALL);
	load_default();
}

/*
 * What depends on the CPU and no rule forbids. FIP and FDP lose the bits that no address has (F04),
 * and XSTATE_BV says what is in use, for which a CPU may look at the contents (M03, O10).
 */
static void forgive(uint8_t *area)
{
	struct xsave *image = (struct xsave *)area;

	image->legacy.fip &= UINT64_C(0x00007fffffffffff);
	image->legacy.fdp &= UINT64_C(0x00007fffffffffff);
	image->header.xstate_bv = 0;
}

/* AMD: FOP, FIP and FDP come back as 0 unless FSW.ES is set (F09). */
static bool pointers_lost(void)
{
	return !pointers_kept && !(((const struct xsave *)loaded)->legacy.fsw & 0x80);
}

/* Do the registers hold what the image says? */
static bool came_back(const struct xsave_image *image)
{
	enum xsave_error err = xsave_convert(image, cpu.enabled, XSAVE_FORMAT_STANDARD, &cpu.layout,
					     canonical, area_size);

	if (err || xsave_sanitize(loaded, area_size, &cpu.layout))
		return false;
	if (pointers_lost())
		clear_pointers(canonical);
	forgive(canonical);
	forgive(loaded);
	return !memcmp(canonical, loaded, area_size);
}

static void describe(enum xsave_error err, int sig, const char *what)
{
	const struct xsave *image = (const struct xsave *)memory;

	if (wrong++ >= SHOWN)
		return;
	printf("# %s: %s, signal %d, XSTATE_BV %llx, XCOMP_BV %llx, MXCSR %x, FCW %x\n", what,
	       xsave_error_name(err), sig, (unsigned long long)image->header.xstate_bv,
	       (unsigned long long)image->header.xcomp_bv, image->legacy.mxcsr, image->legacy.fcw);
	for (size_t i = 0; !sig && i < area_size; i++)
		if (canonical[i] != loaded[i]) {
			printf("# byte %zu: %x, loaded %x\n", i, canonical[i], loaded[i]);
			return;
		}
}

static void compare(void)
{
	const struct xsave_image image = { memory, area_size, &cpu.layout };
	enum xsave_error err = xsave_validate(&image, &cpu);
	enum xsave_effect effect = xsave_error_effect(err);
	int sig;

	memset(loaded, 0, sizeof(loaded));
	sig = fault_of(move, NULL);
	cases++;
	seen[effect]++;
	if (!!sig != (effect == XSAVE_EFFECT_FAULTS))
		describe(err, sig, sig ? "faults" : "does not fault");
	else if (!sig && !(err == XSAVE_ERR_FOP && pointers_lost()) &&
		 came_back(&image) != (effect != XSAVE_EFFECT_CHANGES))
		describe(err, sig, "came back otherwise");
}

/* Keep the program's own memory reachable, and off tiles that Linux did not grant. */
static bool is_safe(void)
{
	uint64_t xcomp_bv = get_word(memory, XSAVE_LEGACY_SIZE + 8);
	size_t pkru = xsave_offset(&cpu.layout, xcomp_bv, XSAVE_PKRU);

	if (cpu.enabled & XSAVE_MASK(XSAVE_PKRU) && pkru)
		memory[pkru] &= 0xfc;
	return !(xstate_bv_of(memory) & cpu.enabled & ~xcr0);
}

static void check_end_of(const char *what, unsigned int wrong_before)
{
	check_eq(0, wrong - wrong_before, what);
}

/* A new pair of images: the same registers in both formats. */
static void make_base(uint64_t in_use)
{
	random_image(memory, 0, in_use);
	memset(base, 0, sizeof(base));
	insn_xrstor(memory, xcr0);
	insn_xsave(base[0], cpu.enabled);
	if (format_count > 1)
		insn_xsavec(base[1], cpu.enabled);
	load_default();
}

static void take(size_t format)
{
	memcpy(memory, base[format], area_size);
}

static void test_saved(void)
{
	unsigned int before = wrong;

	for (int i = 0; i < 500; i++) {
		make_base(random_part(xcr0));
		for (size_t format = 0; format < format_count; format++) {
			const struct xsave_image image = { memory, area_size, &cpu.layout };

			take(format);
			wrong += xsave_validate(&image, &cpu) != XSAVE_OK;
			compare();
		}
	}
	check_end_of("what this CPU saved is valid", before);
}

/* Every bit of the header, one at a time. */
static void test_header(void)
{
	unsigned int before = wrong;

	make_base(xcr0);
	for (size_t format = 0; format < format_count; format++)
		for (unsigned int bit = 0; bit < 8 * 64; bit++) {
			take(format);
			memory[XSAVE_LEGACY_SIZE + bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (is_safe())
				compare();
		}
	check_end_of("every bit of the header", before);
}

/* XSTATE_BV and XCOMP_BV: subsets, supersets, strangers. */
static void test_words(void)
{
	unsigned int before = wrong;

	for (int i = 0; i < 2000; i++) {
		uint64_t xcomp_bv = formats[(size_t)i % format_count];

		if (xcomp_bv || i % 7 == 0)
			xcomp_bv |= random_part(cpu.enabled);
		random_image(memory, xcomp_bv & XSAVE_XCOMP_COMPACTED ? xcomp_bv : 0,
			     random_part(xcr0 & xcomp_bv));
		set_word(memory, XSAVE_LEGACY_SIZE, random_part(xcr0));
		set_word(memory, XSAVE_LEGACY_SIZE + 8, xcomp_bv);
		if (random_word() % 8 == 0)
			memory[XSAVE_LEGACY_SIZE + random_word() % 16] ^= (uint8_t)random_word();
		if (is_safe())
			compare();
	}
	check_end_of("XSTATE_BV and XCOMP_BV", before);
}

/* Every bit of MXCSR, with SSE and AVX in use and not. */
static void test_mxcsr(void)
{
	static const uint64_t in_use[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	unsigned int before = wrong;

	make_base(xcr0);
	for (size_t format = 0; format < format_count; format++)
		for (size_t i = 0; i < LENGTH(in_use) * 32; i++) {
			uint32_t mxcsr = UINT32_C(1) << i % 32;

			take(format);
			memcpy(memory + 24, &mxcsr, sizeof(mxcsr));
			set_word(memory, XSAVE_LEGACY_SIZE,
				 (xstate_bv_of(memory) & ~UINT64_C(7)) |
					 (in_use[i / 32] & cpu.enabled));
			compare();
		}
	check_end_of("every bit of MXCSR", before);
}

static void load_at(void *area)
{
	insn_xrstor(area, ALL);
	load_default();
}

/*
 * Compacted images that end where a page without access begins: what is valid in so many bytes
 * needs no more of them, and with fewer the verdict is no longer that it loads (N01, N02).
 */
static void test_end(void)
{
	unsigned int before = wrong;

	for (int i = 0; i < 1000 && format_count > 1; i++) {
		uint64_t xcomp_bv = XSAVE_XCOMP_COMPACTED | random_part(xcr0);
		size_t size = xsave_compacted_size(xcomp_bv);
		uint8_t *area = memory + (MEMORY_SIZE - size) / 64 * 64;
		const struct xsave_image image = { area, size, &cpu.layout };
		const struct xsave_image cut = { area, size - 1, &cpu.layout };

		random_image(loaded, xcomp_bv, random_part(xcr0 & xcomp_bv));
		memcpy(area, loaded, size);
		wrong += xsave_validate(&image, &cpu) != XSAVE_OK || fault_of(load_at, area);
		wrong += xsave_validate(&cut, &cpu) !=
			 (size > XSAVE_EXTENDED ? XSAVE_ERR_TRUNCATED : XSAVE_ERR_LENGTH);
	}
	check_end_of("images that end before a page without access", before);
}

/* Where a random change goes: mostly to bytes that somebody looks at. */
static size_t random_place(void)
{
	switch (random_word() % 8) {
	case 0:
		return XSAVE_LEGACY_SIZE + random_word() % 16;
	case 1:
		return XSAVE_LEGACY_SIZE + random_word() % 64;
	case 2:
	case 3:
		return random_word() % 32;
	case 4:
		return random_word() % XSAVE_LEGACY_SIZE;
	default:
		return random_word() % area_size;
	}
}

static void test_random(void)
{
	unsigned int before = wrong;

	for (int i = 0; i < RANDOM_CASES; i++) {
		if (i % 16 == 0)
			make_base(random_part(xcr0));
		take((size_t)i % format_count);
		for (uint32_t n = 1 + random_word() % 4; n; n--)
			memory[random_place()] ^= (uint8_t)random_word();
		if (is_safe())
			compare();
	}
	check_end_of("random changes", before);
}

int main(void)
{
	if (!silicon_setup())
		return check_end();
	xcr0 &= ~XSAVE_MASK(XSAVE_XTILEDATA); /* no rule is about what tiles hold */
	if (!cpu.compaction) {
		check_skip("compacted images", "CPUID.(0DH,1):EAX[1] XSAVEC");
		format_count = 1;
	}
	test_saved();
	test_header();
	test_words();
	test_mxcsr();
	test_end();
	test_random();
	printf("# %u cases: %u fault, %u change, %u are not looked at, %u are fine\n", cases,
	       seen[XSAVE_EFFECT_FAULTS], seen[XSAVE_EFFECT_CHANGES], seen[XSAVE_EFFECT_IGNORES],
	       seen[XSAVE_EFFECT_NOTHING]);
	check(cases >= 10000 && seen[XSAVE_EFFECT_FAULTS] && seen[XSAVE_EFFECT_CHANGES] &&
		      seen[XSAVE_EFFECT_NOTHING],
	      "cases of each kind");
	return check_end();
}
