/* SPDX-License-Identifier: MIT */
/*
 * Memory for tests of code that follows physical addresses: below 4 GiB, at the same address on
 * every run, and with nothing behind it, so that a read or write past the end ends the test.
 * Not with AddressSanitizer: its own memory lies around 4 GiB.
 */
#ifndef TESTS_HOST_LOW_MEMORY_H
#define TESTS_HOST_LOW_MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LOW_START 0x40000000u
#define LOW_SIZE  0x01000000u
#define LOW_END	  (LOW_START + LOW_SIZE)

static inline void *map_at(uint64_t address, size_t size, int protection)
{
	void *p = mmap((void *)(uintptr_t)address, size, protection,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED) {
		perror("low_memory.h: mmap of a fixed low address");
		exit(2);
	}
	return p;
}

/* Call once. A page without access follows at LOW_END. */
static inline void low_memory_map(void)
{
	map_at(LOW_START, LOW_SIZE, PROT_READ | PROT_WRITE);
	map_at(LOW_END, 0x1000, PROT_NONE);
}

/* Put a copy where its last byte is the last that can be touched; returns its address. */
static inline uint64_t low_place(const void *bytes, size_t size)
{
	memcpy((void *)(uintptr_t)(LOW_END - size), bytes, size);
	return LOW_END - size;
}

/* The same at a chosen distance from the start. */
static inline uint32_t low_place_at(uint32_t offset, const void *bytes, size_t size)
{
	memcpy((void *)(uintptr_t)(LOW_START + offset), bytes, size);
	return LOW_START + offset;
}

/* Reproducible random numbers (xorshift). */
static inline uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
