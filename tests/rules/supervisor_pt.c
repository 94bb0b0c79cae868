/* SPDX-License-Identifier: MIT */
/*
 * Processor trace as a state component: XSAVES ends a trace, XRSTORS refuses to begin one upon
 * another.
 *
 * The trace is stopped before it starts (IA32_RTIT_STATUS.Stopped), so nothing is written to
 * memory; and its output is the arena, should it be.
 *
 * Rules: E04; SDM vol. 1, "PT State"; vol. 3, "Intel Processor Trace", "Trace Operational Errors
 * and Status", "IA32_RTIT_CTL MSR".
 */
#include <xtk/table.h>
#include <xtk/test.h>

#include "oracle.h"
#include "supervisor.h"

#define PT		     8
#define MSR_RTIT_OUTPUT_BASE 0x560
#define MSR_RTIT_OUTPUT_MASK 0x561
#define MSR_RTIT_CTL	     0x570
#define MSR_RTIT_STATUS	     0x571
#define TRACE_EN	     1
#define STOPPED		     0x20
#define MASK_4K		     0xfff

static const struct gate_feature pt = { 7, 0, 1, 25 };
static const struct gate_feature single_range = { 0x14, 0, 2, 2 };

static bool start_stopped_trace(void)
{
	/* of a page that no probe uses, at the arena's end */
	uint64_t page = (uintptr_t)probe_ops->arena + PROBE_ARENA_SIZE - 4096;

	return !gate_wrmsr(MSR_RTIT_CTL, 0, 0) && !gate_wrmsr(MSR_RTIT_OUTPUT_BASE, page, 0) &&
	       !gate_wrmsr(MSR_RTIT_OUTPUT_MASK, MASK_4K, 0) &&
	       !gate_wrmsr(MSR_RTIT_STATUS, STOPPED, 0) && !gate_wrmsr(MSR_RTIT_CTL, TRACE_EN, 0);
}

static void probe_trace(void)
{
	uint64_t ctl;

	gate_area(true);
	if (!expect_true(start_stopped_trace(), "E04", "IA32_RTIT_CTL takes TraceEn"))
		return;
	expect_fault(supervisor_restore(UINT64_C(1) << PT), FAULT(GP, 0), "E04",
		     "XRSTORS64 rfbm=PT with TraceEn=1");
	expect_fault(supervisor_save(UINT64_C(1) << PT), NO_FAULT, "E04", "XSAVES64 rfbm=PT");
	expect_equal(oracle_get64(probe_ops->arena + ORACLE_EXTENDED) & TRACE_EN, TRACE_EN, "E04",
		     "TraceEn in the image after XSAVES64");
	expect_fault(gate_rdmsr(MSR_RTIT_CTL, &ctl, 0), NO_FAULT, "E04", "RDMSR IA32_RTIT_CTL");
	expect_equal(ctl & TRACE_EN, 0, "E04", "IA32_RTIT_CTL.TraceEn after XSAVES64");
	gate_wrmsr(MSR_RTIT_CTL, 0, 0);
	gate_wrmsr(MSR_RTIT_STATUS, 0, 0);
}

XTEST(supervisor, xsaves_ends_a_trace, .rules = "E04")
{
	uint64_t before;

	gate_begin();
	if (facts_skip(gate_feature(&pt) && facts.xss_supported >> PT & 1,
		       "CPUID.(7,0):EBX[25] PT, in CPUID.(0DH,1):ECX[8]") ||
	    facts_skip(gate_feature(&single_range), "CPUID.(14H,0):ECX[2] single-range output") ||
	    facts_skip(probe_ops->can_set(PROBE_XSS), "CPL 0, to write IA32_XSS"))
		return;
	before = probe_ops->get(PROBE_XSS);
	probe_ops->set(PROBE_XSS, before | UINT64_C(1) << PT);
	table_begin("supervisor_pt", 1);
	if (table_case())
		probe_trace();
	table_end();
	probe_ops->set(PROBE_XSS, before);
}
