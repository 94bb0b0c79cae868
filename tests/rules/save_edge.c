/* SPDX-License-Identifier: MIT */
/*
 * Saves at the edges: with an x87 exception pending, under EFER.FFXSR, and how large the compacted
 * image is; and FXSAVE and FXRSTOR, which move the same legacy region, as contrast.
 *
 * Rules: V07 V12 V15, L07, and of FXRSTOR R01 R05 M04 H01 H02.
 * Sources: SDM vol. 1, "x87 FPU Exception Synchronization", "Legacy Region of an XSAVE Area"; vol.
 * 2, "FXSAVE", "FXRSTOR", "CPUID" (EAX = 0DH, ECX = 1); APM vol. 2, "Fast FXSAVE/FXRSTOR".
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"
#include "save_area.h"

#define EFER_FFXSR   (UINT64_C(1) << 14)
#define LOWEST	     (SAVE_X87 | SAVE_SSE | SAVE_AVX)
#define VECTORS	     (LOWEST | UINT64_C(0xe0)) /* AVX-512 */
#define X87_FLAGS    6
#define FSW_ES_B     0x8080
#define REPEAT_QUICK 32
#define REPEAT_FULL  512
#define FX	     (SAVE_X87 | SAVE_SSE)
#define FX_SIZE	     512
#define FX_ALIGN     16
#define XMM_SIZE     16
#define XMMS	     16
#define LOW_HALF     UINT64_C(0xffffffff)

static const enum rules_form saves[] = { FORM_XSAVE, FORM_XSAVEOPT, FORM_XSAVEC, FORM_XSAVES };
#define SAVES (sizeof(saves) / sizeof(*saves))

static uint64_t repeat(void)
{
	return options.depth_full ? REPEAT_FULL : REPEAT_QUICK;
}

/* The instructions, forms and levels that this machine has, as one loop. */
#define WAYS (SAVES * 4)

static bool way(unsigned int i, struct save *s)
{
	*s = (struct save){ .form = saves[i / 4],
			    .rex_w = i & 1,
			    .cpl = i & 2 ? 3 : 0,
			    .xcr0 = probe_ops->get(PROBE_XCR0) };
	return save_runs_at(s->form, s->cpl);
}

static uint64_t ways(void)
{
	struct save s;
	uint64_t count = 0;

	for (unsigned int i = 0; i < WAYS; i++)
		count += way(i, &s);
	return count;
}

/* Those of @components are dirty, and are asked for. */
static void ask_for(struct save *s, uint64_t components)
{
	s->mask = save_known(s->xcr0) & components;
	s->dirty = save_dirty(s->xcr0, s->mask);
}

static void end_table(void)
{
	table_end();
	save_counted();
}

/* The flag @flag is set and not masked: so are ES and B. */
static void pend(struct save *s, unsigned int flag)
{
	struct probe fninit = { .insn = &insn_fninit_bytes, .mode = PROBE_64, .cpl = s->cpl };
	static struct probe_result result;

	ask_for(s, LOWEST);
	save_values(s);
	save_regs.x87.fcw &= (uint16_t) ~(1U << flag);
	save_regs.x87.fsw |= (uint16_t)(1U << flag | FSW_ES_B);
	if (area_choose(s) && save_reload(s) && save_probe(s, OLD_JUNK) && save_registers(s))
		test_checked("V12", 1);
	probe_run(&fninit, &result);
	expect_fault(result.fault, NO_FAULT, "V12", "FNINIT");
}

XTEST(save, pending_x87_exception_is_saved, .rules = "V12 V05 V13")
{
	struct save s;

	if (save_skip(FORM_XSAVE))
		return;
	table_begin("save_pending", ways() * X87_FLAGS);
	for (unsigned int i = 0; i < WAYS * X87_FLAGS; i++) {
		if (way(i / X87_FLAGS, &s) && table_case())
			pend(&s, i % X87_FLAGS);
	}
	end_table();
}

static bool has_ffxsr(void)
{
	return probe_ops->cpuid(0x80000000, 0).eax >= 0x80000001 &&
	       probe_ops->cpuid(0x80000001, 0).edx >> 25 & 1;
}

static void save_under_ffxsr(struct save *s)
{
	ask_for(s, LOWEST);
	s->efer_flip = EFER_FFXSR;
	if (area_choose(s) && save_state(s) && save_probe(s, OLD_JUNK) && save_registers(s))
		test_checked("V15", 1);
}

XTEST(save, ffxsr_does_not_concern_xsave, .rules = "V15 V13")
{
	struct probe flip = { .insn = &insn_xsave64_bytes,
			      .mode = PROBE_64,
			      .efer_flip = EFER_FFXSR };
	struct save s;

	if (save_skip(FORM_XSAVE) || facts_skip(has_ffxsr(), "CPUID.80000001H:EDX[25] FFXSR") ||
	    facts_skip(!probe_ops->why_not(&flip), "CPL 0"))
		return;
	table_begin("save_ffxsr", ways() * repeat());
	for (uint64_t i = 0; i < WAYS * repeat(); i++) {
		if (way((unsigned int)(i / repeat()), &s) && table_case())
			save_under_ffxsr(&s);
	}
	end_table();
}

/* FXSAVE writes what XSAVE with RFBM = 3 writes, but for the header. */
static void fxsave(struct save *s)
{
	bool fast = s->efer_flip && !s->cpl;
	uint64_t bv;

	s->xcr0 = s->mask = FX;
	s->dirty = table_random() & s->xcr0 & facts.movable;
	s->may_skip = fast ? SAVE_SSE : 0;
	save_values(s);
	if (!area_choose(s) || !save_load(s, s->dirty, s->xcr0 & ~s->dirty))
		return;
	bv = area_fill(s, OLD_JUNK);
	if (!save_run(s) || !area_judge(s, bv))
		return;
	table_probe(area_span(s));
	if (fast)
		expect_equal(area_unwritten(s, SAVE_SSE), SAVE_SSE, "V15",
			     "XMM registers written by %s", save_where(s));
	save_registers(s);
}

static void run_fxsave(unsigned int i, uint64_t flip)
{
	struct save s = {
		.form = FORM_XSAVE, .rex_w = i & 1, .cpl = i & 2 ? 3 : 0, .efer_flip = flip
	};

	s.other = s.rex_w ? &insn_fxsave64_bytes : &insn_fxsave_bytes;
	if (save_runs_at(FORM_XSAVE, s.cpl) && table_case())
		fxsave(&s);
}

static uint64_t levels(void)
{
	return (uint64_t)save_runs_at(FORM_XSAVE, 0) + save_runs_at(FORM_XSAVE, 3);
}

XTEST(save, fxsave_writes_the_legacy_region_alone, .rules = "V07 V05 V06 V13 M01 V04 V15")
{
	struct probe flip = { .insn = &insn_fxsave_bytes,
			      .mode = PROBE_64,
			      .efer_flip = EFER_FFXSR };
	bool ffxsr;

	if (save_skip(FORM_XSAVE))
		return;
	ffxsr = has_ffxsr() && !probe_ops->why_not(&flip);
	table_begin("save_fxsave", levels() * 2 * repeat() * (1 + ffxsr));
	for (uint64_t i = 0; i < 4 * repeat(); i++)
		run_fxsave((unsigned int)i, 0);
	for (uint64_t i = 0; ffxsr && i < 4 * repeat(); i++)
		run_fxsave((unsigned int)i, EFER_FFXSR);
	end_table();
}

static bool fx_runs(unsigned int cpl)
{
	struct probe p = { .insn = &insn_fxrstor_bytes, .mode = PROBE_64, .cpl = cpl };

	return !probe_ops->why_not(&p);
}

/* What FXRSTOR makes of @regs from an image of save_regs: YMM_Hi128 and what lies above stay. */
static void make_restored(struct xregs *regs, bool rex_w)
{
	regs->mxcsr = save_regs.mxcsr;
	for (unsigned int i = 0; i < XMMS; i++)
		memcpy(regs->vector[i], save_regs.vector[i], XMM_SIZE);
	regs->x87 = save_regs.x87;
	if (rex_w)
		return;
	regs->x87.fip &= LOW_HALF;
	regs->x87.fdp &= LOW_HALF;
}

/* Into registers with other values. */
static void fxrstor(const struct save *s, uint64_t moved)
{
	static struct xregs before, want;
	static struct probe_result result;
	struct probe p = { .insn = s->rex_w ? &insn_fxrstor64_bytes : &insn_fxrstor_bytes,
			   .mode = PROBE_64,
			   .cpl = s->cpl,
			   .load = moved,
			   .store = moved,
			   .regs = &before };

	oracle_values(&before, moved, table_random() >> 16);
	want = before;
	make_restored(&want, s->rex_w);
	p.gprs.rdi = (uint64_t)(uintptr_t)s->area;
	probe_run(&p, &result);
	table_probe(sizeof(want));
	if (!expect_fault(result.fault, NO_FAULT, "R12", "%s cpl=%u", p.insn->name, p.cpl))
		return;
	expect_equal(result.regs.mxcsr, want.mxcsr, "M04", "MXCSR after %s cpl=%u", p.insn->name,
		     p.cpl);
	oracle_same(&want, &result.regs, FX, false, "R05", p.insn->name);
	oracle_same(&want, &result.regs, moved & ~FX, false, "R01", p.insn->name);
}

static void fx_round(struct save *s)
{
	uint64_t moved = probe_ops->get(PROBE_XCR0) & facts.movable & VECTORS;

	s->xcr0 = s->mask = s->dirty = FX;
	save_values(s);
	if (!area_choose(s) || !save_load(s, FX, 0))
		return;
	area_fill(s, OLD_JUNK);
	if (save_run(s))
		fxrstor(s, moved);
}

static bool fx_skip(void)
{
	return save_skip(FORM_XSAVE) ||
	       facts_skip((probe_ops->get(PROBE_XCR0) & facts.movable & FX) == FX,
			  "CPUID.(0DH,0):EAX[1] SSE");
}

XTEST(save, fxrstor_loads_what_fxsave_wrote, .rules = "R05 R01 M04")
{
	if (fx_skip())
		return;
	table_begin("save_fxrstor", 4 * repeat());
	for (uint64_t i = 0; i < 4 * repeat(); i++) {
		struct save s = { .form = FORM_XSAVE, .rex_w = i & 1, .cpl = i & 2 ? 3 : 0 };

		s.other = s.rex_w ? &insn_fxsave64_bytes : &insn_fxsave_bytes;
		if (table_case() && fx_runs(s.cpl))
			fx_round(&s);
	}
	end_table();
}

/* After a refusal nothing is written, and no register loaded. */
static void judge_refused(const struct probe *p, const struct probe_result *result,
			  const uint8_t *area, const uint8_t *before)
{
	if (expect_fault(result->fault, FAULT(GP, 0), "H01", "%s cpl=%u offset=%u", p->insn->name,
			 p->cpl, (unsigned int)((uintptr_t)area % FX_ALIGN))) {
		expect_bytes(area, before, FX_SIZE, "H01", "area of %s", p->insn->name);
		oracle_same(p->regs, &result->regs, FX, true, "H01", p->insn->name);
	}
}

/* The image is one that could be loaded. With @ac, #AC may take the place of #GP. */
static void fx_at(struct probe *p, unsigned int offset, bool ac)
{
	uint8_t *area = probe_ops->arena + offset, before[FX_SIZE];
	const uint32_t mxcsr = SAVE_MXCSR_INIT;
	static struct probe_result result;

	table_fill(before, sizeof(before));
	memcpy(before + ORACLE_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(area, before, sizeof(before));
	p->gprs.rdi = (uint64_t)(uintptr_t)area;
	p->gprs.rflags = ac ? EFLAGS_AC : 0;
	probe_run(p, &result);
	table_probe(sizeof(before));
	if (offset % FX_ALIGN == 0)
		expect_fault(result.fault, NO_FAULT, "H01", "%s cpl=%u offset=%u", p->insn->name,
			     p->cpl, offset);
	else if (ac && p->cpl == 3 && result.fault == FAULT(AC, 0))
		test_checked("H02", 1);
	else
		judge_refused(p, &result, area, before);
}

/* With and without CR0.AM, where it can be flipped, and RFLAGS.AC. */
static void fx_aligned(const struct probe_insn *insn, unsigned int cpl, unsigned int offset)
{
	static struct xregs regs;
	struct probe p = {
		.insn = insn, .mode = PROBE_64, .cpl = cpl, .load = FX, .store = FX, .regs = &regs
	};

	oracle_values(&regs, FX, table_seed());
	for (unsigned int i = 0; i < 4; i++) {
		p.cr0_flip = i & 2 ? CR0_AM : 0;
		if (!probe_ops->why_not(&p))
			fx_at(&p, offset, i & 1);
	}
}

/* Their boundary is 16 bytes, not 64. */
XTEST(save, fxsave_and_fxrstor_are_aligned, .rules = "H01 H02")
{
	static const struct probe_insn *const insns[] = { &insn_fxsave_bytes, &insn_fxsave64_bytes,
							  &insn_fxrstor_bytes,
							  &insn_fxrstor64_bytes };
	static const uint8_t offsets[] = { 1, 2, 4, 8, 15, 16, 32, 48 };
	unsigned int count = sizeof(offsets), cases = 4 * 2 * count;

	if (fx_skip())
		return;
	table_begin("save_fx_aligned", cases);
	for (unsigned int i = 0; i < cases; i++) {
		if (table_case() && fx_runs(i & 1 ? 3 : 0))
			fx_aligned(insns[i / 2 / count], i & 1 ? 3 : 0, offsets[i / 2 % count]);
	}
	end_table();
	restore_end();
}

/* Everything that XCR0 and IA32_XSS have: CPUID says how much that is, and no byte behind it is
 * written. */
static void compacted_size(enum rules_form form, uint64_t xcr0, uint64_t xss)
{
	struct save s = { .form = form,
			  .rex_w = true,
			  .cpl = save_runs_at(form, 0) ? 0 : 3,
			  .xcr0 = xcr0,
			  .xss = xss };

	ask_for(&s, xcr0);
	s.mask |= save_known(xss);
	expect_equal(probe_ops->cpuid(0xd, 1).ebx,
		     oracle_image_size(ORACLE_COMPACT | xcr0 | xss, 0), "L07",
		     "CPUID.(0DH,1):EBX xcr0=0x%lx xss=0x%lx", xcr0, xss);
	if (area_choose(&s) && save_state(&s) && save_probe(&s, OLD_JUNK) &&
	    save_probe(&s, OLD_FRESH))
		test_checked("L07", 1);
}

static void compacted_sizes(enum rules_form form, uint64_t xss)
{
	save_set(PROBE_XSS, xss, "S01");
	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x)) {
		if (!table_case())
			continue;
		save_set(PROBE_XCR0, x, "X15");
		compacted_size(form, x, xss);
	}
}

XTEST(save, compacted_size_is_what_cpuid_says, .rules = "L07 V03 L01 L02 L03")
{
	enum rules_form form = FORM_XSAVES;
	uint64_t xcr0, xss, values = 0;

	if (save_skip(FORM_XSAVEC) ||
	    facts_skip(probe_ops->can_set(PROBE_XSS) || !facts.xss_supported, "CPL 0"))
		return;
	if (!save_runs_at(form, 0))
		form = FORM_XSAVEC;
	xcr0 = probe_ops->get(PROBE_XCR0);
	xss = probe_ops->get(PROBE_XSS);
	for (uint64_t x = facts_xcr0_next(0); x; x = facts_xcr0_next(x))
		values++;
	table_begin("save_compacted_size", values * (form == FORM_XSAVES ? 2 : 1));
	compacted_sizes(form, 0);
	if (form == FORM_XSAVES)
		compacted_sizes(form, save_known(facts.xss_supported));
	save_set(PROBE_XSS, xss, "S01");
	save_set(PROBE_XCR0, xcr0, "X15");
	end_table();
}
