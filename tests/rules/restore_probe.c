/* SPDX-License-Identifier: MIT */
/*
 * One restore, judged: see restore.h.
 *
 * What the registers must be is made from what they were, the bytes of the image and the manuals'
 * arithmetic. A restore that must fault leaves all of them as they were.
 *
 * A component with bytes in the image must be in use afterwards, as XGETBV with ECX = 1 shows it
 * before anything else touches a register.
 *
 * Sources: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "Processor Tracking of
 * XSAVE-Managed State"; vol. 2, "XRSTOR" (XINUSE after it).
 */
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define STATUS_AND_DF	 UINT64_C(0xcd5) /* CF PF AF ZF SF DF OF */
#define EFLAGS_AC_OF_CPL UINT64_C(0x40000)
#define XGETBV_XINUSE	 1
#define VECTORS		 (RESTORE_SSE | RESTORE_AVX | RESTORE_ZMM_HI256)

struct xregs restore_before, restore_inside;

static struct xregs want;
static struct probe_result result;
static bool loaded; /* the CPU has restore_before */

const char *restore_missing(enum restore_kind kind)
{
	if (kind == RESTORE_STANDARD)
		return form_missing(FORM_XRSTOR);
	return form_missing(kind == RESTORE_XRSTORS ? FORM_XRSTORS : FORM_XSAVEC);
}

static enum rules_form form_of(enum restore_kind kind)
{
	return kind == RESTORE_XRSTORS ? FORM_XRSTORS : FORM_XRSTOR;
}

bool restore_runs_at(enum restore_kind kind, unsigned int cpl)
{
	struct probe p = { .insn = form_insn(form_of(kind), true), .mode = PROBE_64, .cpl = cpl };

	if (restore_missing(kind) || probe_ops->why_not(&p))
		return false;
	return kind != RESTORE_XRSTORS || cpl == 0;
}

bool restore_skip(enum restore_kind kind)
{
	facts_read();
	if (restore_missing(kind))
		return facts_skip(false, restore_missing(kind));
	return facts_skip(restore_runs_at(kind, 0) || restore_runs_at(kind, 3), "CPL 0");
}

bool restore_way(struct restore *r, unsigned int i)
{
	r->rex_w = i & 1;
	r->cpl = i & 2 ? 3 : 0;
	return restore_runs_at(r->kind, r->cpl);
}

const struct probe_insn *restore_insn(const struct restore *r)
{
	return form_insn(form_of(r->kind), r->rex_w);
}

uint64_t restore_all(const struct restore *r)
{
	return r->xcr0 | (r->kind == RESTORE_XRSTORS ? r->xss : 0);
}

uint64_t restore_rfbm(const struct restore *r)
{
	return r->mask & restore_all(r);
}

uint64_t restore_movable(const struct restore *r)
{
	return r->xcr0 & facts.movable;
}

const struct xregs *restore_regs(void)
{
	return &result.regs;
}

void restore_reload(void)
{
	loaded = false;
}

void restore_values(const struct restore *r)
{
	oracle_values(&restore_before, restore_movable(r), table_seed());
	oracle_values(&restore_inside, r->xcr0 | RESTORE_SSE, table_seed());
	restore_open_keys(&restore_inside, r->xcr0);
	restore_reload();
}

const char *restore_where(const struct restore *r)
{
	static char text[224];

	format_text(text, sizeof(text),
		    "%s cpl=%u xcr0=0x%lx xss=0x%lx mask=0x%lx XSTATE_BV=0x%lx XCOMP_BV=0x%lx "
		    "mxcsr=0x%x offset=%u",
		    restore_insn(r)->name, r->cpl, r->xcr0, r->xss, r->mask, restore_bv(r),
		    restore_cb(r), restore_mxcsr(r), (unsigned int)((uintptr_t)r->area & 63));
	return text;
}

static void run(const struct restore *r, uint64_t flags, uint64_t store)
{
	struct probe p = { .insn = restore_insn(r), .mode = PROBE_64, .cpl = r->cpl };

	table_fill(&p.gprs, sizeof(p.gprs));
	p.gprs.rflags = (p.gprs.rflags & STATUS_AND_DF) | flags;
	p.gprs.rdi = (uint64_t)(uintptr_t)r->area;
	p.gprs.rax = (p.gprs.rax & ~UINT64_C(0xffffffff)) | (uint32_t)r->mask;
	p.gprs.rdx = (p.gprs.rdx & ~UINT64_C(0xffffffff)) | r->mask >> 32;
	p.regs = &restore_before;
	p.load = loaded ? 0 : restore_movable(r);
	p.store = store;
	p.cr0_flip = r->cr0_flip;
	probe_run(&p, &result);
	loaded = false;
	result.gprs.rflags &= STATUS_AND_DF | flags;
	if (!memcmp(&p.gprs, &result.gprs, sizeof(p.gprs)))
		test_checked("R11", 1);
	else
		expect_bytes((const uint8_t *)&result.gprs, (const uint8_t *)&p.gprs,
			     sizeof(p.gprs), "R11", "GPRs after %s", restore_where(r));
}

/* After a failed check: whatever has gone into PKRU, the image can be written again. */
static bool failed(const struct restore *r)
{
	struct probe p = { .insn = &insn_nop_bytes,
			   .mode = PROBE_64,
			   .cpl = r->cpl,
			   .load = restore_movable(r),
			   .regs = &restore_before };

	probe_run(&p, &result);
	loaded = true;
	return false;
}

/* Return: the rule that keeps it from executing; NULL: it executes */
static const char *refusal(const struct restore *r)
{
	const char *rule = restore_header(r);

	if (!rule && !(restore_mxcsr_loaded(r) && restore_mxcsr(r) & ~facts.mxcsr_mask))
		return NULL;
	if (r->refused)
		return r->refused;
	return rule ? rule : "M06";
}

/* The rule of a fault that should not be. */
static const char *fault_rule(const struct restore *r, fault_t fault)
{
	if (fault == FAULT(MF, 0))
		return "F10";
	if (fault == FAULT(XM, 0))
		return "M09";
	if (!restore_mxcsr_loaded(r) && restore_mxcsr(r) & ~facts.mxcsr_mask)
		return "M06";
	if (r->about)
		return r->about;
	if (restore_cb(r) == ORACLE_COMPACT)
		return "L08";
	return "R12";
}

/* Nothing has changed. */
static bool judge_kept(const struct restore *r, const char *rule)
{
	rule = restore_header(r) ? "H11" : rule;
	if (!oracle_same(&restore_before, &result.regs, restore_movable(r), true, rule,
			 restore_where(r)))
		return failed(r);
	loaded = true;
	return true;
}

static bool refused(const struct restore *r, fault_t fault, const char *rule)
{
	if (!expect_fault(result.fault, fault, rule, "%s", restore_where(r)))
		return failed(r);
	return judge_kept(r, rule);
}

bool restore_misaligned(const struct restore *r, bool ac)
{
	run(r, ac ? EFLAGS_AC_OF_CPL : 0, restore_movable(r));
	table_probe(sizeof(result.gprs) + sizeof(result.regs));
	if (!ac || r->cpl != 3)
		return refused(r, FAULT(GP, 0), "H01");
	if (result.fault != FAULT(AC, 0))
		return refused(r, FAULT(GP, 0), "H02");
	test_checked("H02", 1);
	return judge_kept(r, "H02");
}

static uint32_t wanted_mxcsr(const struct restore *r)
{
	if (restore_mxcsr_loaded(r))
		return restore_mxcsr(r);
	if (restore_cb(r) && restore_rfbm(r) & RESTORE_SSE)
		return RESTORE_MXCSR_INIT;
	return restore_before.mxcsr;
}

static void make_wanted(const struct restore *r)
{
	uint64_t rfbm = restore_rfbm(r), get = rfbm & restore_bv(r) & restore_movable(r);

	want = restore_before;
	for (unsigned int i = 0; get >> i; i++) {
		if (get >> i & 1)
			oracle_decode(&want, i, restore_cb(r), r->area, r->rex_w);
	}
	oracle_initial(&want, rfbm & ~restore_bv(r));
	want.mxcsr = wanted_mxcsr(r);
}

/*
 * By the SDM what was loaded is in use, whatever its value. The APM does not say so, and AMD's
 * processors see that a component has its initial value.
 */
static uint64_t wanted_inuse(const struct restore *r)
{
	uint64_t must = restore_rfbm(r) & restore_bv(r) & r->xcr0;

	for (unsigned int i = 0; facts.amd && must >> i; i++) {
		if (oracle_is_initial(&want, i) || !(restore_movable(r) >> i & 1))
			must &= ~(UINT64_C(1) << i);
	}
	return must;
}

static bool judge_inuse(const struct restore *r, uint64_t inuse)
{
	uint64_t must = wanted_inuse(r);

	if (must & ~inuse)
		return expect_equal(inuse, inuse | must, "O02", "XGETBV ecx=1 after %s",
				    restore_where(r));
	test_checked("O02", 1);
	return true;
}

/* Reads XINUSE, and then the registers. */
static bool look(const struct restore *r)
{
	struct probe p = { .insn = &insn_xgetbv_bytes,
			   .mode = PROBE_64,
			   .cpl = r->cpl,
			   .store = restore_movable(r) };

	if (!facts.xgetbv1 || !(r->judge & RESTORE_JUDGE_REGISTERS))
		p.insn = &insn_nop_bytes;
	p.gprs.rcx = XGETBV_XINUSE;
	probe_run(&p, &result);
	if (result.fault != NO_FAULT)
		return expect_fault(result.fault, NO_FAULT, "G16", "XGETBV ecx=1");
	if (!facts.xgetbv1 || !(r->judge & RESTORE_JUDGE_REGISTERS))
		return true;
	table_probe(sizeof(uint64_t));
	return judge_inuse(r, result.gprs.rdx << 32 | (uint32_t)result.gprs.rax);
}

/* Of a component that was not asked for: it was initialised with another part of its registers. */
static const char *untouched_rule(const struct restore *r, unsigned int bit)
{
	uint64_t init = restore_rfbm(r) & ~restore_bv(r) & VECTORS, self = UINT64_C(1) << bit;

	if (!(self & VECTORS) || !init || !oracle_is_initial(&result.regs, bit))
		return "R01";
	return init & ~RESTORE_SSE ? "R03" : "R04";
}

/* In compacted format: below it the image has what is not loaded, or lacks what is asked for. */
static const char *loaded_rule(const struct restore *r, unsigned int bit)
{
	uint64_t below = (UINT64_C(1) << bit) - 4, cb = restore_cb(r), rfbm = restore_rfbm(r);
	uint64_t differs = (cb & ~(rfbm & restore_bv(r))) | (rfbm & ~cb);

	return cb && bit > 2 && differs & below ? "L04" : "R05";
}

static const char *initial_rule(const struct restore *r, unsigned int bit)
{
	uint64_t cb = restore_cb(r);

	if (!cb || cb >> bit & 1)
		return "R02";
	return cb == ORACLE_COMPACT ? "L08" : "L06";
}

static const char *register_rule(const struct restore *r, unsigned int bit)
{
	if (!(restore_rfbm(r) >> bit & 1))
		return untouched_rule(r, bit);
	return restore_bv(r) >> bit & 1 ? loaded_rule(r, bit) : initial_rule(r, bit);
}

static void count(const struct restore *r)
{
	uint64_t moved = restore_movable(r), rfbm = restore_rfbm(r) & moved;
	uint64_t init = rfbm & ~restore_bv(r), others = moved & ~rfbm;

	if (others)
		test_checked("R01", 1);
	if (others & (RESTORE_SSE | RESTORE_ZMM_HI256) && init & VECTORS & ~RESTORE_SSE)
		test_checked("R03", 1);
	if (others & RESTORE_AVX && init & RESTORE_SSE)
		test_checked("R04", 1);
	for (unsigned int i = 0; rfbm >> i; i++) {
		if (rfbm >> i & 1)
			test_checked(register_rule(r, i), 1);
	}
}

static void show_differences(const struct restore *r)
{
	uint64_t moved = restore_movable(r);

	for (unsigned int i = 0; moved >> i; i++) {
		if (moved >> i & 1)
			oracle_same(&want, &result.regs, UINT64_C(1) << i, false,
				    register_rule(r, i), restore_where(r));
	}
}

static bool judge_registers(const struct restore *r)
{
	uint32_t mxcsr = result.regs.mxcsr;
	bool same;

	result.regs.mxcsr = want.mxcsr;
	same = !xregs_compare(&want, &result.regs, restore_movable(r), NULL);
	if (same)
		count(r);
	else
		show_differences(r);
	result.regs.mxcsr = mxcsr;
	return same;
}

static bool judge_mxcsr(const struct restore *r)
{
	if (!(restore_movable(r) & RESTORE_SSE))
		return true;
	return expect_equal(result.regs.mxcsr, want.mxcsr, restore_cb(r) ? "M05" : "M04",
			    "MXCSR after %s", restore_where(r));
}

/* After an instruction that was executed. */
static bool judge(const struct restore *r)
{
	bool good = true;

	if (!r->judge)
		return true;
	make_wanted(r);
	if (!look(r))
		return false;
	if (r->judge & RESTORE_JUDGE_REGISTERS)
		good = judge_registers(r);
	if (r->judge & RESTORE_JUDGE_MXCSR)
		good &= judge_mxcsr(r);
	return good;
}

/* XSTATE_BV[63] = XCOMP_BV[63] = 1: by the manual a subset, and yet refused by silicon. */
static bool is_open(const struct restore *r)
{
	return restore_bv(r) >> 63;
}

bool restore_probe(const struct restore *r)
{
	const char *rule = refusal(r);

	run(r, 0, rule || is_open(r) ? restore_movable(r) : 0);
	table_probe(sizeof(result.gprs) + sizeof(result.regs));
	if (!rule && is_open(r) && result.fault == FAULT(GP, 0))
		rule = "H08";
	if (rule)
		return refused(r, FAULT(GP, 0), rule);
	if (result.fault != NO_FAULT) {
		expect_fault(result.fault, NO_FAULT, fault_rule(r, result.fault), "%s",
			     restore_where(r));
		return failed(r);
	}
	test_checked(r->about ? r->about : "R12", 1);
	return judge(r) || failed(r);
}

void restore_end(void)
{
	struct probe p = { .insn = &insn_fninit_bytes, .mode = PROBE_64, .cpl = 3 };

	if (probe_ops->why_not(&p))
		p.cpl = 0;
	p.init = probe_ops->get(PROBE_XCR0) & RESTORE_SSE;
	probe_run(&p, &result);
	restore_reload();
}
