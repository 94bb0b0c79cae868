/* SPDX-License-Identifier: MIT */
/*
 * XRSTORS that faults on its way: each element of a supervisor component has its old value, the new
 * one, or the initial one, and none other.
 *
 * Rules: R09; SDM vol. 1, "Operation of XRSTORS".
 */
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"
#include "restore.h"
#include "supervisor.h"

#define PAGE	 4096
#define REPEAT	 32
#define RESERVED UINT32_C(0x80000000) /* a bit of MXCSR */

static uint64_t old[SUPERVISOR_FIELDS], new[SUPERVISOR_FIELDS], got[SUPERVISOR_FIELDS];

/* The image's extended region begins at the end of a page. Return: where the image begins */
static uint8_t *make_image(const struct supervisor_component *c, uint64_t user)
{
	uint64_t cb = ORACLE_COMPACT | user | UINT64_C(1) << c->bit;
	uint8_t *image = probe_ops->arena + PAGE - oracle_offset(cb, c->bit);

	memset(image, 0, oracle_image_size(cb, 0));
	oracle_put64(image + ORACLE_BV, cb & ~ORACLE_COMPACT);
	oracle_put64(image + ORACLE_CB, cb);
	for (unsigned int i = 0; i < c->fields; i++)
		oracle_put64(image + oracle_offset(cb, c->bit) + c->field[i].offset, new[i]);
	return image;
}

static void judge(const struct supervisor_component *c, fault_t fault, const char *where)
{
	supervisor_read(c, got);
	for (unsigned int i = 0; i < c->fields; i++)
		expect_true(got[i] == old[i] || got[i] == new[i] || got[i] == 0, "R09",
			    "%s=0x%lx, old 0x%lx, new 0x%lx, after %s", c->field[i].name, got[i],
			    old[i], new[i], where);
	expect_true(fault != NO_FAULT, "R09", "no fault by %s", where);
	table_probe(sizeof(got));
}

static fault_t restore(const uint8_t *image, uint64_t mask)
{
	struct probe p = gate_probe(&insn_xrstors64_bytes, 0);

	p.gprs.rdi = (uint64_t)(uintptr_t)image;
	p.gprs.rax = (uint32_t)mask;
	p.gprs.rdx = mask >> 32;
	return gate_run(&p)->fault;
}

static void fault_midway(const struct supervisor_component *c, bool hole)
{
	uint64_t user = probe_ops->get(PROBE_XCR0) & (hole ? RESTORE_AVX : RESTORE_SSE);
	uint32_t mxcsr = RESERVED;
	uint8_t *image;
	fault_t fault;

	supervisor_values(c, old);
	supervisor_values(c, new);
	supervisor_write(c, old);
	image = make_image(c, user);
	if (hole)
		probe_ops->protect(1, PROBE_NOT_PRESENT, 0);
	else
		memcpy(image + ORACLE_MXCSR, &mxcsr, sizeof(mxcsr));
	fault = restore(image, user | UINT64_C(1) << c->bit);
	probe_ops->protect(1, PROBE_READ_WRITE, 0);
	judge(c, fault, hole ? "XRSTORS64 across a page" : "XRSTORS64 of a bad MXCSR");
}

static void run_component(const struct supervisor_component *c, const char *table)
{
	if (!supervisor_begin(c))
		return;
	table_begin(table, 2 * REPEAT);
	for (unsigned int i = 0; i < 2 * REPEAT; i++) {
		if (table_case())
			fault_midway(c, i & 1);
	}
	table_end();
	supervisor_end(c);
	restore_end();
}

XTEST(restore, faulting_xrstors_leaves_cet_u_old_new_or_initial, .rules = "R09")
{
	run_component(&supervisor_cet_u, "restore_faults_cet_u");
}

XTEST(restore, faulting_xrstors_leaves_cet_s_old_new_or_initial, .rules = "R09")
{
	run_component(&supervisor_cet_s, "restore_faults_cet_s");
}
