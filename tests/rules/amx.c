/* SPDX-License-Identifier: MIT */
/*
 * Tiles and their configuration: what puts them in use, what a save and a restore make of them, and
 * which configurations are refused.
 *
 * Rules: T01 to T06, T11, T12.
 * Sources: SDM vol. 1, "XTILECFG State", "XTILEDATA State", "Programming with Intel AMX"; vol. 2,
 * "LDTILECFG", "XRSTOR", "TILERELEASE".
 */
#include "amx.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"
#include "save.h"

#define CASES 32

static uint8_t config[AMX_CFG_SIZE], other[AMX_CFG_SIZE], zeros[AMX_CFG_SIZE];
static uint8_t kept[AMX_CFG_SIZE];
static uint8_t tiles[AMX_DATA_SIZE];

/* A table of @cases for each CPL. */
static void each(const char *table, unsigned int cases,
		 void (*one)(unsigned int i, unsigned int cpl))
{
	table_begin(table, (uint64_t)cases * GATE_CPLS);
	for (unsigned int i = 0; i < cases * GATE_CPLS; i++) {
		if (table_case() && amx_runs_at(gate_cpl[i % GATE_CPLS]))
			one(i / GATE_CPLS, gate_cpl[i % GATE_CPLS]);
	}
	table_end();
	amx_end();
}

static void expect_inuse(uint64_t mask, uint64_t want, const char *after, unsigned int cpl)
{
	expect_equal(amx_inuse(cpl) & mask, want, "T01", "XINUSE & 0x%lx after %s cpl=%u", mask,
		     after, cpl);
}

/* @config into the CPU, and where the image and the checks look for it. */
static void configure(bool full, unsigned int cpl)
{
	amx_config(config, full);
	memcpy(amx_config_at(), config, sizeof(config));
	amx_must(AMX_LDTILECFG, 0, amx_config_at(), cpl, "T03");
}

static void probe_in_use(unsigned int i, unsigned int cpl)
{
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	configure(i & 1, cpl);
	expect_inuse(AMX_CFG_BIT, AMX_CFG_BIT, "LDTILECFG", cpl);
	table_fill(amx_tiles_at(), AMX_TILE);
	amx_must(AMX_TILELOADD, i % AMX_TILES, amx_tiles_at(), cpl, "T01");
	expect_inuse(AMX_BITS, AMX_BITS, "TILELOADD", cpl);
	amx_save(cpl);
	expect_equal(oracle_get64(amx_image_at() + ORACLE_BV), AMX_BITS, "T01",
		     "XSTATE_BV after TILELOADD and XSAVE64 rfbm=0x60000 cpl=%u", cpl);
}

static bool begin_inuse(void)
{
	return amx_begin() && !facts_skip(facts.xgetbv1, "CPUID.(0DH,1):EAX[2] XGETBV ECX=1");
}

XTEST(amx, ldtilecfg_and_tileloadd_put_in_use, .rules = "T01 T03 V01")
{
	if (begin_inuse())
		each("amx_in_use", CASES, probe_in_use);
}

static void probe_tilezero(unsigned int i, unsigned int cpl)
{
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	configure(i & 1, cpl);
	amx_must(AMX_TILEZERO, i % AMX_TILES, amx_config_at(), cpl, "T01");
	expect_inuse(AMX_DATA_BIT, AMX_DATA_BIT, "TILEZERO", cpl);
}

XTEST(amx, tilezero_puts_in_use, .rules = "T01 T03")
{
	if (begin_inuse())
		each("amx_tilezero", CASES, probe_tilezero);
}

static void probe_release(unsigned int i, unsigned int cpl)
{
	configure(i & 1, cpl);
	table_fill(amx_tiles_at(), AMX_TILE);
	amx_must(AMX_TILELOADD, i % AMX_TILES, amx_tiles_at(), cpl, "T01");
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	expect_inuse(AMX_BITS, 0, "TILERELEASE", cpl);
}

XTEST(amx, tilerelease_ends_use, .rules = "T01 T03")
{
	if (begin_inuse())
		each("amx_release", CASES, probe_release);
}

/* Illegal configurations: bytes of a legal one, changed. */
enum {
	BAD_PALETTES = 2,
	BAD_RESERVED = 14 + 16 + 8,
	BAD_SIZES = 6, /* of each tile */
	BAD = BAD_PALETTES + BAD_RESERVED + BAD_SIZES * AMX_TILES,
};

static void spoil_size(uint8_t *bad, unsigned int tile, unsigned int how)
{
	uint8_t *columns = bad + AMX_COLSB + 2 * tile, *rows = bad + AMX_HEIGHT + tile;

	switch (how) {
	case 0:
		*rows = AMX_ROWS + 1;
		break;
	case 1:
		*rows = 0xff;
		break;
	case 2:
		*columns = AMX_ROW + 1;
		break;
	case 3:
		columns[1] = 1;
		break;
	case 4:
		*rows = 0;
		break;
	default:
		*columns = 0;
	}
}

/* Return: the byte that is to blame. */
static unsigned int spoil(uint8_t *bad, unsigned int i)
{
	unsigned int at;

	if (i < BAD_PALETTES) {
		bad[0] = i ? 0xff : 2;
		return 0;
	}
	i -= BAD_PALETTES;
	if (i < BAD_RESERVED) {
		at = i < 14 ? 2 + i : i < 30 ? 32 + i - 14 : 56 + i - 30;
		table_fill(bad + at, 1);
		return at;
	}
	i -= BAD_RESERVED;
	spoil_size(bad, i / BAD_SIZES, i % BAD_SIZES);
	return AMX_HEIGHT + i / BAD_SIZES;
}

/* The configuration in the CPU is @want. */
static void expect_config(const uint8_t *want, unsigned int cpl, const char *rule,
			  const char *after)
{
	amx_save(cpl);
	expect_bytes(amx_saved(AMX_TILECFG), want, AMX_CFG_SIZE, rule, "TILECFG after %s cpl=%u",
		     after, cpl);
	table_probe(AMX_CFG_SIZE);
}

static void probe_bad_restore(enum restore_kind kind, unsigned int i, unsigned int cpl)
{
	unsigned int at;

	configure(true, cpl);
	amx_config(other, false);
	at = spoil(other, i);
	if (!restore_runs_at(kind, cpl))
		return;
	amx_image(kind, AMX_CFG_BIT, other, NULL);
	expect_fault(amx_restore(kind, AMX_CFG_BIT, cpl), NO_FAULT, "T02",
		     "XRSTOR of a TILECFG with a bad byte %u, cpl=%u format=%u", at, cpl, kind);
	expect_config(zeros, cpl, "T02", "the restore of an illegal one");
}

static void probe_bad_standard(unsigned int i, unsigned int cpl)
{
	probe_bad_restore(RESTORE_STANDARD, i, cpl);
}

static void probe_bad_compacted(unsigned int i, unsigned int cpl)
{
	probe_bad_restore(RESTORE_COMPACTED, i, cpl);
}

XTEST(amx, xrstor_of_a_bad_tilecfg_initialises_it, .rules = "T01 T02 T03 V01")
{
	if (amx_begin())
		each("amx_bad_standard", BAD, probe_bad_standard);
}

XTEST(amx, compacted_xrstor_of_a_bad_tilecfg_initialises_it, .rules = "T01 T02 T03 V01")
{
	if (amx_begin() && !restore_skip(RESTORE_COMPACTED))
		each("amx_bad_compacted", BAD, probe_bad_compacted);
}

static void probe_bad_load(unsigned int i, unsigned int cpl)
{
	unsigned int at;

	configure(true, cpl);
	amx_save(cpl);
	memcpy(kept, amx_saved(AMX_TILECFG), sizeof(kept));
	amx_config(other, false);
	at = spoil(other, i);
	memcpy(amx_config_at(), other, sizeof(other));
	expect_fault(amx_run(AMX_LDTILECFG, 0, amx_config_at(), cpl), FAULT(GP, 0), "T03",
		     "LDTILECFG of a TILECFG with a bad byte %u, cpl=%u", at, cpl);
	expect_config(kept, cpl, "T03", "a refused LDTILECFG");
}

XTEST(amx, ldtilecfg_of_a_bad_tilecfg_is_gp, .rules = "T01 T03 V01")
{
	if (amx_begin())
		each("amx_bad_load", BAD, probe_bad_load);
}

/* Of a tile in the image the bytes that its configuration has are those of @tiles, the others 0. */
static void expect_tile(const uint8_t *got, unsigned int tile, const char *rule, unsigned int cpl)
{
	static uint8_t want[AMX_TILE];

	memset(want, 0, sizeof(want));
	for (unsigned int row = 0; row < amx_rows(config, tile); row++)
		memcpy(want + row * AMX_ROW, tiles + tile * AMX_TILE + row * AMX_ROW,
		       amx_columns(config, tile));
	expect_bytes(got, want, sizeof(want), rule, "tmm%u of %u rows and %u columns, cpl=%u", tile,
		     amx_rows(config, tile), amx_columns(config, tile), cpl);
	table_probe(sizeof(want));
}

static void load_tiles(unsigned int cpl)
{
	table_fill(tiles, sizeof(tiles));
	memcpy(amx_tiles_at(), tiles, sizeof(tiles));
	for (unsigned int tile = 0; tile < AMX_TILES; tile++)
		amx_must(AMX_TILELOADD, tile, amx_tiles_at() + tile * AMX_TILE, cpl, "T06");
}

static void save_tiles(bool full, unsigned int cpl)
{
	load_tiles(cpl);
	amx_save(cpl);
	for (unsigned int tile = 0; tile < AMX_TILES; tile++)
		expect_tile(amx_saved(AMX_TILEDATA) + tile * AMX_TILE, tile, full ? "T06" : "T05",
			    cpl);
}

static void probe_save(bool full, unsigned int cpl)
{
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	configure(full, cpl);
	save_tiles(full, cpl);
}

/* Whole tiles come by XRSTOR, whatever the configuration; what TILELOADD then leaves is its own. */
static void probe_load_over(unsigned int i, unsigned int cpl)
{
	(void)i;
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	configure(false, cpl);
	table_fill(tiles, sizeof(tiles));
	amx_image(RESTORE_STANDARD, AMX_BITS, config, tiles);
	expect_fault(amx_restore(RESTORE_STANDARD, AMX_BITS, cpl), NO_FAULT, "T05",
		     "XRSTOR64 of whole tiles, cpl=%u", cpl);
	save_tiles(false, cpl);
}

XTEST(amx, tileloadd_leaves_nothing_of_what_was_there, .rules = "T01 T03 T05 T06 V01")
{
	if (amx_begin())
		each("amx_load_over", CASES, probe_load_over);
}

static void probe_partial_save(unsigned int i, unsigned int cpl)
{
	(void)i;
	probe_save(false, cpl);
}

XTEST(amx, bytes_beyond_the_configuration_are_saved_as_0, .rules = "T01 T03 T05 T06 V01")
{
	if (amx_begin())
		each("amx_partial", CASES, probe_partial_save);
}

/* The image of all tiles by rows, into the CPU and out of it again. */
static void probe_full(unsigned int i, unsigned int cpl)
{
	enum restore_kind kind = i % RESTORE_KINDS;

	probe_save(true, cpl);
	if (!restore_runs_at(kind, cpl))
		return;
	table_fill(tiles, sizeof(tiles));
	amx_image(kind, AMX_BITS, config, tiles);
	expect_fault(amx_restore(kind, AMX_BITS, cpl), NO_FAULT, "T06",
		     "a restore of tiles, cpl=%u", cpl);
	for (unsigned int tile = 0; tile < AMX_TILES; tile++) {
		amx_must(AMX_TILESTORED, tile, amx_tiles_at(), cpl, "T06");
		expect_tile(amx_tiles_at(), tile, "T06", cpl);
	}
}

XTEST(amx, tiles_are_16_rows_of_64_bytes, .rules = "T01 T03 T06 V01")
{
	if (amx_begin())
		each("amx_full", CASES, probe_full);
}

/* Tiles without a configuration cannot be used, but they are there. */
static void probe_data_alone(unsigned int i, unsigned int cpl)
{
	enum restore_kind kind = i % RESTORE_KINDS;

	configure(true, cpl);
	if (!restore_runs_at(kind, cpl))
		return;
	table_fill(tiles, sizeof(tiles));
	amx_image(kind, AMX_DATA_BIT, NULL, tiles);
	expect_fault(amx_restore(kind, AMX_BITS, cpl), NO_FAULT, "T04",
		     "a restore of TILEDATA alone, cpl=%u", cpl);
	expect_config(zeros, cpl, "T04", "a restore of TILEDATA alone");
	expect_bytes(amx_saved(AMX_TILEDATA), tiles, sizeof(tiles), "T04",
		     "TILEDATA restored and saved without TILECFG, cpl=%u format=%u", cpl, kind);
}

XTEST(amx, tiledata_goes_without_tilecfg, .rules = "T01 T03 T04 V01")
{
	if (amx_begin())
		each("amx_data_alone", CASES, probe_data_alone);
}

static void expect_start_row(unsigned int want, unsigned int cpl, const char *after)
{
	amx_save(cpl);
	expect_equal(amx_saved(AMX_TILECFG)[AMX_START_ROW], want, "T11",
		     "start_row after %s cpl=%u", after, cpl);
}

static void probe_start_row(unsigned int i, unsigned int cpl)
{
	enum restore_kind kind = i % RESTORE_KINDS;

	amx_config(config, true);
	config[AMX_START_ROW] = (uint8_t)(1 + i % (AMX_ROWS - 1));
	memcpy(amx_config_at(), config, sizeof(config));
	amx_must(AMX_LDTILECFG, 0, amx_config_at(), cpl, "T11");
	expect_start_row(config[AMX_START_ROW], cpl, "LDTILECFG");
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	if (!restore_runs_at(kind, cpl))
		return;
	amx_image(kind, AMX_CFG_BIT, config, NULL);
	expect_fault(amx_restore(kind, AMX_CFG_BIT, cpl), NO_FAULT, "T11",
		     "a restore of TILECFG, cpl=%u", cpl);
	expect_start_row(config[AMX_START_ROW], cpl, "a restore");
}

XTEST(amx, start_row_is_saved_and_restored, .rules = "T01 T11 V01")
{
	if (amx_begin())
		each("amx_start_row", 3 * AMX_ROWS, probe_start_row);
}

/* All of the configuration, by LDTILECFG and by a restore. */
static void probe_config(unsigned int i, unsigned int cpl)
{
	enum restore_kind kind = i % RESTORE_KINDS;

	configure(i & 1, cpl);
	expect_config(config, cpl, "R05", "LDTILECFG");
	if (!restore_runs_at(kind, cpl))
		return;
	amx_config(config, false);
	amx_image(kind, AMX_CFG_BIT, config, NULL);
	expect_fault(amx_restore(kind, AMX_CFG_BIT, cpl), NO_FAULT, "R05",
		     "a restore of TILECFG, cpl=%u", cpl);
	expect_config(config, cpl, "R05", "a restore");
}

XTEST(amx, tilecfg_is_saved_as_it_was_loaded, .rules = "R05 T01 T03 V01")
{
	if (amx_begin())
		each("amx_config", CASES, probe_config);
}

static void probe_sttilecfg(unsigned int i, unsigned int cpl)
{
	configure(i & 1, cpl);
	table_fill(amx_tiles_at(), AMX_CFG_SIZE);
	amx_must(AMX_STTILECFG, 0, amx_tiles_at(), cpl, "T11");
	expect_bytes(amx_tiles_at(), config, AMX_CFG_SIZE, "T11", "STTILECFG cpl=%u", cpl);
	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	amx_must(AMX_STTILECFG, 0, amx_tiles_at(), cpl, "T11");
	expect_bytes(amx_tiles_at(), zeros, AMX_CFG_SIZE, "T11",
		     "STTILECFG after TILERELEASE cpl=%u", cpl);
}

XTEST(amx, sttilecfg_stores_the_configuration, .rules = "T01 T03 T11")
{
	if (amx_begin())
		each("amx_sttilecfg", CASES, probe_sttilecfg);
}

/* Every legal XCR0 without tiles. */
XTEST(amx, everything_is_ud_without_xcr0, .rules = "T12")
{
	uint64_t xcr0;

	if (!amx_begin() || gate_needs_xcr0())
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("amx_xcr0", gate_count_xcr0(facts_xcr0_some) * AMX_INSNS * GATE_CPLS);
	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		for (unsigned int i = 0; i < AMX_INSNS * GATE_CPLS; i++) {
			if (!table_case() || x & AMX_BITS || !amx_runs_at(gate_cpl[i % 2]))
				continue;
			save_set(PROBE_XCR0, x, "X15");
			expect_fault(amx_run(i / 2, 0, amx_tiles_at(), gate_cpl[i % 2]),
				     FAULT(UD, 0), "T12", "%s xcr0=0x%lx cpl=%u", amx_name(i / 2),
				     x, gate_cpl[i % 2]);
		}
	}
	table_end();
	save_set(PROBE_XCR0, xcr0, "X15");
	amx_end();
}
