/* SPDX-License-Identifier: MIT */
/*
 * XSAVES and XRSTORS of supervisor state: what moves, what is initialised, what is refused, and
 * what a save leaves behind.
 *
 * Rules: E01 to E05, E07; SDM vol. 1, "CET State", "PT State", "User-Interrupt State", "Operation
 * of XSAVES", "Operation of XRSTORS".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"
#include "supervisor.h"

#define CASES	64
#define BIT(n)	(UINT64_C(1) << (n))
#define UINV	UINT64_C(0xff00000000)
#define MISC	2 /* among the fields of UINTR */
#define U_CET	0 /* among those of CET_U */
#define PL3_SSP 1

static uint64_t first[SUPERVISOR_FIELDS], second[SUPERVISOR_FIELDS], now[SUPERVISOR_FIELDS];

static void expect_fields(const struct supervisor_component *c, const uint64_t *want,
			  const char *rule, const char *what)
{
	supervisor_read(c, now);
	for (unsigned int i = 0; i < c->fields; i++)
		expect_equal(now[i], want[i], rule, "%s after %s", c->field[i].name, what);
}

/* XSAVES of @first: XSTATE_BV, XCOMP_BV and each field of the image. */
static void check_save(const struct supervisor_component *c)
{
	uint8_t *area = probe_ops->arena;

	memset(area, 0xa5, PROBE_ARENA_SIZE);
	memset(area + ORACLE_CB + 8, 0, ORACLE_EXTENDED - ORACLE_CB - 8);
	supervisor_write(c, first);
	expect_fault(supervisor_save(BIT(c->bit)), NO_FAULT, c->rule, "XSAVES64 rfbm=%s", c->name);
	expect_equal(oracle_get64(area + ORACLE_BV), BIT(c->bit), c->rule,
		     "XSTATE_BV after XSAVES64 rfbm=%s", c->name);
	expect_equal(oracle_get64(area + ORACLE_CB), ORACLE_COMPACT | BIT(c->bit), c->rule,
		     "XCOMP_BV after XSAVES64 rfbm=%s", c->name);
	for (unsigned int i = 0; i < c->fields; i++)
		expect_equal(oracle_get64(area + ORACLE_EXTENDED + c->field[i].offset), first[i],
			     c->rule, "image of %s after XSAVES64", c->field[i].name);
	expect_equal(area[ORACLE_EXTENDED + oracle_size(c->bit)], 0xa5, c->rule,
		     "the byte behind %s after XSAVES64", c->name);
}

/* Saved, changed, restored, initialised, and left alone where RFBM does not have it. */
static void probe_move(const struct supervisor_component *c)
{
	supervisor_values(c, first);
	supervisor_values(c, second);
	check_save(c);
	supervisor_write(c, second);
	expect_fault(supervisor_restore(BIT(c->bit)), NO_FAULT, c->rule, "XRSTORS64 rfbm=%s",
		     c->name);
	expect_fields(c, first, c->rule, "XRSTORS64");
	supervisor_image(c, second, BIT(c->bit));
	expect_fault(supervisor_restore(1), NO_FAULT, "R01", "XRSTORS64 rfbm=0x1");
	expect_fields(c, first, "R01", "XRSTORS64 rfbm=0x1");
	supervisor_image(c, second, 0);
	expect_fault(supervisor_restore(BIT(c->bit)), NO_FAULT, "E03", "XRSTORS64 bv=0");
	memset(second, 0, sizeof(second));
	expect_fields(c, second, "E03", "XRSTORS64 bv=0");
}

static void moves(const char *table, const struct supervisor_component *c)
{
	if (!supervisor_begin(c))
		return;
	table_begin(table, CASES);
	for (unsigned int i = 0; i < CASES; i++) {
		if (table_case())
			probe_move(c);
	}
	table_end();
	supervisor_end(c);
}

XTEST(supervisor, cet_u_moves, .rules = "E01 E03 R01")
{
	moves("supervisor_cet_u", &supervisor_cet_u);
}

XTEST(supervisor, cet_s_moves, .rules = "E01 E03 R01")
{
	moves("supervisor_cet_s", &supervisor_cet_s);
}

XTEST(supervisor, uintr_moves, .rules = "E03 E05 R01")
{
	moves("supervisor_uintr", &supervisor_uintr);
}

/* One field of a valid image takes @value: #GP, and the MSRs are as before. */
static void expect_refused(const struct supervisor_component *c, unsigned int field, uint64_t value)
{
	supervisor_values(c, first);
	supervisor_values(c, second);
	supervisor_write(c, first);
	second[field] = value;
	supervisor_image(c, second, BIT(c->bit));
	expect_fault(supervisor_restore(BIT(c->bit)), FAULT(GP, 0), "E02", "XRSTORS64 %s=0x%lx",
		     c->field[field].name, value);
}

/* Reserved bits of IA32_U_CET; SSPs that are misaligned or not canonical. */
XTEST(supervisor, bad_cet_images_are_gp, .rules = "E01 E02")
{
	static const uint64_t bad_u_cet[] = { 0x40, 0x80, 0x100, 0x200, 0x3c0 };
	static const uint64_t bad_ssp[] = { 1, 2, 3, UINT64_C(0x8000000000000000),
					    UINT64_C(0x0100000000000000) };

	if (!supervisor_begin(&supervisor_cet_u))
		return;
	table_begin("supervisor_bad_cet", 5 + 5);
	for (unsigned int i = 0; i < 5; i++) {
		if (table_case())
			expect_refused(&supervisor_cet_u, U_CET, bad_u_cet[i]);
	}
	for (unsigned int i = 0; i < 5; i++) {
		if (table_case())
			expect_refused(&supervisor_cet_u, PL3_SSP, bad_ssp[i]);
	}
	table_end();
	supervisor_end(&supervisor_cet_u);
}

/* UINV is in the image and no more in the MSR; a restore while it is there is refused. */
static void probe_uinv(const struct supervisor_component *c, uint8_t vector)
{
	uint64_t misc;

	supervisor_values(c, first);
	first[MISC] |= (uint64_t)vector << 32;
	supervisor_write(c, first);
	memset(probe_ops->arena, 0, PROBE_ARENA_SIZE);
	expect_fault(supervisor_save(BIT(c->bit)), NO_FAULT, "E05", "XSAVES64 uinv=0x%x", vector);
	misc = oracle_get64(probe_ops->arena + ORACLE_EXTENDED + c->field[MISC].offset);
	expect_equal(misc, first[MISC], "E05", "image of IA32_UINTR_MISC after XSAVES64");
	supervisor_read(c, now);
	expect_equal(now[MISC], first[MISC] & ~UINV, "E05", "IA32_UINTR_MISC after XSAVES64");
	expect_fault(supervisor_restore(BIT(c->bit)), NO_FAULT, "E05", "XRSTORS64 with UINV=0");
	supervisor_read(c, now);
	expect_equal(now[MISC], first[MISC], "E05", "IA32_UINTR_MISC after XRSTORS64");
	expect_fault(supervisor_restore(BIT(c->bit)), FAULT(GP, 0), "E05",
		     "XRSTORS64 with UINV=0x%x", vector);
}

XTEST(supervisor, uinv_is_cleared_by_xsaves, .rules = "E05")
{
	if (!supervisor_begin(&supervisor_uintr))
		return;
	table_begin("supervisor_uinv", 255);
	for (unsigned int vector = 1; vector < 256; vector++) {
		if (table_case())
			probe_uinv(&supervisor_uintr, (uint8_t)vector);
	}
	table_end();
	supervisor_end(&supervisor_uintr);
}

/* IA32_XSS with one component at a time: XSAVES names that one, and no other of the supervisor's.
 */
static void probe_rfbm(uint64_t xss)
{
	uint8_t *area = probe_ops->arena;

	probe_ops->set(PROBE_XSS, xss);
	gate_area(true);
	expect_fault(supervisor_save(facts.xss_supported), NO_FAULT, "E07",
		     "XSAVES64 rfbm=0x%lx IA32_XSS=0x%lx", facts.xss_supported, xss);
	expect_equal(oracle_get64(area + ORACLE_CB), ORACLE_COMPACT | xss, "E07",
		     "XCOMP_BV after XSAVES64 rfbm=0x%lx IA32_XSS=0x%lx", facts.xss_supported, xss);
	expect_equal(oracle_get64(area + ORACLE_BV) & ~xss, 0, "E07",
		     "XSTATE_BV after XSAVES64 rfbm=0x%lx IA32_XSS=0x%lx", facts.xss_supported,
		     xss);
}

XTEST(supervisor, xss_limits_rfbm, .rules = "E07")
{
	uint64_t before;

	gate_begin();
	if (facts_skip(facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES") ||
	    facts_skip(probe_ops->can_set(PROBE_XSS), "CPL 0, to write IA32_XSS"))
		return;
	before = probe_ops->get(PROBE_XSS);
	table_begin("supervisor_rfbm", 1 + 62);
	if (table_case())
		probe_rfbm(0);
	for (unsigned int bit = 0; bit < 62; bit++) {
		if (table_case() && facts.xss_supported >> bit & 1)
			probe_rfbm(BIT(bit));
	}
	table_end();
	probe_ops->set(PROBE_XSS, before);
}
