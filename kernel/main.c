/* SPDX-License-Identifier: MIT */
/*
 * The boot order, in the order in which it happens; nothing else.
 */
#include <stdint.h>

#include <xsave/selftest.h>
#include <xtk/bootinfo.h>
#include <xtk/cpu.h>
#include <xtk/df.h>
#include <xtk/options.h>
#include <xtk/paging.h>
#include <xtk/panic.h>
#include <xtk/print.h>
#include <xtk/stack.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "cmdline.h"
#include "console.h"
#include "desc.h"
#include "exit.h"
#include "ist.h"
#include "screen.h"
#include "test.h"

STACK_DEFINE(boot_stack, 32 * 1024);

static struct boot_info boot;

/* The header quotes the words in one line. */
static void clean_words(char *c)
{
	for (; *c; c++) {
		if (*c == '\t')
			*c = ' ';
		else if (*c < ' ' || *c > '~' || *c == '"')
			*c = '?';
	}
}

static void print_header(void)
{
	clean_words(boot.cmdline);
	print("\nKTAP version 1\n"); /* a loader may have left a line open */
	print("# xtk %s boot=%s cpu=\"%s\" xcr0=0x%lx xss=0x%lx words=\"%s\"\n", XTK_VERSION,
	      boot_protocol_name(boot.protocol), cpu.brand, cpu.xcr0_supported, cpu.xss_supported,
	      boot.cmdline);
	if (!cpu.xsave_in_cpuid)
		print("# this CPU has no XSAVE (CPUID.1:ECX[26]): only the rules about its absence "
		      "are judged\n");
}

/*
 * What CPUID claims about each component of the extended region, wrong or not.
 * Source: SDM vol. 2, "CPUID", leaf 0DH, sub-leaves from 2 on.
 */
static void print_components(void)
{
	uint64_t left = (cpu.xcr0_supported | cpu.xss_supported) &
			~(XSAVE_MASK(XSAVE_X87) | XSAVE_MASK(XSAVE_SSE));

	for (; left; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left);
		struct cpuid_regs r = cpuid(0xd, bit);

		print("# component: bit=%u size=%u offset=%u align=%u\n", bit, r.eax, r.ebx,
		      r.ecx >> 1 & 1);
	}
}

/*
 * Threads take XSAVE on an engine that breaks XSAVEC, unless the command line says otherwise; the
 * tests judge XSAVEC all the same. Older instructions have no compacted format to get wrong, and a
 * start under TCG has no time to spare.
 */
static void check_engine(void)
{
	static _Alignas(64) uint8_t scratch[XSAVE_SELFTEST_SIZE];
	struct xsave_cpu probe = boot_xsave_cpu;
	enum xsave_error wrong;

	if (xsave_cpu_restrict(&probe, XSAVE_INSN_XSAVEC, probe.enabled) != XSAVE_OK)
		return;
	wrong = xsave_selftest(&probe, scratch, sizeof(scratch));
	if (!wrong)
		return;
	print("# engine: XSAVEC: rule %s: %s; threads use XSAVE\n", xsave_error_rule(wrong),
	      xsave_strerror(wrong));
	BUG_ON(xsave_cpu_restrict(&boot_xsave_cpu, XSAVE_INSN_XSAVE, boot_xsave_cpu.enabled) !=
	       XSAVE_OK);
}

void kmain(uint32_t magic, uint64_t address)
{
	serial_init();
	desc_init();
	df_init();
	cpu_survey();
	if (!boot_info_parse(&boot, magic, address))
		usage_exit("the boot loader's structures make no sense (EAX=0x%x EBX=0x%lx)", magic,
			   address);
	acpi_init(&boot);
	screen_init(&boot);
	paging_init();
	cpu_enable();
	cpu_enable_xstate();
	xregs_init();
	print_header(); /* not earlier: TCG translates code anew when CR4 or XCR0 has changed */
	print_components();
	check_engine();
	if (boot.cmdline_truncated)
		usage_exit("the command line is longer than %zu characters",
			   sizeof(boot.cmdline) - 1);
	cmdline_parse(boot.cmdline);
	if (options.xcr0_given)
		xcr0_set(options.xcr0);
	apic_init(options.apic_chosen, options.x2apic);
	ist_install(ist_design_find(options.ist));
	tests_run();
}
