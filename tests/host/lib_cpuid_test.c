/* SPDX-License-Identifier: MIT */
/*
 * CPUID leaf 0DH, true and false: the layouts it gives, the lies that are refused. Runs on any
 * machine.
 *
 * Rules: C02 C05 C06 C08-C10 C12.
 */
#include <stdlib.h>

#include "check.h"
#include "fake_cpuid.h"
#include "xsave.h"

static void test_cpuid_true(void)
{
	const struct {
		const char *name;
		struct xsave_cpuid cpuid;
		uint64_t xcr0, xss;
		size_t pkru, ebx;
	} cpus[] = {
		{ "Sapphire Rapids", MAKE(spr, 0x1f, 10752), 0x602e7, 0xd900, 2688, 11008 },
		{ "client with MPX", MAKE(mpx_client, 0xf, 968), 0x21f, 0x100, 2688, 2696 },
		{ "AMD", MAKE(amd, 0xf, 2440), 0x2e7, 0x1800, 2432, 2440 },
		{ "Bulldozer", MAKE(bulldozer, 0, 0), 0x4000000000000007, 0, 0, 960 },
		{ "FXSAVE only", { .leaf1_edx = 1U << 24 }, 0, 0, 0, 576 },
	};

	for (size_t i = 0; i < LENGTH(cpus); i++) {
		const struct xsave_cpuid *cpuid = &cpus[i].cpuid;
		struct xsave_layout layout;

		check_eq(cpus[i].xcr0, xsave_cpuid_xcr0(cpuid), cpus[i].name);
		check_eq(cpus[i].xss, xsave_cpuid_xss(cpuid), cpus[i].name);
		check_eq(XSAVE_OK, xsave_layout_from_cpuid(&layout, cpuid), cpus[i].name);
		check_eq(cpus[i].xcr0 | cpus[i].xss | 3, layout.mask, cpus[i].name);
		check_eq(cpus[i].xss, layout.supervisor, cpus[i].name);
		check_eq(cpus[i].pkru, layout.offset[XSAVE_PKRU], cpus[i].name);
		check_eq(cpus[i].ebx, xsave_standard_size(&layout, cpus[i].xcr0), cpus[i].name);
		if (cpus[i].xcr0)
			check_eq(XSAVE_OK, xsave_cpuid_check_ebx(cpuid, &layout, cpus[i].xcr0, 0),
				 cpus[i].name);
	}
}

/* One word of honest data replaced, or a component added; nothing may change but the answer. */
static void test_cpuid_lies(void)
{
	static const struct {
		const char *name;
		struct row row;
		enum xsave_error err;
	} lies[] = {
		{ "PKRU inside Hi16_ZMM", { 9, 8, 2680, 0 }, XSAVE_ERR_OVERLAP },
		{ "AVX on top of PKRU", { 2, 256, 2600, 0 }, XSAVE_ERR_OVERLAP },
		{ "unknown inside AVX", { 20, 16, 700, 0 }, XSAVE_ERR_OVERLAP },
		{ "unknown around everything", { 20, 16384, 576, 0 }, XSAVE_ERR_OVERLAP },
		{ "LWP in AMX", { 62, 128, 832 + 2048, 0 }, XSAVE_ERR_OVERLAP },
		{ "PKRU in the header", { 9, 8, 512, 0 }, XSAVE_ERR_OFFSET },
		{ "PKRU nowhere", { 9, 8, 0, 0 }, XSAVE_ERR_OFFSET },
		{ "supervisor with a place", { 11, 16, 4096, 1 }, XSAVE_ERR_OFFSET },
		{ "short AVX", { 2, 128, 576, 0 }, XSAVE_ERR_SIZE },
		{ "empty AVX", { 2, 0, 576, 0 }, XSAVE_ERR_SIZE },
		{ "huge XTILEDATA", { 18, 65535, 2816, 6 }, XSAVE_ERR_SIZE },
		{ "huge unknown", { 20, 0x80000000, 12288, 0 }, XSAVE_ERR_SIZE },
		{ "huge unknown supervisor", { 30, 0xffffffff, 0, 1 }, XSAVE_ERR_SIZE },
		{ "sum past 32 bits", { 20, 0x20, 0xfffffff0, 0 }, XSAVE_ERR_BOUNDS },
		{ "PKRU as supervisor state", { 9, 8, 0, 1 }, XSAVE_ERR_KIND },
		{ "CET_U as user state", { 11, 16, 4096, 0 }, XSAVE_ERR_KIND },
		{ "XTILECFG not aligned", { 17, 64, 2752, 0 }, XSAVE_ERR_KIND },
		{ "AVX aligned", { 2, 256, 576, 2 }, XSAVE_ERR_KIND },
		{ "bit 63", { 63, 64, 16384, 0 }, XSAVE_ERR_KIND },
		{ "MPX and APX", { 19, 128, 960, 0 }, XSAVE_OK },
		{ "unknown behind all", { 20, 64, 11008, 0 }, XSAVE_OK },
		{ "unknown supervisor", { 30, 64, 0, 1 }, XSAVE_OK },
	};

	for (size_t i = 0; i < LENGTH(lies); i++) {
		struct xsave_cpuid cpuid = MAKE(spr, 0x1f, 10752);
		struct xsave_layout layout = { .mask = 0x1234 };
		struct xsave_cpu cpu = { .mask = 0x1234 };

		put(&cpuid, &(struct row){ 3, 64, 960, 0 });
		put(&cpuid, &(struct row){ 4, 64, 1024, 0 });
		put(&cpuid, &lies[i].row);
		check_eq(lies[i].err, xsave_layout_from_cpuid(&layout, &cpuid), lies[i].name);
		check((layout.mask == 0x1234) == (lies[i].err != XSAVE_OK), lies[i].name);
		check_eq(lies[i].err, xsave_cpu_init(&cpu, &cpuid, 7, 0), lies[i].name);
		check((cpu.mask == 0x1234) == (lies[i].err != XSAVE_OK), lies[i].name);
	}
}

static void test_cpuid_sums(void)
{
	struct xsave_cpuid cpuid = MAKE(spr, 0x1f, 10752), lie = cpuid;
	struct xsave_layout layout;

	check_eq(XSAVE_OK, xsave_layout_from_cpuid(&layout, &cpuid), "layout");
	lie.leaf0d[0].ebx -= 8;
	check_eq(XSAVE_ERR_EBX, xsave_cpuid_check_ebx(&lie, &layout, 0x602e7, 0), "D.0:EBX low");
	lie = cpuid;
	lie.leaf0d[1].ebx -= 48;
	check_eq(XSAVE_ERR_EBX, xsave_cpuid_check_ebx(&lie, &layout, 0x602e7, 0), "D.1:EBX low");
	lie.leaf0d[1].eax &= ~XSAVE_D1_XSAVEC;
	check_eq(XSAVE_OK, xsave_cpuid_check_ebx(&lie, &layout, 0x602e7, 0), "D.1:EBX unused");
	check_eq(XSAVE_ERR_EBX, xsave_cpuid_check_ebx(&cpuid, &layout, 0x602e7, 0x9000),
		 "D.1:EBX without IA32_XSS");
	lie = cpuid;
	lie.leaf0d[0].ecx = 11007;
	check_eq(XSAVE_ERR_BOUNDS, xsave_layout_from_cpuid(&layout, &lie), "D.0:ECX low");
}

/* D.0 lists the user components, D.1 the supervisor components, and each subleaf says it again. */
static void test_cpuid_lists(void)
{
	static const struct row unknown = { 20, 64, 0, 1 };
	struct xsave_cpuid cpuid = MAKE(spr, 0x1f, 10752), lie;
	struct xsave_layout layout;

	put(&cpuid, &unknown);
	check_eq(XSAVE_OK, xsave_layout_from_cpuid(&layout, &cpuid), "lists: in order");
	lie = cpuid;
	lie.leaf0d[0].eax |= 1 << 20;
	check_eq(XSAVE_ERR_KIND, xsave_layout_from_cpuid(&layout, &lie), "lists: in both");
	lie = cpuid;
	lie.leaf0d[1].ecx |= 2;
	check_eq(XSAVE_ERR_KIND, xsave_layout_from_cpuid(&layout, &lie),
		 "lists: SSE as supervisor");
	lie = cpuid;
	lie.leaf0d[20].ecx = 0;
	check_eq(XSAVE_ERR_KIND, xsave_layout_from_cpuid(&layout, &lie),
		 "lists: subleaf says user");
	lie = cpuid;
	lie.leaf0d[1].eax &= ~XSAVE_D1_XSAVES;
	check_eq(0, xsave_cpuid_xss(&lie), "lists: no IA32_XSS without XSAVES");
}

/* Any garbage is refused or gives a layout that keeps the promises of the header. */
static void test_cpuid_garbage(void)
{
	unsigned int good = 0, bad = 0;
	uint32_t *word;

	srand(1);
	for (int i = 0; i < 200000; i++) {
		struct xsave_cpuid cpuid = i & 1 ? MAKE(spr, 0x1f, 10752) : MAKE(amd, 0xf, 2440);
		struct xsave_cpu cpu;
		size_t size;

		for (int n = rand() % 3; n >= 0; n--) {
			word = &cpuid.leaf0d[rand() % 21].eax + rand() % 4;
			*word ^= UINT32_C(1) << (rand() % 32);
		}
		if (xsave_cpu_init(&cpu, &cpuid, xsave_cpuid_xcr0(&cpuid), 0))
			continue;
		good++;
		size = xsave_standard_size(&cpu.layout, cpu.mask);
		bad += cpu.mask & ~XSAVE_USER_MASK || cpu.fit_small & ~XSAVE_FIT_SMALL;
		bad += size < 576 || (size > 576 && size > cpuid.leaf0d[0].ecx);
		bad += xsave_layout_compacted_size(&cpu.layout, cpu.mask) !=
		       xsave_compacted_size(cpu.mask);
	}
	check(good > 1000, "garbage: some of it is harmless");
	check_eq(0, bad, "garbage: what is accepted keeps the promises");
}

int main(void)
{
	test_cpuid_true();
	test_cpuid_lies();
	test_cpuid_sums();
	test_cpuid_lists();
	test_cpuid_garbage();
	return check_end();
}
