/* SPDX-License-Identifier: MIT */
/*
 * The self-test: known values into the registers by ordinary instructions, a save, a look at every
 * byte, a load, a look at the registers.
 *
 * Registers are filled and read without the instruction under test, and what the caller had in them
 * is kept the same way: so it comes back from an engine that breaks every rule, too. Only x87, SSE
 * and AVX to AVX-512 are filled and loaded. OPMASK is only read, because without CPUID nobody knows
 * whether KMOVQ is there to bring all 64 bits back.
 *
 * Source: SDM vol. 1, "Operation of XSAVE" to "Operation of XRSTORS".
 */
#include "xsave/selftest.h"

#include "xsave/image.h"
#include "protect.h"
#include "xsave.h"

#if XSAVE_X86_64

#define FILLED                                                                                     \
	(XSAVE_LEGACY_MASK | XSAVE_MASK(XSAVE_AVX) | XSAVE_MASK(XSAVE_ZMM_HI256) |                 \
	 XSAVE_MASK(XSAVE_HI16_ZMM))
#define AVX512	  (XSAVE_MASK(XSAVE_OPMASK) | XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM))
#define UNTOUCHED 0xc5 /* every byte before a save */

struct registers {
	_Alignas(64) struct xsave_legacy legacy; /* by FXSAVE */
	uint8_t zmm[32][64];			 /* as far up as there is */
	uint16_t k[8];
};

struct scratch {
	struct registers caller, want, got;
	struct xsave_large area;
	uint8_t behind[4096];
};

_Static_assert(sizeof(struct scratch) <= XSAVE_SELFTEST_SIZE, "scratch area");

/* The bytes of the legacy region and the header, and who may write them. */
struct range {
	uint64_t owner;
	size_t start, end;
};

/* MXCSR goes with AVX, too, in the standard format (M01); nobody writes bytes 511:416 (V07). */
static const struct range legacy_ranges[] = {
	{ XSAVE_MASK(XSAVE_X87), 0, 24 },
	{ XSAVE_MASK(XSAVE_SSE) | XSAVE_MASK(XSAVE_AVX), 24, 32 },
	{ XSAVE_MASK(XSAVE_X87), 32, 160 },
	{ XSAVE_MASK(XSAVE_SSE), 160, 416 },
	{ ~UINT64_C(0), XSAVE_LEGACY_SIZE, XSAVE_EXTENDED },
};

/* Where a part of the registers lies in struct registers and in its component. */
struct part {
	enum xsave_bit bit;
	uint16_t here, here_stride;
	uint16_t there, there_stride; /* x87 and SSE: from the start of the area */
	uint16_t size, count;
};

#define HERE(field) offsetof(struct registers, field)

static const struct part parts[] = {
	{ XSAVE_X87, HERE(legacy.fcw), 0, 0, 0, 5, 1 }, /* FCW, FSW, FTW */
	{ XSAVE_X87, HERE(legacy.st), 16, 32, 16, 10, 8 },
	{ XSAVE_SSE, HERE(legacy.mxcsr), 0, 24, 0, 4, 1 },
	{ XSAVE_SSE, HERE(legacy.xmm), 16, 160, 16, 16, 16 },
	{ XSAVE_AVX, HERE(zmm) + 16, 64, 0, 16, 16, 16 },
	{ XSAVE_OPMASK, HERE(k), 2, 0, 8, 2, 8 },
	{ XSAVE_ZMM_HI256, HERE(zmm) + 32, 64, 0, 32, 32, 16 },
	{ XSAVE_HI16_ZMM, HERE(zmm) + 16 * 64, 64, 0, 64, 64, 16 },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* One instruction for each register that the lists name; \\n is the number. */
#define EACH(numbers, insn) ".irp n," numbers "\n\t" insn "\n\t.endr\n\t"
#define LOW8		    "0,1,2,3,4,5,6,7"
#define LOW16		    LOW8 ",8,9,10,11,12,13,14,15"
#define ALL32		    LOW16 ",16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"

static OUT_OF_LINE GENERAL_REGS void store_registers(struct registers *r, uint64_t mask)
{
	if (mask & AVX512)
		__asm__ volatile(EACH(ALL32, "vmovdqu64 %%zmm\\n, 64*\\n(%0)")
					 EACH(LOW8, "kmovw %%k\\n, 2*\\n(%1)")
				 :
				 : "r"(r->zmm), "r"(r->k)
				 : "memory");
	else if (mask & XSAVE_MASK(XSAVE_AVX))
		__asm__ volatile(EACH(LOW16, "vmovdqu %%ymm\\n, 64*\\n(%0)")
				 :
				 : "r"(r->zmm)
				 : "memory");
	__asm__ volatile("fxsave64 (%0)" : : "r"(&r->legacy) : "memory");
}

/* FXRSTOR comes last: what goes before it has the same low 128 bits. */
static OUT_OF_LINE GENERAL_REGS void load_registers(const struct registers *r, uint64_t mask)
{
	if (mask & AVX512)
		__asm__ volatile(EACH(ALL32, "vmovdqu64 64*\\n(%0), %%zmm\\n")
				 :
				 : "r"(r->zmm)
				 : "memory");
	else if (mask & XSAVE_MASK(XSAVE_AVX))
		__asm__ volatile(EACH(LOW16, "vmovdqu 64*\\n(%0), %%ymm\\n")
				 :
				 : "r"(r->zmm)
				 : "memory");
	__asm__ volatile("fxrstor64 (%0)" : : "r"(&r->legacy) : "memory");
}

/* Volatile, lest a compiler calls memset(), and that one uses vector registers. */
static GENERAL_REGS void set_bytes(void *at, uint8_t value, size_t n)
{
	volatile uint8_t *byte = at;

	for (size_t i = 0; i < n; i++)
		byte[i] = value;
}

static GENERAL_REGS void set_control(struct registers *r, uint16_t fcw, uint32_t mxcsr)
{
	set_bytes(r, 0, sizeof(*r));
	r->legacy.fcw = fcw;
	r->legacy.mxcsr = mxcsr;
}

/* No two registers and no two halves of one are the same. @k: those of the caller stay. */
static GENERAL_REGS void make_values(struct registers *r, const uint16_t *k)
{
	set_control(r, 0x27f, 0x5f80);
	r->legacy.fsw = 3 << 11; /* TOP */
	r->legacy.ftw = 0xff;
	for (unsigned int i = 0; i < 8; i++)
		r->k[i] = k[i];
	for (unsigned int i = 0; i < 8 * 16; i++)
		r->legacy.st[i / 16][i % 16] = (uint8_t)(i % 16 < 10 ? 0x80 + i : 0);
	for (unsigned int i = 0; i < 32 * 64; i++)
		r->zmm[i / 64][i % 64] = (uint8_t)(i * 37 + i / 64 + 1);
	for (unsigned int i = 0; i < 16 * 16; i++)
		r->legacy.xmm[i / 16][i % 16] = r->zmm[i / 16][i % 16];
}

static GENERAL_REGS bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static GENERAL_REGS bool all_bytes(const uint8_t *at, uint8_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (at[i] != value)
			return false;
	return true;
}

static GENERAL_REGS bool same_part(const struct part *p, const struct registers *r,
				   const uint8_t *component)
{
	const uint8_t *here = (const uint8_t *)r + p->here, *there = component + p->there;

	for (unsigned int i = 0; i < p->count; i++)
		if (!same_bytes(here + i * p->here_stride, there + i * p->there_stride, p->size))
			return false;
	return true;
}

static GENERAL_REGS bool same_registers(const struct registers *a, const struct registers *b,
					uint64_t mask)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct part p = parts[i];

		p.there = p.here;
		p.there_stride = p.here_stride;
		if (mask & XSAVE_MASK(p.bit) && !same_part(&p, a, (const uint8_t *)b))
			return false;
	}
	return true;
}

/* Every component that was to be saved lies in its place; OPMASK not when it is initial. */
static GENERAL_REGS bool in_place(const struct xsave_image *image, const struct registers *want,
				  uint64_t mask)
{
	mask &= xsave_image_xstate_bv(image);
	for (size_t i = 0; i < PARTS; i++) {
		const uint8_t *component = xsave_image_component(image, parts[i].bit);

		if (mask & XSAVE_MASK(parts[i].bit) &&
		    (!component || !same_part(&parts[i], want, component)))
			return false;
	}
	return true;
}

/* What is under test. Before the caller's registers are kept only functions of this file run. */
struct trial {
	const struct xsave_cpu *cpu;
	struct scratch *s;
	uint64_t saved, loaded; /* what moves; FXSAVE moves x87 and SSE together */
	uint64_t ask;		/* loads ask for this */
	uint64_t wide;		/* registers to keep: AVX changes what is above it, too */
	/* Where components may lie: twice the same, or each vendor's where nobody knows. */
	struct xsave_image image[2];
};

static GENERAL_REGS bool knows_places(const struct xsave_layout *layout, uint64_t mask)
{
	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (mask >> bit & 1 && !layout->offset[bit])
			return false;
	return true;
}

static GENERAL_REGS void make_trial(struct trial *t, const struct xsave_cpu *cpu, struct scratch *s)
{
	bool fxsave = cpu->insn == XSAVE_INSN_FXSAVE;
	bool known = knows_places(&cpu->layout, cpu->enabled & XSAVE_USER_MASK);

	t->cpu = cpu;
	t->s = s;
	t->saved = fxsave ? XSAVE_LEGACY_MASK : cpu->fit_large;
	t->loaded = t->saved & FILLED;
	t->ask = fxsave ? cpu->mask : t->loaded;
	t->wide = fxsave ? 0 : cpu->enabled;
	for (int i = 0; i < 2; i++) {
		t->image[i].data = &s->area;
		t->image[i].size = sizeof(s->area);
		t->image[i].layout = known ? &cpu->layout : &xsave_layout_intel;
	}
	if (!known)
		t->image[1].layout = &xsave_layout_amd;
}

static GENERAL_REGS void make_untouched(struct scratch *s)
{
	set_bytes(&s->area, UNTOUCHED, sizeof(s->area) + sizeof(s->behind));
}

static GENERAL_REGS bool words_are(const struct xsave_header *header, uint64_t xcomp_bv,
				   uint64_t mask)
{
	return header->xcomp_bv == xcomp_bv && !(header->xstate_bv & ~mask);
}

static GENERAL_REGS bool rest_is_zero(const struct xsave_header *header)
{
	return all_bytes((const uint8_t *)header->reserved, 0, sizeof(header->reserved));
}

/* A component of a standard image that was never written, wherever it may lie in the area. */
static GENERAL_REGS bool untouched(const struct trial *t, unsigned int bit)
{
	for (int i = 0; i < 2; i++) {
		const struct xsave_layout *l = t->image[i].layout;
		const uint8_t *area = t->image[i].data;

		if ((size_t)l->offset[bit] + l->size[bit] <= t->image[i].size &&
		    !all_bytes(area + l->offset[bit], UNTOUCHED, l->size[bit]))
			return false;
	}
	return true;
}

/*
 * Is everything enabled that should be? XSAVE writes every component, initial or not (V08). Nothing
 * is filled before: the registers may not be there. FXSAVE moves what every CPU has.
 */
static GENERAL_REGS enum xsave_error try_enabled(const struct trial *t)
{
	uint64_t mask = t->cpu->enabled & XSAVE_USER_MASK;

	if (t->cpu->insn == XSAVE_INSN_FXSAVE)
		return XSAVE_OK;
	make_untouched(t->s);
	xsave_save_xsave(&t->s->area, mask);
	if (!words_are(&t->s->area.header, 0, mask) || !rest_is_zero(&t->s->area.header))
		return XSAVE_ERR_ENGINE_HEADER;
	for (unsigned int bit = 0; bit < XSAVE_BITS; bit++)
		if (mask >> bit & 1 && untouched(t, bit))
			return XSAVE_ERR_ENGINE_PLACE;
	return XSAVE_OK;
}

static GENERAL_REGS enum xsave_error try_save(const struct trial *t)
{
	struct scratch *s = t->s;
	struct xsave_header *header = &s->area.header;
	bool compacted = xsave_insn_compacted(t->cpu->insn);

	make_values(&s->want, s->caller.k);
	make_untouched(s);
	load_registers(&s->want, t->wide);
	xsave_save_with(t->cpu, &s->area, sizeof(s->area), ~UINT64_C(0));
	if (!words_are(header, compacted ? XSAVE_XCOMP_COMPACTED | t->saved : 0, t->saved) ||
	    t->loaded & ~header->xstate_bv)
		return XSAVE_ERR_ENGINE_HEADER; /* O01 V03 */
	if (!in_place(&t->image[0], &s->want, t->saved) &&
	    !in_place(&t->image[1], &s->want, t->saved))
		return XSAVE_ERR_ENGINE_PLACE; /* L01 L02 L03 */
	return rest_is_zero(header) ? XSAVE_OK : XSAVE_ERR_ENGINE_HEADER;
}

static GENERAL_REGS enum xsave_error try_load(const struct trial *t)
{
	struct scratch *s = t->s;

	load_registers(&s->caller, t->wide);
	xsave_load_with(t->cpu, &s->area, sizeof(s->area), t->ask);
	store_registers(&s->got, t->wide);
	return same_registers(&s->want, &s->got, t->loaded) ? XSAVE_OK : XSAVE_ERR_ENGINE_LOAD;
}

/* Everything that the save may have written is made as before; then all must be. */
static GENERAL_REGS enum xsave_error try_footprint(const struct trial *t)
{
	uint8_t *area = (uint8_t *)&t->s->area;

	xsave_for_each_bit (bit, t->saved & ~XSAVE_LEGACY_MASK) {
		for (int i = 0; i < 2; i++) {
			const uint8_t *component = xsave_image_component(&t->image[i], bit);

			if (component)
				set_bytes(area + (component - area), UNTOUCHED,
					  t->image[i].layout->size[bit]);
		}
	}
	for (size_t i = 0; i < sizeof(legacy_ranges) / sizeof(legacy_ranges[0]); i++) {
		const struct range *r = &legacy_ranges[i];

		if (r->owner & t->saved)
			set_bytes(area + r->start, UNTOUCHED, r->end - r->start);
	}
	return all_bytes(area, UNTOUCHED, sizeof(t->s->area) + sizeof(t->s->behind))
		       ? XSAVE_OK
		       : XSAVE_ERR_ENGINE_FOOTPRINT;
}

static GENERAL_REGS enum xsave_error try_init(const struct trial *t)
{
	struct scratch *s = t->s;

	xsave_reset(&s->area);
	load_registers(&s->want, t->wide);
	xsave_load_with(t->cpu, &s->area, sizeof(s->area), t->ask);
	store_registers(&s->got, t->wide);
	set_control(&s->want, XSAVE_DEFAULT_FCW, XSAVE_DEFAULT_MXCSR); /* M05 */
	return same_registers(&s->want, &s->got, t->loaded) ? XSAVE_OK : XSAVE_ERR_ENGINE_INIT;
}

GENERAL_REGS enum xsave_error xsave_selftest(const struct xsave_cpu *cpu, void *scratch,
					     size_t size)
{
	static enum xsave_error (*const steps[])(
		const struct trial *) = { try_save, try_load, try_footprint, try_init };
	struct scratch *s = scratch;
	enum xsave_error err;
	struct trial t;

	if (size < XSAVE_SELFTEST_SIZE || (uintptr_t)scratch % 64)
		return XSAVE_ERR_SCRATCH;
	make_trial(&t, cpu, s);
	if (!t.saved)
		return XSAVE_OK;
	err = try_enabled(&t);
	if (err)
		return err;
	store_registers(&s->caller, t.wide);
	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++)
		err = steps[i](&t);
	load_registers(&s->caller, t.wide);
	return err;
}

#else

enum xsave_error xsave_selftest(const struct xsave_cpu *cpu, void *scratch, size_t size)
{
	(void)cpu;
	(void)scratch;
	(void)size;
	return XSAVE_ERR_INSN;
}

#endif
