/* SPDX-License-Identifier: MIT */
/*
 * Addresses at which nothing can be: not canonical, or misaligned where no page is.
 *
 * Rules: N06 N07.
 * Sources: SDM vol. 2, instruction pages of the XSAVE family, "64-Bit Mode Exceptions"; vol. 1,
 * "Canonical Addressing"; "Operand Addressing" (RBP as a base goes through SS).
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "footprint.h"
#include "gate.h"
#include "insns.h"
#include "oracle.h"

#define MOD_DISP8_RBP 0x45
#define MODRM_REG     0x38
#define B_BIT	      1 /* of REX: the base is R13 instead of RBP */

/* Multiples of 64 that have no sign extension, with 48 bits and with 57. */
static const uint64_t foreign[] = {
	UINT64_C(0x0100000000000000), UINT64_C(0x7fffffffffffffc0), UINT64_C(0x8000000000000000),
	UINT64_C(0xfeffffffffffffc0), UINT64_C(0x0400000000001000),
};
#define FOREIGN (sizeof(foreign) / sizeof(*foreign))

/* [RBP + 0] or, by REX.B, [R13 + 0] in place of [RDI]. */
static void set_base(const struct probe_insn *insn, bool r13, struct probe_insn *out)
{
	uint8_t modrm = insn->bytes[insn->length - 1];

	*out = *insn;
	if (r13 && insn->bytes[0] == 0x48)
		out->bytes[0] |= B_BIT;
	out->bytes[insn->length - 1] = (uint8_t)((modrm & MODRM_REG) | MOD_DISP8_RBP);
	out->bytes[insn->length] = 0;
	out->length++;
}

enum base { BASE_RDI, BASE_RBP, BASE_R13, BASES };

static void probe_foreign(enum rules_form form, unsigned int cpl, enum base base, uint64_t address)
{
	struct probe p = gate_probe(form_insn(form, true), cpl);
	struct probe_insn insn;

	if (form_missing(form) || !gate_can(&p) ||
	    (cpl && (form == FORM_XSAVES || form == FORM_XRSTORS)))
		return;
	if (base != BASE_RDI) {
		set_base(p.insn, base == BASE_R13, &insn);
		p.insn = &insn;
	}
	*(base == BASE_RDI ? &p.gprs.rdi : base == BASE_RBP ? &p.gprs.rbp : &p.gprs.r13) = address;
	expect_fault(gate_run(&p)->fault, base == BASE_RBP ? FAULT(SS, 0) : FAULT(GP, 0), "N06",
		     "%s cpl=%u base=%s address=0x%lx", p.insn->name, cpl,
		     base == BASE_RBP	? "RBP"
		     : base == BASE_RDI ? "RDI"
					: "R13",
		     address);
}

static void run_foreign(const char *table, enum base first, enum base last)
{
	gate_begin();
	table_begin(table, FORMS * FOREIGN * (last - first + 1));
	for (enum base base = first; base <= last; base++) {
		for (unsigned int i = 0; i < FORMS * FOREIGN; i++) {
			if (!table_case())
				continue;
			for (unsigned int c = 0; c < GATE_CPLS; c++)
				probe_foreign(i / FOREIGN, gate_cpl[c], base, foreign[i % FOREIGN]);
		}
	}
	table_end();
	gate_end();
}

XTEST(footprint, noncanonical_address_is_gp, .rules = "N06")
{
	run_foreign("footprint_foreign", BASE_RDI, BASE_RDI);
}

XTEST(footprint, noncanonical_address_by_r13_is_gp, .rules = "N06")
{
	run_foreign("footprint_foreign_r13", BASE_R13, BASE_R13);
}

XTEST(footprint, noncanonical_address_by_rbp_is_ss, .rules = "N06")
{
	run_foreign("footprint_foreign_rbp", BASE_RBP, BASE_RBP);
}

/* The area begins in the page, has its header there, or goes on there. */
static const int32_t holes[] = { -64, ORACLE_BV, ORACLE_EXTENDED };
#define HOLES (sizeof(holes) / sizeof(*holes))

static void probe_misaligned(enum rules_form form, unsigned int cpl, int32_t at, unsigned int off)
{
	struct probe p = gate_probe(form_insn(form, off & 1), cpl);
	struct hole h = { .at = at, .access = PROBE_NOT_PRESENT };
	fault_t got;

	if (form_missing(form) || !gate_can(&p) ||
	    (cpl && (form == FORM_XSAVES || form == FORM_XRSTORS)))
		return;
	p.gprs.rdi = (uint64_t)(uintptr_t)hole_area(&h) + off;
	p.gprs.rax = p.gprs.rdx = table_random();
	if (!hole_close(&h))
		return;
	got = gate_run(&p)->fault;
	hole_open();
	expect_fault(got, FAULT(GP, 0), "N07", "%s cpl=%u offset=%u hole=%d", p.insn->name, cpl,
		     off, at);
}

XTEST(footprint, misaligned_comes_before_missing, .rules = "N07")
{
	gate_begin();
	table_begin("footprint_misaligned", FORMS * HOLES * 63);
	for (unsigned int i = 0; i < FORMS * HOLES * 63; i++) {
		if (!table_case())
			continue;
		gate_area(true);
		for (unsigned int c = 0; c < GATE_CPLS; c++)
			probe_misaligned(i / 63 / HOLES, gate_cpl[c], holes[i / 63 % HOLES],
					 1 + i % 63);
	}
	table_end();
	gate_end();
}
