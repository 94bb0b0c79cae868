/* SPDX-License-Identifier: MIT */
/*
 * Tests kernel/xregs.asm on the CPU of this machine, for the components that it has and that CPL 3
 * may move: all but MPX, which the operating system would have to enable.
 *
 * XSAVE and XRSTOR are the second witness here: what the one writes into an image must be what
 * xregs_load() loaded, and xregs_store() must read what the other loaded from it.
 *
 * To be built with -mgeneral-regs-only: between a load and a store no C code may use a vector
 * register. The C library's state is back in the registers whenever it is called.
 *
 * Sources: SDM vol. 1, "Extended Region of an XSAVE Area", "Legacy Region of an XSAVE Area".
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xtk/cpu.h>
#include <xtk/xregs.h>

#include "check.h"
#include <xsave/insn.h>

#define CPUID1_ECX_OSXSAVE  (UINT32_C(1) << 27)
#define ARCH_REQ_XCOMP_PERM 0x1023
#define MPX		    (XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR))
#define AMX		    (XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))
#define FSW_FLAGS	    0x003f /* the exceptions, as in FCW their masks */
#define FSW_ES		    0x0080
#define FSW_B		    0x8000
#define SEEDS		    4096

static uint64_t movable; /* components that this machine lets us move */
static bool has_xsave;
static struct xregs library, a, b, got;
static struct xsave_large image;

static void find_movable(void)
{
	has_xsave = cpuid(1, 0).ecx & CPUID1_ECX_OSXSAVE;
	movable = XSAVE_LEGACY_MASK;
	if (has_xsave)
		movable = insn_xgetbv(0) & xregs_cpu.mask & ~MPX;
	if (movable & AMX && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XSAVE_XTILEDATA))
		movable &= ~AMX;
}

static void pattern(struct xregs *r, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	xregs_pattern(r, XREGS_MASK, seed);
}

/* Registers := all of x, then mask of y; got := all registers. */
static void load_load_store(const struct xregs *x, const struct xregs *y, uint64_t mask)
{
	xregs_load(x, movable);
	xregs_load(y, mask);
	xregs_store(&got, movable);
	xregs_load(&library, movable);
}

/* Return: whether mask of got is as in want; says what is not. */
static bool got_is(const struct xregs *want, uint64_t mask)
{
	struct xregs_diff d;
	unsigned int differing = xregs_compare(want, &got, mask, &d);

	if (differing)
		printf("# %u registers differ, first %s byte %u: expected %02x, got %02x\n",
		       differing, d.name, d.offset, d.want[0], d.got[0]);
	return !differing;
}

/* For every set of components, of which XTILECFG and XTILEDATA count as one. */
static void test_submasks(void)
{
	uint64_t sub = movable;
	bool moved = true, kept = true;

	pattern(&a, 0);
	pattern(&b, 1);
	do {
		sub = (sub - 1) & movable;
		if ((sub & AMX) != 0 && (sub & AMX) != AMX)
			continue;
		load_load_store(&a, &b, sub);
		moved &= got_is(&b, sub);
		kept &= got_is(&a, movable & ~sub);
	} while (sub != movable && moved && kept);
	check(moved, "every set of components is moved");
	check(kept, "no component outside the set changes");
}

/* As on an engine where XTILECFG and XTILEDATA cannot be moved; here x87 stands for them. */
static void test_cpu_mask(void)
{
	const uint64_t x87 = XSAVE_MASK(XSAVE_X87);
	bool kept, unread;

	pattern(&a, 10);
	pattern(&b, 11);
	xregs_load(&a, movable);
	xregs_cpu.mask &= ~x87;
	xregs_load(&b, movable);
	xregs_cpu.mask |= x87;
	xregs_store(&got, movable);
	xregs_load(&library, movable);
	kept = got_is(&a, x87);
	memcpy(&got, &b, sizeof(got));
	xregs_cpu.mask &= ~x87;
	xregs_store(&got, movable);
	xregs_cpu.mask |= x87;
	unread = got_is(&b, x87);
	check(kept && unread, "what is not in xregs_cpu.mask is neither loaded nor stored");
}

static void test_seeds(void)
{
	bool ok = true;

	for (uint64_t seed = 0; seed < SEEDS && ok; seed++) {
		pattern(&a, seed << seed % 39);
		load_load_store(&a, &a, 0);
		ok = got_is(&a, movable);
	}
	check(ok, "every pattern comes back");
}

static void test_initial(void)
{
	memset(&b, 0, sizeof(b));
	b.x87.fcw = XSAVE_DEFAULT_FCW;
	b.x87.ftw = UINT16_MAX;
	b.mxcsr = XSAVE_DEFAULT_MXCSR;
	pattern(&a, 1);
	load_load_store(&a, &b, movable);
	check(got_is(&b, movable), "the initial configuration comes back");
}

/*
 * With ES = 1 every CPU carries FOP, FIP and FDP. That the exception is pending also shows that
 * neither load nor store executes an instruction that would raise it.
 */
static void test_pending_exception(void)
{
	const bool pointers = xregs_cpu.pointers;

	xregs_cpu.pointers = true;
	pattern(&a, 9);
	a.x87.fcw &= (uint16_t)~FSW_FLAGS;
	a.x87.fsw |= FSW_FLAGS;
	load_load_store(&a, &a, XSAVE_MASK(XSAVE_X87));
	a.x87.fsw |= FSW_ES | FSW_B;
	check(got_is(&a, movable), "FOP, FIP and FDP move while an exception is pending");
	xregs_cpu.pointers = pointers;
}

static void test_store_and_touch(void)
{
	bool first;

	pattern(&a, 2);
	xregs_load(&a, movable);
	xregs_store(&b, movable);
	xregs_touch(movable);
	xregs_store(&got, movable);
	xregs_load(&library, movable);
	first = got_is(&b, movable);
	check(first && got_is(&a, movable), "store and touch change no register");
}

static void test_store_masks(void)
{
	bool ok = true;

	memset(&b, 0xa5, sizeof(b));
	xsave_for_each_bit (bit, movable & ~AMX) {
		memset(&got, 0xa5, sizeof(got));
		xregs_store(&got, XSAVE_MASK(bit));
		ok &= got_is(&b, XREGS_MASK & ~XSAVE_MASK(bit));
	}
	check(ok, "store writes no field outside the mask");
}

/* No register of a pattern is 0, so comparing it with zeros counts them all. */
static void test_junk(void)
{
	static const struct xregs zero;
	bool all = true, kept = true;

	pattern(&a, 3);
	xsave_for_each_bit (bit, movable & ~AMX) {
		xregs_load(&a, movable);
		xregs_junk(XSAVE_MASK(bit));
		xregs_store(&got, movable);
		xregs_load(&library, movable);
		all &= xregs_compare(&a, &got, XSAVE_MASK(bit), NULL) ==
		       xregs_compare(&a, &zero, XSAVE_MASK(bit), NULL);
		kept &= got_is(&a, movable & ~XSAVE_MASK(bit));
	}
	check(all, "junk replaces every register of its mask");
	check(kept, "junk replaces no other register");
}

static bool image_x87_is(const struct xregs_x87 *x)
{
	const struct xsave_legacy *l = &image.legacy;
	bool ok = l->fcw == x->fcw && l->fsw == x->fsw;

	for (unsigned int i = 0; i < 8; i++) {
		ok &= (l->ftw >> i & 1) == ((x->ftw >> 2 * i & 3) != 3);
		ok &= memcmp(l->st[i], x->st[i], sizeof(x->st[i])) == 0;
	}
	if (xregs_cpu.pointers)
		ok &= l->fop == x->fop && l->fip == x->fip && l->fdp == x->fdp;
	return ok;
}

/* Whether at holds bytes first to first + size - 1 of 16 vector registers, packed. */
static bool packed(const uint8_t *at, const uint8_t vector[16][64], size_t first, size_t size)
{
	bool ok = true;

	for (unsigned int i = 0; i < 16; i++)
		ok &= memcmp(at + i * size, vector[i] + first, size) == 0;
	return ok;
}

static bool image_component_is(const struct xregs *r, unsigned int bit)
{
	const uint8_t *at = (const uint8_t *)&image + (bit < XSAVE_AVX ? 0 : cpuid(0xd, bit).ebx);

	if (bit == XSAVE_X87)
		return image_x87_is(&r->x87);
	if (bit == XSAVE_SSE)
		return image.legacy.mxcsr == r->mxcsr &&
		       packed(image.legacy.xmm[0], r->vector, 0, XREGS_YMM_HI128);
	if (bit == XSAVE_AVX)
		return packed(at, r->vector, XREGS_YMM_HI128, 16);
	if (bit == XSAVE_ZMM_HI256)
		return packed(at, r->vector, XREGS_ZMM_HI256, 32);
	if (bit == XSAVE_HI16_ZMM)
		return packed(at, r->vector + 16, 0, 64);
	if (bit == XSAVE_OPMASK)
		return !memcmp(at, r->k, sizeof(r->k));
	if (bit == XSAVE_BNDREGS)
		return !memcmp(at, r->bnd, sizeof(r->bnd));
	if (bit == XSAVE_BNDCSR)
		return !memcmp(at, &r->bndcfgu, sizeof(r->bndcfgu) + sizeof(r->bndstatus));
	if (bit == XSAVE_PKRU)
		return !memcmp(at, &r->pkru, sizeof(r->pkru));
	if (bit == XSAVE_XTILECFG)
		return !memcmp(at, &r->tilecfg, sizeof(r->tilecfg));
	return !memcmp(at, r->tile, sizeof(r->tile));
}

static void test_against_xsave(void)
{
	pattern(&a, 4);
	pattern(&b, 5);
	memset(&image, 0, sizeof(image));
	xregs_load(&a, movable);
	insn_xsave(&image, movable);
	xregs_load(&b, movable);
	insn_xrstor(&image, movable);
	xregs_store(&got, movable);
	xregs_load(&library, movable);
	xsave_for_each_bit (bit, movable) {
		check(image_component_is(&a, bit), xsave_component(bit)->name);
	}
	check(got_is(&a, movable), "store reads what XRSTOR loaded");
}

int main(void)
{
	xregs_init();
	xregs_junk(0); /* made now: memset of a C library changes vector registers */
	find_movable();
	xregs_store(&library, movable);
	printf("# components 0x%llx, MXCSR_MASK 0x%x, FOP/FIP/FDP saved %s\n",
	       (unsigned long long)movable, xregs_cpu.mxcsr_mask,
	       xregs_cpu.pointers ? "always" : "while FSW.ES = 1");
	test_submasks();
	test_cpu_mask();
	test_seeds();
	test_initial();
	test_pending_exception();
	test_store_and_touch();
	test_store_masks();
	test_junk();
	if (has_xsave)
		test_against_xsave();
	else
		check_skip("XSAVE as the second witness", "CPUID.1:ECX.OSXSAVE[27]");
	return check_end();
}
