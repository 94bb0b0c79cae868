/* SPDX-License-Identifier: MIT */
/*
 * The command line: a table of words, each with the function that takes its value.
 *
 * An unknown word is an error and never "run everything": a run that does something else than what
 * was asked for gives a verdict that nobody should trust.
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/options.h>
#include <xtk/print.h>
#include <xtk/string.h>
#include <xtk/xstate.h>

#include "cmdline.h"
#include "exit.h"
#include "ist.h"

struct options options = { .ist = "plain", .seed = 1, .repeat = 1 };

struct word {
	const char *name;
	/* Takes the text behind '=' (NULL for a word without a value). Return: NULL, or what is
	 * wrong with it. */
	const char *(*take)(char *value);
	bool has_value;
};

static const char *parse_number(const char *text, uint64_t *value)
{
	uint64_t n = 0;
	unsigned int base = starts_with(text, "0x") ? 16 : 10;

	if (base == 16)
		text += 2;
	if (!*text)
		return "wants a number, e.g. 7 or 0x1f";
	for (; *text; text++) {
		unsigned int digit =
			*text >= '0' && *text <= '9'   ? (unsigned int)(*text - '0')
			: *text >= 'a' && *text <= 'f' ? (unsigned int)(*text - 'a' + 10)
			: *text >= 'A' && *text <= 'F' ? (unsigned int)(*text - 'A' + 10)
						       : 16;
		if (digit >= base)
			return "is not a number, e.g. 7 or 0x1f";
		if (n > (UINT64_MAX - digit) / base)
			return "is more than 64 bits";
		n = n * base + digit;
	}
	*value = n;
	return NULL;
}

static const char *take_tests(char *value)
{
	options.tests = value;
	return *value ? NULL : "wants names of tests or globs; the word list prints them";
}

static const char *take_list(char *value)
{
	(void)value;
	options.list = true;
	return NULL;
}

static const char *take_events(char *value)
{
	(void)value;
	options.events = true;
	return NULL;
}

static const char *take_xcr0(char *value)
{
	options.xcr0_given = true;
	return parse_number(value, &options.xcr0);
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
	options.ist = value;
	return ist_design_find(value) ? NULL : "names no entry design; see kernel/ist/";
}

static const char *take_seed(char *value)
{
	return parse_number(value, &options.seed);
}

static const char *take_case(char *value)
{
	options.case_id = value;
	return *value ? NULL : "wants the id of a case, as a failure prints it";
}

static const char *take_depth(char *value)
{
	options.depth_full = !strcmp(value, "full");
	return options.depth_full || !strcmp(value, "quick") ? NULL : "wants quick or full";
}

static const char *take_apic(char *value)
{
	options.apic_chosen = true;
	options.x2apic = !strcmp(value, "x2apic");
	if (options.x2apic && !cpu.x2apic)
		return "needs CPUID.1:ECX[21] x2APIC, which this CPU lacks";
	return options.x2apic || !strcmp(value, "xapic") ? NULL : "wants xapic or x2apic";
}

static const char *take_repeat(char *value)
{
	uint64_t n = 0;
	const char *wrong = parse_number(value, &n);

	options.repeat = (unsigned int)n;
	return wrong ? wrong : n >= 1 && n <= 1000000 ? NULL : "wants 1 to 1000000";
}

static const char *take_shuffle(char *value)
{
	options.shuffle = true;
	return parse_number(value, &options.shuffle_seed);
}

static const struct word words[] = {
	{ "tests", take_tests, true },	  { "list", take_list, false },
	{ "xcr0", take_xcr0, true },	  { "switch", take_switch, true },
	{ "save", take_save, true },	  { "ist", take_ist, true },
	{ "seed", take_seed, true },	  { "case", take_case, true },
	{ "depth", take_depth, true },	  { "apic", take_apic, true },
	{ "repeat", take_repeat, true },  { "shuffle", take_shuffle, true },
	{ "events", take_events, false },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static const struct word *find_word(const char *text, char **value)
{
	for (size_t i = 0; i < WORDS; i++) {
		size_t n = strlen(words[i].name);

		if (!starts_with(text, words[i].name))
			continue;
		*value = text[n] == '=' ? (char *)text + n + 1 : NULL;
		if (text[n] == (words[i].has_value ? '=' : '\0'))
			return &words[i];
	}
	return NULL;
}

static void take_word(char *text)
{
	char *value;
	const struct word *w = find_word(text, &value);
	const char *wrong;

	if (!w)
		usage_exit("unknown word '%s'; known: tests= list xcr0= switch= save= ist= seed= "
			   "case= depth= apic= repeat= shuffle= events",
			   text);
	wrong = w->take(value);
	if (wrong)
		usage_exit("%s %s", text, wrong);
}

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

void cmdline_parse(char *line)
{
	while (*line) {
		char *word = line;

		while (*line && *line != ' ' && *line != '\t')
			line++;
		if (*line)
			*line++ = '\0';
		if (*word)
			take_word(word);
	}
	if (options.xcr0_given)
		check_xcr0();
	if (options.save_given)
		check_save();
}

static bool any_case_selected;

bool case_selected(const char *id)
{
	bool selected = !options.case_id || !strcmp(options.case_id, id);

	any_case_selected = any_case_selected || selected;
	return selected;
}

bool case_any_selected(void)
{
	bool any = any_case_selected || !options.case_id;

	any_case_selected = false;
	return any;
}
