/* SPDX-License-Identifier: MIT */
/*
 * Bytes in memory, for the library's own files: every copy of untrusted size goes through here, so
 * that a proof can put its assertions in one place (tests/proof/).
 */
#ifndef XSAVE_BYTES_H
#define XSAVE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* xsave_bytes_copy(), xsave_bytes_zero() - @n bytes; the ranges do not overlap */
void xsave_bytes_copy(void *to, const void *from, size_t n);
void xsave_bytes_zero(void *to, size_t n);

/* Little-endian values of 2, 4 and 8 bytes at any address, on a machine of any byte order. */
uint16_t xsave_bytes_get16(const void *from);
uint32_t xsave_bytes_get32(const void *from);
uint64_t xsave_bytes_get64(const void *from);
void xsave_bytes_put32(void *to, uint32_t value);
void xsave_bytes_put64(void *to, uint64_t value);

#endif
