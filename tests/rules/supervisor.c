/* SPDX-License-Identifier: MIT */
/*
 * Supervisor state components, their MSRs and their images.
 *
 * Sources: SDM vol. 1, "CET State", "User-Interrupt State", "Operation of XSAVES"; vol. 3,
 * "User-Interrupt MSRs"; vol. 4, "Architectural MSRs".
 */
#include "supervisor.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "insns.h"
#include "oracle.h"

#define ADDRESS	   UINT64_C(0x00007ffffffffff8) /* canonical at 48 bits, 8-byte aligned */
#define LINE	   UINT64_C(0x00007fffffffffc0)
#define IBT_BITS   UINT64_C(0x00007ffffffff03c)
#define SHSTK_BITS UINT64_C(0x3)
#define UITTSZ	   UINT64_C(0xffffffff)

const struct supervisor_component supervisor_cet_u = {
	11,
	"CET_U",
	"E01",
	{ 7, 0, 2, 7 },
	"CPUID.(7,0):ECX[7] CET_SS",
	2,
	{ { 0x6a0, 0, "IA32_U_CET", SHSTK_BITS }, { 0x6a7, 8, "IA32_PL3_SSP", ADDRESS } },
};

const struct supervisor_component supervisor_cet_s = {
	12,
	"CET_S",
	"E01",
	{ 7, 0, 2, 7 },
	"CPUID.(7,0):ECX[7] CET_SS",
	3,
	{ { 0x6a4, 0, "IA32_PL0_SSP", ADDRESS },
	  { 0x6a5, 8, "IA32_PL1_SSP", ADDRESS },
	  { 0x6a6, 16, "IA32_PL2_SSP", ADDRESS } },
};

const struct supervisor_component supervisor_uintr = {
	14,
	"UINTR",
	"E05",
	{ 7, 0, 3, 5 },
	"CPUID.(7,0):EDX[5] UINTR",
	6,
	{ { 0x986, 0, "IA32_UINTR_HANDLER", ADDRESS },
	  { 0x987, 8, "IA32_UINTR_STACKADJUST", ADDRESS },
	  { 0x988, 16, "IA32_UINTR_MISC", UITTSZ },
	  { 0x989, 24, "IA32_UINTR_PD", LINE },
	  { 0x985, 32, "IA32_UINTR_RR", ~UINT64_C(0) },
	  { 0x98a, 40, "IA32_UINTR_TT", LINE | 1 } },
};

static const struct gate_feature ibt = { 7, 0, 3, 20 };
static uint64_t old_xss;

bool supervisor_begin(const struct supervisor_component *c)
{
	gate_begin();
	if (facts_skip(facts.xss_supported >> c->bit & 1 && gate_feature(&c->feature),
		       c->feature_name) ||
	    facts_skip(probe_ops->can_set(PROBE_XSS), "CPL 0, to write IA32_XSS"))
		return false;
	old_xss = probe_ops->get(PROBE_XSS);
	probe_ops->set(PROBE_XSS, old_xss | UINT64_C(1) << c->bit);
	return true;
}

void supervisor_end(const struct supervisor_component *c)
{
	static const uint64_t zero[SUPERVISOR_FIELDS];

	supervisor_write(c, zero);
	probe_ops->set(PROBE_XSS, old_xss);
}

/* IA32_U_CET also has the bits of indirect branch tracking, where there is that. */
static uint64_t free_bits(const struct supervisor_field *f)
{
	return f->free == SHSTK_BITS && gate_feature(&ibt) ? SHSTK_BITS | IBT_BITS : f->free;
}

void supervisor_values(const struct supervisor_component *c, uint64_t values[SUPERVISOR_FIELDS])
{
	for (unsigned int i = 0; i < c->fields; i++) {
		do {
			values[i] = table_random() & free_bits(&c->field[i]);
		} while (!values[i]);
	}
}

void supervisor_write(const struct supervisor_component *c, const uint64_t *values)
{
	for (unsigned int i = 0; i < c->fields; i++)
		expect_fault(gate_wrmsr(c->field[i].msr, values[i], 0), NO_FAULT, c->rule,
			     "WRMSR %s value=0x%lx", c->field[i].name, values[i]);
}

void supervisor_read(const struct supervisor_component *c, uint64_t *values)
{
	for (unsigned int i = 0; i < c->fields; i++)
		expect_fault(gate_rdmsr(c->field[i].msr, &values[i], 0), NO_FAULT, c->rule,
			     "RDMSR %s", c->field[i].name);
}

static fault_t run_form(const struct probe_insn *insn, uint64_t mask)
{
	struct probe p = gate_probe(insn, 0);

	p.gprs.rax = (uint32_t)mask;
	p.gprs.rdx = mask >> 32;
	return gate_run(&p)->fault;
}

fault_t supervisor_save(uint64_t mask)
{
	return run_form(&insn_xsaves64_bytes, mask);
}

fault_t supervisor_restore(uint64_t mask)
{
	return run_form(&insn_xrstors64_bytes, mask);
}

void supervisor_image(const struct supervisor_component *c, const uint64_t *values, uint64_t bv)
{
	gate_area(true);
	oracle_put64(probe_ops->arena + ORACLE_BV, bv);
	oracle_put64(probe_ops->arena + ORACLE_CB, ORACLE_COMPACT | UINT64_C(1) << c->bit);
	for (unsigned int i = 0; i < c->fields; i++)
		oracle_put64(probe_ops->arena + ORACLE_EXTENDED + c->field[i].offset, values[i]);
}
