/* SPDX-License-Identifier: MIT */
/*
 * One save, from a known state, judged byte by byte: see save.h.
 *
 * What is expected is made from what the area held before, the registers that were loaded, and the
 * manuals' arithmetic. Two things are taken from the machine, and judged by themselves first:
 * XSTATE_BV (a component in its initial configuration may be reported in use), and bytes whose
 * value the manuals leave open, which may stay as they were or become 0.
 *
 * Sources: SDM vol. 1, "Processor Tracking of XSAVE-Managed State", "Operation of XSAVE",
 * "Operation of XSAVEOPT", "Operation of XSAVEC", "Operation of XSAVES"; APM vol. 2, "FXSAVE and
 * FXRSTOR Instructions" (x87 pointers).
 */
#include "save.h"

#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "save_area.h"

#define STATUS_AND_DF UINT64_C(0xcd5) /* CF PF AF ZF SF DF OF */
#define XGETBV_XINUSE 1

struct xregs save_regs;

static bool inuse_known;
static uint64_t inuse;
static struct probe_result result;

/* Where the standard format has a component only CPUID says; less than 576 is no place. */
static bool has_place(unsigned int bit)
{
	return bit < 2 || oracle_supervisor(bit) ||
	       (bit < 63 && facts.offset[bit] >= ORACLE_EXTENDED);
}

uint64_t save_known(uint64_t xcr0)
{
	uint64_t known = 0;

	for (unsigned int i = 0; i < 63; i++)
		known |= xcr0 >> i & 1 && oracle_size(i) && has_place(i) ? UINT64_C(1) << i : 0;
	return known;
}

unsigned int save_bits(uint64_t mask)
{
	unsigned int count = 0;

	for (; mask; mask &= mask - 1)
		count++;
	return count;
}

uint64_t save_dirty(uint64_t xcr0, uint64_t wanted)
{
	uint64_t dirty = wanted & xcr0 & facts.movable;

	return (dirty & SAVE_AMX) ? dirty | (SAVE_AMX & xcr0 & facts.movable) : dirty;
}

uint64_t save_rfbm(const struct save *s)
{
	return s->mask & (s->xcr0 | (s->form == FORM_XSAVES ? s->xss : 0));
}

const struct probe_insn *save_insn(const struct save *s)
{
	return s->other ? s->other : form_insn(s->form, s->rex_w);
}

bool save_set(enum probe_register reg, uint64_t value, const char *rule)
{
	return !probe_ops->can_set(reg) ||
	       expect_fault(probe_ops->set(reg, value), NO_FAULT, rule, "0x%lx", value);
}

bool save_runs_at(enum rules_form form, unsigned int cpl)
{
	struct probe p = { .insn = form_insn(form, true), .mode = PROBE_64, .cpl = cpl };

	return !form_missing(form) && !probe_ops->why_not(&p) && !(form == FORM_XSAVES && cpl);
}

bool save_skip(enum rules_form form)
{
	facts_read();
	if (form_missing(form))
		return facts_skip(false, form_missing(form));
	return facts_skip(save_runs_at(form, 0) || save_runs_at(form, 3), "CPL 0");
}

const char *save_where(const struct save *s)
{
	static char text[160];

	format_text(text, sizeof(text),
		    "%s cpl=%u xcr0=0x%lx xss=0x%lx mask=0x%lx init=0x%lx mxcsr=0x%x",
		    save_insn(s)->name, s->cpl, s->xcr0, s->xss, s->mask, s->xcr0 & ~s->dirty,
		    save_regs.mxcsr);
	return text;
}

void save_values(const struct save *s)
{
	oracle_values(&save_regs, s->dirty | SAVE_SSE, table_seed());
	oracle_initial(&save_regs, (s->xcr0 | SAVE_SSE) & ~s->dirty);
	if (!(s->dirty & SAVE_SSE) && table_random() & 1)
		save_regs.mxcsr = SAVE_MXCSR_INIT;
}

/* The operand of LDMXCSR: in the last page, where no area is. */
static uint8_t *mxcsr_operand(void)
{
	return probe_ops->arena + PROBE_ARENA_SIZE - sizeof(save_regs.mxcsr);
}

bool save_load(const struct save *s, uint64_t load, uint64_t init)
{
	struct probe p = { .insn = &insn_ldmxcsr_bytes, .mode = PROBE_64, .cpl = s->cpl };
	uint8_t *operand = mxcsr_operand();

	memcpy(operand, &save_regs.mxcsr, sizeof(save_regs.mxcsr));
	p.gprs.rdi = (uint64_t)(uintptr_t)operand;
	p.init = init;
	p.load = load;
	p.regs = &save_regs;
	probe_run(&p, &result);
	if (result.fault == NO_FAULT)
		return true;
	return expect_fault(result.fault, NO_FAULT, "M08", "LDMXCSR %s", save_where(s));
}

/* XGETBV with ECX = 1 shows bit 1 also for an MXCSR of its own. */
static bool judge_inuse(const struct save *s)
{
	uint64_t must = s->dirty;

	if (s->xcr0 & SAVE_SSE && save_regs.mxcsr != SAVE_MXCSR_INIT)
		must |= SAVE_SSE;
	if (!(inuse & ~s->xcr0) && !(must & ~inuse)) {
		save_count(SAVE_O04);
		return true;
	}
	return expect_equal(inuse, (inuse | must) & s->xcr0, s->dirty & ~inuse ? "O01" : "O04",
			    "XGETBV ecx=1 before %s", save_where(s));
}

bool save_inuse(const struct save *s)
{
	struct probe p = { .insn = &insn_xgetbv_bytes, .mode = PROBE_64, .cpl = s->cpl };

	inuse_known = facts.xgetbv1;
	if (!inuse_known)
		return true;
	p.gprs.rcx = XGETBV_XINUSE;
	probe_run(&p, &result);
	if (result.fault != NO_FAULT)
		return expect_fault(result.fault, NO_FAULT, "G16", "XGETBV ecx=1 %s",
				    save_where(s));
	inuse = result.gprs.rdx << 32 | (uint32_t)result.gprs.rax;
	table_probe(sizeof(inuse));
	return judge_inuse(s);
}

bool save_reload(const struct save *s)
{
	return save_load(s, s->dirty, s->xcr0 & ~s->dirty) && save_inuse(s);
}

bool save_state(const struct save *s)
{
	save_values(s);
	return save_reload(s);
}

/* An unmasked x87 exception that is pending is nothing to a save. */
static const char *fault_rule(fault_t fault)
{
	return fault == FAULT(MF, 0) ? "V12" : "V01";
}

bool save_run(const struct save *s)
{
	struct probe p = { .insn = save_insn(s), .mode = PROBE_64, .cpl = s->cpl };

	p.efer_flip = s->efer_flip;
	table_fill(&p.gprs, sizeof(p.gprs));
	p.gprs.rflags &= STATUS_AND_DF;
	p.gprs.rdi = (uint64_t)(uintptr_t)s->area;
	p.gprs.rax = (p.gprs.rax & ~UINT64_C(0xffffffff)) | (uint32_t)s->mask;
	p.gprs.rdx = (p.gprs.rdx & ~UINT64_C(0xffffffff)) | s->mask >> 32;
	probe_run(&p, &result);
	if (result.fault != NO_FAULT)
		return expect_fault(result.fault, NO_FAULT, fault_rule(result.fault), "%s",
				    save_where(s));
	result.gprs.rflags &= STATUS_AND_DF;
	if (memcmp(&p.gprs, &result.gprs, sizeof(p.gprs)))
		return expect_bytes((const uint8_t *)&result.gprs, (const uint8_t *)&p.gprs,
				    sizeof(p.gprs), "V13", "GPRs after %s", save_where(s));
	save_count(SAVE_V13);
	return true;
}

/* What XSTATE_BV must be, of what it is. XSAVE may report XMM registers that are initial as such
 * whatever MXCSR is, where XGETBV reports them as in use. */
static uint64_t wanted_bv(const struct save *s, uint64_t old, uint64_t bv)
{
	uint64_t rfbm = save_rfbm(s), open = rfbm & ~s->dirty;
	bool compacted = form_compacted(s->form), mxcsr = save_regs.mxcsr != SAVE_MXCSR_INIT;
	uint64_t want = compacted ? 0 : old & ~rfbm, must = s->dirty;

	if (compacted && mxcsr)
		must |= SAVE_SSE;
	if (inuse_known) {
		must |= inuse & ~(mxcsr ? SAVE_SSE : 0);
		open &= s->xss | (mxcsr ? SAVE_SSE : 0);
	}
	return want | (must & rfbm) | (bv & open & ~must);
}

static const char *bv_rule(const struct save *s, uint64_t bv, uint64_t want)
{
	uint64_t wrong = bv ^ want, rfbm = save_rfbm(s);
	bool compacted = form_compacted(s->form);

	if ((!rfbm && s->mask) || wrong & s->mask & ~rfbm)
		return "V14";
	if (wrong & want & s->dirty)
		return "O01";
	if (compacted && wrong == SAVE_SSE && want & SAVE_SSE && save_regs.mxcsr != SAVE_MXCSR_INIT)
		return "M02";
	/* 0, which is right of what is initial, where XGETBV says 1 */
	if (!(wrong & ~(want & rfbm)))
		return "O04";
	return compacted ? "V03" : "V01";
}

/* What is initial may go in and out of use by itself, between XGETBV and the save: then XGETBV
 * agrees if it is asked again. */
static bool judge_bv(const struct save *s, uint64_t old, uint64_t bv)
{
	uint64_t want = wanted_bv(s, old, bv);

	if (bv != want && inuse_known) {
		if (!save_inuse(s))
			return false;
		want = wanted_bv(s, old, bv);
	}
	if (bv != want)
		return expect_equal(bv, want, bv_rule(s, bv, want), "XSTATE_BV %s old=0x%lx",
				    save_where(s), old);
	save_count(SAVE_O01);
	save_count(form_compacted(s->form) ? SAVE_V03 : SAVE_V01);
	if (s->mask != save_rfbm(s))
		save_count(SAVE_V14);
	return true;
}

bool save_registers(const struct save *s)
{
	struct probe p = { .insn = &insn_nop_bytes, .mode = PROBE_64, .cpl = s->cpl };

	p.store = s->xcr0 & facts.movable;
	probe_run(&p, &result);
	if (xregs_compare(&save_regs, &result.regs, p.store, NULL))
		return oracle_same(&save_regs, &result.regs, p.store, true, "V13", save_where(s));
	save_count(SAVE_V13);
	return true;
}

bool save_probe(const struct save *s, enum save_old old)
{
	uint64_t bv_before = area_fill(s, old), bv;

	if (!save_run(s))
		return false;
	bv = oracle_get64(s->area + ORACLE_BV);
	if (!judge_bv(s, bv_before, bv) || !area_judge(s, bv))
		return false;
	table_probe(area_span(s) + sizeof(struct probe_gprs));
	return true;
}

static const char *const rule_names[SAVE_RULES] = {
	"V01", "V02", "V03", "V04", "V05", "V06", "V07", "V08", "V10", "V11",
	"V13", "V14", "L01", "L02", "L03", "L05", "O01", "O04", "O05", "O06",
	"O07", "O08", "O09", "M01", "M02", "M03", "R05", "F03", "F04", "F05",
};
static uint64_t counts[SAVE_RULES];

const char *save_rule_name(enum save_rule rule)
{
	return rule_names[rule];
}

void save_count(enum save_rule rule)
{
	counts[rule]++;
}

void save_counted(void)
{
	for (unsigned int i = 0; i < SAVE_RULES; i++) {
		if (counts[i])
			test_checked(rule_names[i], counts[i]);
		counts[i] = 0;
	}
}
