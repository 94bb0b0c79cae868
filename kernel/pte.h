/* SPDX-License-Identifier: MIT */
/*
 * Bits of a page-table entry. Source: SDM vol. 3, "4-Level Paging and 5-Level Paging".
 */
#ifndef XTK_PTE_H
#define XTK_PTE_H

#include <stdint.h>

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE   (UINT64_C(1) << 1)
#define PTE_USER    (UINT64_C(1) << 2) /* for CPL 3; it must be set at every level */
#define PTE_LARGE   (UINT64_C(1) << 7)
#define PTE_NX	    (UINT64_C(1) << 63)

#endif
