/* SPDX-License-Identifier: MIT */
/*
 * The manuals' arithmetic: which XCR0 is legal, how large a component is, and where it lies.
 *
 * Sources: SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features",
 * "XSAVE-Supported Features and State-Component Bitmaps", "Legacy Region of an XSAVE Area",
 * "Extended Region of an XSAVE Area", "XSAVE-Managed State"; vol. 2, "XSETBV"; Intel APX
 * Architecture Specification, "XSAVE State Management"; AMD Lightweight Profiling Specification
 * (publication 43724).
 */
#include "oracle.h"

#include "facts.h"

#define BIT(n) (UINT64_C(1) << (n))
#define X87    BIT(0)
#define SSE    BIT(1)
#define AVX    BIT(2)
#define MPX    (BIT(3) | BIT(4))
#define AVX512 (BIT(5) | BIT(6) | BIT(7))
#define AMX    (BIT(17) | BIT(18))
#define APX    BIT(19)
#define X87_FIRST                                                                                  \
	24 /* bytes of x87 state in front of MXCSR and MXCSR_MASK, and where the rest is */
#define X87_REST 32
#define X87_END	 160

/* What IA32_XSS has: PT, PASID, CET_U, CET_S, HDC, UINTR, LBR, HWP. */
#define SUPERVISOR (BIT(8) | (BIT(17) - BIT(10)))
/* CPUID.(EAX=0DH,ECX=i):ECX[1] is 1 of these alone. */
#define ALIGNED	   AMX

/* By the bit. Of x87 and SSE: where they end, less where they begin, without MXCSR's 8 bytes. */
static const uint16_t sizes[63] = {
	[0] = 152,  [1] = 256,	[2] = 256, [3] = 64,  [4] = 64,	   [5] = 64,   [6] = 512,
	[7] = 1024, [8] = 128,	[9] = 8,   [10] = 8,  [11] = 16,   [12] = 24,  [13] = 8,
	[14] = 48,  [15] = 808, [16] = 8,  [17] = 64, [18] = 8192, [19] = 128, [62] = 128,
};

/* All or none of @group. */
static bool partial(uint64_t value, uint64_t group)
{
	return value & group && (value & group) != group;
}

const char *oracle_xcr0(uint64_t value, uint64_t supported)
{
	if (!(value & X87))
		return "X02";
	if (value & ~supported || value & SUPERVISOR || value >> 63)
		return "X10";
	if (value & AVX && !(value & SSE))
		return "X03";
	if (partial(value, MPX))
		return "X06";
	if (partial(value, AVX512))
		return "X04";
	if (value & AVX512 && !(value & AVX))
		return "X05";
	if (partial(value, AMX))
		return "X07";
	if (value & APX && value & MPX)
		return "X09";
	return NULL;
}

uint32_t oracle_size(unsigned int bit)
{
	return bit < sizeof(sizes) / sizeof(*sizes) ? sizes[bit] : 0;
}

bool oracle_align64(unsigned int bit)
{
	return bit < 64 && ALIGNED >> bit & 1;
}

bool oracle_supervisor(unsigned int bit)
{
	return bit < 64 && SUPERVISOR >> bit & 1;
}

/* Where @bit begins in compacted format, behind all lower components of @cb; of bit 63: the end. */
static uint32_t compacted_offset(uint64_t cb, unsigned int bit)
{
	uint32_t end = ORACLE_EXTENDED;

	for (unsigned int i = 2; i <= bit; i++) {
		if (i == 63 || !(cb >> i & 1))
			continue;
		if (oracle_align64(i))
			end = (end + 63) & ~UINT32_C(63);
		if (i < bit)
			end += oracle_size(i);
	}
	return end;
}

uint32_t oracle_offset(uint64_t cb, unsigned int bit)
{
	return cb ? compacted_offset(cb, bit) : facts.offset[bit];
}

uint32_t oracle_image_size(uint64_t cb, uint64_t mask)
{
	uint32_t largest = ORACLE_EXTENDED;

	if (cb)
		return compacted_offset(cb, 63);
	for (unsigned int i = 2; i < 63; i++) {
		uint32_t end = facts.offset[i] + oracle_size(i);

		if (mask >> i & 1 && end > largest)
			largest = end;
	}
	return largest;
}

unsigned int oracle_parts(unsigned int bit, uint64_t cb, struct oracle_part parts[2])
{
	if (bit == 0) {
		parts[0] = (struct oracle_part){ 0, X87_FIRST };
		parts[1] = (struct oracle_part){ X87_REST, X87_END - X87_REST };
		return 2;
	}
	parts[0].offset = bit == 1 ? X87_END : oracle_offset(cb, bit);
	parts[0].size = oracle_size(bit);
	return 1;
}
