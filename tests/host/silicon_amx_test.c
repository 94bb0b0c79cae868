/* SPDX-License-Identifier: MIT */
/*
 * Tiles: before Linux is asked for them (IA32_XFD[18] is armed) and after. Built with
 * -mgeneral-regs-only.
 *
 * Rules: T01 T04 T05 T08 T11.
 */
#include "silicon.h"
#include "xsave/reg.h"

#define TILES (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))

static struct xsave_large image, again, other;
static uint8_t compacted[sizeof(image)];

static void load_image(void *context)
{
	xsave_load_with(&cpu, context, sizeof(struct xsave_large), ALL);
	load_default();
}

/* T08: a save says that tiles are not in use, and does not fault; nor does loading that, or the
 * default. */
static void test_armed(void)
{
	static struct xsave_large initial = XSAVE_DEFAULT;

	check_eq(cpu.fit_large, xsave_save_with(&cpu, &image, sizeof(image), ALL),
		 "XFD armed: a save of everything");
	check_eq(0, xstate_bv_of(&image) & XSAVE_MASK(XSAVE_XTILEDATA), "T08: no tiles in use");
	check_eq(0, fault_of(load_image, &image), "the image loads");
	check_eq(0, fault_of(load_image, &initial), "the default loads");
}

/* An image with tiles is refused by the CPU (#NM), and Linux has nobody to give the tiles to. */
static void test_armed_tiles(void)
{
	random_image(&image, 0, cpu.enabled);
	check_eq(SIGILL, fault_of(load_image, &image),
		 "XFD armed: an image with tiles does not load");
}

/* Load @from, save into @to: one after the other, so that nothing else touches the registers. */
static uint64_t move(const void *from, void *to, uint64_t mask)
{
	uint64_t saved;

	memset(to, 0, sizeof(struct xsave_large));
	xsave_load_with(&cpu, from, sizeof(struct xsave_large), ALL);
	saved = xsave_save_with(&cpu, to, sizeof(struct xsave_large), mask);
	load_default();
	return saved;
}

static bool same_tiles(const void *a, size_t a_size, const void *b, size_t b_size)
{
	const struct xsave_image images[] = { { a, a_size, &cpu.layout },
					      { b, b_size, &cpu.layout } };
	static uint8_t values[2][XSAVE_REG_SIZE];
	bool same = true;

	for (size_t i = 0; xsave_reg(i); i++) {
		const struct xsave_reg *reg = xsave_reg(i);

		if (!(TILES & XSAVE_MASK(reg->part[0].component)))
			continue;
		for (unsigned int n = reg->first; n < reg->first + reg->count; n++) {
			xsave_reg_read(&images[0], reg, n, values[0]);
			xsave_reg_read(&images[1], reg, n, values[1]);
			same &= !memcmp(values[0], values[1], reg->size);
		}
	}
	return same;
}

/* Every tile and its configuration, also with a row to start at (T11). */
static void test_round_trip(bool start_row)
{
	size_t size = xsave_format_size(XSAVE_FORMAT_COMPACTED, &cpu.layout, cpu.enabled);
	struct xsave_image from = { &image, sizeof(image), &cpu.layout };

	random_image(&image, 0, cpu.enabled);
	at_component(&image, 0, XSAVE_XTILECFG)[1] = start_row ? 3 : 0;
	check_eq(XSAVE_OK, xsave_validate(&from, &cpu), "an image with tiles is valid");
	check_eq(cpu.fit_large, move(&image, &again, ALL), "tiles: all is saved");
	check_eq(TILES, xstate_bv_of(&again) & TILES, "tiles are in use");
	check(same_tiles(&image, sizeof(image), &again, sizeof(again)), "tiles are back");
	check_eq(XSAVE_OK,
		 xsave_convert(&from, cpu.enabled, XSAVE_FORMAT_COMPACTED, &cpu.layout, compacted,
			       sizeof(compacted)),
		 "converted");
	check(size <= sizeof(compacted) &&
		      same_tiles(&image, sizeof(image), compacted, sizeof(compacted)),
	      "and are the same");
	memcpy(&other, compacted, sizeof(other));
	move(&other, &again, ALL);
	check(same_tiles(&image, sizeof(image), &again, sizeof(again)), "and back from there");
}

/* T04: tiles without a configuration are kept all the same. */
static void test_without_configuration(void)
{
	random_image(&image, 0, cpu.enabled);
	set_word(&image, XSAVE_LEGACY_SIZE, xstate_bv_of(&image) & ~XSAVE_MASK(XSAVE_XTILECFG));
	move(&image, &again, ALL);
	check_eq(XSAVE_MASK(XSAVE_XTILEDATA), xstate_bv_of(&again) & TILES, "T04: tiles alone");
	check(same_tiles(&image, sizeof(image), &again, sizeof(again)), "and they are back");
}

/* The small area has no room for tiles; loading a default for it clears them all the same. */
static void test_small(void)
{
	static const struct xsave initial = XSAVE_DEFAULT;
	static struct xsave small;

	random_image(&image, 0, cpu.enabled);
	xsave_load_with(&cpu, &image, sizeof(image), ALL);
	check_eq(cpu.fit_small, xsave_save_with(&cpu, &small, sizeof(small), ALL),
		 "4096 bytes: all but the tiles");
	xsave_load_with(&cpu, &initial, sizeof(initial), ALL);
	xsave_save_with(&cpu, &again, sizeof(again), ALL);
	check_eq(0, xstate_bv_of(&again) & TILES, "the default clears tiles");
}

int main(void)
{
	if (!silicon_find())
		return check_end();
	if (!(cpu.enabled & XSAVE_MASK(XSAVE_XTILEDATA))) {
		check_skip("tiles", "CPUID.(7,0):EDX[24] AMX-TILE");
		return check_end();
	}
	test_armed();
	test_armed_tiles();
	xcr0 = usable_components();
	if (xcr0 & XSAVE_MASK(XSAVE_XTILEDATA)) {
		test_round_trip(false);
		test_round_trip(true);
		test_without_configuration();
		test_small();
	}
	return check_end();
}
