/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH of CPUs that are not here, as values: put together row by row.
 */
#ifndef TESTS_HOST_FAKE_CPUID_H
#define TESTS_HOST_FAKE_CPUID_H

#include <xsave/layout.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* One component of synthetic CPUID data; flags as in ECX. Sizes in D.0 and D.1 follow at the end.
 */
struct row {
	unsigned int bit;
	uint32_t size, offset, flags;
};

static const struct row spr[] = {
	{ 2, 256, 576, 0 }, { 5, 64, 1088, 0 }, { 6, 512, 1152, 0 }, { 7, 1024, 1664, 0 },
	{ 8, 128, 0, 1 },   { 9, 8, 2688, 0 },	{ 11, 16, 0, 1 },    { 12, 24, 0, 1 },
	{ 14, 48, 0, 1 },   { 15, 808, 0, 1 },	{ 17, 64, 2752, 2 }, { 18, 8192, 2816, 6 },
};

static const struct row mpx_client[] = {
	{ 2, 256, 576, 0 }, { 3, 64, 960, 0 }, { 4, 64, 1024, 0 },
	{ 8, 128, 0, 1 },   { 9, 8, 2688, 0 },
};

static const struct row amd[] = {
	{ 2, 256, 576, 0 }, { 5, 64, 832, 0 }, { 6, 512, 896, 0 }, { 7, 1024, 1408, 0 },
	{ 9, 8, 2432, 0 },  { 11, 16, 0, 1 },  { 12, 24, 0, 1 },
};

static const struct row bulldozer[] = { { 2, 256, 576, 0 }, { 62, 128, 832, 0 } };

static inline void put(struct xsave_cpuid *cpuid, const struct row *row)
{
	struct xsave_cpuid_regs *d0 = &cpuid->leaf0d[0], *d1 = &cpuid->leaf0d[1];
	uint32_t *user = row->bit < 32 ? &d0->eax : &d0->edx;
	uint32_t *supervisor = row->bit < 32 ? &d1->ecx : &d1->edx;
	uint32_t here = UINT32_C(1) << (row->bit % 32), end = row->offset + row->size;

	*user &= ~here;
	*supervisor &= ~here;
	*(row->flags & 1 ? supervisor : user) |= here;
	cpuid->leaf0d[row->bit] =
		(struct xsave_cpuid_regs){ row->size, row->offset, row->flags, 0 };
	if (!(row->flags & 1) && end > d0->ecx)
		d0->ecx = end;
}

/* EBX as if all user components and no supervisor component were enabled. */
static inline struct xsave_cpuid make(const struct row *rows, size_t count, uint32_t d1_eax,
				      uint32_t compacted)
{
	struct xsave_cpuid cpuid = { .leaf1_ecx = 1U << 26, .leaf1_edx = 1U << 24 };

	cpuid.leaf0d[0] = (struct xsave_cpuid_regs){ .eax = 3, .ecx = 576 };
	cpuid.leaf0d[1].eax = d1_eax;
	for (size_t i = 0; i < count; i++)
		put(&cpuid, &rows[i]);
	cpuid.leaf0d[0].ebx = cpuid.leaf0d[0].ecx;
	cpuid.leaf0d[1].ebx = compacted;
	return cpuid;
}

#define MAKE(rows, d1, compacted) make(rows, LENGTH(rows), d1, compacted)

#endif
