/* SPDX-License-Identifier: MIT */
/*
 * Which instructions take a component out of use, as XGETBV with ECX = 1 shows it: never one that
 * is not in its initial configuration.
 *
 * Rules: O01 O11; O10 O12 are recorded.
 * Sources: SDM vol. 1, "Processor Tracking of XSAVE-Managed State", "Intel AMX Tile Architecture";
 * vol. 2, "TILERELEASE", "LDTILECFG".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "save.h"
#include "save_area.h"

#define AVX512	      (UINT64_C(7) << 5)
#define XGETBV_XINUSE 1
#define REPEAT	      16

/* Source: SDM vol. 2, the instruction pages. needs: components whose instructions they are. amx:
 * they release the tiles, rule O11. */
static const struct release {
	struct probe_insn insn;
	uint64_t needs;
	bool amx;
} releases[] = {
	{ { "NOP", 1, { 0x90 } }, 0, false },
	{ { "FNINIT", 2, { 0xdb, 0xe3 } }, SAVE_X87, false },
	{ { "EMMS", 2, { 0x0f, 0x77 } }, SAVE_X87, false },
	{ { "VZEROUPPER", 3, { 0xc5, 0xf8, 0x77 } }, SAVE_AVX, false },
	{ { "VZEROALL", 3, { 0xc5, 0xfc, 0x77 } }, SAVE_AVX, false },
	{ { "VPXOR XMM0, XMM0, XMM0", 4, { 0xc5, 0xf9, 0xef, 0xc0 } }, SAVE_AVX, false },
	{ { "KXORW K1, K1, K1", 4, { 0xc5, 0xf4, 0x47, 0xc9 } }, AVX512, false },
	{ { "TILERELEASE", 5, { 0xc4, 0xe2, 0x78, 0x49, 0xc0 } }, SAVE_AMX, true },
	{ { "LDTILECFG", 5, { 0xc4, 0xe2, 0x78, 0x49, 0x07 } }, SAVE_AMX, true },
};
#define RELEASES (sizeof(releases) / sizeof(*releases))

static struct probe_result result;

static bool possible(const struct release *r, uint64_t xcr0)
{
	return (xcr0 & facts.movable & r->needs) == r->needs;
}

/* Return: XINUSE after the instruction; the registers are in result */
static uint64_t inuse_after(const struct save *s, const struct release *r)
{
	struct probe p = { .insn = &r->insn, .mode = PROBE_64, .cpl = s->cpl };

	memset(s->area, 0, 64);
	p.gprs.rdi = (uint64_t)(uintptr_t)s->area;
	probe_run(&p, &result);
	expect_fault(result.fault, NO_FAULT, "X18", "%s", r->insn.name);
	p.insn = &insn_xgetbv_bytes;
	p.gprs.rcx = XGETBV_XINUSE;
	p.store = s->xcr0 & facts.movable;
	probe_run(&p, &result);
	expect_fault(result.fault, NO_FAULT, "G16", "XGETBV ecx=1");
	table_probe(sizeof(result.regs));
	return result.gprs.rdx << 32 | (uint32_t)result.gprs.rax;
}

static void judge(const struct save *s, const struct release *r, uint64_t inuse)
{
	uint64_t in = 0;

	for (unsigned int i = 0; i < 63; i++) {
		if (s->dirty >> i & 1 && !oracle_is_initial(&result.regs, i))
			in |= UINT64_C(1) << i;
	}
	expect_equal(in & ~inuse, 0, "O01",
		     "components with data and XINUSE = 0 after %s, xcr0=0x%lx", r->insn.name,
		     s->xcr0);
	if (r->amx)
		expect_equal(inuse & SAVE_AMX, 0, "O11", "XINUSE[18:17] after %s", r->insn.name);
}

static void run_release(const struct release *r, uint64_t xcr0)
{
	struct save s = { .form = FORM_XSAVE,
			  .cpl = save_runs_at(FORM_XSAVE, 3) ? 3 : 0,
			  .xcr0 = xcr0,
			  .dirty = save_dirty(xcr0, xcr0) };
	uint64_t inuse;

	if (!area_choose(&s) || !save_state(&s))
		return;
	inuse = inuse_after(&s, r);
	judge(&s, r, inuse);
	test_info("observed: O10 %s clears XINUSE 0x%lx", r->insn.name, s.dirty & ~inuse);
}

XTEST(save, xinuse_is_0_only_of_what_is_initial, .rules = "O01 O04 O11")
{
	uint64_t xcr0, count = 0;

	if (save_skip(FORM_XSAVE) || facts_skip(facts.xgetbv1, "CPUID.(0DH,1):EAX[2] XGETBV ECX=1"))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	for (unsigned int i = 0; i < RELEASES; i++)
		count += possible(&releases[i], xcr0);
	table_begin("save_release", count);
	for (unsigned int i = 0; i < RELEASES; i++) {
		if (possible(&releases[i], xcr0) && table_case())
			run_release(&releases[i], xcr0);
	}
	table_end();
	save_counted();
}

/*
 * Components every byte of which may have any value, but for two bits of PKRU. BNDCSR has reserved
 * bits, and tiles want a configuration.
 */
#define FREE_FORM    UINT64_C(0x2ef)
#define X87_POINTERS 6 /* first byte of FOP, FIP and FDP */
#define PKRU	     9
#define OPMASK	     5
#define IMAGE_SIZE   4096

/* Whether the register that this byte belongs to can be moved here. */
static bool movable(unsigned int bit, uint32_t offset, const struct oracle_part *part)
{
	if (oracle_open_byte(bit, 0, offset) || offset >= IMAGE_SIZE)
		return false;
	if (bit == 0 && offset >= X87_POINTERS && offset < ORACLE_MXCSR)
		return xregs_cpu.pointers;
	return bit != OPMASK || xregs_cpu.avx512bw || (offset - part->offset) % 8 < 2;
}

/* Everything is initial but one bit of the component's byte at @offset. */
static void one_bit(struct save *s, unsigned int bit, uint32_t offset, bool first)
{
	static uint8_t image[IMAGE_SIZE];
	unsigned int n = table_random() % 8;

	oracle_initial(&save_regs, s->xcr0 | SAVE_SSE);
	save_regs.mxcsr = SAVE_MXCSR_INIT;
	oracle_encode(image, bit, 0, &save_regs, true);
	image[offset] ^= (uint8_t)(1U << (bit == PKRU && first && n < 2 ? n + 2 : n));
	oracle_decode(&save_regs, bit, 0, image, true);
	s->dirty = oracle_is_initial(&save_regs, bit) ? 0 : UINT64_C(1) << bit;
}

static void save_by_every_form(const struct save *state)
{
	for (enum rules_form form = FORM_XSAVE; form <= FORM_XSAVES; form++) {
		struct save s = *state;

		s.form = form;
		s.cpl = save_runs_at(form, 3) ? 3 : 0;
		if (save_runs_at(form, s.cpl) && !save_probe(&s, OLD_JUNK) && !save_reload(state))
			return;
	}
	save_registers(state);
}

/* All bytes of a part. Return: how many */
static uint32_t run_part(struct save *s, unsigned int bit, const struct oracle_part *part, bool run)
{
	uint32_t count = 0;

	for (uint32_t i = part->offset; i < part->offset + part->size; i++) {
		if (!movable(bit, i, part))
			continue;
		count++;
		if (!run || !table_case())
			continue;
		s->form = FORM_XSAVE;
		s->cpl = save_runs_at(FORM_XSAVE, 3) ? 3 : 0;
		one_bit(s, bit, i, i == part->offset);
		if (area_choose(s) && save_reload(s))
			save_by_every_form(s);
	}
	return count;
}

static uint32_t run_components(struct save *s, bool run)
{
	uint64_t components = s->mask & facts.movable;
	struct oracle_part parts[2];
	uint32_t count = 0;

	for (unsigned int bit = 0; bit < 63; bit++) {
		unsigned int n = components >> bit & 1 ? oracle_parts(bit, 0, parts) : 0;

		while (n--)
			count += run_part(s, bit, &parts[n], run);
	}
	return count;
}

XTEST(save, one_bit_is_enough_to_be_in_use, .rules = "O01 O04 R05 V05 V06")
{
	struct save s = { .rex_w = true };

	if (save_skip(FORM_XSAVE))
		return;
	s.xcr0 = probe_ops->get(PROBE_XCR0);
	s.mask = save_known(s.xcr0) & FREE_FORM;
	table_begin("save_one_bit", run_components(&s, false));
	run_components(&s, true);
	table_end();
	save_counted();
}

/* Bytes of the area that belong to what was asked for, and are older than the save. */
static uint32_t stale(const struct save *s)
{
	uint64_t old = area_unwritten(s, save_rfbm(s));
	uint32_t bytes = 0;

	for (unsigned int i = 0; i < 63; i++)
		bytes += old >> i & 1 ? oracle_size(i) : 0;
	return bytes;
}

XTEST(save, xsavec_of_initial_state_discloses_old_memory, .rules = "O05")
{
	struct save s = { .form = FORM_XSAVEC, .rex_w = true };

	if (save_skip(FORM_XSAVEC))
		return;
	s.cpl = save_runs_at(FORM_XSAVEC, 3) ? 3 : 0;
	s.xcr0 = probe_ops->get(PROBE_XCR0);
	s.mask = save_known(s.xcr0);
	table_begin("save_stale", REPEAT);
	for (unsigned int i = 0; i < REPEAT; i++) {
		if (!table_case() || !area_choose(&s) || !save_state(&s) ||
		    !save_probe(&s, OLD_JUNK))
			continue;
		if (i == 0)
			test_info("observed: O12 stale bytes after XSAVEC: %u", stale(&s));
	}
	table_end();
	save_counted();
}
