/* SPDX-License-Identifier: MIT */
/*
 * What XCR0 enables: an instruction of each kind raises #UD without its bits and executes with
 * them; and how CR4.OSXSAVE, CR4.OSFXSR, CR0.EM and CR0.TS gate the same instructions.
 *
 * Rules: A04, G05, G06, G10, G14, X18; SDM vol. 1, "Detection of AVX Instructions" and the like of
 * AVX-512 and AMX; vol. 2, "Exceptions Type" classes, "OS XSAVE Enabling Requirements of
 * Instruction Categories"; vol. 3, "Control Registers", "Checking for Intel
 * SSE/SSE2/SSE3/SSSE3/SSE4 Extensions Support"; Intel APX Architecture Specification, "REX2
 * Prefix".
 */
#include "xcr0_units.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"

#define AVX    UINT64_C(0x6)
#define AVX512 UINT64_C(0xe6)
#define AMX    UINT64_C(0x60000)
#define APX    (UINT64_C(1) << 19)

enum { EAX, EBX, ECX, EDX };

/* clang-format off */
/* Bits of CPUID. */
#define HAS_FPU      { 1, 0, EDX, 0 }
#define HAS_MMX      { 1, 0, EDX, 23 }
#define HAS_FXSR     { 1, 0, EDX, 24 }
#define HAS_SSE      { 1, 0, EDX, 25 }
#define HAS_SSE2     { 1, 0, EDX, 26 }
#define HAS_AVX      { 1, 0, ECX, 28 }
#define HAS_AVX2     { 7, 0, EBX, 5 }
#define HAS_512F     { 7, 0, EBX, 16 }
#define HAS_512VL    { 7, 0, EBX, 31 }
#define HAS_AMX_TILE { 7, 0, EDX, 24 }
#define HAS_APX_F    { 7, 1, EDX, 21 }
#define HAS_BMI1     { 7, 0, EBX, 3 }
#define HAS_OSPKE    { 7, 0, ECX, 4 }
#define HAS_MPX      { 7, 0, EBX, 14 }

#define UNIT(kind, text, gates, xcr0, has, ...)                                                    \
	{ kind, { text, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }, xcr0, gates, has,   \
	  (xcr0) == APX ? "A04" : (gates) == UNIT_WAIT ? "G05" : "X18" }

/* The area's first bytes are the operand, or of a load of MXCSR those of MXCSR in it. */
static const struct unit units[] = {
	UNIT("x87", "FNOP", UNIT_X87, 0, HAS_FPU, 0xd9, 0xd0),
	UNIT("x87", "FNINIT", UNIT_X87, 0, HAS_FPU, 0xdb, 0xe3),
	UNIT("wait", "FWAIT", UNIT_WAIT, 0, HAS_FPU, 0x9b),
	UNIT("mmx", "PXOR mm", UNIT_MMX, 0, HAS_MMX, 0x0f, 0xef, 0xc0),
	UNIT("emms", "EMMS", UNIT_MMX, 0, HAS_MMX, 0x0f, 0x77),
	UNIT("fxsave", "FXSAVE", UNIT_X87, 0, HAS_FXSR, 0x0f, 0xae, 0x07),
	UNIT("fxsave", "FXRSTOR", UNIT_X87, 0, HAS_FXSR, 0x0f, 0xae, 0x0f),
	UNIT("sse", "XORPS", UNIT_SSE, 0, HAS_SSE, 0x0f, 0x57, 0xc0),
	UNIT("sse", "PXOR", UNIT_SSE, 0, HAS_SSE2, 0x66, 0x0f, 0xef, 0xc0),
	UNIT("sse", "LDMXCSR", UNIT_SSE, 0, HAS_SSE, 0x0f, 0xae, 0x57, ORACLE_MXCSR),
	UNIT("sse", "STMXCSR", UNIT_SSE, 0, HAS_SSE, 0x0f, 0xae, 0x1f),
	UNIT("vex", "VXORPS xmm", UNIT_VEX, AVX, HAS_AVX, 0xc5, 0xf8, 0x57, 0xc0),
	UNIT("vex", "VXORPS ymm", UNIT_VEX, AVX, HAS_AVX, 0xc5, 0xfc, 0x57, 0xc0),
	UNIT("vex", "VXORPS (C4H)", UNIT_VEX, AVX, HAS_AVX, 0xc4, 0xe1, 0x78, 0x57, 0xc0),
	UNIT("vex", "VZEROUPPER", UNIT_VEX, AVX, HAS_AVX, 0xc5, 0xf8, 0x77),
	UNIT("vex", "VSTMXCSR", UNIT_VEX, AVX, HAS_AVX, 0xc5, 0xf8, 0xae, 0x1f),
	UNIT("vex", "VLDMXCSR", UNIT_VEX, AVX, HAS_AVX, 0xc5, 0xf8, 0xae, 0x57, ORACLE_MXCSR),
	UNIT("vex", "VEXTRACTF128", UNIT_VEX, AVX, HAS_AVX, 0xc4, 0xe3, 0x7d, 0x19, 0xc0, 0x00),
	UNIT("vex", "VPBROADCASTB", UNIT_VEX, AVX, HAS_AVX2, 0xc4, 0xe2, 0x7d, 0x78, 0xc0),
	UNIT("vex", "VPERMQ", UNIT_VEX, AVX, HAS_AVX2, 0xc4, 0xe3, 0xfd, 0x00, 0xc0, 0x00),
	UNIT("vex", "VPXOR ymm", UNIT_VEX, AVX, HAS_AVX2, 0xc5, 0xfd, 0xef, 0xc0),
	UNIT("opmask", "KORTESTW", UNIT_VEX, AVX512, HAS_512F, 0xc5, 0xf8, 0x98, 0xc0),
	UNIT("evex", "VPXORD zmm", UNIT_VEX, AVX512, HAS_512F, 0x62, 0xf1, 0x7d, 0x48, 0xef, 0xc0),
	UNIT("evex", "VPXORD xmm", UNIT_VEX, AVX512, HAS_512VL, 0x62, 0xf1, 0x7d, 0x08, 0xef, 0xc0),
	UNIT("amx", "TILERELEASE", UNIT_OSXSAVE, AMX, HAS_AMX_TILE, 0xc4, 0xe2, 0x78, 0x49, 0xc0),
	UNIT("apx", "REX2 NOP", UNIT_OSXSAVE, APX, HAS_APX_F, 0xd5, 0x00, 0x90),
	UNIT("apx", "EVEX ADD", UNIT_OSXSAVE, APX, HAS_APX_F, 0x62, 0xf4, 0x7c, 0x08, 0x01, 0xc0),
	UNIT("general", "ANDN", 0, 0, HAS_BMI1, 0xc4, 0xe2, 0x78, 0xf2, 0xc0),
	UNIT("general", "RDPKRU", 0, 0, HAS_OSPKE, 0x0f, 0x01, 0xee),
	UNIT("general", "BNDMK", 0, 0, HAS_MPX, 0xf3, 0x0f, 0x1b, 0x07),
};
/* clang-format on */
#define UNITS (sizeof(units) / sizeof(*units))

const struct unit *unit_nth(unsigned int n)
{
	return n < UNITS ? &units[n] : NULL;
}

static bool xcr0_enables(const struct unit *u, uint64_t xcr0)
{
	return (xcr0 & u->xcr0) == u->xcr0;
}

fault_t unit_fault(const struct unit *u, uint64_t xcr0, uint64_t cr0, uint64_t cr4)
{
	if (!xcr0_enables(u, xcr0) || (u->needs & UNIT_OSXSAVE && !(cr4 & CR4_OSXSAVE)) ||
	    (u->needs & UNIT_OSFXSR && !(cr4 & CR4_OSFXSR)) ||
	    (u->needs & UNIT_UD_EM && cr0 & CR0_EM))
		return FAULT(UD, 0);
	if ((u->needs & UNIT_NM_EM && cr0 & CR0_EM) || (u->needs & UNIT_NM_TS && cr0 & CR0_TS) ||
	    (u->needs & UNIT_WAIT && cr0 & CR0_TS && cr0 & CR0_MP))
		return FAULT(NM, 0);
	return NO_FAULT;
}

bool unit_known(const struct unit *u, fault_t want)
{
	return gate_feature(&u->feature) || (u->xcr0 && want == FAULT(UD, 0));
}

/* Control bits of a case: those that are not as the kernel has them. */
enum { CASE_TS = 1, CASE_EM = 2, CASE_MP = 4, CASE_OSFXSR = 8, CASE_OSXSAVE = 16, CASES = 32 };
#define CR0_USUAL CR0_MP
#define CR4_USUAL (CR4_OSFXSR | CR4_OSXSAVE)

static uint64_t cr0_flips(unsigned int c)
{
	return (c & CASE_TS ? CR0_TS : 0) | (c & CASE_EM ? CR0_EM : 0) | (c & CASE_MP ? CR0_MP : 0);
}

static uint64_t cr4_flips(unsigned int c)
{
	return (c & CASE_OSFXSR ? CR4_OSFXSR : 0) | (c & CASE_OSXSAVE ? CR4_OSXSAVE : 0);
}

/* The rule that decides: XCR0's where XCR0 does, alone or with what may not come before it; else of
 * one flipped bit its own, and of several the priority. */
static const char *rule_of(const struct unit *u, uint64_t xcr0, unsigned int c)
{
	if (!c || !xcr0_enables(u, xcr0))
		return c & CASE_TS ? "G10" : u->rule;
	switch (c) {
	case CASE_OSXSAVE:
		return u->xcr0 ? "G14" : u->rule;
	case CASE_TS:
	case CASE_TS | CASE_MP:
		return "G05";
	case CASE_EM:
	case CASE_MP:
	case CASE_OSFXSR:
	case CASE_EM | CASE_MP:
		return "G06";
	default:
		return "G10";
	}
}

static void probe_unit(const struct unit *u, uint64_t xcr0, unsigned int c, unsigned int cpl)
{
	struct probe p = gate_probe(&u->insn, cpl);
	fault_t want = unit_fault(u, xcr0, CR0_USUAL ^ cr0_flips(c), CR4_USUAL ^ cr4_flips(c));

	p.cr0_flip = cr0_flips(c);
	p.cr4_flip = cr4_flips(c);
	p.gprs.rcx = 0;
	if (!unit_known(u, want) || !gate_can(&p))
		return;
	expect_fault(gate_run(&p)->fault, want, rule_of(u, xcr0, c),
		     "%s xcr0=0x%lx cpl=%u ts=%u em=%u mp=%u osfxsr=%u osxsave=%u", u->insn.name,
		     xcr0, cpl, !!(c & CASE_TS), !!(c & CASE_EM), !(c & CASE_MP),
		     !(c & CASE_OSFXSR), !(c & CASE_OSXSAVE));
}

/* Values of CR0.EM that a table takes. What EM does to a kind has a test of its own where it is the
 * exception among the control bits. */
enum emulation { EM_ANY, EM_CLEAR, EM_SET };

static bool takes(enum emulation em, unsigned int c)
{
	return em == EM_ANY || (em == EM_SET) == !!(c & CASE_EM);
}

/* Each unit of a kind (NULL: of all) at both CPLs, with @cases combinations of control bits. */
static void probe_units(const char *kind, uint64_t xcr0, unsigned int cases, enum emulation em)
{
	gate_area(false);
	for (unsigned int i = 0; i < UNITS * GATE_CPLS * cases; i++) {
		const struct unit *u = &units[i / GATE_CPLS / cases];

		if (takes(em, i % cases) && (!kind || !strcmp(kind, u->name)))
			probe_unit(u, xcr0, i % cases, gate_cpl[i / cases % GATE_CPLS]);
	}
}

/* Every legal XCR0, reached from the smallest and from the largest, which may leave traces. */
XTEST(xcr0, enables_instructions, .rules = "A04 G05 X18")
{
	uint64_t before, xcr0;
	bool can_set = probe_ops->can_set(PROBE_XCR0);

	gate_begin();
	before = probe_ops->get(PROBE_XCR0);
	table_begin("xcr0_units", gate_count_xcr0(facts_xcr0_next) * 2);
	for (xcr0 = facts_xcr0_next(0); xcr0; xcr0 = facts_xcr0_next(xcr0)) {
		for (unsigned int from = 0; from < 2; from++) {
			if (!table_case())
				continue;
			if (can_set) {
				probe_ops->set(PROBE_XCR0, from ? gate_largest_xcr0() : 1);
				probe_ops->set(PROBE_XCR0, xcr0);
			}
			probe_units(NULL, xcr0, 1, EM_ANY);
		}
	}
	table_end();
	if (can_set)
		probe_ops->set(PROBE_XCR0, before);
	gate_end();
}

/* Control bits, a kind of register at a time: at depth=quick with the XCR0 values that differ, at
 * full with all. */
static void probe_control_bits(const char *table, const char *kind, enum emulation em)
{
	uint64_t before, xcr0;

	gate_begin();
	before = probe_ops->get(PROBE_XCR0);
	table_begin(table, gate_count_xcr0(facts_xcr0_some));
	for (xcr0 = facts_xcr0_some(0); xcr0; xcr0 = facts_xcr0_some(xcr0)) {
		if (!table_case())
			continue;
		if (probe_ops->can_set(PROBE_XCR0))
			probe_ops->set(PROBE_XCR0, xcr0);
		probe_units(kind, xcr0, CASES, em);
	}
	table_end();
	if (probe_ops->can_set(PROBE_XCR0))
		probe_ops->set(PROBE_XCR0, before);
	gate_end();
}

XTEST(gate, control_bits_of_x87, .rules = "G05 G06 G10 X18")
{
	probe_control_bits("gate_x87", "x87", EM_ANY);
}

XTEST(gate, control_bits_of_wait, .rules = "G05 G06 G10")
{
	probe_control_bits("gate_wait", "wait", EM_ANY);
}

XTEST(gate, control_bits_of_mmx, .rules = "G05 G10 X18")
{
	probe_control_bits("gate_mmx", "mmx", EM_CLEAR);
}

XTEST(gate, emulation_and_mmx, .rules = "G06 G10 X18")
{
	probe_control_bits("gate_em_mmx", "mmx", EM_SET);
}

XTEST(gate, control_bits_of_emms, .rules = "G05 G06 G10 X18")
{
	probe_control_bits("gate_emms", "emms", EM_ANY);
}

XTEST(gate, control_bits_of_fxsave, .rules = "G05 G06 G10 X18")
{
	probe_control_bits("gate_fxsave", "fxsave", EM_ANY);
}

XTEST(gate, control_bits_of_sse, .rules = "G05 G10 X18")
{
	probe_control_bits("gate_sse", "sse", EM_CLEAR);
}

XTEST(gate, emulation_and_sse, .rules = "G06 G10 X18")
{
	probe_control_bits("gate_em_sse", "sse", EM_SET);
}

XTEST(gate, control_bits_of_vex, .rules = "G05 G10 G14 X18")
{
	probe_control_bits("gate_vex", "vex", EM_CLEAR);
}

XTEST(gate, emulation_and_vex, .rules = "G06 G10 G14 X18")
{
	probe_control_bits("gate_em_vex", "vex", EM_SET);
}

XTEST(gate, control_bits_of_opmask, .rules = "G05 G10 G14 X18")
{
	probe_control_bits("gate_opmask", "opmask", EM_CLEAR);
}

XTEST(gate, emulation_and_opmask, .rules = "G06 G10 G14 X18")
{
	probe_control_bits("gate_em_opmask", "opmask", EM_SET);
}

XTEST(gate, control_bits_of_evex, .rules = "G05 G10 G14 X18")
{
	probe_control_bits("gate_evex", "evex", EM_CLEAR);
}

XTEST(gate, emulation_and_evex, .rules = "G06 G10 G14 X18")
{
	probe_control_bits("gate_em_evex", "evex", EM_SET);
}

XTEST(gate, control_bits_of_amx, .rules = "G05 G06 G10 G14 X18")
{
	probe_control_bits("gate_amx", "amx", EM_ANY);
}

XTEST(gate, control_bits_of_apx, .rules = "A04 G05 G06 G10 G14")
{
	probe_control_bits("gate_apx", "apx", EM_ANY);
}

XTEST(gate, control_bits_of_general, .rules = "G05 G06 G10 X18")
{
	probe_control_bits("gate_general", "general", EM_ANY);
}
