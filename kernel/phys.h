/* SPDX-License-Identifier: MIT */
/*
 * Physical memory as the boot code maps it: the first 4 GiB, each address at itself.
 *
 * Firmware and loader name places by physical address; these two functions are the only way from
 * such a number to a pointer, so that each one is checked on the way.
 */
#ifndef XTK_PHYS_H
#define XTK_PHYS_H

#include <stdbool.h>
#include <stdint.h>

#define PHYS_MAPPED_END (1ull << 32)

/**
 * phys_range_ok() - may these bytes be touched?
 * @address: first byte; 0 is what firmware writes for "none"
 * @size:    bytes
 *
 * Return: true if the whole range is mapped.
 */
static inline bool phys_range_ok(uint64_t address, uint64_t size)
{
	return address != 0 && size <= PHYS_MAPPED_END && address <= PHYS_MAPPED_END - size;
}

/**
 * phys_ptr() - pointer to a physical address that phys_range_ok() accepted
 * @address: physical address
 *
 * The empty asm hides where the number came from: a compiler that sees a constant below its idea of
 * the first page (the BIOS data area is there) takes it for a null pointer plus an offset and
 * warns.
 *
 * Return: the pointer.
 */
static inline void *phys_ptr(uint64_t address)
{
	__asm__("" : "+r"(address));
	return (void *)(uintptr_t)address;
}

#endif
