/* SPDX-License-Identifier: MIT */
/*
 * PKRU, read and written by its own instructions. Key 0 stays open: all other memory has it.
 */
#ifndef XTK_RULES_PKRU_H
#define XTK_RULES_PKRU_H

#include <stdbool.h>
#include <stdint.h>

#include "gate.h"

#define PKRU	  9
#define PKRU_BIT  (UINT64_C(1) << PKRU)
#define PKRU_KEYS 16
#define PKRU_AD	  1 /* of a key's two bits: no access */
#define PKRU_WD	  2 /* no writes, if at CPL 3 or with CR0.WP */

extern const struct gate_feature pkru_feature;

/* pkru_begin() - gate_begin(); skip without protection keys. Return: whether the test goes on */
bool pkru_begin(void);

/* pkru_runs_at() - whether the implementation can run a probe of it at @cpl. pkru_write(),
 * pkru_read() - WRPKRU and RDPKRU, which must not fault; registers that do not count are random */
bool pkru_runs_at(unsigned int cpl);
void pkru_write(uint32_t value, unsigned int cpl);
uint32_t pkru_read(unsigned int cpl);

/* pkru_random() - any value that leaves key 0 open */
uint32_t pkru_random(void);

/* pkru_image() - an image of PKRU alone at @area; what nobody may look at is junk */
void pkru_image(uint8_t *area, bool compacted, bool in_use, uint32_t value);

/* pkru_with() - @value with the rights of @key changed to @rights */
static inline uint32_t pkru_with(uint32_t value, unsigned int key, unsigned int rights)
{
	return (value & ~(UINT32_C(3) << 2 * key)) | (uint32_t)rights << 2 * key;
}

#endif
