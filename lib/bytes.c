/* SPDX-License-Identifier: MIT */
/*
 * Copying and zeroing bytes, and little-endian values at any address.
 */
#include "bytes.h"

/* Keeps the compiler from making a call of memcpy() or memset() out of the loop around it. */
#define PLAIN_LOOP() __asm__ volatile("")

void xsave_bytes_copy(void *to, const void *from, size_t n)
{
	const uint8_t *source = from;
	uint8_t *target = to;

	for (size_t i = 0; i < n; i++) {
		target[i] = source[i];
		PLAIN_LOOP();
	}
}

void xsave_bytes_zero(void *to, size_t n)
{
	uint8_t *target = to;

	for (size_t i = 0; i < n; i++) {
		target[i] = 0;
		PLAIN_LOOP();
	}
}

static uint64_t get(const uint8_t *from, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

static void put(uint8_t *to, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

uint16_t xsave_bytes_get16(const void *from)
{
	return (uint16_t)get(from, 2);
}

uint32_t xsave_bytes_get32(const void *from)
{
	return (uint32_t)get(from, 4);
}

uint64_t xsave_bytes_get64(const void *from)
{
	return get(from, 8);
}

void xsave_bytes_put32(void *to, uint32_t value)
{
	put(to, 4, value);
}

void xsave_bytes_put64(void *to, uint64_t value)
{
	put(to, 8, value);
}
