/* SPDX-License-Identifier: MIT */
/*
 * The instructions of AMX as bytes, and images with tiles.
 *
 * Sources: SDM vol. 2, "LDTILECFG", "STTILECFG", "TILERELEASE", "TILEZERO", "TILELOADD",
 * "TILESTORED"; vol. 1, "Programming with Intel AMX", "XTILECFG State", "XTILEDATA State".
 */
#include "amx.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "insns.h"
#include "oracle.h"
#include "save.h"

#define PAGE	   4096
#define TILES_PAGE 1
#define IMAGE_PAGE 4
#define IMAGE_SIZE ((PROBE_ARENA_PAGES - IMAGE_PAGE) * PAGE)
#define PALETTE	   1
#define MODRM	   4 /* byte of the instruction that has the tile's number in its bits 5:3 */
#define HAS_TILE                                                                                   \
	{                                                                                          \
		7, 0, 3, 24                                                                        \
	}

/* VEX map 2, W = 0. */
static const struct probe_insn insns[AMX_INSNS] = {
	[AMX_LDTILECFG] = { "LDTILECFG", 5, { 0xc4, 0xe2, 0x78, 0x49, 0x07 } },
	[AMX_STTILECFG] = { "STTILECFG", 5, { 0xc4, 0xe2, 0x79, 0x49, 0x07 } },
	[AMX_TILERELEASE] = { "TILERELEASE", 5, { 0xc4, 0xe2, 0x78, 0x49, 0xc0 } },
	[AMX_TILEZERO] = { "TILEZERO", 5, { 0xc4, 0xe2, 0x7b, 0x49, 0xc0 } },
	[AMX_TILELOADD] = { "TILELOADD", 6, { 0xc4, 0xe2, 0x7b, 0x4b, 0x04, 0x37 } },
	[AMX_TILESTORED] = { "TILESTORED", 6, { 0xc4, 0xe2, 0x7a, 0x4b, 0x04, 0x37 } },
};

bool amx_begin(void)
{
	static const struct gate_feature tile = HAS_TILE;

	gate_begin();
	if (facts_skip(gate_feature(&tile), "CPUID.(7,0):EDX[24] AMX-TILE"))
		return false;
	return !facts_skip((probe_ops->get(PROBE_XCR0) & AMX_BITS) == AMX_BITS, "XCR0[18:17]");
}

bool amx_runs_at(unsigned int cpl)
{
	struct probe p = gate_probe(&insns[AMX_TILERELEASE], cpl);

	return gate_can(&p);
}

const char *amx_name(enum amx_insn insn)
{
	return insns[insn].name;
}

fault_t amx_run(enum amx_insn insn, unsigned int tile, const uint8_t *operand, unsigned int cpl)
{
	struct probe_insn bytes = insns[insn];
	struct probe p;

	bytes.bytes[MODRM] |= (uint8_t)(tile << 3);
	p = gate_probe(&bytes, cpl);
	p.gprs.rdi = (uint64_t)(uintptr_t)operand;
	p.gprs.rsi = AMX_ROW;
	return gate_run(&p)->fault;
}

void amx_must(enum amx_insn insn, unsigned int tile, const uint8_t *operand, unsigned int cpl,
	      const char *rule)
{
	expect_fault(amx_run(insn, tile, operand, cpl), NO_FAULT, rule, "%s tmm%u cpl=%u",
		     amx_name(insn), tile, cpl);
}

void amx_end(void)
{
	unsigned int cpl = amx_runs_at(3) ? 3 : 0;

	amx_must(AMX_TILERELEASE, 0, amx_config_at(), cpl, "T01");
	gate_end();
}

void amx_config(uint8_t *config, bool full)
{
	memset(config, 0, AMX_CFG_SIZE);
	config[0] = PALETTE;
	for (unsigned int i = 0; i < AMX_TILES; i++) {
		config[AMX_COLSB + 2 * i] = (uint8_t)(full ? AMX_ROW : 4 + table_random() % 16 * 4);
		config[AMX_HEIGHT + i] = (uint8_t)(full ? AMX_ROWS : 1 + table_random() % AMX_ROWS);
	}
}

unsigned int amx_rows(const uint8_t *config, unsigned int tile)
{
	return config[AMX_HEIGHT + tile];
}

unsigned int amx_columns(const uint8_t *config, unsigned int tile)
{
	return config[AMX_COLSB + 2 * tile];
}

uint8_t *amx_config_at(void)
{
	return probe_ops->arena;
}

uint8_t *amx_tiles_at(void)
{
	return probe_ops->arena + TILES_PAGE * PAGE;
}

uint8_t *amx_image_at(void)
{
	return probe_ops->arena + IMAGE_PAGE * PAGE;
}

static uint64_t image_cb(void)
{
	uint64_t cb = oracle_get64(amx_image_at() + ORACLE_CB);

	return cb & ORACLE_COMPACT ? cb : 0;
}

const uint8_t *amx_saved(unsigned int bit)
{
	return amx_image_at() + oracle_offset(image_cb(), bit);
}

static bool fits(uint64_t cb)
{
	uint32_t size = oracle_image_size(cb, AMX_BITS);

	if (size <= IMAGE_SIZE)
		return true;
	test_error("an image with tiles has %u bytes", size);
	return false;
}

void amx_save(unsigned int cpl)
{
	struct probe p = gate_probe(&insn_xsave64_bytes, cpl);
	uint8_t *image = amx_image_at();

	if (!fits(0))
		return;
	table_fill(image, oracle_image_size(0, AMX_BITS));
	memset(image + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	p.gprs.rdi = (uint64_t)(uintptr_t)image;
	p.gprs.rax = AMX_BITS;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "V01", "XSAVE64 rfbm=0x60000 cpl=%u", cpl);
}

void amx_image(enum restore_kind kind, uint64_t bv, const uint8_t *config, const uint8_t *tiles)
{
	uint64_t cb = kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | AMX_BITS;
	uint8_t *image = amx_image_at();

	if (!fits(cb))
		return;
	table_fill(image, oracle_image_size(cb, AMX_BITS));
	memset(image + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
	oracle_put64(image + ORACLE_BV, bv);
	oracle_put64(image + ORACLE_CB, cb);
	if (bv & AMX_CFG_BIT)
		memcpy(image + oracle_offset(cb, AMX_TILECFG), config, AMX_CFG_SIZE);
	if (bv & AMX_DATA_BIT)
		memcpy(image + oracle_offset(cb, AMX_TILEDATA), tiles, AMX_DATA_SIZE);
}

fault_t amx_restore(enum restore_kind kind, uint64_t mask, unsigned int cpl)
{
	struct probe p = gate_probe(
		kind == RESTORE_XRSTORS ? &insn_xrstors64_bytes : &insn_xrstor64_bytes, cpl);

	p.gprs.rdi = (uint64_t)(uintptr_t)amx_image_at();
	p.gprs.rax = mask;
	return gate_run(&p)->fault;
}

uint64_t amx_inuse(unsigned int cpl)
{
	struct probe p = gate_probe(&insn_xgetbv_bytes, cpl);

	p.gprs.rcx = GATE_XGETBV_XINUSE;
	return gate_run(&p)->gprs.rax & AMX_BITS;
}
