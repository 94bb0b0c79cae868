/* SPDX-License-Identifier: MIT */
/*
 * The two views of memory, and pages that a test takes away.
 */
#ifndef XTK_PAGING_H
#define XTK_PAGING_H

#include <stdint.h>

/* Every physical address below 4 GiB is writable at this distance from its identity mapping, code
 * and guard pages included. */
#define PHYS_ALIAS (UINT64_C(1) << 39)

static inline void *phys_alias(const volatile void *address)
{
	return (void *)((uint64_t)address + PHYS_ALIAS);
}

void paging_init(void);

/**
 * page_protect() - replace the page-table entry of one 4 KiB page of the kernel image
 * @address: on that page
 * @entry:   the new entry; 0 takes the page out of the map
 *
 * Return: the old entry, to put back.
 */
uint64_t page_protect(const void *address, uint64_t entry);

/* page_for_user() - CPL 3 may execute and read, nobody may write, one page of the kernel image.
 * Return: as page_protect(). */
uint64_t page_for_user(const void *address);

#endif
