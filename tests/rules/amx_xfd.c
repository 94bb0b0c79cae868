/* SPDX-License-Identifier: MIT */
/*
 * TILEDATA under IA32_XFD[18]: which instructions raise #NM, and what saves make of it.
 *
 * Rules: T07 to T10, N03.
 * Sources: SDM vol. 1, "Extended Feature Disable (XFD)"; vol. 2, the instruction pages of XRSTOR
 * and of AMX.
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "amx.h"
#include "footprint.h"
#include "insns.h"
#include "oracle.h"
#include "save.h"

static uint8_t config[AMX_CFG_SIZE], tiles[AMX_DATA_SIZE], before[FOOTPRINT_AREA_MAX];

/* Return: whether the test goes on: TILEDATA is disabled, after its configuration was loaded. */
static bool xfd_begin(void)
{
	if (!amx_begin() || facts_skip(facts.xfd, "CPUID.(0DH,1):EAX[4] XFD") ||
	    facts_skip(probe_ops->cpuid(0xd, AMX_TILEDATA).ecx >> 2 & 1, "CPUID.(0DH,18):ECX[2]") ||
	    facts_skip(probe_ops->can_set(PROBE_XFD), "CPL 0, to write IA32_XFD"))
		return false;
	amx_config(config, true);
	memcpy(amx_config_at(), config, sizeof(config));
	amx_must(AMX_LDTILECFG, 0, amx_config_at(), 0, "T09");
	save_set(PROBE_XFD, AMX_DATA_BIT, "S07");
	save_set(PROBE_XFD_ERR, 0, "T10");
	return true;
}

static void xfd_end(void)
{
	save_set(PROBE_XFD, 0, "S07");
	save_set(PROBE_XFD_ERR, 0, "T10");
	amx_end();
}

static void expect_error(uint64_t want, const char *rule, const char *after)
{
	expect_equal(probe_ops->get(PROBE_XFD_ERR), want, rule, "IA32_XFD_ERR after %s", after);
	save_set(PROBE_XFD_ERR, 0, "T10");
}

/* RFBM and XSTATE_BV: each of 18 in both, in one, in none, with and without 17. */
static void probe_restore(enum restore_kind kind, unsigned int i, unsigned int cpl)
{
	uint64_t mask = (i & 1 ? AMX_DATA_BIT : 0) | (i & 4 ? AMX_CFG_BIT : 0);
	uint64_t bv = (i & 2 ? AMX_DATA_BIT : 0) | (i & 8 ? AMX_CFG_BIT : 0);
	bool refused = mask & bv & AMX_DATA_BIT;

	table_fill(tiles, sizeof(tiles));
	amx_image(kind, bv, config, tiles);
	expect_fault(amx_restore(kind, mask, cpl), refused ? FAULT(NM, 0) : NO_FAULT, "T07",
		     "a restore with rfbm=0x%lx bv=0x%lx format=%u cpl=%u", mask, bv, kind, cpl);
	expect_error(refused ? AMX_DATA_BIT : 0, "T07", "a restore");
}

XTEST(amx, xfd_refuses_restores_of_tiledata, .rules = "T01 T07 T09")
{
	if (!xfd_begin())
		return;
	table_begin("amx_xfd_restores", RESTORE_KINDS * 16 * GATE_CPLS);
	for (unsigned int i = 0; i < RESTORE_KINDS * 16 * GATE_CPLS; i++) {
		enum restore_kind kind = i / 16 / GATE_CPLS;

		if (table_case() && restore_runs_at(kind, gate_cpl[i % 2]))
			probe_restore(kind, i / 2 % 16, gate_cpl[i % 2]);
	}
	table_end();
	xfd_end();
}

static bool uses_data(enum amx_insn insn)
{
	return insn == AMX_TILEZERO || insn == AMX_TILELOADD || insn == AMX_TILESTORED;
}

/* The configuration is loaded anew each time: TILERELEASE is among the instructions. */
static void probe_insn(enum amx_insn insn, unsigned int cpl)
{
	fault_t want = uses_data(insn) ? FAULT(NM, 0) : NO_FAULT;

	memcpy(amx_config_at(), config, sizeof(config));
	amx_must(AMX_LDTILECFG, 0, amx_config_at(), cpl, "T09");
	expect_fault(amx_run(insn, 1, amx_config_at(), cpl), want, "T09", "%s cpl=%u",
		     amx_name(insn), cpl);
	expect_error(want ? AMX_DATA_BIT : 0, "T09", amx_name(insn));
}

/* STTILECFG, or all others. */
static void run_insns(const char *table, bool sttilecfg)
{
	if (!xfd_begin())
		return;
	table_begin(table, AMX_INSNS * GATE_CPLS);
	for (unsigned int i = 0; i < AMX_INSNS * GATE_CPLS; i++) {
		if (table_case() && (i / 2 == AMX_STTILECFG) == sttilecfg &&
		    amx_runs_at(gate_cpl[i % 2]))
			probe_insn(i / 2, gate_cpl[i % 2]);
	}
	table_end();
	xfd_end();
}

XTEST(amx, xfd_refuses_instructions_on_tiles, .rules = "T01 T09")
{
	run_insns("amx_xfd_insns", false);
}

XTEST(amx, xfd_does_not_refuse_sttilecfg, .rules = "T01 T09")
{
	run_insns("amx_xfd_sttilecfg", true);
}

static struct save data_save(enum rules_form form, unsigned int cpl)
{
	return (struct save){ .form = form,
			      .rex_w = true,
			      .cpl = cpl,
			      .xcr0 = probe_ops->get(PROBE_XCR0),
			      .mask = AMX_DATA_BIT,
			      .area = amx_image_at() };
}

/* Of XSAVE all bytes become 0, of the others none changes. */
static void probe_save(enum rules_form form, unsigned int cpl)
{
	struct save s = data_save(form, cpl);
	uint64_t cb = form_compacted(form) ? ORACLE_COMPACT | AMX_DATA_BIT : 0;
	uint8_t *data = s.area + oracle_offset(cb, AMX_TILEDATA);

	table_fill(s.area, oracle_image_size(cb, AMX_DATA_BIT));
	oracle_put64(s.area + ORACLE_BV, AMX_DATA_BIT);
	if (form == FORM_XSAVE)
		memset(before, 0, AMX_DATA_SIZE);
	else
		memcpy(before, data, AMX_DATA_SIZE);
	if (!save_run(&s))
		return;
	expect_equal(oracle_get64(s.area + ORACLE_BV) & AMX_DATA_BIT, 0, "T08",
		     "XSTATE_BV[18] after %s cpl=%u", save_insn(&s)->name, cpl);
	expect_bytes(data, before, AMX_DATA_SIZE, "T08", "TILEDATA of %s cpl=%u",
		     save_insn(&s)->name, cpl);
	expect_error(0, "T10", save_insn(&s)->name);
	table_probe(AMX_DATA_SIZE);
}

/* Tiles that are in use when they become disabled. */
static void fill_tiles(void)
{
	save_set(PROBE_XFD, 0, "S07");
	memcpy(amx_config_at(), config, sizeof(config));
	amx_must(AMX_LDTILECFG, 0, amx_config_at(), 0, "T09");
	table_fill(amx_tiles_at(), AMX_TILE);
	for (unsigned int tile = 0; tile < AMX_TILES; tile++)
		amx_must(AMX_TILELOADD, tile, amx_tiles_at(), 0, "T09");
	save_set(PROBE_XFD, AMX_DATA_BIT, "S07");
}

XTEST(amx, xfd_hides_tiledata_from_saves, .rules = "T01 T08 T09 T10 V13")
{
	if (!xfd_begin())
		return;
	table_begin("amx_xfd_saves", FORM_XRSTOR * GATE_CPLS);
	for (unsigned int i = 0; i < FORM_XRSTOR * GATE_CPLS; i++) {
		if (!table_case() || !save_runs_at(i / 2, gate_cpl[i % 2]))
			continue;
		fill_tiles();
		probe_save(i / 2, gate_cpl[i % 2]);
	}
	table_end();
	save_counted();
	xfd_end();
}

/* A #NM by CR0.TS is none by XFD, and nothing but software makes the register 0 again. */
XTEST(amx, xfd_err_is_written_by_xfd_alone, .rules = "T01 T09 T10")
{
	struct probe p;

	if (!xfd_begin())
		return;
	p = gate_probe(&insn_xsave64_bytes, 0);
	p.cr0_flip = CR0_TS;
	expect_fault(gate_run(&p)->fault, FAULT(NM, 0), "T10", "XSAVE64 with CR0.TS = 1");
	expect_equal(probe_ops->get(PROBE_XFD_ERR), 0, "T10", "IA32_XFD_ERR after it");
	expect_fault(amx_run(AMX_TILEZERO, 0, amx_config_at(), 0), FAULT(NM, 0), "T09", "TILEZERO");
	expect_fault(gate_run(&p)->fault, FAULT(NM, 0), "T10", "XSAVE64 with CR0.TS = 1");
	save_set(PROBE_XFD, 0, "S07");
	amx_must(AMX_TILEZERO, 0, amx_config_at(), 0, "T09");
	expect_equal(probe_ops->get(PROBE_XFD_ERR), AMX_DATA_BIT, "T10",
		     "IA32_XFD_ERR after another #NM, and TILEZERO that executed");
	xfd_end();
}

/* TILEDATA begins in the hole, or reaches into it: XSAVE writes there; of others it is recorded. */
static void probe_hole(enum rules_form form, unsigned int cpl, uint32_t behind)
{
	struct save s = data_save(form, cpl);
	uint64_t cb = form_compacted(form) ? ORACLE_COMPACT | AMX_DATA_BIT : 0;
	struct hole h = { .access = PROBE_NOT_PRESENT };
	struct footprint f;
	struct probe p;
	const struct probe_result *r;

	h.at = (int32_t)(oracle_offset(cb, AMX_TILEDATA) + behind);
	s.area = hole_area(&h);
	table_fill(s.area, oracle_image_size(cb, AMX_DATA_BIT));
	f = footprint_of_save(&s);
	f.rule = "N03";
	p = footprint_probe(save_insn(&s), cpl, s.area, s.mask);
	if (!hole_close(&h))
		return;
	r = gate_run(&p);
	hole_open();
	footprint_judge(&f, &h, r, save_where(&s));
	if (form != FORM_XSAVE)
		test_info("observed: N03 %s cpl=%u touches TILEDATA under XFD: %u",
			  save_insn(&s)->name, cpl, r->fault != NO_FAULT);
}

XTEST(amx, xsave_touches_tiledata_under_xfd, .rules = "N03 T01 T09")
{
	if (!xfd_begin())
		return;
	table_begin("amx_xfd_holes", FORM_XRSTOR * GATE_CPLS * 2);
	for (unsigned int i = 0; i < FORM_XRSTOR * GATE_CPLS * 2; i++) {
		unsigned int cpl = gate_cpl[i % 2];

		if (table_case() && save_runs_at(i / 4, cpl))
			probe_hole(i / 4, cpl, i & 2 ? AMX_TILE : 0);
	}
	table_end();
	xfd_end();
}
