/* SPDX-License-Identifier: MIT */
/*
 * The manuals' arithmetic: which XCR0 is legal, where a component lies, what its bytes are. Nothing
 * here asks the machine under test, and nothing is taken from lib/.
 *
 * Components are named by their bit in XCR0 or IA32_XSS, masks are of these bits.
 */
#ifndef XTK_RULES_ORACLE_H
#define XTK_RULES_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/xregs.h>

#define ORACLE_EXTENDED 576 /* bytes of legacy region and header */
#define ORACLE_BV	512 /* offset of XSTATE_BV */
#define ORACLE_CB	520 /* offset of XCOMP_BV */
#define ORACLE_COMPACT	(UINT64_C(1) << 63)
#define ORACLE_MXCSR	24 /* offsets in the legacy region */
#define ORACLE_MASK	28

/* oracle_xcr0() - NULL if XSETBV takes @value on a CPU that offers @supported; else the first rule
 * that it breaks, in the order X02, X10, X03, X06, X04, X05, X07, X09 */
const char *oracle_xcr0(uint64_t value, uint64_t supported);

/* Architectural size of a component in bytes, 0 if there is none of this number; whether it is
 * aligned to 64 bytes in compacted format; whether IA32_XSS has it. SDM vol. 1, ch. 13. */
uint32_t oracle_size(unsigned int bit);
bool oracle_align64(unsigned int bit);
bool oracle_supervisor(unsigned int bit);

/* oracle_offset() - where component @bit, from 2 on, lies in an image: standard (@cb = 0; CPUID's
 * offset, facts.offset) or compacted (@cb = XCOMP_BV, which must have the bit) */
uint32_t oracle_offset(uint64_t cb, unsigned int bit);

/* oracle_image_size() - bytes from the start of the image to the end of its last component: of
 * standard format (@cb = 0) with the components @mask; of compacted format @mask is ignored */
uint32_t oracle_image_size(uint64_t cb, uint64_t mask);

/* A range of an image that belongs to a component. MXCSR and MXCSR_MASK are in no part. */
struct oracle_part {
	uint32_t offset, size;
};
/* oracle_parts() - of x87 two ([0,24) and [32,160)), of all others one. Return: how many */
unsigned int oracle_parts(unsigned int bit, uint64_t cb, struct oracle_part parts[2]);

/**
 * oracle_encode() - the bytes that a save in 64-bit mode writes for a component
 * @image: start of the image; only the component's parts are written
 * @bit:   component, one of XREGS_MASK
 * @cb:    0: standard
 * @regs:  the registers
 * @rex_w: the 64-bit form (FIP and FDP of 64 bits); the other writes FCS and FDS
 *
 * Bytes whose value the manuals leave open (x87 byte 5 and pads, upper half of PKRU, BNDCSR from 16
 * on) are not written.
 */
void oracle_encode(uint8_t *image, unsigned int bit, uint64_t cb, const struct xregs *regs,
		   bool rex_w);

/* oracle_decode() - the registers that a restore in 64-bit mode loads from a component's bytes:
 * FCW's, FSW's and FTW's fixed bits, ES and B, FOP's 11 bits included (rules F01-F06) */
void oracle_decode(struct xregs *regs, unsigned int bit, uint64_t cb, const uint8_t *image,
		   bool rex_w);

/* oracle_initial() - the initial configuration of components, MXCSR not included;
 * oracle_is_initial() - whether registers are in it; of SSE the XMM registers alone */
void oracle_initial(struct xregs *regs, uint64_t mask);
bool oracle_is_initial(const struct xregs *regs, unsigned int bit);

/* Whether a byte of a component is one that a save leaves undefined or unwritten: see
 * oracle_encode(). @offset counts from the start of the image. */
bool oracle_open_byte(unsigned int bit, uint64_t cb, uint32_t offset);

/* oracle_values() - values of the components @mask for a case: xregs_pattern() with the case's
 * seed, in every register other than the initial configuration */
void oracle_values(struct xregs *regs, uint64_t mask, uint64_t seed);

/* oracle_same() - whether the registers of @mask agree; the first difference is a failed check of
 * @rule. FOP, FIP and FDP count as xregs_compare() has it. MXCSR goes with SSE if @mxcsr. */
bool oracle_same(const struct xregs *want, const struct xregs *got, uint64_t mask, bool mxcsr,
		 const char *rule, const char *where);

/* oracle_avx_alone() - whether MXCSR moves on account of AVX: RFBM[2] without RFBM[1] (M01, M04).
 * The manuals treat that apart, and so do the tests. */
static inline bool oracle_avx_alone(uint64_t rfbm)
{
	return (rfbm & 6) == 4;
}

/* oracle_put64(), oracle_get64() - little-endian, at any address */
void oracle_put64(uint8_t *at, uint64_t value);
uint64_t oracle_get64(const uint8_t *at);

#endif
