/* SPDX-License-Identifier: MIT */
/*
 * A program of vector code around the library's saves and loads: what can a compiler spoil?
 *
 * It is built without any flag that would help. With SPOILT_RED_ZONE or SPOILT_RESET a thing that
 * this program uses is made wrong, as the files spoilt_*.c do to the library, to see that the check
 * finds it.
 */
#include <cpuid.h>
#include <string.h>

#include "../check.h"
#include <xsave/insn.h>
#include "xsave.h"

#define ALL   (~UINT64_C(0))
#define LOW16 "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"

typedef double v4d __attribute__((vector_size(32)));

XSAVE_AREA(avx_area, 832);

static struct xsave area;
static struct avx_area small;
static uint8_t pattern[16][16];

static const struct xsave initial = XSAVE_DEFAULT;

static void make_pattern(void)
{
	for (unsigned int i = 0; i < sizeof(pattern); i++)
		pattern[i / 16][i % 16] = (uint8_t)(i * 5 + 1);
}

/*
 * Every XMM register gets its pattern; the save must be the next thing that happens. The upper
 * halves are nobody's to keep: with AVX a caller zeroes them before a call (VZEROUPPER).
 */
static inline __attribute__((always_inline)) void fill(void)
{
	__asm__ volatile(".irp n," LOW16 "\n\tmovdqu 16*\\n(%0), %%xmm\\n\n\t.endr"
			 :
			 : "r"(pattern)
			 : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			   "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void check_header(const struct xsave_cpu *cpu)
{
	memset(&area, 0xff, sizeof(area));
	fill();
	xsave_save_with(cpu, &area, sizeof(area), ALL);
	check(!memcmp(area.legacy.xmm, pattern, sizeof(pattern)), "header: the caller's XMM");
	memset(&small, 0xff, sizeof(small));
	fill();
	xsave_save_with(cpu, &small, sizeof(small), ALL);
	check(!memcmp(small.legacy.xmm, pattern, sizeof(pattern)), "header: in 832 bytes");
}

/* Products that a compiler would like to keep in registers until they are added. */
static __attribute__((noinline)) double products(const struct xsave_cpu *cpu, const v4d *x,
						 const v4d *y, long double z)
{
	v4d t = *x * *y, u = *x + *y, sum;
	long double square = z * z;

	xsave_load_with(cpu, &initial, sizeof(initial), ALL);
	sum = t + u * *x;
	return sum[0] + sum[1] + sum[2] + sum[3] + (double)square;
}

static void check_live(const struct xsave_cpu *cpu)
{
	static volatile double from[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	v4d x = { from[0], from[1], from[2], from[3] }, y = { from[4], from[5], from[6], from[7] };

	check(products(cpu, &x, &y, from[2]) == 179.0, "live: products across a load");
}

#ifdef SPOILT_RED_ZONE
static inline void save_inline(void *at, uint64_t rfbm)
{
	__asm__ volatile("pushq %%rbx\n\txsave64 (%0)\n\tpopq %%rbx"
			 :
			 : "r"(at), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))
			 : "memory");
}
#else
#define save_inline insn_xsave
#endif

/* A leaf function: its locals lie below the stack pointer. */
static __attribute__((noinline)) uint64_t leaf(uint64_t seed)
{
	volatile uint64_t local[12];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < 12; i++)
		local[i] = seed + i;
	save_inline(&area, XSAVE_LEGACY_MASK);
	for (unsigned int i = 0; i < 12; i++)
		sum += local[i];
	return sum;
}

static void check_red_zone(void)
{
	xsave_reset(&area);
	area.header.xcomp_bv = 0;
	check_eq(12 * 1000 + 66, leaf(1000), "red zone: locals of a leaf function");
}

#ifdef SPOILT_RESET
#define xsave_reset(x) (*(x) = (struct xsave)XSAVE_DEFAULT)
#endif

static __attribute__((noinline)) uint64_t reset_and_save(const struct xsave_cpu *cpu)
{
	xsave_reset(&area);
	xsave_save_with(cpu, &area, sizeof(area), ALL);
	return area.header.xstate_bv & ~XSAVE_LEGACY_MASK;
}

/*
 * `default + save` keeps the caller's registers, and brings none into use. Only what is beyond SSE
 * counts: a context switch may bring the legacy components into use.
 */
static void check_reset(const struct xsave_cpu *cpu)
{
	uint64_t before;

	fill();
	reset_and_save(cpu);
	check(!memcmp(area.legacy.xmm, pattern, sizeof(pattern)), "reset: the caller's XMM");
	xsave_load_with(cpu, &initial, sizeof(initial), ALL);
	xsave_save_with(cpu, &area, sizeof(area), ALL);
	before = area.header.xstate_bv & ~XSAVE_LEGACY_MASK;
	xsave_load_with(cpu, &initial, sizeof(initial), ALL);
	check_eq(before, reset_and_save(cpu), "reset: brings nothing into use");
}

int main(void)
{
	struct xsave_cpu cpu = *xsave_in_use;
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & XSAVE_CPUID_1_ECX_OSXSAVE)) {
		check_skip("everything", "CPUID.1:ECX[27] OSXSAVE");
		return 0;
	}
	__get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx);
	if (eax & XSAVE_D1_XSAVEC) {
		cpu.insn = XSAVE_INSN_XSAVEC;
		cpu.compaction = true;
	}
	make_pattern();
	check_header(&cpu);
	check_live(&cpu);
	check_red_zone();
	check_reset(&cpu);
	check_header(xsave_in_use);
	check_live(xsave_in_use);
	check_reset(xsave_in_use);
	return check_end();
}
