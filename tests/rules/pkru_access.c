/* SPDX-License-Identifier: MIT */
/*
 * Protection keys and memory: what PKRU refuses to a load, a store, a save and a restore, and from
 * when on a new PKRU counts.
 *
 * Rules: P03 P04 P06.
 * Sources: SDM vol. 3, "Protection Keys", "Page-Fault Exceptions"; vol. 2, "WRPKRU".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "footprint.h"
#include "insns.h"
#include "oracle.h"
#include "pkru.h"

#define RIGHTS	   4 /* of a key: none, AD, WD, both */
#define PF_PRESENT 1
#define PF_WRITE   2
#define PF_USER	   4
#define PF_KEY	   0x20
#define REPEAT	   16	 /* of each way to change PKRU */
#define CHANGES	   8	 /* of PKRU, one after the other with nothing in between */
#define OPERAND	   0x7f0 /* of MOV in its page */

static struct probe_result result;

/* A page with @key, closed by @rights as the access at @cpl sees it. */
static struct hole keyed(unsigned int key, unsigned int rights, unsigned int cpl, bool wp)
{
	bool read = rights & PKRU_AD;

	return (struct hole){ .access = PROBE_READ_WRITE,
			      .key = key,
			      .no_reads = read,
			      .no_writes = read || (rights & PKRU_WD && (cpl == 3 || wp)) };
}

static fault_t key_fault(const struct hole *h, bool write, unsigned int cpl)
{
	uint32_t code = PF_KEY | PF_PRESENT | (write ? PF_WRITE : 0) | (cpl == 3 ? PF_USER : 0);

	return (write ? h->no_writes : h->no_reads) ? FAULT(PF, code) : NO_FAULT;
}

/* MOV at the page of @h, while PKRU is as it is. */
static void probe_move(const struct hole *h, bool write, unsigned int cpl, uint64_t cr0_flip,
		       uint64_t cr4_flip, const char *rule)
{
	uint8_t *at = hole_area(h) + OPERAND;
	struct probe p = footprint_probe(write ? &insn_store_bytes : &insn_load_bytes, cpl, at,
					 table_random());
	fault_t want = cr4_flip ? NO_FAULT : key_fault(h, write, cpl);

	p.cr0_flip = cr0_flip;
	p.cr4_flip = cr4_flip;
	if (!gate_can(&p))
		return;
	probe_run(&p, &result);
	table_probe(sizeof(result.gprs));
	expect_fault(result.fault, want, rule, "%s cpl=%u key=%u no_reads=%u no_writes=%u wp=%u",
		     p.insn->name, cpl, h->key, h->no_reads, h->no_writes, !cr0_flip);
	if (want && result.fault == want)
		expect_equal(result.cr2, p.gprs.rdi, rule, "CR2 after %s", p.insn->name);
}

/* The usual, CR0.WP = 0, CR4.PKE = 0. */
static const struct controls {
	uint64_t cr0_flip, cr4_flip;
} controls[] = { { 0, 0 }, { CR0_WP, 0 }, { 0, CR4_PKE } };
#define CONTROLS (sizeof(controls) / sizeof(*controls))

static void probe_rights(unsigned int key, unsigned int rights, unsigned int cpl)
{
	for (unsigned int i = 0; i < 2 * CONTROLS; i++) {
		const struct controls *c = &controls[i / 2];
		struct hole h = keyed(key, rights, cpl, !c->cr0_flip);

		if (!hole_close(&h))
			return;
		pkru_write(pkru_with(pkru_random(), key, rights), cpl);
		probe_move(&h, i & 1, cpl, c->cr0_flip, c->cr4_flip, "P03");
		hole_open();
	}
	pkru_write(0, cpl);
}

/* Of key 0 the rights are 0. */
static void run_rights(const char *table, unsigned int cpl)
{
	if (!pkru_begin())
		return;
	table_begin(table, PKRU_KEYS * RIGHTS);
	for (unsigned int i = 0; i < PKRU_KEYS * RIGHTS; i++) {
		unsigned int key = i / RIGHTS;

		if (table_case() && pkru_runs_at(cpl))
			probe_rights(key, key ? i % RIGHTS : 0, cpl);
	}
	table_end();
	gate_end();
}

/* Supervisor mode obeys PKRU where it uses user pages: by tests of its own, as all below. */
XTEST(pkru, closes_pages_to_loads_and_stores, .rules = "P03 P05")
{
	run_rights("pkru_rights", 3);
}

XTEST(pkru, closes_pages_to_supervisor_mode, .rules = "P03 P05")
{
	run_rights("pkru_rights_supervisor", 0);
}

/* Where the page with the key begins in the area: it has all, nothing but the legacy region, the
 * header and all behind it, what is behind the header. */
static const int32_t places[] = { -64, ORACLE_BV - FOOTPRINT_PAGE, ORACLE_BV, ORACLE_EXTENDED };
#define PLACES (sizeof(places) / sizeof(*places))

/* A case of the tables below, by its number: REX.W, CR0.WP, rights, place. */
#define CASES (2 * 2 * RIGHTS * PLACES)

static unsigned int rights_of(unsigned int i)
{
	return i / 4 % RIGHTS;
}

static struct hole hole_of(unsigned int i, unsigned int cpl, bool wp)
{
	unsigned int key = 1 + (unsigned int)(table_random() % (PKRU_KEYS - 1));
	struct hole h = keyed(key, rights_of(i), cpl, wp);

	h.at = places[i / 4 / RIGHTS % PLACES];
	return h;
}

static bool run_closed(struct probe *p, const struct hole *h, bool wp)
{
	p->cr0_flip = wp ? 0 : CR0_WP;
	if (!gate_can(p) || !hole_close(h))
		return false;
	probe_run(p, &result);
	hole_open();
	table_probe(sizeof(result.gprs));
	return true;
}

/* All components are dirty, and PKRU has the rights of the page's key. */
static void probe_save(enum rules_form form, unsigned int i, unsigned int cpl)
{
	bool wp = !(i & 2);
	struct hole h = hole_of(i, cpl, wp);
	struct save s = { .form = form, .rex_w = i & 1, .cpl = cpl };
	struct footprint f;
	struct probe p;

	s.xcr0 = probe_ops->get(PROBE_XCR0);
	s.mask = save_known(s.xcr0);
	s.dirty = save_dirty(s.xcr0, s.xcr0);
	save_values(&s);
	save_regs.pkru = pkru_with(save_regs.pkru, h.key, rights_of(i));
	s.area = hole_area(&h);
	table_fill(s.area, oracle_image_size(0, s.mask));
	if (!save_reload(&s))
		return;
	f = footprint_of_save(&s);
	f.rule = "P03";
	p = footprint_probe(save_insn(&s), s.cpl, s.area, s.mask);
	if (run_closed(&p, &h, wp))
		footprint_judge(&f, &h, &result, save_where(&s));
}

static bool pkru_enabled(void)
{
	return !facts_skip(probe_ops->get(PROBE_XCR0) & facts.movable & PKRU_BIT, "XCR0[9]");
}

static void run_saves(const char *table, enum rules_form first, enum rules_form last,
		      unsigned int cpl)
{
	if (save_skip(first) || !pkru_begin() || !pkru_enabled())
		return;
	table_begin(table, CASES * (last - first + 1));
	for (unsigned int i = CASES * first; i < CASES * (last + 1); i++) {
		if (!table_case() || !save_runs_at(i / CASES, cpl) || !pkru_runs_at(cpl))
			continue;
		probe_save(i / CASES, i % CASES, cpl);
		pkru_write(0, cpl);
	}
	table_end();
	save_counted();
	gate_end();
}

XTEST(pkru, closes_areas_to_xsave, .rules = "P03 P05")
{
	run_saves("pkru_xsave", FORM_XSAVE, FORM_XSAVE, 3);
}

XTEST(pkru, closes_areas_to_xsaveopt, .rules = "P03 P05")
{
	run_saves("pkru_xsaveopt", FORM_XSAVEOPT, FORM_XSAVEOPT, 3);
}

XTEST(pkru, closes_areas_to_xsavec, .rules = "P03 P05")
{
	run_saves("pkru_xsavec", FORM_XSAVEC, FORM_XSAVEC, 3);
}

XTEST(pkru, closes_areas_to_supervisor_saves, .rules = "P03 P05")
{
	run_saves("pkru_saves_supervisor", FORM_XSAVE, FORM_XSAVES, 0);
}

/* The image's PKRU gives the page's key other rights: that concerns a restore's own accesses only
 * if it obeys the wrong one of the two. */
static const char *restore_rule(unsigned int now, unsigned int loaded)
{
	return (now & PKRU_AD) != (loaded & PKRU_AD) ? "P04" : "P03";
}

static void probe_restore(enum restore_kind kind, unsigned int i, unsigned int cpl)
{
	bool wp = !(i & 2);
	struct hole h = hole_of(i, cpl, wp);
	unsigned int rights = rights_of(i), loaded = (unsigned int)(table_random() % RIGHTS);
	struct restore r = { .kind = kind, .rex_w = i & 1, .cpl = cpl };
	struct footprint f;
	struct probe p;
	uint32_t after;

	r.xcr0 = probe_ops->get(PROBE_XCR0);
	r.mask = restore_movable(&r);
	restore_values(&r);
	restore_before.pkru = pkru_with(restore_before.pkru, h.key, rights);
	restore_inside.pkru = pkru_with(restore_inside.pkru, h.key, loaded);
	footprint_image(&r, &h, r.mask, kind == RESTORE_STANDARD ? 0 : ORACLE_COMPACT | r.mask);
	f = footprint_of_restore(&r);
	f.rule = restore_rule(rights, loaded);
	p = footprint_probe(restore_insn(&r), r.cpl, r.area, r.mask);
	p.regs = &restore_before;
	p.load = r.mask;
	if (!run_closed(&p, &h, wp))
		return;
	after = pkru_read(r.cpl);
	pkru_write(0, r.cpl);
	if (footprint_judge(&f, &h, &result, restore_where(&r)) && result.fault == NO_FAULT)
		expect_equal(after, restore_inside.pkru, "P02", "PKRU after %s", restore_where(&r));
}

static void run_restores(const char *table, enum restore_kind first, enum restore_kind last,
			 unsigned int cpl)
{
	if (restore_skip(first) || !pkru_begin() || !pkru_enabled())
		return;
	table_begin(table, CASES * 2 * (last - first + 1));
	for (unsigned int i = CASES * 2 * first; i < CASES * 2 * (last + 1); i++) {
		enum restore_kind kind = i / CASES / 2;

		if (table_case() && restore_runs_at(kind, cpl) && pkru_runs_at(cpl))
			probe_restore(kind, i % CASES, cpl);
	}
	table_end();
	restore_end();
	gate_end();
}

XTEST(pkru, closes_images_to_xrstor, .rules = "P02 P03 P04 P05")
{
	run_restores("pkru_xrstor", RESTORE_STANDARD, RESTORE_STANDARD, 3);
}

XTEST(pkru, closes_images_to_compacted_xrstor, .rules = "P02 P03 P04 P05")
{
	run_restores("pkru_xrstor_compacted", RESTORE_COMPACTED, RESTORE_COMPACTED, 3);
}

XTEST(pkru, closes_images_to_supervisor_restores, .rules = "P02 P03 P04 P05")
{
	run_restores("pkru_restores_supervisor", RESTORE_STANDARD, RESTORE_XRSTORS, 0);
}

/* How PKRU gets a new value. */
enum { BY_WRPKRU, BY_XRSTOR, BY_XRSTOR_INIT, WAYS };

static void set_rights(unsigned int way, unsigned int key, unsigned int rights, unsigned int cpl)
{
	uint32_t value = way == BY_XRSTOR_INIT ? 0 : pkru_with(pkru_random(), key, rights);
	struct probe p;

	if (way == BY_WRPKRU) {
		pkru_write(value, cpl);
		return;
	}
	pkru_image(probe_ops->arena, false, way == BY_XRSTOR, value);
	p = gate_probe(&insn_xrstor64_bytes, cpl);
	p.gprs.rax = PKRU_BIT;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "P02", "XRSTOR64 of PKRU, cpl=%u", cpl);
}

/* Loads and stores in one page, whose rights change again and again: nothing but PKRU says so. */
static void probe_changes(unsigned int way, unsigned int cpl)
{
	unsigned int key = 1 + (unsigned int)(table_random() % (PKRU_KEYS - 1));
	struct hole page = { .access = PROBE_READ_WRITE, .key = key };

	if (!hole_close(&page))
		return;
	for (unsigned int i = 0; i < CHANGES; i++) {
		unsigned int rights = (unsigned int)(table_random() % RIGHTS);
		struct hole h = keyed(key, i % 2 ? rights : 0, cpl, true);

		set_rights(i % 2 ? BY_WRPKRU : way, key, i % 2 ? rights : 0, cpl);
		probe_move(&h, false, cpl, 0, 0, "P06");
		probe_move(&h, true, cpl, 0, 0, "P06");
	}
	for (unsigned int rights = 0; way == BY_XRSTOR && rights < RIGHTS; rights++) {
		struct hole h = keyed(key, rights, cpl, true);

		set_rights(way, key, rights, cpl);
		probe_move(&h, true, cpl, 0, 0, "P06");
		probe_move(&h, false, cpl, 0, 0, "P06");
	}
	hole_open();
	pkru_write(0, cpl);
}

static void run_changes(const char *table, unsigned int first, unsigned int last, unsigned int cpl)
{
	table_begin(table, (last - first + 1) * REPEAT);
	for (unsigned int i = first * REPEAT; i < (last + 1) * REPEAT; i++) {
		if (table_case() && pkru_runs_at(cpl))
			probe_changes(i / REPEAT, cpl);
	}
	table_end();
	gate_end();
}

XTEST(pkru, wrpkru_counts_from_the_next_access_on, .rules = "P05 P06")
{
	if (pkru_begin())
		run_changes("pkru_changes_wrpkru", BY_WRPKRU, BY_WRPKRU, 3);
}

XTEST(pkru, xrstor_counts_from_the_next_access_on, .rules = "P02 P05 P06")
{
	if (!restore_skip(RESTORE_STANDARD) && pkru_begin() && pkru_enabled())
		run_changes("pkru_changes_xrstor", BY_XRSTOR, BY_XRSTOR_INIT, 3);
}

XTEST(pkru, counts_at_once_in_supervisor_mode, .rules = "P02 P05 P06")
{
	if (!restore_skip(RESTORE_STANDARD) && pkru_begin() && pkru_enabled())
		run_changes("pkru_changes_supervisor", BY_WRPKRU, BY_XRSTOR_INIT, 0);
}

/*
 * AD and WD of key 0, which the probe's own code has, stop no fetch. The bytes close the key, jump,
 * so that what follows is fetched anew, and open it again: WRPKRU, JMP, MOV EAX, EBX, WRPKRU. No
 * data is accessed meanwhile.
 */
static void probe_fetch(uint32_t value, unsigned int cpl)
{
	static const struct probe_insn bytes = { "WRPKRU, JMP, WRPKRU",
						 10,
						 { 0x0f, 0x01, 0xef, 0xeb, 0x00, 0x89, 0xd8, 0x0f,
						   0x01, 0xef } };
	static struct xregs open;
	struct probe p = gate_probe(&bytes, cpl);

	p.gprs.rax = value;
	p.gprs.rbx = p.gprs.rcx = p.gprs.rdx = 0;
	if (!gate_can(&p))
		return;
	expect_fault(gate_run(&p)->fault, NO_FAULT, "P03", "%s cpl=%u pkru=0x%x", bytes.name, cpl,
		     value);
	p = footprint_probe(&insn_nop_bytes, cpl, probe_ops->arena, 0);
	p.load = PKRU_BIT; /* not by a probe of WRPKRU, which might not be fetched */
	p.regs = &open;
	gate_run(&p);
}

XTEST(pkru, closes_nothing_to_fetches, .rules = "P03")
{
	if (!pkru_begin() || !pkru_enabled())
		return;
	table_begin("pkru_fetches", REPEAT * GATE_CPLS);
	for (unsigned int i = 0; i < REPEAT * GATE_CPLS; i++) {
		if (table_case())
			probe_fetch(pkru_with(pkru_random(), 0, 1 + i / GATE_CPLS % 3),
				    gate_cpl[i % GATE_CPLS]);
	}
	table_end();
	gate_end();
}
