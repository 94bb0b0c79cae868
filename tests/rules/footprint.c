/* SPDX-License-Identifier: MIT */
/*
 * The footprint of saves and restores as the manual has it, and the judgement of a #PF.
 *
 * An instruction may touch any byte of any component that it operates on, whether or not it
 * transfers it: so a page that holds such bytes alone may fault or not. It must fault where bytes
 * lie that it transfers, and may not where nothing lies that it operates on.
 *
 * Rules: N01 to N05, V09.
 * Sources: SDM vol. 1, "Memory Accesses by the XSAVE Feature Set", "Operation of XSAVE" and the
 * like; vol. 3, "Page-Fault Exceptions" (error code, CR2).
 */
#include "footprint.h"

#include <xtk/fault.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"

#define HOLE_PAGE     7
#define STATUS_AND_DF UINT64_C(0xcd5) /* CF PF AF ZF SF DF OF */
#define PF_PRESENT    1
#define PF_WRITE      2
#define PF_USER	      4
#define PF_KEY	      0x20
#define STEP	      64
#define BV_SIZE	      8
#define BV_AND_CB     16
#define STANDARD_HEAD 24 /* bytes of the header that the standard form looks at */
#define HEADER_SIZE   (ORACLE_EXTENDED - ORACLE_BV)
#define MXCSR_SIZE    4

static bool overlap(int64_t from, int64_t to, uint32_t offset, uint32_t size)
{
	return from < (int64_t)offset + size && offset < to;
}

/* Whether bytes @from to @to of the area hold some of the components @mask. */
static bool holds(const struct footprint *f, uint64_t mask, int64_t from, int64_t to)
{
	struct oracle_part parts[2];

	for (unsigned int i = 0; i < 63 && mask >> i; i++) {
		unsigned int count = mask >> i & 1 ? oracle_parts(i, f->cb, parts) : 0;

		while (count--) {
			if (overlap(from, to, parts[count].offset, parts[count].size))
				return true;
		}
	}
	return false;
}

static bool may_touch(const struct footprint *f, int64_t from, int64_t to)
{
	return overlap(from, to, 0, ORACLE_EXTENDED) || holds(f, f->may, from, to);
}

static bool must_touch(const struct footprint *f, int64_t from, int64_t to)
{
	return overlap(from, to, ORACLE_BV, f->header) ||
	       (f->mxcsr && overlap(from, to, ORACLE_MXCSR, MXCSR_SIZE)) ||
	       holds(f, f->must, from, to);
}

static const char *rule_of(uint64_t rfbm, uint64_t cb, bool save)
{
	if (!rfbm && save)
		return "V09";
	return cb ? "N02" : "N01";
}

struct footprint footprint_of_save(const struct save *s)
{
	uint64_t rfbm = save_rfbm(s);
	bool compacted = form_compacted(s->form), mxcsr = save_regs.mxcsr != SAVE_MXCSR_INIT;
	struct footprint f = { .cb = compacted ? ORACLE_COMPACT | rfbm : 0,
			       .may = rfbm,
			       .must = s->form == FORM_XSAVE ? rfbm : rfbm & s->dirty,
			       .header = compacted ? BV_AND_CB : BV_SIZE,
			       .writes = true,
			       .reads_header = !compacted,
			       .cpl = s->cpl,
			       .area = s->area };

	if (compacted)
		f.mxcsr = rfbm & SAVE_SSE && (mxcsr || s->dirty & SAVE_SSE);
	else
		f.mxcsr = rfbm & (SAVE_SSE | SAVE_AVX);
	f.rule = rule_of(rfbm, f.cb, true);
	return f;
}

struct footprint footprint_of_restore(const struct restore *r)
{
	uint64_t rfbm = restore_rfbm(r), cb = restore_cb(r);
	struct footprint f = { .cb = cb,
			       .may = cb ? rfbm & cb : rfbm,
			       .must = rfbm & restore_bv(r),
			       .header = cb ? HEADER_SIZE : STANDARD_HEAD,
			       .mxcsr = restore_mxcsr_loaded(r),
			       .cpl = r->cpl,
			       .area = r->area };

	f.rule = rule_of(rfbm, cb, false);
	return f;
}

uint8_t *hole_area(const struct hole *h)
{
	return probe_ops->arena + HOLE_PAGE * FOOTPRINT_PAGE - h->at;
}

bool hole_close(const struct hole *h)
{
	return probe_ops->protect(HOLE_PAGE, h->access, h->key);
}

void hole_open(void)
{
	if (!probe_ops->protect(HOLE_PAGE, PROBE_READ_WRITE, 0))
		test_error("page %u of the arena cannot be opened again", HOLE_PAGE);
}

uint32_t hole_positions(uint32_t span)
{
	return (FOOTPRINT_PAGE + span) / STEP;
}

int32_t hole_position(uint32_t i)
{
	return STEP - FOOTPRINT_PAGE + (int32_t)(i * STEP);
}

static bool cuts_header(const struct hole *h)
{
	int32_t end = h->at + FOOTPRINT_PAGE;

	return h->at == ORACLE_BV || h->at == ORACLE_EXTENDED || end == ORACLE_BV ||
	       end == ORACLE_EXTENDED;
}

bool hole_access(struct hole *h, unsigned int i)
{
	static const enum probe_access kinds[HOLE_KINDS] = { PROBE_NOT_PRESENT, PROBE_READ_ONLY,
							     PROBE_READ_WRITE };

	h->access = kinds[i];
	return h->access != PROBE_READ_WRITE || cuts_header(h);
}

static bool refuses(const struct hole *h, bool write)
{
	if (h->access == PROBE_NOT_PRESENT)
		return true;
	return write ? h->no_writes || h->access == PROBE_READ_ONLY : h->no_reads;
}

static fault_t page_fault(const struct footprint *f, const struct hole *h, bool write)
{
	uint32_t code = (write ? PF_WRITE : 0) | (f->cpl == 3 ? PF_USER : 0);

	if (h->access == PROBE_NOT_PRESENT)
		return FAULT(PF, code);
	if (write ? h->no_writes : h->no_reads)
		code |= PF_KEY;
	return FAULT(PF, code | PF_PRESENT);
}

/* A save that reads XSTATE_BV may find out by that read. */
static fault_t wanted_fault(const struct footprint *f, const struct hole *h, int64_t offset,
			    fault_t got)
{
	fault_t read = page_fault(f, h, false);

	if (f->reads_header && refuses(h, false) && got == read &&
	    overlap(offset, offset + 1, ORACLE_BV, HEADER_SIZE))
		return read;
	return page_fault(f, h, f->writes);
}

static const char *outcome_rule(const struct footprint *f, const struct hole *h)
{
	return h->access == PROBE_READ_WRITE && !h->key ? "N05" : f->rule;
}

/* CR2 may name a byte in front of the component that is touched, in the same page: the manual does
 * not say that gaps are left out. It names none before the area, and none behind all of it. */
static bool judge_page_fault(const struct footprint *f, const struct hole *h,
			     const struct probe_result *r, const char *rule, const char *where)
{
	int64_t offset = (int64_t)(r->cr2 - (uint64_t)(uintptr_t)f->area);
	int64_t end = h->at + FOOTPRINT_PAGE;
	bool inside = offset >= 0 && offset >= h->at && offset < end;

	return expect_fault(r->fault, wanted_fault(f, h, offset, r->fault), rule, "%s hole=%d",
			    where, h->at) &&
	       expect_true(inside && may_touch(f, offset, end), rule,
			   "CR2 - area = %ld, %s hole=%d", offset, where, h->at);
}

bool footprint_judge(const struct footprint *f, const struct hole *h, const struct probe_result *r,
		     const char *where)
{
	const char *rule = outcome_rule(f, h);
	bool refused = refuses(h, f->writes) || (f->reads_header && refuses(h, false));
	int64_t end = h->at + FOOTPRINT_PAGE;
	bool must = refused && must_touch(f, h->at, end);

	if (r->fault != NO_FAULT && refused && may_touch(f, h->at, end))
		return judge_page_fault(f, h, r, rule, where);
	return expect_fault(r->fault, must ? page_fault(f, h, f->writes) : NO_FAULT, rule,
			    "%s hole=%d access=%u", where, h->at, h->access);
}

struct probe footprint_probe(const struct probe_insn *insn, unsigned int cpl, const uint8_t *area,
			     uint64_t mask)
{
	struct probe p = { .insn = insn, .mode = PROBE_64, .cpl = cpl };

	table_fill(&p.gprs, sizeof(p.gprs));
	p.gprs.rflags &= STATUS_AND_DF;
	p.gprs.rdi = (uint64_t)(uintptr_t)area;
	p.gprs.rax = (p.gprs.rax & ~UINT64_C(0xffffffff)) | (uint32_t)mask;
	p.gprs.rdx = (p.gprs.rdx & ~UINT64_C(0xffffffff)) | mask >> 32;
	return p;
}

bool footprint_gprs(const struct probe *p, const struct probe_result *r, const char *rule,
		    const char *where)
{
	struct probe_gprs got = r->gprs;

	got.rflags &= STATUS_AND_DF;
	if (memcmp(&p->gprs, &got, sizeof(got)))
		return expect_bytes((const uint8_t *)&got, (const uint8_t *)&p->gprs, sizeof(got),
				    rule, "GPRs after %s", where);
	test_checked(rule, 1);
	return true;
}

unsigned int footprint_masks(uint64_t known)
{
	return 2 + 2 * save_bits(known);
}

uint64_t footprint_mask(uint64_t known, unsigned int i)
{
	uint64_t rest = known, bit;

	if (i < 2)
		return i ? ~UINT64_C(0) : 0;
	for (unsigned int n = (i - 2) / 2; n; n--)
		rest &= rest - 1;
	bit = rest & -rest;
	return i % 2 ? bit : known & (bit | (bit - 1));
}
