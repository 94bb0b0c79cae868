/* SPDX-License-Identifier: MIT */
/*
 * What a save and a load cost on this CPU: the library, and what it is compared with.
 *
 * usage: native ROUNDS
 *
 * A job is a set of components, those of it that are in use, and a format. For each job and each
 * variant of each task, a batch of operations is timed, with LFENCE between them so that no two
 * overlap. All batches are run once in each round, so that noise meets them alike. Then a line for
 * each, in TSC cycles of a whole batch:
 *
 *	bench: rfbm=M use=M bv=M format=F bytes=N task=T how=H ops=N q1=N median=N q3=N
 *
 * bv is what the CPU says is in use. Before the clock runs, each variant must have done its task.
 * Before these lines come `set: mask=M name=NAME`, and `skip: WHAT: WHY` for what the CPU lacks.
 * Status: 0, 1 a variant did not do its task, 2 usage.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xsave/insn.h"
#include "xsave.h"

#define OPS   128 /* in a batch: the TSC may tick in steps of tens */
#define WARM  2	  /* before the clock runs: caches, branch predictors */
#define TRIES 5	  /* of a check that something else may spoil */
#define JOBS  64

#define CRATE_SIZE	    3072 /* the area of the Rust crate xsave 2.0.2 */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define PKRU_VALUE	    0x55555554 /* as Linux: no access but with key 0 */

struct job {
	uint64_t rfbm; /* components asked for */
	uint64_t use;  /* those in use */
	uint64_t bv;   /* those that the CPU says are in use then */
	bool compacted;
	size_t bytes;		  /* of the image */
	struct xsave_cpu cpu;	  /* moves rfbm in this format */
	struct xsave_large image; /* holds use */
	struct xsave_large area;  /* saved into */
	struct xsave_large
		spare;		 /* memcpy's target; what the bare instruction saves once cleared */
	struct xsave_large seen; /* what the bare instruction saves */
	struct xsave_large again; /* what it saves after a variant was there */
};

static struct job jobs[JOBS];
static unsigned int job_count;

static const struct xsave initial = XSAVE_DEFAULT;

/* The same in standard format, which every CPU loads, and with all the memory that it may probe. */
static const struct xsave_large cleared = {
	.legacy = { .fcw = XSAVE_DEFAULT_FCW, .mxcsr = XSAVE_DEFAULT_MXCSR },
};

/* What a set of components grows by. */
static const struct step {
	const char *name;
	uint64_t mask;
} steps[] = {
	{ "x87+SSE", XSAVE_LEGACY_MASK },
	{ "AVX", XSAVE_MASK(XSAVE_AVX) },
	{ "AVX-512",
	  XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM) },
	{ "PKRU", XSAVE_MASK(XSAVE_PKRU) },
	{ "AMX", XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA) },
	{ "APX", XSAVE_MASK(XSAVE_APX) },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/*
 * By hand: what one writes who knows the instruction and its RFBM, in the same call that a compiler
 * may not see through. XSAVEC needs header bytes 16 to 63 cleared, XSAVE all of them.
 */
#define HAND_MASK "movl %esi, %eax\n\t shrq $32, %rsi\n\t movl %esi, %edx\n\t"
#define HAND_REST                                                                                  \
	"xorl %ecx, %ecx\n\t movq %rcx, 528(%rdi)\n\t movq %rcx, 536(%rdi)\n\t"                    \
	"movq %rcx, 544(%rdi)\n\t movq %rcx, 552(%rdi)\n\t"                                        \
	"movq %rcx, 560(%rdi)\n\t movq %rcx, 568(%rdi)\n\t"
#define HAND_HEADER HAND_REST "movq %rcx, 512(%rdi)\n\t movq %rcx, 520(%rdi)\n\t"
#define HAND(name, body)                                                                           \
	void hand_##name(void *area, uint64_t rfbm);                                               \
	__asm__(".text\n\t .p2align 4\n\t .type hand_" #name ", @function\n"                       \
		"hand_" #name ":\n\t" HAND_MASK body " (%rdi)\n\t ret\n\t"                         \
		".size hand_" #name ", . - hand_" #name)
HAND(xsavec, HAND_REST "xsavec64");
HAND(xsave, HAND_HEADER "xsave64");
HAND(xrstor, "xrstor64");

static inline uint64_t ticks(void)
{
	uint32_t eax, edx;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(eax), "=d"(edx) : : "memory");
	return (uint64_t)edx << 32 | eax;
}

/* As the crate does it: 3072 bytes of zeros but for FCW and MXCSR, and a mask of all ones. */
static inline void *crate_default(struct job *job)
{
	memset(&job->area, 0, CRATE_SIZE);
	job->area.legacy.fcw = XSAVE_DEFAULT_FCW;
	job->area.legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	return &job->area;
}

/* The struct that xsave_save() is called with: the small one, unless it has no room. */
#define SMALL(job) ((struct xsave *)(void *)&(job)->area)
#define LARGE(job) (&(job)->area)

/*
 * X(name, task, how, format, size, operation). format: of the jobs, B for both; size: S when the
 * small struct holds all of the job, L when not, B for both. The task "fresh" is a save into an
 * area that must be made first, "clear" a load of the default; both begin with all that is in use
 * loaded again, which costs what how=base says.
 */
#define LOAD_USE insn_xrstor(&job->image, job->rfbm)
/* clang-format off */
#define VARIANTS(X)										\
	X(empty,	   "none",  "base",  B, B, (void)0)					\
	X(fxsave,	   "save",  "fx",    B, B, insn_fxsave(&job->area, 0))			\
	X(fxrstor,	   "load",  "fx",    B, B, insn_fxrstor(&job->image, 0))		\
	X(fx_both,	   "both",  "fx",    B, B, insn_fxsave(&job->area, 0);			\
						   insn_fxrstor(&job->area, 0))			\
	X(copy,		   "none",  "copy",  B, B, memcpy(&job->spare, &job->image, job->bytes))	\
	X(bare_save_c,	   "save",  "bare",  C, B, insn_xsavec(&job->area, job->rfbm))		\
	X(bare_save_s,	   "save",  "bare",  S, B, insn_xsave(&job->area, job->rfbm))		\
	X(bare_load,	   "load",  "bare",  B, B, insn_xrstor(&job->image, job->rfbm))		\
	X(bare_both_c,	   "both",  "bare",  C, B, insn_xsavec(&job->area, job->rfbm);		\
						   insn_xrstor(&job->area, job->rfbm))		\
	X(bare_both_s,	   "both",  "bare",  S, B, insn_xsave(&job->area, job->rfbm);		\
						   insn_xrstor(&job->area, job->rfbm))		\
	X(hand_save_c,	   "save",  "hand",  C, B, hand_xsavec(&job->area, job->rfbm))		\
	X(hand_save_s,	   "save",  "hand",  S, B, hand_xsave(&job->area, job->rfbm))		\
	X(hand_load,	   "load",  "hand",  B, B, hand_xrstor(&job->image, job->rfbm))		\
	X(hand_both_c,	   "both",  "hand",  C, B, hand_xsavec(&job->area, job->rfbm);		\
						   hand_xrstor(&job->area, job->rfbm))		\
	X(hand_both_s,	   "both",  "hand",  S, B, hand_xsave(&job->area, job->rfbm);		\
						   hand_xrstor(&job->area, job->rfbm))		\
	X(lib_save_small,  "save",  "lib",   B, S, xsave_save(SMALL(job)))			\
	X(lib_save_large,  "save",  "lib",   B, L, xsave_save(LARGE(job)))			\
	X(lib_load_small,  "load",  "lib",   B, S, xsave_load((struct xsave *)(void *)&job->image)) \
	X(lib_load_large,  "load",  "lib",   B, L, xsave_load(&job->image))			\
	X(lib_both_small,  "both",  "lib",   B, S, xsave_save(SMALL(job)); xsave_load(SMALL(job)))	\
	X(lib_both_large,  "both",  "lib",   B, L, xsave_save(LARGE(job)); xsave_load(LARGE(job)))	\
	X(use,		   "again", "base",  B, B, LOAD_USE)					\
	X(fresh_small,	   "fresh", "lib",   B, S, LOAD_USE; xsave_reset(SMALL(job)); xsave_save(SMALL(job))) \
	X(fresh_large,	   "fresh", "lib",   B, L, LOAD_USE; xsave_reset(LARGE(job)); xsave_save(LARGE(job))) \
	X(fresh_bare_c,	   "fresh", "bare",  C, B, LOAD_USE; insn_xsavec(&job->area, job->rfbm))	\
	X(fresh_bare_s,	   "fresh", "bare",  S, B, LOAD_USE; insn_xsave(&job->area, job->rfbm))	\
	X(fresh_crate,	   "fresh", "crate", B, B, LOAD_USE; insn_xsave(crate_default(job), ~UINT64_C(0))) \
	X(clear_bare,	   "clear", "bare",  C, B, LOAD_USE; insn_xrstor(&initial, job->rfbm))	\
	X(clear_lib,	   "clear", "lib",   B, B, LOAD_USE; xsave_load(&initial))		\
	X(clear_crate,	   "clear", "crate", B, B, LOAD_USE; insn_xrstor(crate_default(job), ~UINT64_C(0)))
/* clang-format on */

#define DEFINE_BATCH(name, task, how, format, size, ...)                                           \
	static uint64_t batch_##name(struct job *job, unsigned int warm, unsigned int ops)         \
	{                                                                                          \
		uint64_t start = 0;                                                                \
                                                                                                   \
		for (unsigned int i = 0; i < warm + ops; i++) {                                    \
			if (i == warm)                                                             \
				start = ticks();                                                   \
			(void)job;                                                                 \
			__VA_ARGS__;                                                               \
			__asm__ volatile("lfence" : : : "memory");                                 \
		}                                                                                  \
		return ticks() - start;                                                            \
	}
VARIANTS(DEFINE_BATCH)

static const struct variant {
	const char *task, *how;
	char format, size;
	uint64_t (*batch)(struct job *job, unsigned int warm, unsigned int ops);
} variants[] = {
#define VARIANT_ROW(name, task, how, format, size, ...)                                            \
	{ task, how, (#format)[0], (#size)[0], batch_##name },
	VARIANTS(VARIANT_ROW)
};
#define VARIANT_COUNT (sizeof(variants) / sizeof(variants[0]))

static bool is(const char *word, const char *other)
{
	return !strcmp(word, other);
}

/* What needs all of XCR0 to be asked for: the crate cannot ask for less. */
static bool is_whole(const struct variant *variant)
{
	return is(variant->task, "fresh") || is(variant->task, "clear") ||
	       is(variant->task, "again");
}

static bool applies(const struct variant *variant, const struct job *job, uint64_t widest)
{
	bool large = job->rfbm & XSAVE_MASK(XSAVE_XTILEDATA);

	if (variant->format != 'B' && variant->format != (job->compacted ? 'C' : 'S'))
		return false;
	if (variant->size != 'B' && variant->size != (large ? 'L' : 'S'))
		return false;
	return job->rfbm == widest || !is_whole(variant);
}

/* XTILECFG: eight tiles of the largest size in palette 1. */
static void fill_tilecfg(uint8_t *at)
{
	at[0] = 1;
	for (int tile = 0; tile < 8; tile++) {
		at[16 + 2 * tile] = 64; /* bytes of a row */
		at[48 + tile] = 16;	/* rows */
	}
}

static void fill_component(struct job *job, unsigned int bit)
{
	uint8_t *area = (uint8_t *)&job->image;
	uint64_t xcomp_bv = job->image.header.xcomp_bv;
	uint8_t *at = area + xsave_offset(&job->cpu.layout, xcomp_bv, bit);
	uint32_t pkru = PKRU_VALUE;

	if (bit == XSAVE_X87) {
		job->image.legacy.ftw = 0xff;
		for (int i = 0; i < 8; i++)
			memset(job->image.legacy.st[i], 0x5a, 10);
	} else if (bit == XSAVE_PKRU) {
		memcpy(at, &pkru, sizeof(pkru));
	} else if (bit == XSAVE_XTILECFG) {
		fill_tilecfg(at);
	} else {
		memset(at, 0x5a, xsave_component(bit)->size);
	}
}

static void fill_image(struct job *job)
{
	job->image.legacy.fcw = XSAVE_DEFAULT_FCW;
	job->image.legacy.mxcsr = XSAVE_DEFAULT_MXCSR;
	job->image.header.xstate_bv = job->use;
	job->image.header.xcomp_bv = job->compacted ? job->rfbm | XSAVE_XCOMP_COMPACTED : 0;
	xsave_for_each_bit (bit, job->use)
		fill_component(job, bit);
}

/* All state as @image has it; what the job does not ask for in its initial configuration. */
static void set_state(const struct job *job, const void *image)
{
	insn_xrstor(&cleared, ~XSAVE_MASK(XSAVE_PKRU));
	insn_xrstor(image, job->rfbm);
}

static void save_bare(const struct job *job, struct xsave_large *area)
{
	if (job->compacted)
		insn_xsavec(area, job->rfbm);
	else
		insn_xsave(area, job->rfbm);
}

/* Clear what a variant and its check leave behind, and see what the bare instruction saves. */
static void prepare(struct job *job)
{
	memset(&job->area, 0, sizeof(job->area));
	memset(&job->seen, 0, sizeof(job->seen));
	memset(&job->again, 0, sizeof(job->again));
	memset(&job->spare, 0, sizeof(job->spare));
	set_state(job, &job->image);
	save_bare(job, &job->seen);
	job->bv &= job->seen.header.xstate_bv;
}

/*
 * Run a variant once: an image that was saved must hold the state, and a load must bring it. What
 * clears its own header gets one full of ones. The crate's memset() uses vector registers, so what
 * it saves cannot be foreseen. Neither may a function of libc be called here after set_state().
 */
static bool does_its_task(const struct variant *variant, struct job *job)
{
	bool bare = is(variant->how, "bare") || is(variant->how, "base");
	bool load = is(variant->task, "load"), clear = is(variant->task, "clear");
	bool saved = is(variant->task, "save") || is(variant->task, "fresh");

	if (is(variant->task, "none") || is(variant->how, "fx") ||
	    (saved && is(variant->how, "crate")))
		return true;
	prepare(job);
	memset(&job->area.header, bare ? 0 : 0xff, sizeof(job->area.header));
	set_state(job, load ? (const void *)&cleared : &job->image);
	variant->batch(job, 0, 1);
	if (saved && job->area.header.reserved[0])
		return false;
	if (saved)
		set_state(job, &job->area);
	save_bare(job, &job->again);
	if (clear) {
		insn_xrstor(&cleared, ~XSAVE_MASK(XSAVE_PKRU));
		save_bare(job, &job->spare);
	}
	return !memcmp(&job->again, clear ? &job->spare : &job->seen, sizeof(job->again));
}

/*
 * All variants of a job. What does its task may fail now and then, and is tried again: after a
 * switch to another process the CPU may say that SSE is in use, with its initial values.
 */
static void check(struct job *job, uint64_t widest)
{
	job->bv = ~UINT64_C(0);
	for (size_t i = 0; i < VARIANT_COUNT; i++) {
		const struct variant *variant = &variants[i];
		bool good = !applies(variant, job, widest);

		for (int try = 0; !good && try < TRIES; try++)
			good = does_its_task(variant, job);
		if (good)
			continue;
		fprintf(stderr, "native: %s by %s: wrong state, of 0x%llx with 0x%llx in use\n",
			variant->task, variant->how, (unsigned long long)job->rfbm,
			(unsigned long long)job->use);
		exit(1);
	}
}

static void add_job(const struct xsave_cpu *cpu, bool compacted, uint64_t rfbm, uint64_t use)
{
	struct job *job = &jobs[job_count++];

	job->rfbm = rfbm;
	job->use = use;
	job->compacted = compacted;
	job->cpu = *cpu;
	if (job_count == JOBS ||
	    xsave_cpu_restrict(&job->cpu, compacted ? XSAVE_INSN_XSAVEC : XSAVE_INSN_XSAVE, rfbm)) {
		fprintf(stderr, "native: no job of 0x%llx\n", (unsigned long long)rfbm);
		exit(1);
	}
	job->bytes = compacted ? xsave_compacted_size(rfbm)
			       : xsave_standard_size(&job->cpu.layout, rfbm);
	fill_image(job);
}

/* Each set all in use and all initial; of the widest, all the smaller ones in use, too. */
static void add_jobs(const struct xsave_cpu *cpu, bool compacted, const uint64_t *sets, int count)
{
	for (int i = 0; i < count; i++) {
		add_job(cpu, compacted, sets[i], 0);
		add_job(cpu, compacted, sets[i], sets[i]);
	}
	for (int i = 0; i < count - 1; i++)
		add_job(cpu, compacted, sets[count - 1], sets[i]);
}

static void skip(const char *what, const char *why)
{
	printf("skip: %s: %s\n", what, why);
}

/* May this process use what @step has? If not, say which bit is missing. */
static bool is_there(const struct step *step, const struct xsave_cpu *cpu,
		     const struct xsave_cpuid *cpuid)
{
	unsigned int bit = xsave_next_bit(step->mask & ~cpu->enabled, 0);
	char why[64];

	if (bit < XSAVE_BITS) {
		bool offered = xsave_cpuid_xcr0(cpuid) & XSAVE_MASK(bit);

		snprintf(why, sizeof(why),
			 offered ? "XCR0[%u] is clear" : "CPUID.(0DH,0):EAX[%u] is clear", bit);
		skip(step->name, why);
		return false;
	}
	if (step->mask & XSAVE_MASK(XSAVE_XTILEDATA) &&
	    syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XSAVE_XTILEDATA)) {
		skip(step->name, "the system does not permit XTILEDATA");
		return false;
	}
	return true;
}

static int find_sets(const struct xsave_cpu *cpu, const struct xsave_cpuid *cpuid, uint64_t *sets)
{
	uint64_t set = 0;
	int count = 0;

	for (size_t i = 0; i < STEPS; i++) {
		if (!is_there(&steps[i], cpu, cpuid))
			continue;
		sets[count++] = set |= steps[i].mask;
		printf("set: mask=0x%llx name=\"%s%s\"\n", (unsigned long long)set, i ? "+" : "",
		       steps[i].name);
	}
	return count;
}

/* The jobs that this CPU can do. Return: the widest set; 0 when there is none. */
static uint64_t find_jobs(void)
{
	struct xsave_cpuid cpuid;
	struct xsave_cpu cpu;
	uint64_t sets[STEPS];
	enum xsave_error wrong;
	int count;

	xsave_cpuid_read(&cpuid);
	if (!(cpuid.leaf1_ecx & XSAVE_CPUID_1_ECX_XSAVE)) {
		skip("XSAVE", "CPUID.1:ECX[26] is clear");
		return 0;
	}
	if (!(cpuid.leaf1_ecx & XSAVE_CPUID_1_ECX_OSXSAVE)) {
		skip("XSAVE", "CPUID.1:ECX[27] is clear");
		return 0;
	}
	wrong = xsave_cpu_init(&cpu, &cpuid, insn_xgetbv(0), 0);
	if (wrong) {
		fprintf(stderr, "native: CPUID: %s\n", xsave_strerror(wrong));
		exit(1);
	}
	count = find_sets(&cpu, &cpuid, sets);
	if (!count)
		return 0;
	add_jobs(&cpu, false, sets, count);
	if (cpu.compaction)
		add_jobs(&cpu, true, sets, count);
	else
		skip("compacted format", "CPUID.(0DH,1):EAX[1] is clear");
	return sets[count - 1];
}

static void run_rounds(uint64_t widest, uint32_t *samples, unsigned int rounds)
{
	for (unsigned int round = 0; round < rounds; round++)
		for (unsigned int i = 0; i < job_count; i++)
			for (size_t v = 0; v < VARIANT_COUNT; v++) {
				uint32_t *of = &samples[(i * VARIANT_COUNT + v) * rounds];

				if (!applies(&variants[v], &jobs[i], widest))
					continue;
				xsave_use(&jobs[i].cpu);
				memcpy(&jobs[i].area, &jobs[i].image, sizeof(jobs[i].area));
				set_state(&jobs[i], &jobs[i].image);
				of[round] = (uint32_t)variants[v].batch(&jobs[i], WARM, OPS);
			}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_line(const struct job *job, const struct variant *variant, uint32_t *samples,
		       unsigned int rounds)
{
	qsort(samples, rounds, sizeof(*samples), compare);
	printf("bench: rfbm=0x%llx use=0x%llx bv=0x%llx format=%s bytes=%zu task=%s how=%s ops=%d "
	       "q1=%u median=%u q3=%u\n",
	       (unsigned long long)job->rfbm, (unsigned long long)job->use,
	       (unsigned long long)job->bv, job->compacted ? "compacted" : "standard", job->bytes,
	       variant->task, variant->how, OPS, samples[rounds / 4], samples[rounds / 2],
	       samples[rounds * 3 / 4]);
}

/* To one CPU, lest the TSC and the caches change: the last that is allowed. */
static void pin(void)
{
	cpu_set_t allowed, one;
	int last = 0;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return skip("pinning to a CPU", "sched_getaffinity() failed");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			last = i;
	CPU_SET(last, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		skip("pinning to a CPU", "sched_setaffinity() failed");
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	uint64_t widest;
	uint32_t *samples;

	if (!rounds || rounds > 9999) {
		fprintf(stderr, "usage: native ROUNDS, 1 to 9999\n");
		return 2;
	}
	pin();
	widest = find_jobs();
	for (unsigned int i = 0; i < job_count; i++) {
		xsave_use(&jobs[i].cpu);
		check(&jobs[i], widest);
	}
	samples = calloc(job_count * VARIANT_COUNT * rounds + 1, sizeof(*samples));
	if (!samples) {
		fprintf(stderr, "native: no memory for %lu rounds\n", rounds);
		return 1;
	}
	run_rounds(widest, samples, (unsigned int)rounds);
	for (unsigned int i = 0; i < job_count; i++)
		for (size_t v = 0; v < VARIANT_COUNT; v++)
			if (applies(&variants[v], &jobs[i], widest))
				print_line(&jobs[i], &variants[v],
					   &samples[(i * VARIANT_COUNT + v) * rounds],
					   (unsigned int)rounds);
	free(samples);
	return 0;
}
