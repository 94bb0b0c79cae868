/* SPDX-License-Identifier: MIT */
/*
 * Images that no CPU here can save, made up from numbers: garbage everywhere, then a header, then
 * values that a restore accepts.
 */
#ifndef TESTS_HOST_FAKE_IMAGE_H
#define TESTS_HOST_FAKE_IMAGE_H

#include <string.h>

#include "xsave.h"
#include "xsave/image.h"

#define C	  XSAVE_XCOMP_COMPACTED
#define M(id)	  XSAVE_MASK(XSAVE_##id)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SEED	  UINT64_C(0x9e3779b97f4a7c15)

#define IMAGE_SIZE 16384 /* more than any format of all known components takes */

#define MPX_MASK (M(BNDREGS) | M(BNDCSR))

/* Numbers that look random and are the same in every run. */
static uint64_t fake_state = SEED;

static inline uint64_t fake_random(void)
{
	fake_state ^= fake_state << 13;
	fake_state ^= fake_state >> 7;
	fake_state ^= fake_state << 17;
	return fake_state;
}

static inline void fake_fill(uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(fake_random() >> 32);
}

static inline void fake_put(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static inline void fake_header(uint8_t *data, uint64_t xstate_bv, uint64_t xcomp_bv)
{
	memset(data + 512, 0, 64);
	fake_put(data + 512, xstate_bv, 8);
	fake_put(data + 520, xcomp_bv, 8);
}

/* Where a restore looks closely: values that it takes, and how many bytes of them. */
static const struct {
	unsigned int bit;
	uint16_t offset, bytes;
	uint64_t value;
} fake_valid[] = {
	{ XSAVE_X87, 0, 2, 0x027f },
	{ XSAVE_X87, 2, 2, 0x3940 },
	{ XSAVE_X87, 6, 2, 0x07ab },
	{ XSAVE_SSE, 24, 4, 0x1fa0 },
	{ XSAVE_BNDCSR, 0, 8, 0x7fff12345003 },
	{ XSAVE_PT, 0, 8, 0x2401 },
	{ XSAVE_PASID, 0, 8, 0x800abcde },
	{ XSAVE_CET_U, 0, 8, 0x12345805 },
	{ XSAVE_CET_U, 8, 8, 0x7fffffffe008 },
	{ XSAVE_CET_S, 0, 8, 0x1000 },
	{ XSAVE_CET_S, 8, 8, 0xffff800000001004 },
	{ XSAVE_CET_S, 16, 8, 0 },
	{ XSAVE_HDC, 0, 8, 1 },
	{ XSAVE_UINTR, 0, 8, 0x401000 },
	{ XSAVE_UINTR, 8, 8, 0x80 },
	{ XSAVE_UINTR, 16, 8, 0x800000ec0000000f },
	{ XSAVE_UINTR, 24, 8, 0x1040 },
	{ XSAVE_UINTR, 40, 8, 0x2001 },
	{ XSAVE_LBR, 0, 8, 0x7f000f },
	{ XSAVE_LBR, 8, 8, 32 },
	{ XSAVE_XTILECFG, 0, 8, 0x0301 },
	{ XSAVE_XTILECFG, 8, 8, 0 },
	{ XSAVE_XTILECFG, 16, 8, 0x4000000010040 },
	{ XSAVE_XTILECFG, 24, 8, 0 },
	{ XSAVE_XTILECFG, 32, 8, 0 },
	{ XSAVE_XTILECFG, 40, 8, 0 },
	{ XSAVE_XTILECFG, 48, 8, 0x10000110 },
	{ XSAVE_XTILECFG, 56, 8, 0 },
	{ XSAVE_PKRU, 4, 4, 0 },
};

/* The bytes of a component in an image that has room for it. */
static inline uint8_t *fake_at(uint8_t *data, const struct xsave_layout *layout, unsigned int bit)
{
	struct xsave_image image = { data, IMAGE_SIZE, layout };

	return data + (xsave_image_component(&image, bit) - data);
}

/* IMAGE_SIZE bytes of @data: garbage, @in_use with values that load, and an XSAVE header. */
static inline void fake_image(uint8_t *data, const struct xsave_layout *layout, uint64_t in_use,
			      uint64_t xcomp_bv)
{
	fake_fill(data, IMAGE_SIZE);
	fake_header(data, in_use, xcomp_bv);
	for (size_t i = 0; i < LENGTH(fake_valid); i++)
		if (in_use & XSAVE_MASK(fake_valid[i].bit))
			fake_put(fake_at(data, layout, fake_valid[i].bit) + fake_valid[i].offset,
				 fake_valid[i].value, fake_valid[i].bytes);
	fake_put(data + 24, 0x1fa0, 4);
}

/* A CPU that has every known component but MPX, which APX excludes, and loads by XRSTORS. */
static inline struct xsave_cpu fake_cpu(const struct xsave_layout *layout, enum xsave_insn insn)
{
	struct xsave_cpu cpu = {
		.insn = insn,
		.compaction = insn == XSAVE_INSN_XSAVEC || insn == XSAVE_INSN_XSAVES,
		.mxcsr_mask = 0xffff,
		.layout = *layout,
	};

	cpu.enabled = layout->mask & XSAVE_KNOWN_MASK;
	if (insn != XSAVE_INSN_XSAVES)
		cpu.enabled &= XSAVE_USER_MASK;
	cpu.mask = cpu.enabled;
	return cpu;
}

#endif
