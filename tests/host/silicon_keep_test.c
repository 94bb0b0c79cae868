/* SPDX-License-Identifier: MIT */
/*
 * cpu.keep: the components that a load of the default, or of an image saved without them, leaves as
 * they are. That is the policy for PKRU; the mechanism is the same for each component that the CPU
 * at hand has, so it is tested with all of them. Built with -mgeneral-regs-only.
 *
 * Rules: L06 L08, P01.
 */
#include "silicon.h"

static uint8_t state[MEMORY_SIZE] AREA, other[MEMORY_SIZE] AREA, after[MEMORY_SIZE] AREA;
static const struct xsave small_default = XSAVE_DEFAULT;
static const struct xsave_large large_default = XSAVE_DEFAULT;

/* Load over the registers of @state; what they are then is in @after, and the answer returned. */
static uint64_t load_over_state(const struct xsave_cpu *one, const void *image, size_t size)
{
	uint64_t loaded;

	memset(after, 0, sizeof(after));
	insn_xrstor(state, xcr0);
	loaded = xsave_load_with(one, image, size, ALL);
	insn_xsave(after, xcr0);
	load_default();
	return loaded;
}

/* Is a component of @after that of an image? NULL: initial, all zero beyond x87 and SSE. */
static bool holds(unsigned int bit, const uint8_t *image)
{
	static const uint8_t zero[8192];
	size_t at = xsave_offset(&cpu.layout, 0, bit);
	size_t size = bit == XSAVE_PKRU ? 4 : cpu.layout.size[bit];

	return !memcmp(after + at, image ? image + at : zero, size);
}

/* Every extended component but one is initial, and that one is kept. */
static bool only_kept(unsigned int kept)
{
	bool good = true;

	xsave_for_each_bit (bit, xcr0 & ~XSAVE_LEGACY_MASK)
		good &= holds(bit, bit == kept ? state : NULL);
	return good;
}

static void test_default(const struct xsave_cpu *one, unsigned int bit)
{
	const uint64_t want = one->mask & ~XSAVE_MASK(bit);

	check_eq(want, load_over_state(one, &small_default, sizeof(small_default)),
		 "the small default: all else is loaded");
	check(only_kept(bit), "and it is kept");
	check_eq(want, load_over_state(one, &large_default, sizeof(large_default)),
		 "the large default: all else is loaded");
	check(only_kept(bit), "and it is kept");
}

/* An image that was saved with it brings it back, in either format. */
static void test_saved_with(const struct xsave_cpu *one, unsigned int bit)
{
	random_image(other, 0, xcr0);
	memset(memory, 0, MEMORY_SIZE);
	insn_xrstor(other, xcr0);
	xsave_save_with(one, memory, MEMORY_SIZE, ALL);
	load_default();
	check_eq(one->mask, load_over_state(one, memory, MEMORY_SIZE),
		 "saved with it: all is loaded");
	check(holds(bit, other), "and it comes back");
}

/* A compacted image without it leaves it; a standard one cannot tell, and initialises it. */
static void test_saved_without(const struct xsave_cpu *one, unsigned int bit)
{
	uint64_t rest = one->mask & ~XSAVE_MASK(bit);

	random_image(other, 0, xcr0);
	memset(memory, 0, MEMORY_SIZE);
	insn_xrstor(other, xcr0);
	xsave_save_with(one, memory, MEMORY_SIZE, rest);
	load_default();
	if (!xsave_insn_compacted(one->insn))
		return;
	check_eq(rest, load_over_state(one, memory, MEMORY_SIZE), "saved without it: not loaded");
	check(holds(bit, state), "and it is kept");
}

static void test_cleared(struct xsave_cpu one, unsigned int bit)
{
	one.keep = 0;
	check_eq(one.mask, load_over_state(&one, &small_default, sizeof(small_default)),
		 "keep = 0: the default loads everything");
	check(holds(bit, NULL), "it too");
}

static void test_component(const struct xsave_cpu *one, unsigned int bit)
{
	struct xsave_cpu keeping = *one;

	printf("# %s, %s\n", xsave_insn_name(one->insn), xsave_component(bit)->name);
	keeping.keep = XSAVE_MASK(bit);
	random_image(state, 0, xcr0);
	test_default(&keeping, bit);
	test_saved_with(&keeping, bit);
	test_saved_without(&keeping, bit);
	test_cleared(keeping, bit);
}

/* Nobody asked for it, and PKRU is kept. */
static void test_policy(void)
{
	struct xsave_cpu fresh;

	check_eq(XSAVE_OK, xsave_cpu_init(&fresh, &cpuid, insn_xgetbv(0), 0), "a fresh CPU value");
	check_eq(XSAVE_MASK(XSAVE_PKRU), fresh.keep, "keeps PKRU");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&fresh, XSAVE_INSN_XSAVE, xcr0), "restricted");
	check_eq(XSAVE_MASK(XSAVE_PKRU), fresh.keep, "keeps PKRU");
	check_eq(XSAVE_OK, xsave_cpu_distrust(&fresh, insn_xgetbv(0)), "distrusted");
	check_eq(XSAVE_MASK(XSAVE_PKRU), fresh.keep, "keeps PKRU");
	check_eq(XSAVE_MASK(XSAVE_PKRU), xsave_in_use->keep, "before xsave_use(): keeps PKRU");
}

static uint32_t read_pkru(void)
{
	uint32_t eax, edx;

	__asm__ volatile("rdpkru" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax;
}

static void write_pkru(uint32_t value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* The register itself, and the two simple calls. */
static void test_pkru(void)
{
	static struct xsave_cpu fresh;
	static struct xsave_large image;
	uint32_t before;

	if (!(xcr0 & XSAVE_MASK(XSAVE_PKRU))) {
		check_skip("PKRU itself", "CPUID.(7,0):ECX[4] OSPKE");
		return;
	}
	before = read_pkru();
	check_eq(XSAVE_OK, xsave_cpu_init(&fresh, &cpuid, insn_xgetbv(0), 0), "a fresh CPU value");
	check_eq(XSAVE_OK, xsave_cpu_restrict(&fresh, fresh.insn, xcr0),
		 "what this process may use");
	xsave_use(&fresh);
	write_pkru(0x55555550);
	xsave_load(&small_default);
	check_eq(0x55555550, read_pkru(), "loading the default opens no key");
	xsave_save(&image);
	write_pkru(0);
	xsave_load(&image);
	check_eq(0x55555550, read_pkru(), "an image brings PKRU back");
	fresh.keep = 0;
	xsave_load(&small_default);
	check_eq(0, read_pkru(), "P01: keep = 0 opens them all");
	write_pkru(before);
}

int main(void)
{
	struct xsave_cpu one;

	if (!silicon_setup())
		return check_end();
	for (int insn = XSAVE_INSN_XSAVE; insn < XSAVE_INSN_XSAVES; insn++) {
		if (!use_insn(&one, (enum xsave_insn)insn))
			continue;
		xsave_for_each_bit (bit, xcr0 & ~XSAVE_LEGACY_MASK)
			test_component(&one, bit);
	}
	test_policy();
	test_pkru();
	return check_end();
}
