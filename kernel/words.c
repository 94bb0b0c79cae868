/* SPDX-License-Identifier: MIT */
/*
 * Words of the command line that only a kernel has, and what the CPU must offer for them.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/string.h>
#include <xtk/xstate.h>

#include "cmdline.h"
#include "exit.h"
#include "ist.h"

static const char *take_events(char *value)
{
	(void)value;
	options.events = true;
	return NULL;
}

static const char *take_xcr0(char *value)
{
	options.xcr0_given = true;
	return cmdline_number(value, &options.xcr0);
}

static const char *take_save(char *value)
{
	options.save_given = true;
	for (int i = XSAVE_INSN_FXSAVE; i <= XSAVE_INSN_XSAVES; i++) {
		if (!strcmp(value, xsave_insn_name((enum xsave_insn)i))) {
			options.save = (enum xsave_insn)i;
			return NULL;
		}
	}
	return "wants fxsave, xsave, xsaveopt, xsavec or xsaves";
}

const char *switch_mode_name(enum switch_mode mode)
{
	return mode == SWITCH_LAZY ? "lazy" : "eager";
}

static const char *take_switch(char *value)
{
	options.switch_given = true;
	options.mode = strcmp(value, "lazy") ? SWITCH_EAGER : SWITCH_LAZY;
	return strcmp(value, switch_mode_name(options.mode)) ? "wants eager or lazy" : NULL;
}

static const char *take_ist(char *value)
{
	return ist_choose(value);
}

/* shard=2/8: "2" and "8" */
static const char *take_shard(char *value)
{
	uint64_t shard = 0, shards = 0;
	char *slash = value;

	while (*slash && *slash != '/')
		slash++;
	if (!*slash)
		return "wants a part and how many there are, e.g. 2/8";
	*slash = '\0';
	if (cmdline_number(value, &shard) || cmdline_number(slash + 1, &shards) || !shard ||
	    shard > shards || shards > 1000)
		return "wants a part from 1 on and how many there are, e.g. 2/8";
	options.shard = (unsigned int)shard - 1;
	options.shards = (unsigned int)shards;
	return NULL;
}

static const char *take_from(char *value)
{
	options.from = value;
	return *value ? NULL : "wants a position, as the laboratory prints it";
}

static const char *take_to(char *value)
{
	options.to = value;
	return *value ? NULL : "wants a position, as the laboratory prints it";
}

static const char *take_each(char *value)
{
	(void)value;
	options.each = true;
	return NULL;
}

static const char *take_apic(char *value)
{
	options.apic_chosen = true;
	options.x2apic = !strcmp(value, "x2apic");
	if (options.x2apic && !cpu.x2apic)
		return "needs CPUID.1:ECX[21] x2APIC, which this CPU lacks";
	return options.x2apic || !strcmp(value, "xapic") ? NULL : "wants xapic or x2apic";
}

const struct word machine_words[] = {
	{ "xcr0", take_xcr0, true },   { "switch", take_switch, true },
	{ "save", take_save, true },   { "ist", take_ist, true },
	{ "apic", take_apic, true },   { "events", take_events, false },
	{ "shard", take_shard, true }, { "from", take_from, true },
	{ "to", take_to, true },       { "each", take_each, false },
	{ NULL, NULL, false },
};

/* What only makes sense together, and what the CPU must offer. */
static void check_xcr0(void)
{
	enum xsave_xcr0 broken;
	uint64_t missing = options.xcr0 & ~cpu.xcr0_supported;

	if (!cpu.has_xsave)
		usage_exit("xcr0=0x%lx needs CPUID.1:ECX[26] XSAVE, which this CPU lacks",
			   options.xcr0);
	if (missing)
		usage_exit(
			"xcr0=0x%lx has bit %d, which CPUID.(EAX=0DH,ECX=0):EDX:EAX does not offer "
			"(0x%lx); choose a subset of that",
			options.xcr0, __builtin_ctzll(missing), cpu.xcr0_supported);
	broken = xsave_xcr0_check(options.xcr0, cpu.xcr0_supported);
	if (broken)
		usage_exit("xcr0=0x%lx breaks rule %s: %s", options.xcr0, xsave_xcr0_rule(broken),
			   xsave_xcr0_text(broken));
}

static void check_save(void)
{
	static const char *const bit[] = {
		[XSAVE_INSN_FXSAVE] = "CPUID.1:EDX[24] FXSR",
		[XSAVE_INSN_XSAVE] = "CPUID.1:ECX[26] XSAVE",
		[XSAVE_INSN_XSAVEOPT] = "CPUID.(EAX=0DH,ECX=1):EAX[0] XSAVEOPT",
		[XSAVE_INSN_XSAVEC] = "CPUID.(EAX=0DH,ECX=1):EAX[1] XSAVEC",
		[XSAVE_INSN_XSAVES] = "CPUID.(EAX=0DH,ECX=1):EAX[3] XSAVES",
	};
	struct xsave_cpu probe = boot_xsave_cpu;
	uint64_t xcr0 = options.xcr0_given ? options.xcr0 : cpu.xcr0_supported;

	if (options.save == XSAVE_INSN_FXSAVE && (xcr0 & ~UINT64_C(3)))
		usage_exit(
			"save=fxsave holds x87 and SSE only, but XCR0 would be 0x%lx; add xcr0=3",
			xcr0);
	if (xsave_cpu_restrict(&probe, options.save, 3) != XSAVE_OK)
		usage_exit("save=%s needs %s, which this CPU lacks", xsave_insn_name(options.save),
			   bit[options.save]);
}

void machine_words_check(void)
{
	if (options.xcr0_given)
		check_xcr0();
	if (options.save_given)
		check_save();
}
