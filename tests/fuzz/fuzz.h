/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share: properties, and taking the fuzzer's bytes apart.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xsave.h"
#include "xsave/image.h"
#include "xsave/linux.h"
#include "xsave/reg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* require() - a property of the code under test; without it the fuzzer stops and keeps the input */
#define require(cond)                                                                              \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* struct fuzz_input - what is left of the fuzzer's bytes */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* fuzz_fill() - the next bytes, or zeroes when there are no more */
static inline void fuzz_fill(struct fuzz_input *in, void *to, size_t size)
{
	size_t n = size < in->size ? size : in->size;

	memset(to, 0, size);
	if (n)
		memcpy(to, in->data, n);
	in->data += n;
	in->size -= n;
}

static inline uint64_t fuzz_number(struct fuzz_input *in, size_t bytes)
{
	uint8_t raw[8];
	uint64_t value = 0;

	fuzz_fill(in, raw, bytes);
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)raw[i] << 8 * i;
	return value;
}

/*
 * fuzz_copy() - @size bytes in memory of exactly that size, so that ASan sees one byte too far;
 * NULL @from: every byte is @filler
 */
static inline uint8_t *fuzz_copy(const void *from, size_t size, int filler)
{
	uint8_t *copy = malloc(size ? size : 1);

	require(copy != NULL);
	memset(copy, filler, size);
	if (from && size)
		memcpy(copy, from, size);
	return copy;
}

#endif
