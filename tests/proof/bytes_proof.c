/* SPDX-License-Identifier: MIT */
/* The functions that model.c stands in for elsewhere, as they are: for up to COUNT bytes. */
#pragma CPROVER check push
#pragma CPROVER check disable "conversion" /* put() means to drop the upper bits */
#include "bytes.c"
#pragma CPROVER check pop

#define COUNT 40

static uint8_t *memory(size_t size)
{
	ASSUME(size <= COUNT);
	return malloc(size);
}

void prove_bytes_copy(void)
{
	size_t n = nondet_size(), k = nondet_size();
	uint8_t *to = memory(n), *from = memory(n);

	xsave_bytes_copy(to, from, n);
	if (k < n) {
		PROVE(to[k] == from[k], "every byte");
		REACHED("the end");
	}
}

void prove_bytes_zero(void)
{
	size_t n = nondet_size(), k = nondet_size();
	uint8_t *to = memory(n);

	xsave_bytes_zero(to, n);
	if (k < n) {
		PROVE(!to[k], "every byte");
		REACHED("the end");
	}
}

void prove_bytes_values(void)
{
	uint8_t *two = memory(2), *four = memory(4), *eight = memory(8);
	uint64_t value = nondet_u64();

	PROVE(xsave_bytes_get16(two) == (two[0] | two[1] << 8), "get16: the lowest byte first");
	xsave_bytes_put32(four, (uint32_t)(value & UINT32_MAX));
	PROVE(xsave_bytes_get32(four) == (value & UINT32_MAX), "get32: what put32 put");
	xsave_bytes_put64(eight, value);
	PROVE(xsave_bytes_get64(eight) == value, "get64: what put64 put");
	PROVE(eight[0] == (value & 0xff) && four[3] == (value >> 24 & 0xff),
	      "the lowest byte first");
	REACHED("the end");
}
