/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading on the CPU at hand, at CPL 3, with every instruction that it has there.
 *
 * An area ends where an inaccessible page begins, so that one byte too far, written, read or only
 * probed, ends the program without its closing line.
 *
 * Rules: F04, G04 G09, L06 L08, M04 M05, N01 N02 N08, P01, R02 R05, V01-V03.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "cpu_regs.h"
#include <xsave/insn.h>
#include "xsave.h"

#define ALL   (~UINT64_C(0))
#define SPACE (5 * 4096) /* room for areas; a page without access follows */

static struct xsave_cpuid cpuid;
static unsigned char *space;

static const struct xsave small_default = XSAVE_DEFAULT;
static const struct xsave_large large_default = XSAVE_DEFAULT;
static const struct xsave default_1fbf = XSAVE_DEFAULT_1FBF;

XSAVE_AREA(avx_area, 832);

/* Registers after loading an image, when they held something else before. */
static struct regs load_over(const struct xsave_cpu *cpu, const void *area, size_t size,
			     uint64_t mask, uint64_t *loaded)
{
	struct regs other = make_regs(9), after;

	other.mxcsr = 0x3f80;
	other.fcw = 0x17f;
	set_regs(&other);
	*loaded = xsave_load_with(cpu, area, size, mask);
	get_regs(&after);
	xsave_load_with(xsave_in_use, &small_default, sizeof(small_default), ALL);
	return after;
}

static uint64_t save_regs(const struct xsave_cpu *cpu, const struct regs *r, void *area,
			  size_t size, uint64_t mask)
{
	uint64_t saved;

	set_regs(r);
	saved = xsave_save_with(cpu, area, size, mask);
	xsave_load_with(xsave_in_use, &small_default, sizeof(small_default), ALL);
	return saved;
}

static void test_round_trip(const struct xsave_cpu *cpu, size_t size, uint64_t fit)
{
	struct regs r = make_regs(1), after;
	unsigned char *area = space + SPACE - size;
	struct xsave_header header;
	uint64_t saved, loaded;

	memset(space, 0xff, SPACE);
	saved = save_regs(cpu, &r, area, size, ALL);
	check_eq(fit, saved, "save: all that fits, and it says so");
	memcpy(&header, area + XSAVE_LEGACY_SIZE, sizeof(header));
	check_eq(0, header.xstate_bv & ~saved, "save: XSTATE_BV names nothing else");
	check_eq(xsave_insn_compacted(cpu->insn) ? XSAVE_XCOMP_COMPACTED | saved : 0,
		 header.xcomp_bv, "save: XCOMP_BV");
	after = load_over(cpu, area, size, ALL, &loaded);
	check_eq(saved, loaded, "load: all that was saved");
	check_eq(0, differ(&r, &after, saved & visible()), "load: every register is back");
	if (xsave_insn_compacted(cpu->insn))
		return;
	after = load_over(xsave_in_use, area, size, saved, &loaded);
	check_eq(0, differ(&r, &after, saved & visible()), "load: for plain XRSTOR, too");
}

static void test_default(const struct xsave_cpu *cpu)
{
	unsigned char *area = space + SPACE - XSAVE_EXTENDED;
	uint64_t mask = cpu->mask & visible(), loaded;
	struct regs after = load_over(cpu, &small_default, sizeof(small_default), ALL, &loaded);

	check_eq(cpu->mask, loaded, "small default: everything is loaded");
	check_eq(0, differ(&initial, &after, mask), "small default: clears");
	after = load_over(cpu, &large_default, sizeof(large_default), ALL, &loaded);
	check_eq(cpu->mask, loaded, "large default: everything is loaded");
	check_eq(0, differ(&initial, &after, mask), "large default: clears");
	memcpy(area, &small_default, XSAVE_EXTENDED);
	after = load_over(cpu, area, XSAVE_EXTENDED, ALL, &loaded);
	check_eq(cpu->mask, loaded, "576 bytes of default: everything is loaded");
	check_eq(0, differ(&initial, &after, mask), "576 bytes of default: clears");
}

static void test_default_1fbf(const struct xsave_cpu *cpu)
{
	unsigned char *area = space + SPACE - XSAVE_EXTENDED;
	uint64_t mask = cpu->mask & visible(), loaded;
	struct regs want = initial, after;

	want.mxcsr = 0x1fbf;
	after = load_over(cpu, &default_1fbf, sizeof(default_1fbf), ALL, &loaded);
	check_eq(cpu->mask, loaded, "1FBF: everything is loaded");
	check_eq(0, differ(&want, &after, mask), "1FBF: clears, but for MXCSR");
	memcpy(area, &default_1fbf, XSAVE_EXTENDED);
	after = load_over(cpu, area, XSAVE_EXTENDED, ALL, &loaded);
	check_eq(cpu->mask, loaded, "1FBF in 576 bytes: everything is loaded");
	check_eq(0, differ(&want, &after, mask), "1FBF in 576 bytes: clears");
}

/* An image of SSE alone is no default when one byte of it is another: in 576 bytes no AVX goes. */
static void test_nearly_1fbf(const struct xsave_cpu *cpu)
{
	static const size_t bytes[] = { 24, 160, 415 };
	unsigned char *area = space + SPACE - XSAVE_EXTENDED;
	uint64_t loaded;

	if (!cpu->compaction)
		return;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		memcpy(area, &default_1fbf, XSAVE_EXTENDED);
		area[bytes[i]] ^= 0x20;
		load_over(cpu, area, XSAVE_EXTENDED, ALL, &loaded);
		check_eq(cpu->mask & XSAVE_LEGACY_MASK, loaded, "nearly 1FBF: what fits");
	}
	memcpy(area, &default_1fbf, XSAVE_EXTENDED);
	area[XSAVE_LEGACY_SIZE] = 0;
	load_over(cpu, area, XSAVE_EXTENDED, ALL, &loaded);
	check_eq(cpu->mask & XSAVE_LEGACY_MASK, loaded, "1FBF with XSTATE_BV = 0: what fits");
}

/* A reset writes FCW, MXCSR and the header, and makes what was there a default. */
static void test_reset(const struct xsave_cpu *cpu)
{
	unsigned char *area = space + SPACE - XSAVE_EXTENDED;
	unsigned int wrong = 0;
	struct regs after;
	uint64_t loaded;

	memset(space, 0xff, SPACE);
	xsave_reset(area);
	check(!memcmp(area, &small_default, 8) &&
		      !memcmp(area + 24, (char *)&small_default + 24, 8),
	      "reset: FCW and MXCSR");
	check(!memcmp(area + 512, &small_default.header, 64), "reset: the header");
	for (size_t i = 1; i <= 512; i++) {
		size_t at = 512 - i;

		wrong += area[-(ptrdiff_t)i] != 0xff;
		wrong += at >= 32 && area[at] != 0xff;
	}
	check_eq(0, wrong, "reset: nothing else");
	after = load_over(cpu, area, XSAVE_EXTENDED, ALL, &loaded);
	check_eq(cpu->mask, loaded, "reset: everything is loaded");
	check_eq(0, differ(&initial, &after, cpu->mask & visible()), "reset: clears");
}

static void test_area(const struct xsave_cpu *cpu)
{
	static struct avx_area area = XSAVE_DEFAULT;
	uint64_t fit = xsave_fit(xsave_insn_compacted(cpu->insn), cpu->mask, 832);
	struct regs r = make_regs(8), after;
	uint64_t loaded;

	check(sizeof(area) == 832 && (uintptr_t)&area % 64 == 0, "an area of 832 bytes");
	if (cpu->insn == XSAVE_INSN_FXSAVE && fit != cpu->mask)
		return;
	check_eq(fit, save_regs(cpu, &r, &area, sizeof(area), ALL), "832 bytes: saved");
	after = load_over(cpu, &area, sizeof(area), fit, &loaded);
	check_eq(0, differ(&r, &after, fit & visible()), "832 bytes: loaded");
}

/* keep is about PKRU; AVX shows what it does on a CPU without. */
static void test_keep(const struct xsave_cpu *given)
{
	static struct xsave image;
	struct xsave_cpu cpu = *given;
	uint64_t avx = XSAVE_MASK(XSAVE_AVX), rest = cpu.mask & ~avx, loaded;
	struct regs r = make_regs(4), other = make_regs(9), after;

	if (!(cpu.mask & avx))
		return;
	cpu.keep = avx;
	after = load_over(&cpu, &small_default, sizeof(small_default), ALL, &loaded);
	check_eq(rest, loaded, "keep: a default leaves it out, and says so");
	check_eq(avx, differ(&initial, &after, cpu.mask & visible()), "keep: all else is cleared");
	check_eq(0, differ(&other, &after, avx), "keep: it stays");
	load_over(&cpu, &default_1fbf, sizeof(default_1fbf), ALL, &loaded);
	check_eq(rest, loaded, "keep: 1FBF leaves it out");
	load_over(&cpu, &small_default, sizeof(small_default), avx, &loaded);
	check_eq(0, loaded, "keep: nothing is left to load");
	save_regs(&cpu, &r, &image, sizeof(image), ALL);
	after = load_over(&cpu, &image, sizeof(image), ALL, &loaded);
	check_eq(cpu.fit_small, loaded, "keep: an image that holds it brings it back");
	check_eq(0, differ(&r, &after, loaded & visible()), "keep: with its value");
	save_regs(&cpu, &r, &image, sizeof(image), rest);
	after = load_over(&cpu, &image, sizeof(image), ALL, &loaded);
	check_eq(xsave_insn_compacted(cpu.insn) ? cpu.fit_small & ~avx : cpu.fit_small, loaded,
		 "keep: a compacted image without it leaves it out");
}

static uint32_t read_pkru(void)
{
	uint32_t value;

	__asm__ volatile("rdpkru" : "=a"(value) : "c"(0) : "edx");
	return value;
}

static void write_pkru(uint32_t value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* Loading a default opens no protection key unless asked (P01). */
static void test_pkru(void)
{
	static struct xsave_cpu cpu;
	uint32_t before;

	if (!HAS(XSAVE_PKRU)) {
		check_skip("PKRU", "CPUID.(0DH,0):EAX[9] PKRU");
		return;
	}
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, xcr0, 0), "this CPU");
	before = read_pkru();
	write_pkru(before | 0x40000000); /* key 15: no access */
	xsave_load_with(&cpu, &small_default, sizeof(small_default), ALL);
	check_eq(before | 0x40000000, read_pkru(), "a default keeps PKRU");
	cpu.keep = 0;
	xsave_load_with(&cpu, &small_default, sizeof(small_default), ALL);
	check_eq(0, read_pkru(), "and opens all keys when asked");
	write_pkru(before);
}

/* At every size that ends on the page without access: no fault, and the answer is the fit. */
static void test_guard(const struct xsave_cpu *cpu)
{
	bool compacted = xsave_insn_compacted(cpu->insn), fxsave = cpu->insn == XSAVE_INSN_FXSAVE;
	unsigned int wrong = 0;
	struct regs r = make_regs(2), after;

	for (size_t size = 0; size <= 12352; size += 64) {
		unsigned char *area = space + SPACE - size;
		uint64_t want = xsave_fit(compacted, cpu->mask, size), loaded;

		if (fxsave && want != cpu->mask)
			want = 0;
		memset(space, 0xff, SPACE);
		wrong += save_regs(cpu, &r, area, size, ALL) != want;
		for (size_t i = 64; i; i--)
			wrong += area[-(ptrdiff_t)i] != 0xff;
		after = load_over(cpu, area, size, ALL, &loaded);
		wrong += loaded != want || differ(&r, &after, want & visible());
	}
	check_eq(0, wrong, "no byte past an area of any size");
}

/* At every other size: the bytes behind the area keep their pattern. */
static void test_canary(const struct xsave_cpu *cpu)
{
	static const uint8_t canary = 0xa5;
	unsigned int wrong = 0;
	struct regs r = make_regs(3);

	for (size_t size = 0; size <= 12400; size += 4) {
		memset(space, canary, SPACE);
		save_regs(cpu, &r, space, size, ALL);
		for (size_t i = size; i < 16384; i++)
			wrong += space[i] != canary;
	}
	check_eq(0, wrong, "the bytes behind an area keep their pattern");
}

static void test_masks(const struct xsave_cpu *cpu)
{
	static const uint64_t masks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x20, 0x80, 0xe0, 0xa4, 0x800 };
	unsigned char *area = space + SPACE - sizeof(struct xsave);
	struct regs r = make_regs(4), other = make_regs(9), after;
	uint64_t saved, loaded, want;
	unsigned int wrong = 0;

	other.mxcsr = 0x3f80;
	other.fcw = 0x17f;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		want = masks[i] & cpu->mask;
		if (cpu->insn == XSAVE_INSN_FXSAVE && want != cpu->mask)
			want = 0;
		memset(space, 0xff, SPACE);
		saved = save_regs(cpu, &r, area, sizeof(struct xsave), masks[i]);
		wrong += saved != want || (!want && area[XSAVE_LEGACY_SIZE] != 0xff);
		after = load_over(cpu, area, sizeof(struct xsave), masks[i], &loaded);
		wrong += loaded != want || differ(&r, &after, want & visible() & ~UINT64_C(2));
		/* MXCSR also moves with AVX in the standard format (M04), so SSE is left out. */
		wrong += !!differ(&other, &after, visible() & ~want & ~UINT64_C(2));
	}
	check_eq(0, wrong, "masks: what is asked for and nothing else");
}

/*
 * A compacted image from a larger area: what comes before the part that is cut off still loads,
 * what comes behind does not, also when it would fit alone (opmask without AVX in 640 bytes).
 */
static void test_cut(const struct xsave_cpu *cpu)
{
	static const struct {
		size_t size;
		uint64_t whole;
	} cuts[] = { { 576, 3 }, { 640, 3 }, { 832, 7 }, { 896, 0x27 }, { 1408, 0x67 } };
	static struct xsave image;
	struct regs r = make_regs(5), after;
	uint64_t loaded;

	if (!xsave_insn_compacted(cpu->insn))
		return;
	if ((cpu->mask & 0xe7) != 0xe7) {
		check_skip("a cut image", "CPUID.(0DH,0):EAX[7:5] AVX-512");
		return;
	}
	check_eq(0xe7, save_regs(cpu, &r, &image, sizeof(image), 0xe7), "cut: saved");
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		unsigned char *area = space + SPACE - cuts[i].size;

		memcpy(area, &image, cuts[i].size);
		after = load_over(cpu, area, cuts[i].size, ALL, &loaded);
		check_eq(cuts[i].whole, loaded, "cut: what is whole is loaded");
		check_eq(0, differ(&r, &after, loaded), "cut: and is right");
	}
}

/*
 * The standard default is what a CPU without compaction gets. This CPU may have it; but AVX alone
 * brings MXCSR along from a standard image (M04), and not from a compacted one (M05).
 */
static void test_standard_default(const struct xsave_cpu *cpu)
{
	struct regs after;
	uint64_t loaded;

	if (!HAS(XSAVE_AVX)) {
		check_skip("standard default", "CPUID.(0DH,0):EAX[2] AVX");
		return;
	}
	after = load_over(cpu, &small_default, sizeof(small_default), 4, &loaded);
	check_eq(0x1f80, after.mxcsr, "without compaction the default is a standard image");
}

/* Standard images are plain XRSTOR's, and hold no supervisor component, also where there is XSAVES.
 */
static void test_standard_with_xsaves(const struct xsave_cpu *cpu)
{
	static struct xsave image;
	struct xsave_cpu supervisor = *cpu;
	struct regs r = make_regs(7), after;
	uint64_t loaded;

	supervisor.insn = XSAVE_INSN_XSAVES;
	supervisor.mask |= XSAVE_SUPERVISOR_MASK;
	save_regs(cpu, &r, &image, sizeof(image), ALL);
	after = load_over(&supervisor, &image, sizeof(image), ALL, &loaded);
	check_eq(cpu->fit_small, loaded, "a standard image where there is XSAVES");
	check_eq(0, differ(&r, &after, loaded & visible()), "is loaded by XRSTOR");
}

/* No vector register may be touched between the call and the instruction. */
static void test_xmm0(const struct xsave_cpu *cpu)
{
	static struct xsave x;
	static const uint8_t pattern[16] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
	};

	__asm__ volatile("movdqu %0, %%xmm0" : : "m"(pattern) : "xmm0");
	xsave_save_with(cpu, &x, sizeof(x), ALL);
	check(!memcmp(x.legacy.xmm[0], pattern, 16), "XMM0 as the caller left it");
}

/*
 * The 64-bit forms keep all of FIP and FDP (F04). AMD moves the two only while FSW.ES = 1 (F09), so
 * the image has an exception pending; nothing here waits for it.
 */
static void test_pointers(const struct xsave_cpu *cpu)
{
	static const uint64_t fip = 0x112233445566, fdp = 0x223344556677;
	static struct xsave from, to;
	struct regs r = make_regs(6);

	save_regs(cpu, &r, &from, sizeof(from), ALL);
	from.legacy.fip = fip;
	from.legacy.fdp = fdp;
	from.legacy.fcw &= (uint16_t)~1;
	from.legacy.fsw |= 0x8081;
	xsave_load_with(cpu, &from, sizeof(from), ALL);
	xsave_save_with(cpu, &to, sizeof(to), ALL);
	xsave_load_with(xsave_in_use, &small_default, sizeof(small_default), ALL);
	check_eq(fip, to.legacy.fip, "FIP keeps 64 bits");
	check_eq(fdp, to.legacy.fdp, "FDP keeps 64 bits");
}

static void test_cpu(const struct xsave_cpu *cpu)
{
	bool compacted = xsave_insn_compacted(cpu->insn);

	test_round_trip(cpu, sizeof(struct xsave), cpu->fit_small);
	test_round_trip(cpu, sizeof(struct xsave_large), cpu->fit_large);
	test_round_trip(cpu, 4160, xsave_fit(compacted, cpu->mask, 4160));
	test_default(cpu);
	test_default_1fbf(cpu);
	test_nearly_1fbf(cpu);
	test_reset(cpu);
	test_area(cpu);
	test_keep(cpu);
	test_guard(cpu);
	test_canary(cpu);
	test_masks(cpu);
	test_cut(cpu);
	test_xmm0(cpu);
	test_pointers(cpu);
}

static void test_simple_calls(void)
{
	static struct xsave small;
	static struct xsave_large large = XSAVE_DEFAULT;
	static struct xsave_cpu cpu;

	check_eq(XSAVE_USER_MASK & XSAVE_FIT_SMALL, xsave_save(&small), "before xsave_use()");
	check_eq(XSAVE_USER_MASK & XSAVE_FIT_SMALL, xsave_load(&small), "and back");
	check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, xcr0, 0), "this CPU");
	xsave_use(&cpu);
	check_eq(cpu.fit_small, xsave_save(&small), "small save");
	check_eq(cpu.fit_small, xsave_load(&small), "small load");
	check_eq(cpu.mask, xsave_load(&large), "large default");
	check_eq(cpu.fit_large, xsave_save(&large), "large save");
	check_eq(cpu.fit_large, xsave_load((const struct xsave_large *)&large), "large load");
}

static sigjmp_buf out;

static void leave(int signal)
{
	siglongjmp(out, signal);
}

/* XSAVES and XRSTORS are for CPL 0: here it can only be seen that they are reached (G04 G09). */
static void test_privileged(void)
{
	static struct xsave_cpu cpu;
	bool there = cpuid.leaf0d[1].eax & XSAVE_D1_XSAVES;
	volatile int save, load;

	cpu = *xsave_in_use;
	cpu.insn = XSAVE_INSN_XSAVES;
	signal(SIGSEGV, leave);
	signal(SIGILL, leave);
	save = sigsetjmp(out, 1);
	if (!save)
		xsave_save_with(&cpu, space, sizeof(struct xsave), ALL);
	load = sigsetjmp(out, 1);
	if (!load)
		xsave_load_with(&cpu, &small_default, sizeof(small_default), ALL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGILL, SIG_DFL);
	check_eq(there ? SIGSEGV : SIGILL, save, "XSAVES at CPL 3");
	check_eq(there ? SIGSEGV : SIGILL, load, "XRSTORS at CPL 3");
}

static void test_every_insn(void)
{
	struct xsave_cpu cpu;

	for (int i = XSAVE_INSN_FXSAVE; i < XSAVE_INSN_XSAVES; i++) {
		enum xsave_insn insn = (enum xsave_insn)i;
		uint64_t mask = insn == XSAVE_INSN_FXSAVE ? 3 : xcr0 & XSAVE_KNOWN_MASK;

		printf("# %s\n", xsave_insn_name(insn));
		check_eq(XSAVE_OK, xsave_cpu_init(&cpu, &cpuid, xcr0, 0), "this CPU");
		if (xsave_cpu_restrict(&cpu, insn, mask))
			check_skip(xsave_insn_name(insn), "CPUID.(0DH,1):EAX");
		else
			test_cpu(&cpu);
	}
	test_privileged();
	check_skip("xsaves: what it moves", "CPL 0 only");
}

int main(void)
{
	static struct xsave_cpu distrusted;

	xsave_cpuid_read(&cpuid);
	if (!(cpuid.leaf1_ecx & 1U << 27)) {
		check_skip("everything", "CPUID.1:ECX[27] OSXSAVE");
		return check_end();
	}
	xcr0 = insn_xgetbv(0);
	space = mmap(NULL, SPACE + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (space == MAP_FAILED || mprotect(space + SPACE, 4096, PROT_NONE)) {
		perror("mmap");
		return 2;
	}
	test_simple_calls();
	check_eq(XSAVE_OK, xsave_cpu_distrust(&distrusted, xcr0), "distrust");
	xsave_use(&distrusted);
	test_cpu(&distrusted);
	test_standard_default(&distrusted);
	test_standard_with_xsaves(&distrusted);
	test_every_insn();
	test_pkru();
	return check_end();
}
