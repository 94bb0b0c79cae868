/* SPDX-License-Identifier: MIT */
/*
 * What is legal outside 64-bit mode, where an operand may lie, and the form of the x87 pointers.
 *
 * Rules: D04-D06, F05, G03, G12; SDM vol. 2, the instruction pages: "Protected Mode Exceptions",
 * "Real-Address Mode Exceptions", "Virtual-8086 Mode Exceptions"; vol. 1, "Legacy Region of an
 * XSAVE Area", "XSAVE-Managed State"; vol. 3, "Limit Checking".
 */
#include "mode.h"

#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"

#define PAGE	 4096
#define FIP	 8 /* offsets in the legacy region */
#define FCS	 12
#define FDP	 16
#define FDS	 20
#define HI16_ZMM 7

static struct probe_result result;
static struct xregs regs;

static bool is_16bit(const struct way *way)
{
	return way->mode == PROBE_COMPAT16 || way->mode == PROBE_REAL || way->mode == PROBE_V86;
}

/* An image that every restore takes: nothing in use. */
static void make_area(uint32_t offset, uint64_t cb)
{
	uint8_t *area = probe_ops->arena + offset;
	uint32_t mxcsr = XSAVE_DEFAULT_MXCSR;

	memset(area, 0, ORACLE_EXTENDED);
	memcpy(area + ORACLE_MXCSR, &mxcsr, sizeof(mxcsr));
	oracle_put64(area + ORACLE_CB, cb);
}

/* -- what is legal: G12 -------------------------------------------------------------------------*/

static const struct legal {
	const struct probe_insn *insn;
	const bool *enumerated; /* NULL: with XSAVE */
	bool privileged;	/* #GP(0) at CPL 3 and in virtual-8086 mode */
	bool compacted;		/* the format that it takes */
} instructions[] = {
	{ &insn_xgetbv_bytes, NULL, false, false },
	{ &insn_xsetbv_bytes, NULL, true, false },
	{ &insn_xsave_bytes, NULL, false, false },
	{ &insn_xsaveopt_bytes, &facts.xsaveopt, false, false },
	{ &insn_xsavec_bytes, &facts.xsavec, false, false },
	{ &insn_xsaves_bytes, &facts.xsaves, true, true },
	{ &insn_xrstor_bytes, NULL, false, false },
	{ &insn_xrstors_bytes, &facts.xsaves, true, true },
};
#define INSTRUCTIONS (sizeof(instructions) / sizeof(instructions[0]))

static void probe_legal(const struct way *way, const struct legal *l)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0);
	bool writes_xcr0 = l->insn == &insn_xsetbv_bytes;
	struct probe p = way_probe(way, l->insn, 0, writes_xcr0 ? xcr0 : 3);
	fault_t want = l->privileged && way->cpl == 3 ? FAULT(GP, 0) : NO_FAULT;

	make_area(0, l->compacted ? ORACLE_COMPACT : 0);
	probe_run(&p, &result);
	table_probe(sizeof(result.gprs));
	expect_fault(result.fault, want, "G12", "%s %s", l->insn->name, way->name);
	if (l->insn == &insn_xgetbv_bytes)
		expect_equal(result.gprs.rdx << 32 | (uint32_t)result.gprs.rax, xcr0, "G12",
			     "%s %s EDX:EAX", l->insn->name, way->name);
}

static void probe_without_osxsave(const struct way *way, const struct legal *l)
{
	struct probe p = way_probe(way, l->insn, 0, 3);

	p.cr4_flip = CR4_OSXSAVE;
	if (probe_ops->why_not(&p))
		return;
	make_area(0, l->compacted ? ORACLE_COMPACT : 0);
	probe_run(&p, &result);
	table_probe(sizeof(result.gprs));
	expect_fault(result.fault, FAULT(UD, 0), "G03", "%s %s OSXSAVE=0", l->insn->name,
		     way->name);
}

/* Whether #UD stands against the #GP(0) of a privileged instruction. */
static bool is_privileged(const struct way *way, const struct legal *l)
{
	return l->privileged && way->cpl == 3;
}

static bool is_unprivileged(const struct way *way, const struct legal *l)
{
	return !is_privileged(way, l);
}

/* Of XSETBV in virtual-8086 mode the SDM only says that it is #GP(0). */
static bool is_users(const struct way *way, const struct legal *l)
{
	return is_privileged(way, l) && way->mode != PROBE_V86;
}

/* @wanted: NULL takes all. */
static void run_table(const char *name, void (*run)(const struct way *, const struct legal *),
		      bool (*wanted)(const struct way *, const struct legal *))
{
	if (way_skip())
		return;
	table_begin(name, WAYS * INSTRUCTIONS);
	for (unsigned int i = 0; i < WAYS * INSTRUCTIONS; i++) {
		const struct way *way = &ways[i / INSTRUCTIONS];
		const struct legal *l = &instructions[i % INSTRUCTIONS];

		if (table_case() && (!wanted || wanted(way, l)) && !way_missing(way) &&
		    (!l->enumerated || *l->enumerated))
			run(way, l);
	}
	table_end();
}

XTEST(mode, family_is_legal_in_every_mode, .rules = "G12")
{
	run_table("mode_legal", probe_legal, NULL);
}

/* Whether CR4.OSXSAVE is out of reach here; the test is then skipped. */
static bool skip_osxsave(void)
{
	struct probe p = way_probe(&ways[0], &insn_xsave_bytes, 0, 3);

	p.cr4_flip = CR4_OSXSAVE;
	return facts_skip(!probe_ops->why_not(&p), "CPL 0, to clear CR4.OSXSAVE");
}

XTEST(mode, family_is_ud_without_osxsave, .rules = "G03")
{
	if (!skip_osxsave())
		run_table("mode_ud", probe_without_osxsave, is_unprivileged);
}

XTEST(mode, users_are_ud_before_gp_without_osxsave, .rules = "G03")
{
	if (!skip_osxsave())
		run_table("mode_users_ud", probe_without_osxsave, is_users);
}

/* -- the end of the segment: D05 ------------------------------------------------------------------
 */

/*
 * Operands near the end of a segment of 64 KiB, the arena; RFBM = 3, so 576 bytes are used. They
 * are addressed with 32 bits: with 16 the CPU may also go on at the segment's start, as a Zen 4
 * does.
 */
static const struct place {
	const char *name;
	uint32_t offset;
} places[] = {
	{ "ends at the limit", 0x10000 - 576 },
	{ "the header is beyond", 0x10000 - 512 },
	{ "begins 64 bytes below", 0x10000 - 64 },
	{ "begins beyond", 0x10000 },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

#define ADDRESS_32(id, text, ...)                                                                  \
	static const struct probe_insn id = { text, 4, { 0x67, __VA_ARGS__ } }
ADDRESS_32(xsave_edi, "XSAVE [EDI]", 0x0f, 0xae, 0x27);
ADDRESS_32(xrstor_edi, "XRSTOR [EDI]", 0x0f, 0xae, 0x2f);
ADDRESS_32(fxsave_edi, "FXSAVE [EDI]", 0x0f, 0xae, 0x07);
ADDRESS_32(fxrstor_edi, "FXRSTOR [EDI]", 0x0f, 0xae, 0x0f);

/* FXSAVE and FXRSTOR use 512 bytes. */
static const struct operand {
	const struct probe_insn *insn;
	uint32_t size;
} operands[] = {
	{ &xsave_edi, 576 }, { &xrstor_edi, 576 }, { &fxsave_edi, 512 }, { &fxrstor_edi, 512 }
};
#define OPERANDS (sizeof(operands) / sizeof(operands[0]))

static void probe_limit(const struct way *way, const struct operand *o, const struct place *place)
{
	struct probe p = way_probe(way, o->insn, 0, 3);
	bool fits = place->offset + o->size <= PROBE_ARENA_SIZE;

	p.gprs.rdi = place->offset;
	make_area(0x10000 - ORACLE_EXTENDED, 0);
	probe_run(&p, &result);
	table_probe(ORACLE_EXTENDED);
	expect_fault(result.fault, fits ? NO_FAULT : FAULT(GP, 0), "D05", "%s %s, the operand %s",
		     o->insn->name, way->name, place->name);
}

/* Return: NULL, or what no way has. */
static const char *no_16bit_way(void)
{
	const char *missing = NULL;

	for (unsigned int w = 0; w < WAYS; w++) {
		if (is_16bit(&ways[w])) {
			missing = way_missing(&ways[w]);
			if (!missing)
				return NULL;
		}
	}
	return missing;
}

static bool skip_16bit(void)
{
	const char *missing;

	if (way_skip())
		return true;
	missing = no_16bit_way();
	return facts_skip(!missing, missing);
}

XTEST(mode, segment_limit_is_checked, .rules = "D05")
{
	if (skip_16bit())
		return;
	table_begin("mode_limit", WAYS * OPERANDS * PLACES);
	for (unsigned int i = 0; i < WAYS * OPERANDS * PLACES; i++) {
		const struct way *way = &ways[i / (OPERANDS * PLACES)];

		if (table_case() && is_16bit(way) && !way_missing(way))
			probe_limit(way, &operands[i / PLACES % OPERANDS], &places[i % PLACES]);
	}
	table_end();
}

/* -- the form of the x87 pointers: D06 ------------------------------------------------------------
 */

/* With an exception pending, else some CPUs do not save the pointers (F09). */
static void make_pending(struct xregs *r, uint64_t seed)
{
	oracle_values(r, 1, seed);
	r->x87.fcw &= (uint16_t)~1;
	r->x87.fsw |= 0x8081;
}

static uint64_t get(uint32_t offset, unsigned int size)
{
	uint64_t value = oracle_get64(probe_ops->arena + offset);

	return size == 2 ? value & 0xffff : value & 0xffffffff;
}

/* A selector that is 0, or at least not what the 64-bit form has in its place. */
static void check_selector(const struct way *way, uint32_t offset, uint64_t pointer,
			   const char *name)
{
	if (facts.no_fcs_fds)
		expect_equal(get(offset, 2), 0, "D06", "%s XSAVE %s", way->name, name);
	else
		expect_true(get(offset, 2) != (pointer >> 32 & 0xffff), "D06",
			    "%s XSAVE %s is no part of a 64-bit pointer", way->name, name);
}

static void probe_saved_pointers(const struct way *way)
{
	struct probe p = way_probe(way, &insn_xsave_bytes, 0, 1);

	make_pending(&regs, table_seed());
	memset(probe_ops->arena, 0, ORACLE_EXTENDED);
	p.regs = &regs;
	p.load = 1;
	probe_run(&p, &result);
	table_probe(ORACLE_EXTENDED);
	if (!expect_fault(result.fault, NO_FAULT, "D06", "XSAVE %s", way->name))
		return;
	expect_equal(get(FIP, 4), (uint32_t)regs.x87.fip, "F05", "%s XSAVE FIP", way->name);
	expect_equal(get(FDP, 4), (uint32_t)regs.x87.fdp, "F05", "%s XSAVE FDP", way->name);
	check_selector(way, FCS, regs.x87.fip, "FCS");
	check_selector(way, FDS, regs.x87.fdp, "FDS");
}

static void probe_loaded_pointers(const struct way *way)
{
	struct probe p = way_probe(way, &insn_xrstor_bytes, 0, 1);

	make_pending(&regs, table_seed());
	make_area(0, 0);
	oracle_encode(probe_ops->arena, 0, 0, &regs, true);
	oracle_put64(probe_ops->arena + ORACLE_BV, 1);
	p.store = 1;
	probe_run(&p, &result);
	table_probe(sizeof(result.regs.x87));
	if (!expect_fault(result.fault, NO_FAULT, "D06", "XRSTOR %s", way->name))
		return;
	expect_equal(result.regs.x87.fip >> 32, 0, "D06", "%s XRSTOR FIP[63:32]", way->name);
	expect_equal(result.regs.x87.fdp >> 32, 0, "D06", "%s XRSTOR FDP[63:32]", way->name);
	expect_equal((uint32_t)result.regs.x87.fip, (uint32_t)regs.x87.fip, "F05", "%s XRSTOR FIP",
		     way->name);
	expect_equal((uint32_t)result.regs.x87.fdp, (uint32_t)regs.x87.fdp, "F05", "%s XRSTOR FDP",
		     way->name);
}

XTEST(mode, pointers_have_the_32bit_form, .rules = "D06 F05")
{
	if (way_skip())
		return;
	table_begin("mode_pointers", 2 * WAYS);
	for (unsigned int i = 0; i < 2 * WAYS; i++) {
		const struct way *way = &ways[i / 2];

		if (!table_case() || way_missing(way))
			continue;
		if (i % 2)
			probe_loaded_pointers(way);
		else
			probe_saved_pointers(way);
	}
	table_end();
	mode_forget_exceptions();
}

/* -- bytes that are not transferred: D04 ----------------------------------------------------------
 */

/* Informative: what the CPU does with a page that holds nothing but Hi16_ZMM. */
static void look_at_hole(const struct way *way, const struct probe_insn *insn)
{
	uint32_t start = facts.offset[HI16_ZMM] % 64 ? 0 : PAGE - facts.offset[HI16_ZMM];
	struct probe p = way_probe(way, insn, start, 0xe7);
	char text[FAULT_TEXT_SIZE];

	if (way_missing(way))
		return;
	make_area(start, 0);
	if (!probe_ops->protect(1, PROBE_NOT_PRESENT, 0))
		return;
	probe_run(&p, &result);
	probe_ops->protect(1, PROBE_READ_WRITE, 0);
	test_info("observed: D04 %s %s, no page under Hi16_ZMM: %s", insn->name, way->name,
		  fault_text(result.fault, text));
	expect_true(result.fault == NO_FAULT || result.fault >> 16 == FAULT(PF, 0) >> 16, "D04",
		    "%s %s with no page under Hi16_ZMM: nothing or #PF", insn->name, way->name);
}

XTEST(mode, hole_under_hi16_zmm, .rules = "D04")
{
	uint64_t xcr0;

	if (way_skip() ||
	    facts_skip(facts.xcr0_supported >> HI16_ZMM & 1, "CPUID.(0DH,0):EAX[7] Hi16_ZMM"))
		return;
	xcr0 = probe_ops->get(PROBE_XCR0);
	if (facts_skip(xcr0 >> HI16_ZMM & 1, "XCR0[7]") ||
	    facts_skip(facts.offset[HI16_ZMM] < PAGE, "Hi16_ZMM in the first 4 KiB of an image"))
		return;
	table_begin("mode_hole", 2);
	for (unsigned int i = 0; i < 2; i++) {
		if (table_case())
			look_at_hole(&ways[i], &insn_xsave_bytes);
	}
	table_end();
}
