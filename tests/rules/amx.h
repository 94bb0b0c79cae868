/* SPDX-License-Identifier: MIT */
/*
 * Tiles, moved by their own instructions and by the XSAVE family. Nothing here uses STTILECFG but
 * the tests of it: the configuration is read from an image.
 */
#ifndef XTK_RULES_AMX_H
#define XTK_RULES_AMX_H

#include <stdbool.h>
#include <stdint.h>

#include "gate.h"
#include "restore.h"

#define AMX_TILECFG   17
#define AMX_TILEDATA  18
#define AMX_CFG_BIT   (UINT64_C(1) << AMX_TILECFG)
#define AMX_DATA_BIT  (UINT64_C(1) << AMX_TILEDATA)
#define AMX_BITS      (AMX_CFG_BIT | AMX_DATA_BIT)
#define AMX_TILES     8
#define AMX_ROWS      16
#define AMX_ROW	      64
#define AMX_TILE      (AMX_ROWS * AMX_ROW)
#define AMX_DATA_SIZE (AMX_TILES * AMX_TILE)
#define AMX_CFG_SIZE  64
#define AMX_START_ROW 1	 /* bytes of a configuration */
#define AMX_COLSB     16 /* two bytes a tile */
#define AMX_HEIGHT    48

enum amx_insn {
	AMX_LDTILECFG,
	AMX_STTILECFG,
	AMX_TILERELEASE,
	AMX_TILEZERO,
	AMX_TILELOADD,
	AMX_TILESTORED,
	AMX_INSNS
};

/* amx_begin() - gate_begin(); skip where XCR0 does not have both components. Return: whether the
 * test goes on. amx_end() - no tile stays in use */
bool amx_begin(void);
void amx_end(void);

/* amx_runs_at() - whether the implementation can run a probe at @cpl */
bool amx_runs_at(unsigned int cpl);

/* amx_run() - one instruction; @operand: of memory, rows 64 bytes apart. amx_name() - its name */
fault_t amx_run(enum amx_insn insn, unsigned int tile, const uint8_t *operand, unsigned int cpl);
const char *amx_name(enum amx_insn insn);

/* amx_must() - amx_run(), which must not fault: rule @rule */
void amx_must(enum amx_insn insn, unsigned int tile, const uint8_t *operand, unsigned int cpl,
	      const char *rule);

/* amx_config() - a legal configuration: full tiles, or of random size */
void amx_config(uint8_t *config, bool full);

/* amx_rows(), amx_columns() - of a tile */
unsigned int amx_rows(const uint8_t *config, unsigned int tile);
unsigned int amx_columns(const uint8_t *config, unsigned int tile);

/* Places in the arena, which do not overlap: a configuration, tiles, an image. */
uint8_t *amx_config_at(void);
uint8_t *amx_tiles_at(void);
uint8_t *amx_image_at(void);

/* amx_save() - XSAVE64 of both into the image, over junk; amx_saved() - where a component lies in
 * it */
void amx_save(unsigned int cpl);
const uint8_t *amx_saved(unsigned int bit);

/* amx_image() - an image of these components, in the format of @kind. amx_restore() - run the
 * restore of it with RFBM = @mask */
void amx_image(enum restore_kind kind, uint64_t bv, const uint8_t *config, const uint8_t *tiles);
fault_t amx_restore(enum restore_kind kind, uint64_t mask, unsigned int cpl);

/* amx_inuse() - XINUSE[18:17] by XGETBV */
uint64_t amx_inuse(unsigned int cpl);

#endif
