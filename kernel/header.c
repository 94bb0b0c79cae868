/* SPDX-License-Identifier: MIT */
/*
 * The first lines of a log: what was started, and what the CPU says of itself.
 */
#include <xsave.h>
#include <xtk/print.h>
#include <xtk/string.h>

#include "header.h"

#define BRAND_LEAF  UINT32_C(0x80000002) /* and the two behind it */
#define BRAND_BYTES 48

/* The log is one line, and the text stands in quotes. */
static void clean(char *c)
{
	for (; *c; c++) {
		if (*c == '\t')
			*c = ' ';
		else if (*c < ' ' || *c > '~' || *c == '"')
			*c = '?';
	}
}

/* Without the blanks around it. SDM vol. 2, "CPUID", "Processor Brand String". */
static const char *read_brand(char brand[BRAND_BYTES + 1], header_cpuid ask)
{
	const char *text = brand;

	memset(brand, 0, BRAND_BYTES + 1);
	for (uint32_t i = 0; i < 3 && ask(0x80000000, 0).eax >= BRAND_LEAF + 2; i++) {
		struct cpuid_regs r = ask(BRAND_LEAF + i, 0);

		memcpy(brand + sizeof(r) * i, &r, sizeof(r));
	}
	while (*text == ' ')
		text++;
	for (size_t n = strlen(brand); n && brand[n - 1] == ' '; n--)
		brand[n - 1] = '\0';
	clean(brand);
	return text;
}

/*
 * What CPUID claims about each component of the extended region, wrong or not.
 * Source: SDM vol. 2, "CPUID", leaf 0DH, sub-leaves from 2 on.
 */
static void print_components(header_cpuid ask)
{
	uint64_t left = (cpu.xcr0_supported | cpu.xss_supported) & ~XSAVE_LEGACY_MASK;

	for (; left; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left);
		struct cpuid_regs r = ask(0xd, bit);

		print("# component: bit=%u size=%u offset=%u align=%u\n", bit, r.eax, r.ebx,
		      r.ecx >> 1 & 1);
	}
}

void header_print(const char *boot, header_cpuid ask, char *words)
{
	char brand[BRAND_BYTES + 1];

	clean(words);
	print("\nKTAP version 1\n"); /* a loader may have left a line open */
	print("# xtk %s boot=%s cpu=\"%s\" xcr0=0x%lx xss=0x%lx words=\"%s\"\n", XTK_VERSION, boot,
	      read_brand(brand, ask), cpu.xcr0_supported, cpu.xss_supported, words);
	if (!cpu.xsave_in_cpuid)
		print("# this CPU has no XSAVE (CPUID.1:ECX[26]): only the rules about its absence "
		      "are judged\n");
	print_components(ask);
}
