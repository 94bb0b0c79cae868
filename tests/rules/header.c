/* SPDX-License-Identifier: MIT */
/*
 * Which headers, which addresses and which bits of XCR0 a restore refuses, and that it changes no
 * register then.
 *
 * Rules: H01-H12, R05-R08 R11.
 * Sources: SDM vol. 1, "XSAVE Header", "Standard Form of XRSTOR", "Compacted Form of XRSTOR",
 * "Operation of XRSTORS"; vol. 2, the instruction pages ("#AC").
 */
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "save.h"

#define HEADER	 64
#define MUTATION 9 /* of a byte: each bit the other way, and another byte */
#define CB_BYTE	 8
#define FREE_END 16

/* Whether each component alone is an RFBM: at depth=quick only for the largest XCR0. */
static bool is_each(const struct restore *r)
{
	return options.depth_full || !facts_xcr0_some(r->xcr0);
}

/* RFBM: none, all, then one component, each or any. */
static uint64_t choose_rfbm(const struct restore *r, uint64_t number)
{
	uint64_t known = save_known(restore_all(r));

	if (number < 2)
		return number ? ~UINT64_C(0) : 0;
	if (!is_each(r))
		number += table_random() % save_bits(known);
	for (number -= 2; number; number--)
		known &= known - 1;
	return known & -known;
}

static uint64_t rfbms(const struct restore *r)
{
	return 2 + (is_each(r) ? save_bits(save_known(restore_all(r))) : 1);
}

static bool splits_amx(uint64_t mask)
{
	mask &= RESTORE_AMX;
	return mask && mask != RESTORE_AMX;
}

/* A legal header may ask for what these tests do not load: supervisor state, and half of AMX. */
static bool is_foreign(const struct restore *r)
{
	uint64_t rfbm = restore_rfbm(r), loads = rfbm & restore_bv(r) & ~ORACLE_COMPACT;

	return loads & ~restore_movable(r) || splits_amx(rfbm) || splits_amx(loads);
}

/* The rule that a refusal breaks, by the byte that was changed. */
static const char *about(const struct restore *r, unsigned int byte)
{
	bool compacted = restore_cb(r) & ORACLE_COMPACT;

	if (byte < CB_BYTE)
		return compacted ? "H07" : "H05";
	if (byte < FREE_END)
		return r->kind == RESTORE_XRSTORS ? "R08" : "H06";
	return compacted ? "H04" : "H03";
}

/* The next way that there is, from @from on: not each header in each way. */
static void choose_way(struct restore *r, unsigned int from)
{
	while (!restore_way(r, from % RESTORE_WAYS))
		from++;
}

static void probe_header(struct restore *r, unsigned int byte)
{
	if (!restore_header(r)) {
		if (is_foreign(r))
			return;
		restore_encode(r);
	}
	r->about = about(r, byte);
	restore_probe(r);
}

/* The header before its mutation: some components, of which XSTATE_BV has some. */
static void legal_image(struct restore *r)
{
	uint64_t cb = table_random() & save_known(r->xcr0), bv = table_random() & facts.movable;

	cb |= splits_amx(cb) ? RESTORE_AMX & r->xcr0 : 0;
	bv = splits_amx(bv & cb) ? bv & cb & ~RESTORE_AMX : bv & cb;
	restore_fill(r, bv, r->kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | cb);
}

/* Loads @p->load of the registers, and reads them. */
static bool read_back(const struct probe *p, struct probe_result *result)
{
	probe_run(p, result);
	table_probe(sizeof(result->regs));
	return oracle_same(&restore_before, &result->regs, p->store, true, "R05",
			   "registers loaded and read, no restore between");
}

/*
 * What the probe loads and reads registers with is under test as well. Where they do not stay as
 * they were loaded, that is said, and what they became is loaded instead: then only the restore can
 * change it. They are read twice: reading also moves them. Return: false if they change again
 */
static bool stay(const struct restore *r)
{
	static struct probe_result result;
	struct probe p = { .insn = &insn_nop_bytes,
			   .mode = PROBE_64,
			   .cpl = restore_runs_at(r->kind, 0) ? 0 : 3,
			   .regs = &restore_before,
			   .store = restore_movable(r) };
	bool same;

	for (unsigned int i = 0; i < 2; i++) {
		p.load = p.store;
		same = read_back(&p, &result);
		p.load = 0;
		if (read_back(&p, &result) && same)
			return true;
		restore_before = result.regs;
	}
	return false;
}

static bool choose_values(const struct restore *r)
{
	restore_values(r);
	return stay(r);
}

static void mutate(struct restore *r, unsigned int byte)
{
	uint8_t header[HEADER], *at;

	if (!choose_values(r))
		return;
	legal_image(r);
	memcpy(header, r->area + ORACLE_BV, HEADER);
	at = r->area + ORACLE_BV + byte;
	for (unsigned int i = 0; i < MUTATION; i++) {
		*at ^= (uint8_t)(i < 8 ? UINT64_C(1) << i : table_random());
		choose_way(r, i + byte);
		probe_header(r, byte);
		memcpy(r->area + ORACLE_BV, header, HEADER);
	}
}

static void mutate_all(struct restore *r)
{
	for (uint64_t n = 0; n < rfbms(r); n++) {
		for (unsigned int byte = 0; byte < HEADER; byte++) {
			if (!table_case())
				continue;
			r->mask = choose_rfbm(r, n);
			mutate(r, byte);
		}
	}
}

/* Under each XCR0 and one IA32_XSS: 64 bytes of the header, RFBM none, all, and one component.
 * Probes: 9 a case. */
static void run_mutations(const char *table, enum restore_kind kind, uint64_t xss)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0), old_xss = probe_ops->get(PROBE_XSS), cases = 0;
	struct restore r = { .kind = kind, .xss = xss };

	for (r.xcr0 = facts_xcr0_some(0); r.xcr0; r.xcr0 = facts_xcr0_some(r.xcr0))
		cases += rfbms(&r) * HEADER;
	table_begin(table, cases);
	if (probe_ops->can_set(PROBE_XSS))
		save_set(PROBE_XSS, xss, "S01");
	for (r.xcr0 = facts_xcr0_some(0); r.xcr0; r.xcr0 = facts_xcr0_some(r.xcr0)) {
		if (save_set(PROBE_XCR0, r.xcr0, "X15"))
			mutate_all(&r);
	}
	save_set(PROBE_XCR0, xcr0, "X15");
	if (probe_ops->can_set(PROBE_XSS))
		save_set(PROBE_XSS, old_xss, "S01");
	table_end();
	restore_end();
}

XTEST(header, standard_form_refuses_bad_headers, .rules = "H03 H05 H09 H10 H11 R05 R11")
{
	if (!restore_skip(RESTORE_STANDARD))
		run_mutations("header_standard", RESTORE_STANDARD, 0);
}

XTEST(header, compacted_form_refuses_bad_headers, .rules = "H04 H06 H07 H08 H09 H11 R05 R06 R11")
{
	if (!restore_skip(RESTORE_COMPACTED))
		run_mutations("header_compacted", RESTORE_COMPACTED, 0);
}

XTEST(header, xrstors_refuses_bad_headers, .rules = "H04 H07 H08 H11 R05 R07 R08 R11")
{
	if (!restore_skip(RESTORE_XRSTORS))
		run_mutations("header_xrstors", RESTORE_XRSTORS, 0);
}

static bool skip_xss(enum restore_kind kind)
{
	return restore_skip(kind) || facts_skip(probe_ops->can_set(PROBE_XSS), "CPL 0") ||
	       facts_skip(save_known(facts.xss_supported), "CPUID.(0DH,1):EDX:ECX IA32_XSS");
}

XTEST(header, xrstors_knows_supervisor_state, .rules = "H04 H07 H11 R05 R07 R08")
{
	if (!skip_xss(RESTORE_XRSTORS))
		run_mutations("header_xrstors_xss", RESTORE_XRSTORS,
			      save_known(facts.xss_supported));
}

XTEST(header, xrstor_knows_no_supervisor_state, .rules = "H06 H07 H11 R05 R06")
{
	if (!skip_xss(RESTORE_COMPACTED))
		run_mutations("header_compacted_xss", RESTORE_COMPACTED,
			      save_known(facts.xss_supported));
}

/* Headers of which more than one byte is wrong, or is free. */
static void fill_some(struct restore *r, unsigned int from, unsigned int to)
{
	if (!choose_values(r))
		return;
	legal_image(r);
	table_fill(r->area + ORACLE_BV + from, to - from);
	r->mask = table_random();
	choose_way(r, (unsigned int)table_random() % RESTORE_WAYS);
	probe_header(r, from);
}

/* From, to: bytes of junk. */
static const uint8_t junk[][2] = {
	{ 24, 64 }, { 8, 16 }, { 16, 24 }, { 16, 64 }, { 0, 8 }, { 0, 64 }, { 63, 64 }, { 23, 24 },
};
#define JUNK   (sizeof(junk) / sizeof(*junk))
#define REPEAT 32

XTEST(header, junk_is_refused_where_it_counts, .rules = "H03 H09 H11 R05")
{
	struct restore r;

	if (restore_skip(RESTORE_STANDARD))
		return;
	table_begin("header_junk", (uint64_t)RESTORE_KINDS * JUNK * REPEAT);
	for (unsigned int i = 0; i < RESTORE_KINDS * JUNK * REPEAT; i++) {
		r = (struct restore){ .kind = (enum restore_kind)(i / REPEAT / JUNK),
				      .xcr0 = probe_ops->get(PROBE_XCR0),
				      .xss = probe_ops->get(PROBE_XSS) };
		if (table_case() && (restore_runs_at(r.kind, 0) || restore_runs_at(r.kind, 3)))
			fill_some(&r, junk[i / REPEAT % JUNK][0], junk[i / REPEAT % JUNK][1]);
	}
	table_end();
	restore_end();
}

/* What the standard form alone knows takes XCOMP_BV[63] for a reserved bit. */
XTEST(header, compacted_image_needs_xsavec, .rules = "H10 H11 R05")
{
	struct restore r = { .kind = RESTORE_STANDARD };

	if (restore_skip(RESTORE_STANDARD) ||
	    facts_skip(!facts.xsavec, "CPUID.(0DH,1):EAX[1] XSAVEC is there"))
		return;
	r.xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("header_no_xsavec", (uint64_t)RESTORE_WAYS * REPEAT);
	for (unsigned int i = 0; i < RESTORE_WAYS * REPEAT; i++) {
		if (!table_case() || !restore_way(&r, i % RESTORE_WAYS) || !choose_values(&r))
			continue;
		legal_image(&r);
		oracle_put64(r.area + ORACLE_CB,
			     ORACLE_COMPACT | (table_random() & save_known(r.xcr0)));
		r.mask = table_random();
		restore_probe(&r);
	}
	table_end();
	restore_end();
}

/* The image was legal under the larger XCR0. */
static void shrink(struct restore *r, uint64_t large, uint64_t small, bool compacted)
{
	uint64_t cb = large & facts.movable;

	if (!save_set(PROBE_XCR0, small, "X15"))
		return;
	r->xcr0 = large;
	r->kind = compacted ? RESTORE_COMPACTED : RESTORE_STANDARD;
	restore_values(r);
	restore_fill(r, cb, compacted ? ORACLE_COMPACT | cb : 0);
	r->xcr0 = small;
	r->refused = "H12";
	if (!stay(r))
		return;
	for (unsigned int i = 0; i < RESTORE_WAYS; i++) {
		r->mask = i & 1 ? small : 0;
		if (restore_way(r, i))
			restore_probe(r);
	}
}

static uint64_t run_shrinks(bool counting)
{
	struct restore r = { .about = NULL };
	uint64_t cases = 0;

	for (uint64_t x = facts_xcr0_some(0); x; x = facts_xcr0_some(x)) {
		for (uint64_t y = facts_xcr0_some(0); y; y = facts_xcr0_some(y)) {
			if (!(x & ~y & facts.movable))
				continue;
			cases += 2;
			for (unsigned int i = 0; i < 2 && !counting; i++) {
				if (table_case() && (!i || facts.xsavec))
					shrink(&r, x, y, i);
			}
		}
	}
	return cases;
}

XTEST(header, image_of_a_larger_xcr0_is_refused, .rules = "H12 H11 R05")
{
	uint64_t xcr0;

	if (restore_skip(RESTORE_STANDARD) ||
	    facts_skip(probe_ops->can_set(PROBE_XCR0), "CPL 0, to write XCR0"))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	table_begin("header_larger_xcr0", run_shrinks(true));
	run_shrinks(false);
	save_set(PROBE_XCR0, xcr0, "X15");
	table_end();
	restore_end();
}

/* The image is there, off its boundary: only the address is wrong. With EFLAGS.AC = CR0.AM = 1 at
 * CPL 3 #AC may come first. CR0.AM is tried both ways round. */
static void misalign(struct restore *r, unsigned int offset)
{
	struct probe flip = { .insn = restore_insn(r), .mode = PROBE_64, .cr0_flip = CR0_AM };
	uint8_t *image;

	if (!choose_values(r))
		return;
	legal_image(r);
	image = r->area;
	r->area += offset;
	memmove(r->area, image, oracle_image_size(restore_cb(r), save_known(r->xcr0)));
	r->mask = table_random();
	for (unsigned int i = 0; i < 4; i++) {
		flip.cpl = r->cpl;
		r->cr0_flip = i & 2 ? CR0_AM : 0;
		if (!r->cr0_flip || !probe_ops->why_not(&flip))
			restore_misaligned(r, i & 1);
	}
}

XTEST(header, misaligned_image_is_refused, .rules = "H01 H02 H11 R05")
{
	struct restore r = { .about = NULL };

	if (restore_skip(RESTORE_STANDARD))
		return;
	r.xcr0 = probe_ops->get(PROBE_XCR0);
	r.xss = probe_ops->get(PROBE_XSS);
	table_begin("header_misaligned", (uint64_t)RESTORE_KINDS * RESTORE_WAYS * 63);
	for (unsigned int i = 0; i < RESTORE_KINDS * RESTORE_WAYS * 63; i++) {
		r.kind = (enum restore_kind)(i / 63 / RESTORE_WAYS);
		if (table_case() && restore_way(&r, i / 63 % RESTORE_WAYS))
			misalign(&r, 1 + i % 63);
	}
	table_end();
	restore_end();
}

/* A save off its boundary writes nothing. */
static void misaligned_save(enum rules_form form, unsigned int way, unsigned int offset)
{
	struct save s = { .form = form, .rex_w = way & 1, .cpl = way & 2 ? 3 : 0 };
	struct probe p = { .insn = save_insn(&s), .mode = PROBE_64, .cpl = s.cpl };
	static struct probe_result result;
	uint8_t before[ORACLE_EXTENDED];

	if (!save_runs_at(form, s.cpl))
		return;
	table_fill(before, sizeof(before));
	memcpy(probe_ops->arena + offset, before, sizeof(before));
	p.gprs.rdi = (uint64_t)(uintptr_t)probe_ops->arena + offset;
	p.gprs.rax = p.gprs.rdx = 0xffffffff;
	probe_run(&p, &result);
	expect_fault(result.fault, FAULT(GP, 0), "H01", "%s cpl=%u offset=%u", p.insn->name, p.cpl,
		     offset);
	expect_bytes(probe_ops->arena + offset, before, sizeof(before), "H01",
		     "area of %s cpl=%u offset=%u", p.insn->name, p.cpl, offset);
	table_probe(sizeof(before));
}

XTEST(header, misaligned_save_is_refused, .rules = "H01")
{
	if (save_skip(FORM_XSAVE))
		return;
	table_begin("header_misaligned_saves", (uint64_t)FORM_XRSTOR * 4 * 63);
	for (unsigned int i = 0; i < FORM_XRSTOR * 4 * 63; i++) {
		if (table_case())
			misaligned_save((enum rules_form)(i / 63 / 4), i / 63 % 4, 1 + i % 63);
	}
	table_end();
}
