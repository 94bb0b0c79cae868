/* SPDX-License-Identifier: MIT */
/*
 * The verb show-cpu: what this CPU offers, and what the library would use.
 */
#include "xstate.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <inttypes.h>
#include <stdlib.h>

#include "xsave/cpu.h"
#include "xsave/insn.h"
#include "xsave/selftest.h"

/* struct machine - what the CPU says of itself */
struct machine {
	struct xsave_cpuid cpuid;
	uint64_t xcr0;	/* 0: the system has not enabled XSAVE */
	uint64_t inuse; /* XGETBV(1): XCR0 & XINUSE */
	uint32_t mxcsr_mask;
};

static void read_machine(struct machine *machine)
{
	uint32_t d1;
	_Alignas(16) uint8_t area[XSAVE_LEGACY_SIZE] = { 0 };

	xsave_cpuid_read(&machine->cpuid);
	d1 = machine->cpuid.leaf0d[1].eax;
	machine->xcr0 = machine->inuse = 0;
	if (machine->cpuid.leaf1_ecx & XSAVE_CPUID_1_ECX_OSXSAVE)
		machine->xcr0 = insn_xgetbv(0);
	if (machine->xcr0 && d1 & XSAVE_D1_XGETBV1)
		machine->inuse = insn_xgetbv(1);
	insn_fxsave(area, 0);
	machine->mxcsr_mask = le32(area + 28);
	/* SDM vol. 1, "Guidelines for Writing to the MXCSR Register": 0 stands for the default. */
	if (!machine->mxcsr_mask)
		machine->mxcsr_mask = 0xffbf;
}

const struct xsave_layout *xstate_cpu_layout(void)
{
	static struct xsave_layout layout;
	struct xsave_cpuid cpuid;

	xsave_cpuid_read(&cpuid);
	return xsave_layout_from_cpuid(&layout, &cpuid) == XSAVE_OK ? &layout : NULL;
}

static void print_brand(FILE *out)
{
	union {
		uint32_t word[12];
		char text[49];
	} brand = { .text = "" };
	const char *text = brand.text;
	bool has_brand = (unsigned int)__get_cpuid_max(0x80000000, NULL) >= 0x80000004;

	for (unsigned int i = 0; has_brand && i < 3; i++)
		__cpuid(0x80000002 + i, brand.word[4 * i], brand.word[4 * i + 1],
			brand.word[4 * i + 2], brand.word[4 * i + 3]);
	while (*text == ' ')
		text++;
	fprintf(out, "%s\n", *text ? text : "CPU without a brand string");
}

/* XSAVE_INSN_* as names; the order is that of age. */
static void print_insns(FILE *out, const struct machine *machine)
{
	unsigned int insns = xsave_cpuid_insns(&machine->cpuid, machine->xcr0);
	uint32_t d1 = machine->cpuid.leaf0d[1].eax;

	fprintf(out, "  %-12s", "instructions");
	for (enum xsave_insn insn = XSAVE_INSN_FXSAVE; insn < XSAVE_INSNS; insn++) {
		if (insns >> insn & 1)
			fprintf(out, " %s", xsave_insn_name(insn));
	}
	fprintf(out, "%s\n", d1 & XSAVE_D1_XGETBV1 ? " xgetbv(1)" : "");
	fprintf(out, "  %-12s %s, CPUID.(0DH,1):EAX[4]\n", "XFD", d1 & XSAVE_D1_XFD ? "yes" : "no");
}

static void print_masks(FILE *out, const struct machine *machine)
{
	const struct xsave_cpuid_regs *d0 = &machine->cpuid.leaf0d[0], *d1 = &d0[1];

	fprintf(out, "  %-12s 0x%" PRIx64 " of 0x%" PRIx64 "\n", "XCR0", machine->xcr0,
		xsave_cpuid_xcr0(&machine->cpuid));
	fprintf(out, "  %-12s of 0x%" PRIx64 "; its value only the kernel can read\n", "IA32_XSS",
		xsave_cpuid_xss(&machine->cpuid));
	fprintf(out, "  %-12s 0x%x\n", "MXCSR_MASK", (unsigned int)machine->mxcsr_mask);
	fprintf(out, "  %-12s standard %u (%u at most), compacted %u for XCR0 | IA32_XSS\n",
		"bytes", (unsigned int)d0->ebx, (unsigned int)d0->ecx, (unsigned int)d1->ebx);
}

static void print_component(FILE *out, const struct xstate_options *options,
			    const struct machine *machine, unsigned int bit)
{
	const struct xsave_cpuid_regs *leaf = &machine->cpuid.leaf0d[bit];
	const struct xsave_component *known = xsave_component(bit);
	bool legacy = bit <= XSAVE_SSE, on = machine->xcr0 >> bit & 1;
	char name[16];

	fprintf(out, "  %3u  ", bit);
	paint(out, options, on ? INK_NEW : INK_NONE, "%-12s", component_name(bit, name));
	fprintf(out, " %6u", (unsigned int)(legacy ? known->size : leaf->eax));
	if (legacy)
		fprintf(out, " %6u", (unsigned int)known->offset_intel);
	else if (leaf->ecx & 1)
		fprintf(out, " %6s", "-");
	else
		fprintf(out, " %6u", (unsigned int)leaf->ebx);
	fprintf(out, "  %-5s  %-3s  %-10s  %s\n", legacy || !(leaf->ecx & 2) ? "-" : "64",
		!legacy && leaf->ecx & 4 ? "yes" : "-",
		!legacy && leaf->ecx & 1 ? "supervisor" : "user",
		on ? machine->inuse >> bit & 1 ? "enabled, in use" : "enabled" : "-");
}

static void print_table(FILE *out, const struct xstate_options *options,
			const struct machine *machine)
{
	uint64_t mask = xsave_cpuid_xcr0(&machine->cpuid) | xsave_cpuid_xss(&machine->cpuid);

	fputs("\n", out);
	paint(out, options, INK_HEAD, "  bit  %-12s %6s %6s  %-5s  %-3s  %-10s  %s", "component",
	      "size", "offset", "align", "XFD", "kind", "now");
	fputs("\n", out);
	xsave_for_each_bit (bit, mask)
		print_component(out, options, machine, bit);
}

static void print_names(FILE *out, const struct xstate_options *options, const char *label,
			uint64_t mask)
{
	int column = fprintf(out, "  %-12s 0x%" PRIx64, label, mask);

	print_components(out, options, mask, INK_NONE, column);
	fputs("\n", out);
}

static enum xsave_error self_test(const struct xsave_cpu *cpu)
{
	void *scratch = aligned_alloc(64, XSAVE_SELFTEST_SIZE);
	enum xsave_error error = XSAVE_ERR_SCRATCH;

	if (scratch)
		error = xsave_selftest(cpu, scratch, XSAVE_SELFTEST_SIZE);
	free(scratch);
	return error;
}

/* What xsave_cpu_init() makes of it, and whether the CPU then does as it says. */
static int print_library(FILE *out, FILE *err, const struct xstate_options *options,
			 const struct machine *machine)
{
	struct xsave_cpu cpu;
	enum xsave_error error = xsave_cpu_init(&cpu, &machine->cpuid, machine->xcr0, 0);

	if (error != XSAVE_OK)
		return xstate_say(err, "CPU",
				  "%s: do not trust its CPUID, see xsave_cpu_distrust()",
				  xsave_strerror(error));
	cpu.mxcsr_mask = machine->mxcsr_mask;
	error = self_test(&cpu);
	fputs("\n", out);
	paint(out, options, INK_HEAD, "the library");
	fputs("\n", out);
	fprintf(out, "  %-12s %s, loads %s images\n", "instruction", xsave_insn_name(cpu.insn),
		cpu.compaction ? "standard and compacted" : "standard");
	print_names(out, options, "mask", cpu.mask);
	print_names(out, options, "xsave", cpu.fit_small);
	print_names(out, options, "xsave_large", cpu.fit_large);
	print_names(out, options, "kept", cpu.keep);
	fprintf(out, "  %-12s ", "self-test");
	paint(out, options, error == XSAVE_OK ? INK_NEW : INK_BAD, "%s",
	      error == XSAVE_OK ? "passed" : xsave_strerror(error));
	fputs("\n", out);
	if (error == XSAVE_OK)
		return XSTATE_SAME;
	return xstate_say(err, "CPU", "%s: choose another instruction, see xsave_cpu_restrict()",
			  xsave_strerror(error));
}

int xstate_show_cpu(const struct xstate_options *options, FILE *out, FILE *err)
{
	struct machine machine;

	read_machine(&machine);
	print_brand(out);
	print_insns(out, &machine);
	print_masks(out, &machine);
	print_table(out, options, &machine);
	return print_library(out, err, options, &machine);
}

#else

const struct xsave_layout *xstate_cpu_layout(void)
{
	return NULL;
}

int xstate_show_cpu(const struct xstate_options *options, FILE *out, FILE *err)
{
	(void)options;
	(void)out;
	return xstate_say(err, "CPU", "not an x86-64 CPU: run show-cpu on one");
}

#endif
