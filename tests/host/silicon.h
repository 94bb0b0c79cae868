/* SPDX-License-Identifier: MIT */
/*
 * For tests that run the library on the CPU at hand, at CPL 3: what the CPU has, memory between two
 * pages without access, faults as values, registers with random contents.
 *
 * A test that includes this is built with -mgeneral-regs-only, so that what it loads is still there
 * when it saves. Only libc may use vector registers, between a load and a save it is not called.
 */
#ifndef TESTS_HOST_SILICON_H
#define TESTS_HOST_SILICON_H

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "xsave.h"
#include "xsave/image.h"
#include "xsave/insn.h"

#define AREA	     __attribute__((aligned(64)))
#define ALL	     (~UINT64_C(0))
#define LENGTH(a)    (sizeof(a) / sizeof((a)[0]))
#define MEMORY_SIZE  UINT64_C(0x5000) /* holds every area used */
#define PAGE	     UINT64_C(4096)
#define REQUEST_PERM 0x1023 /* arch_prctl(): ARCH_REQ_XCOMP_PERM */

static struct xsave_cpuid cpuid;
static struct xsave_cpu cpu;	   /* this CPU, as xsave_cpu_init() sees it */
static uint64_t xcr0;		   /* of it, what this process may use */
static size_t area_size;	   /* bytes that XRSTOR of everything may touch in either format */
static uint8_t *memory;		   /* MEMORY_SIZE bytes between pages without access */
static bool pointers_kept;	   /* FOP, FIP and FDP are saved also when FSW.ES is clear */
static uint32_t seed = 0x2f6e2b1a; /* of random_word() */

/* Reproducible random numbers (xorshift). */
static inline uint32_t random_word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static inline void random_bytes(uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)random_word();
}

/* A random part of a mask; now and then nothing, or all of it. */
static inline uint64_t random_part(uint64_t mask)
{
	uint64_t choice = (uint64_t)random_word() << 32 | random_word();

	if (choice % 16 < 2)
		return choice & 1 ? mask : 0;
	return mask & choice >> 1;
}

/* -- faults --------------------------------------------------------------------------------------
 */

static sigjmp_buf fault_env;
static volatile sig_atomic_t fault_awaited;

static inline void fault_take(int sig)
{
	static const char text[] = "not ok: a fault where none was awaited\n";

	if (!fault_awaited) {
		(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
		_exit(3);
	}
	siglongjmp(fault_env, sig);
}

/* On a stack of its own: the test's may be the one that cannot be reached. */
static inline void fault_setup(void)
{
	static char stack[1 << 17];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = fault_take, .sa_flags = SA_ONSTACK | SA_NODEFER };
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };

	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < LENGTH(signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Call a function; the signal of the fault that ended it, or 0. */
static __attribute__((noinline, unused)) int fault_of(void (*run)(void *), void *context)
{
	int sig = sigsetjmp(fault_env, 0);

	if (!sig) {
		fault_awaited = 1;
		run(context);
	}
	fault_awaited = 0;
	return sig;
}

/* -- registers -----------------------------------------------------------------------------------
 */

static inline uint8_t *at_component(void *area, uint64_t xcomp_bv, unsigned int bit)
{
	return (uint8_t *)area + xsave_offset(&cpu.layout, xcomp_bv, bit);
}

static inline uint64_t get_word(const void *area, size_t at)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)area + at, sizeof(value));
	return value;
}

static inline void set_word(void *area, size_t at, uint64_t value)
{
	memcpy((uint8_t *)area + at, &value, sizeof(value));
}

static inline uint64_t xstate_bv_of(const void *area)
{
	return get_word(area, XSAVE_LEGACY_SIZE);
}

/*
 * Random x87 state that comes back as it was: no reserved bit, no exception pending, pointers that
 * are canonical (F01-F04).
 */
static inline void random_x87(struct xsave_legacy *legacy)
{
	legacy->fcw = (uint16_t)(0x7f | (random_word() & 0x0f00));
	legacy->fsw = (uint16_t)(random_word() & 0x7f3f);
	legacy->ftw = (uint8_t)random_word();
	legacy->fop = (uint16_t)(random_word() & 0x7ff);
	legacy->fip = (uint64_t)(random_word() & 0x7fff) << 32 | random_word();
	legacy->fdp = (uint64_t)(random_word() & 0x7fff) << 32 | random_word();
	for (size_t i = 0; i < 8; i++)
		random_bytes(legacy->st[i], 10);
}

/* Palette 1, tiles of several shapes. */
static inline void random_tilecfg(uint8_t *at)
{
	at[0] = 1;
	for (unsigned int tile = 0; tile < 8; tile++) {
		at[48 + tile] = (uint8_t)(1 + random_word() % 16);
		at[16 + 2 * tile] = (uint8_t)(4 + random_word() % 16 * 4);
	}
}

/* What lies beyond the rows and columns of a tile is zero in what the CPU saves (T05). */
static inline void random_tiles(uint8_t *at, const uint8_t *tilecfg)
{
	for (size_t tile = 0; tile < 8; tile++)
		for (size_t row = 0; row < tilecfg[48 + tile]; row++)
			random_bytes(at + tile * 1024 + row * 64, tilecfg[16 + 2 * tile]);
}

static inline void random_component(uint8_t *area, uint64_t xcomp_bv, unsigned int bit)
{
	uint8_t *at = at_component(area, xcomp_bv, bit);

	switch (bit) {
	case XSAVE_BNDCSR:
		set_word(at, 0, (random_word() & 0x7ffff000) | 2); /* not enabled, but preserving */
		set_word(at, 8, random_word());
		break;
	case XSAVE_PKRU: /* key 0 is the one of this program's memory */
		set_word(at, 0, random_word() & ~UINT32_C(3));
		break;
	case XSAVE_XTILECFG:
		random_tilecfg(at);
		break;
	case XSAVE_XTILEDATA:
		random_tiles(at, at_component(area, xcomp_bv, XSAVE_XTILECFG));
		break;
	default:
		random_bytes(at, cpu.layout.size[bit]);
	}
}

/*
 * Make a standard or compacted image of random contents; @xcomp_bv as in the header. Tiles need
 * their configuration.
 */
static inline void random_image(void *area, uint64_t xcomp_bv, uint64_t in_use)
{
	struct xsave *image = area;

	if (!(in_use & XSAVE_MASK(XSAVE_XTILECFG)))
		in_use &= ~XSAVE_MASK(XSAVE_XTILEDATA);
	memset(area, 0, area_size);
	image->legacy.fcw = XSAVE_DEFAULT_FCW;
	image->legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	image->header = (struct xsave_header){ .xstate_bv = in_use, .xcomp_bv = xcomp_bv };
	if (in_use & XSAVE_MASK(XSAVE_X87))
		random_x87(&image->legacy);
	if (in_use & XSAVE_MASK(XSAVE_SSE)) {
		random_bytes(image->legacy.xmm[0], sizeof(image->legacy.xmm));
		image->legacy.mxcsr = random_word() & cpu.mxcsr_mask;
	}
	xsave_for_each_bit (bit, in_use & ~XSAVE_LEGACY_MASK)
		random_component(area, xcomp_bv, bit);
}

/* -- the CPU -------------------------------------------------------------------------------------
 */

static inline uint32_t read_mxcsr_mask(void)
{
	static _Alignas(64) uint8_t area[512];
	uint32_t mask;

	insn_fxsave(area, 0);
	memcpy(&mask, area + 28, sizeof(mask));
	return mask ? mask
		    : 0xffbf; /* SDM vol. 1, "Guidelines for Writing to the MXCSR Register" */
}

static inline void clear_pointers(void *area)
{
	struct xsave_legacy *legacy = area;

	legacy->fop = 0;
	legacy->fip = 0;
	legacy->fdp = 0;
}

/* AMD: not while no exception is pending; CPUs before Zen do not even write them (F09). */
static inline bool keeps_pointers(void)
{
	static struct xsave_legacy area[2] __attribute__((aligned(64))) = { {
		.fcw = XSAVE_DEFAULT_FCW,
		.fip = 0x401234,
		.mxcsr = XSAVE_DEFAULT_MXCSR,
	} };

	insn_fxrstor(&area[0], 0);
	insn_fxsave(&area[1], 0);
	return area[1].fip == area[0].fip;
}

/* Tiles are for those who asked Linux first. */
static inline uint64_t usable_components(void)
{
	uint64_t tiledata = XSAVE_MASK(XSAVE_XTILEDATA) & cpu.enabled;

	if (tiledata && syscall(SYS_arch_prctl, REQUEST_PERM, XSAVE_XTILEDATA)) {
		check_skip("XTILEDATA", "Linux refuses ARCH_REQ_XCOMP_PERM");
		return cpu.enabled & ~tiledata;
	}
	return cpu.enabled;
}

static inline bool map_memory(void)
{
	uint8_t *whole =
		mmap(NULL, MEMORY_SIZE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memory = whole + PAGE;
	return whole != MAP_FAILED && !mprotect(memory, MEMORY_SIZE, PROT_READ | PROT_WRITE);
}

/* What there is before Linux is asked for tiles. False: no test can run, and the skip says why. */
static inline bool silicon_find(void)
{
	if (!check_line(map_memory(), "memory between pages without access"))
		return false;
	xsave_cpuid_read(&cpuid);
	if (!(cpuid.leaf1_ecx & XSAVE_CPUID_1_ECX_OSXSAVE)) {
		check_skip("everything", "CPUID.1:ECX[27] OSXSAVE");
		return false;
	}
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, insn_xgetbv(0), 0), "this CPU");
	cpu.mxcsr_mask = read_mxcsr_mask();
	cpu.keep = 0;
	pointers_kept = keeps_pointers();
	fault_setup();
	area_size = cpuid.leaf0d[0].ecx;
	xcr0 = cpu.enabled & ~XSAVE_MASK(XSAVE_XTILEDATA);
	return check_line(area_size <= MEMORY_SIZE, "CPUID.(0DH,0):ECX fits the test's memory");
}

static inline bool silicon_setup(void)
{
	if (!silicon_find())
		return false;
	xcr0 = usable_components();
	printf("# XCR0 %llx, usable %llx, seed %x, pointers are %s\n",
	       (unsigned long long)insn_xgetbv(0), (unsigned long long)xcr0, seed,
	       pointers_kept ? "kept" : "lost unless FSW.ES is set");
	return true;
}

/* The same CPU with one instruction of CPL 3; false: it lacks it, and the skip names the bit. */
static inline bool use_insn(struct xsave_cpu *one, enum xsave_insn insn)
{
	static const char *const bits[] = {
		"CPUID.1:EDX[24] FXSR",
		"CPUID.1:ECX[26] XSAVE",
		"CPUID.(0DH,1):EAX[0] XSAVEOPT",
		"CPUID.(0DH,1):EAX[1] XSAVEC",
	};
	uint64_t mask = insn == XSAVE_INSN_FXSAVE ? XSAVE_LEGACY_MASK : xcr0;

	*one = cpu;
	if (!xsave_cpu_restrict(one, insn, mask))
		return true;
	check_skip(xsave_insn_name(insn), bits[insn]);
	return false;
}

/* Everything that this process may use, but for PKRU, back to its initial configuration. */
static inline void load_default(void)
{
	static const struct xsave_large initial = {
		.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR },
	};

	insn_xrstor(&initial, xcr0 & ~XSAVE_MASK(XSAVE_PKRU));
}

#endif
