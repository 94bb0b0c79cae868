/* SPDX-License-Identifier: MIT */
/*
 * The instrument of tests/rules/ itself: what a probe puts in, what it gives back, and that nothing
 * of it stays behind.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/probe.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/trap.h>
#include <xtk/xregs.h>

#define RULE	 "probe"
#define SEED	 UINT64_C(0x70726f6265) /* "probe" */
#define FLAGS	 UINT64_C(0x40cd5)	/* CF PF AF ZF SF DF OF AC */
#define BEHIND	 (PROBE_ARENA_SIZE)	/* offset of the page behind the arena */
#define PAGE	 4096
#define GPRS	 15
#define EFER_SCE UINT64_C(1)
#define CR0_AM	 (UINT64_C(1) << 18)

static const struct probe_insn nop = { "NOP", 1, { 0x90 } };
static const struct probe_insn ud2 = { "UD2", 2, { 0x0f, 0x0b } };
static const struct probe_insn rdmsr_insn = { "RDMSR", 2, { 0x0f, 0x32 } };
static const struct probe_insn load = { "MOV EAX, [mem]", 2, { 0x8b, 0x07 } };
static const struct probe_insn store = { "MOV [mem], EAX", 2, { 0x89, 0x07 } };
static const struct probe_insn fnop = { "FNOP", 2, { 0xd9, 0xd0 } };
static const struct probe_insn xgetbv = { "XGETBV", 3, { 0x0f, 0x01, 0xd0 } };
static const struct probe_insn mov_cr0 = { "MOV RAX, CR0", 3, { 0x0f, 0x20, 0xc0 } };
static const struct probe_insn mov_cr4 = { "MOV RAX, CR4", 3, { 0x0f, 0x20, 0xe0 } };

static const char *const mode_names[PROBE_MODES] = {
	[PROBE_64] = "64-bit",
	[PROBE_COMPAT32] = "compatibility 32",
	[PROBE_COMPAT16] = "compatibility 16",
	[PROBE_PROTECTED32] = "protected 32",
	[PROBE_REAL] = "real-address",
	[PROBE_V86] = "virtual-8086",
};

static struct probe_result result;

/* The next mode and CPL that the implementation has; false after the last. @p begins as zeros but
 * for its instruction. */
static bool next_place(struct probe *p, unsigned int *place)
{
	for (; *place < 2 * PROBE_MODES; ++*place) {
		p->mode = (enum probe_mode)(*place / 2);
		p->cpl = *place % 2 ? 3 : 0;
		if (!probe_ops->why_not(p)) {
			++*place;
			return true;
		}
	}
	return false;
}

/* Where the operand is, as the mode addresses it. */
static void address(struct probe *p, uint64_t offset)
{
	bool by_bx = p->mode == PROBE_COMPAT16 || p->mode == PROBE_REAL || p->mode == PROBE_V86;

	p->gprs.rbx = by_bx ? offset : 0;
	p->gprs.rdi = by_bx ? 0 : (uint64_t)probe_ops->arena + offset;
}

/* What a run does not write must not look like what the last one wrote. */
static void run(const struct probe *p)
{
	memset(&result, 0x5a, sizeof(result));
	probe_run(p, &result);
}

static void run_at(struct probe *p, uint64_t offset)
{
	address(p, offset);
	run(p);
}

static void check_gprs(const struct probe *p)
{
	uint64_t in[GPRS], out[GPRS];

	memcpy(in, &p->gprs, sizeof(in));
	memcpy(out, &result.gprs, sizeof(out));
	for (unsigned int i = 0; i < GPRS; i++)
		expect_equal(out[i], in[i], RULE, "%s %s CPL %u register %u", p->insn->name,
			     mode_names[p->mode], p->cpl, i);
	expect_equal(result.gprs.rflags, p->gprs.rflags, RULE, "%s %s CPL %u RFLAGS", p->insn->name,
		     mode_names[p->mode], p->cpl);
}

XTEST(probe, registers_come_back, .rules = RULE)
{
	static const struct probe_insn *const insns[] = { &nop, &ud2 };
	struct probe p = { 0 };

	for (unsigned int round = 0; round < 4; round++) {
		p.insn = insns[round / 2];
		p.gprs.rflags = round % 2 ? FLAGS : 0;
		for (unsigned int place = 0; next_place(&p, &place);) {
			uint64_t gprs[GPRS];

			for (uint64_t i = 0; i < GPRS; i++)
				gprs[i] = (SEED + place + i) * UINT64_C(0x9e3779b97f4a7c15);
			memcpy(&p.gprs, gprs, sizeof(gprs));
			run(&p);
			expect_fault(result.fault, round < 2 ? NO_FAULT : FAULT(UD, 0), RULE,
				     "%s %s CPL %u", p.insn->name, mode_names[p.mode], p.cpl);
			check_gprs(&p);
		}
	}
}

/* Neither of the two checks above sees a result that is only the input, copied. */
XTEST(probe, instruction_is_executed, .rules = RULE)
{
	static const struct probe_insn not_eax = { "NOT EAX", 2, { 0xf7, 0xd0 } };
	struct probe p = { .insn = &not_eax, .gprs = { .rax = 0x5a5a } };

	for (unsigned int place = 0; next_place(&p, &place);) {
		bool is_16 = p.mode == PROBE_COMPAT16 || p.mode >= PROBE_REAL;

		run(&p);
		expect_equal(result.gprs.rax, is_16 ? 0xa5a5 : 0xffffa5a5, RULE,
			     "NOT EAX %s CPL %u", mode_names[p.mode], p.cpl);
	}
}

XTEST(probe, faults_are_results, .rules = RULE)
{
	struct probe p = { 0 };
	uint64_t arena = (uint64_t)probe_ops->arena;

	for (unsigned int place = 0; next_place(&p, &place);) {
		const char *mode = mode_names[p.mode];
		unsigned int user = p.cpl == 3 ? 4 : 0; /* U/S of #PF's error code */

		if (p.mode > PROBE_COMPAT16) /* without paging, or on a copy of the arena */
			continue;
		p.insn = &load;
		probe_ops->protect(3, PROBE_NOT_PRESENT, 0);
		run_at(&p, 3 * PAGE - 1);
		expect_fault(result.fault, FAULT_OF(VEC_PF, user), RULE, "absent page %s", mode);
		expect_equal(result.cr2, arena + 3 * PAGE, RULE, "CR2 %s CPL %u", mode, p.cpl);
		p.insn = &store;
		probe_ops->protect(3, PROBE_READ_ONLY, 0);
		run_at(&p, 3 * PAGE + 8);
		expect_fault(result.fault, FAULT_OF(VEC_PF, 3 | user), RULE, "read-only %s", mode);
		expect_equal(result.cr2, arena + 3 * PAGE + 8, RULE, "CR2 %s CPL %u", mode, p.cpl);
		probe_ops->protect(3, PROBE_READ_WRITE, 0);
		run_at(&p, 3 * PAGE + 8);
		expect_fault(result.fault, NO_FAULT, RULE, "the page is back %s", mode);
		p.insn = &rdmsr_insn;
		p.gprs.rcx = MSR_EFER;
		run(&p);
		expect_fault(result.fault, p.cpl ? FAULT(GP, 0) : NO_FAULT, RULE, "RDMSR %s CPL %u",
			     mode, p.cpl);
	}
}

XTEST(probe, arena_is_where_it_is_said, .rules = RULE)
{
	struct probe p = { .insn = &store };

	for (unsigned int place = 0; next_place(&p, &place);) {
		uint8_t *at = probe_ops->arena + 0x1230 + place * 4;

		memset(at, 0, 4);
		p.gprs.rax = 0x1122;
		run_at(&p, (uint64_t)(at - probe_ops->arena));
		expect_fault(result.fault, NO_FAULT, RULE, "store %s CPL %u", mode_names[p.mode],
			     p.cpl);
		expect_equal((uint64_t)at[1] << 8 | at[0], 0x1122, RULE, "stored %s CPL %u",
			     mode_names[p.mode], p.cpl);
	}
	p = (struct probe){ .insn = &load };
	run_at(&p, BEHIND);
	expect_fault(result.fault, FAULT(PF, 0), RULE, "the page behind");
	run_at(&p, (uint64_t)0 - 4);
	expect_fault(result.fault, FAULT(PF, 0), RULE, "the page before");
}

/* SS, DS, ES and RFLAGS as one value */
static uint64_t segments_and_flags(void)
{
	uint64_t ss, ds, es, rflags;

	__asm__ volatile("mov %%ss, %0\n\tmov %%ds, %1\n\tmov %%es, %2\n\tpushfq\n\tpopq %3"
			 : "=r"(ss), "=r"(ds), "=r"(es), "=r"(rflags)
			 :
			 : "memory");
	return (rflags & (EFLAGS_DF | EFLAGS_AC | EFLAGS_TF)) << 32 | ss << 32 | ds << 16 | es;
}

/* What the frame around a test does not compare. */
XTEST(probe, nothing_stays_behind, .rules = RULE)
{
	static const struct probe_insn *const insns[] = { &nop, &ud2 };
	static const enum vector vectors[] = { VEC_UD, VEC_NM, VEC_GP, VEC_PF };
	struct probe p = { .gprs = { .rflags = FLAGS } };
	uint64_t before = segments_and_flags();

	for (unsigned int i = 0; i < 2; i++) {
		p.insn = insns[i];
		for (unsigned int place = 0; next_place(&p, &place);) {
			run(&p);
			expect_equal(segments_and_flags(), before, RULE,
				     "%s %s CPL %u SS, DS, ES and RFLAGS", p.insn->name,
				     mode_names[p.mode], p.cpl);
		}
	}
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		expect_true(!trap_install(vectors[i], NULL), RULE, "no handler of vector %u",
			    vectors[i]);
}

/* MOV from a control register sees what ran, the fault what it did, the frame what is left of it.
 */
XTEST(probe, flips_hold_for_the_instruction_alone, .rules = RULE)
{
	struct probe p = { .insn = &mov_cr0, .cr0_flip = CR0_TS | CR0_AM };
	uint64_t cr0 = read_cr0(), cr4 = read_cr4(), efer = rdmsr(MSR_EFER);

	run(&p);
	expect_equal(result.gprs.rax, cr0 ^ p.cr0_flip, RULE, "CR0 in the probe");
	p = (struct probe){ .insn = &mov_cr4, .cr4_flip = CR4_OSXSAVE };
	run(&p);
	expect_equal(result.gprs.rax, cr4 ^ p.cr4_flip, RULE, "CR4 in the probe");
	p = (struct probe){ .insn = &rdmsr_insn, .efer_flip = EFER_SCE, .gprs.rcx = MSR_EFER };
	run(&p);
	expect_equal(result.gprs.rax, efer ^ EFER_SCE, RULE, "IA32_EFER in the probe");
	expect_equal(read_cr0(), cr0, RULE, "CR0 afterwards");
	expect_equal(read_cr4(), cr4, RULE, "CR4 afterwards");
	expect_equal(rdmsr(MSR_EFER), efer, RULE, "IA32_EFER afterwards");
}

XTEST(probe, flips_reach_every_mode, .rules = RULE)
{
	struct probe p = { 0 };

	for (unsigned int place = 0; next_place(&p, &place);) {
		const char *mode = mode_names[p.mode];

		p.insn = &fnop;
		p.cr0_flip = CR0_TS;
		run(&p);
		expect_fault(result.fault, FAULT(NM, 0), RULE, "CR0.TS %s CPL %u", mode, p.cpl);
		p.cr0_flip = 0;
		run(&p);
		expect_fault(result.fault, NO_FAULT, RULE, "CR0.TS back %s CPL %u", mode, p.cpl);
		p.insn = &xgetbv;
		p.cr4_flip = CR4_OSXSAVE;
		run(&p);
		expect_fault(result.fault, FAULT(UD, 0), RULE, "OSXSAVE %s CPL %u", mode, p.cpl);
		p.cr4_flip = 0;
		run(&p);
		expect_fault(result.fault, NO_FAULT, RULE, "OSXSAVE back %s CPL %u", mode, p.cpl);
	}
}

static void check_regs(const struct xregs *want, uint64_t mask, const char *where)
{
	struct xregs_diff diff;

	if (xregs_compare(want, &result.regs, mask, &diff))
		test_fail(RULE, "the same", "another value", "%s register=%s", where, diff.name);
	expect_equal(xregs_compare(want, &result.regs, mask, NULL), 0, RULE, "%s", where);
}

XTEST(probe, state_is_loaded_and_stored, .rules = RULE)
{
	static struct xregs first, second;
	uint64_t mask = xregs_cpu.mask & probe_ops->get(PROBE_XCR0);
	struct probe p = { .insn = &nop, .load = mask, .store = mask, .regs = &first };

	xregs_pattern(&first, mask, SEED);
	xregs_pattern(&second, mask, SEED + 1);
	for (unsigned int place = 0; next_place(&p, &place);) {
		if (p.mode > PROBE_COMPAT16) /* which lose registers 8 to 15 */
			continue;
		p.load = mask;
		p.regs = place % 2 ? &first : &second;
		run(&p);
		check_regs(p.regs, mask, mode_names[p.mode]);
		p.load = 0;
		run(&p);
		check_regs(p.regs, mask, "from one probe to the next");
	}
}

/* The initial configuration of the components of struct xregs. SDM vol. 1, "Operation of XRSTOR" */
static void initial_values(struct xregs *r, uint64_t mask)
{
	for (unsigned int i = 0; i < 32; i++) {
		if (i < 16 && mask & XSAVE_MASK(XSAVE_SSE))
			memset(r->vector[i], 0, XREGS_YMM_HI128);
		if (i < 16 && mask & XSAVE_MASK(XSAVE_AVX))
			memset(r->vector[i] + XREGS_YMM_HI128, 0, 16);
		if (i < 16 && mask & XSAVE_MASK(XSAVE_ZMM_HI256))
			memset(r->vector[i] + XREGS_ZMM_HI256, 0, 32);
		if (i >= 16 && mask & XSAVE_MASK(XSAVE_HI16_ZMM))
			memset(r->vector[i], 0, 64);
	}
	if (mask & XSAVE_MASK(XSAVE_X87)) {
		memset(&r->x87, 0, sizeof(r->x87));
		r->x87.fcw = 0x37f;
		r->x87.ftw = 0xffff;
	}
	if (mask & XSAVE_MASK(XSAVE_SSE))
		r->mxcsr = 0x1f80;
	if (mask & XSAVE_MASK(XSAVE_OPMASK))
		memset(r->k, 0, sizeof(r->k));
	if (mask & XSAVE_MASK(XSAVE_PKRU))
		r->pkru = 0;
}

/* That XRSTOR leaves the other components alone is a rule, not the instrument's: R01, R03. But
 * MXCSR is the probe's to keep, and what is loaded must be there whatever was initialised beside
 * it. */
XTEST(probe, init_and_load_go_together, .rules = RULE)
{
	static struct xregs full, want;
	static const unsigned int bits[] = { XSAVE_X87,	   XSAVE_SSE,	    XSAVE_AVX,
					     XSAVE_OPMASK, XSAVE_ZMM_HI256, XSAVE_HI16_ZMM,
					     XSAVE_PKRU };
	uint64_t mask = xregs_cpu.mask & probe_ops->get(PROBE_XCR0);
	struct probe p = { .insn = &nop, .store = mask, .regs = &full };

	xregs_pattern(&full, mask, SEED);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		const char *name = xsave_component(bits[i])->name;

		p.init = XSAVE_MASK(bits[i]);
		if (!(mask & p.init))
			continue;
		want = full;
		initial_values(&want, p.init);
		p.load = mask;
		run(&p);
		check_regs(&full, mask, "init and load of one component");
		p.load = 0;
		run(&p);
		check_regs(&want, p.init, name);
		if (bits[i] != XSAVE_SSE)
			expect_equal(result.regs.mxcsr, full.mxcsr, RULE, "MXCSR, init %s", name);
		p.load = mask & ~p.init;
		run(&p);
		check_regs(&want, mask, "init of one component, load of all others");
	}
}

XTEST(probe, registers_are_set_and_refused, .rules = RULE)
{
	uint64_t xcr0 = probe_ops->get(PROBE_XCR0);

	expect_true(probe_ops->can_set(PROBE_XCR0), RULE, "XCR0 can be set");
	expect_fault(probe_ops->set(PROBE_XCR0, 1), NO_FAULT, RULE, "XCR0 = 1");
	expect_equal(probe_ops->get(PROBE_XCR0), 1, RULE, "XCR0");
	expect_fault(probe_ops->set(PROBE_XCR0, 0), FAULT(GP, 0), RULE, "XCR0 = 0");
	expect_equal(probe_ops->get(PROBE_XCR0), 1, RULE, "XCR0 after the refusal");
	expect_fault(probe_ops->set(PROBE_XCR0, xcr0), NO_FAULT, RULE, "XCR0 as before");
	for (unsigned int i = PROBE_XSS; i < PROBE_REGISTERS; i++) {
		enum probe_register reg = (enum probe_register)i;
		uint64_t value = probe_ops->get(reg);

		if (!probe_ops->can_set(reg))
			expect_equal(value, 0, RULE, "register %u that the CPU lacks", i);
		else
			expect_fault(probe_ops->set(reg, value), NO_FAULT, RULE, "register %u", i);
	}
}

/* More instructions than there is room for at one time. */
XTEST(probe, many_instructions, .rules = RULE)
{
	struct probe_insn insn = { "MOV EAX, imm32", 5, { 0xb8 } };
	struct probe p = { .insn = &insn };

	for (uint32_t i = 0; i < 2000; i++) {
		insn.bytes[1] = (uint8_t)i;
		insn.bytes[2] = (uint8_t)(i >> 8);
		p.cpl = i % 3 ? 0 : 3;
		run(&p);
		expect_equal(result.gprs.rax, i, RULE, "instruction %u", i);
	}
}

XTEST(probe, cpuid_is_the_machines, .rules = RULE)
{
	struct cpuid_regs want = cpuid(0xd, 0), got = probe_ops->cpuid(0xd, 0);

	expect_true(!memcmp(&want, &got, sizeof(want)), RULE, "CPUID.(0DH,0)");
}

XTEST(probe, keys_protect_pages, .rules = RULE)
{
	static const struct xregs denied = { .pkru = 1 << 2 }; /* AD of key 1 */
	static const struct xregs open;
	struct probe p = {
		.insn = &load, .cpl = 3, .load = XSAVE_MASK(XSAVE_PKRU), .regs = &denied
	};

	if (!(read_cr4() & CR4_PKE)) {
		test_skip("CPUID.(7,0):ECX[3] PKU");
		return;
	}
	expect_true(probe_ops->protect(2, PROBE_READ_WRITE, 1), RULE, "key 1");
	run_at(&p, 2 * PAGE);
	expect_fault(result.fault, FAULT_OF(VEC_PF, 0x25), RULE, "PKRU.AD1");
	expect_true(probe_ops->protect(2, PROBE_READ_WRITE, 0), RULE, "key 0");
	run_at(&p, 2 * PAGE);
	expect_fault(result.fault, NO_FAULT, RULE, "key 0");
	p.regs = &open;
	run(&p);
}
