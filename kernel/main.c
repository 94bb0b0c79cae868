/* SPDX-License-Identifier: MIT */
/*
 * The boot order, in the order in which it happens; nothing else.
 */
#include <stdint.h>

#include <xsave/selftest.h>
#include <xtk/bootinfo.h>
#include <xtk/cpu.h>
#include <xtk/df.h>
#include <xtk/fault.h>
#include <xtk/ist.h>
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
#include "header.h"
#include "screen.h"
#include "test.h"

STACK_DEFINE(boot_stack, 32 * 1024);

static struct boot_info boot;

static _Alignas(64) uint8_t scratch[XSAVE_SELFTEST_SIZE];

/* Threads take XSAVE, unless the command line says otherwise. */
static void fall_back(void)
{
	BUG_ON(xsave_cpu_restrict(&boot_xsave_cpu, XSAVE_INSN_XSAVE, boot_xsave_cpu.enabled) !=
	       XSAVE_OK);
}

/*
 * Nobody but the tables of rules, which take faults as values, uses an instruction that faults
 * though CPUID promises it.
 */
static void try_insns(void)
{
	static const struct {
		const char *name;
		enum xsave_insn insn;
		fault_t (*save)(void *area, uint64_t rfbm);
	} tried[] = {
		{ "XSAVEOPT", XSAVE_INSN_XSAVEOPT, insn_xsaveopt_safe },
		{ "XSAVEC", XSAVE_INSN_XSAVEC, insn_xsavec_safe },
		{ "XSAVES", XSAVE_INSN_XSAVES, insn_xsaves_safe },
	};
	char text[FAULT_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		fault_t fault = NO_FAULT;

		if (boot_xsave_cpu.insns >> tried[i].insn & 1)
			fault = tried[i].save(scratch, XSAVE_LEGACY_MASK);
		if (!fault)
			continue;
		boot_xsave_cpu.insns &= ~(1U << tried[i].insn);
		print("# engine: %s: promised by CPUID.(0DH,1):EAX, and raises %s; only rules are "
		      "tried on it\n",
		      tried[i].name, fault_text(fault, text));
	}
	if (!(boot_xsave_cpu.insns >> boot_xsave_cpu.insn & 1))
		fall_back();
}

/*
 * Threads take XSAVE on an engine that breaks XSAVEC; the tests judge XSAVEC all the same. Older
 * instructions have no compacted format to get wrong, and a start under TCG has no time to spare.
 */
static void check_engine(void)
{
	struct xsave_cpu probe = boot_xsave_cpu;
	enum xsave_error wrong;

	if (xsave_cpu_restrict(&probe, XSAVE_INSN_XSAVEC, probe.enabled) != XSAVE_OK)
		return;
	wrong = xsave_selftest(&probe, scratch, sizeof(scratch));
	if (!wrong)
		return;
	print("# engine: XSAVEC: rule %s: %s; threads use XSAVE\n", xsave_error_rule(wrong),
	      xsave_strerror(wrong));
	fall_back();
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
	/* not earlier: TCG translates code anew when CR4 or XCR0 has changed */
	header_print(boot_protocol_name(boot.protocol), cpuid, boot.cmdline);
	try_insns();
	check_engine();
	if (boot.cmdline_truncated)
		usage_exit("the command line is longer than %zu characters",
			   sizeof(boot.cmdline) - 1);
	cmdline_parse(boot.cmdline);
	if (options.xcr0_given)
		xcr0_set(options.xcr0);
	apic_init(options.apic_chosen, options.x2apic);
	ist_install_chosen();
	tests_run();
}
