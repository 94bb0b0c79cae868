/* SPDX-License-Identifier: MIT */
/*
 * The beginning of a log of native_run.py: what the CPU at hand says of itself, in the lines in
 * which the kernel says it of its machine.
 */
#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xsave/layout.h>

static const char *brand(void)
{
	static char text[49];
	unsigned int regs[12], blank;

	for (unsigned int i = 0; i < 3; i++)
		if (!__get_cpuid(0x80000002 + i, &regs[4 * i], &regs[4 * i + 1], &regs[4 * i + 2],
				 &regs[4 * i + 3]))
			return "";
	memcpy(text, regs, sizeof(regs));
	for (char *c = text; *c; c++)
		if (*c == '"' || *c < ' ' || *c > '~')
			*c = '?';
	for (size_t length = strlen(text); length && text[length - 1] == ' ';)
		text[--length] = '\0';
	blank = (unsigned int)strspn(text, " ");
	return text + blank;
}

int main(int argc, char **argv)
{
	static struct xsave_cpuid cpuid;
	uint64_t xcr0, xss;

	xsave_cpuid_read(&cpuid);
	xcr0 = xsave_cpuid_xcr0(&cpuid);
	xss = xsave_cpuid_xss(&cpuid);
	printf("# xtk %s boot=native cpu=\"%s\" xcr0=%#" PRIx64 " xss=%#" PRIx64 " words=\"%s\"\n",
	       argc > 1 ? argv[1] : "", brand(), xcr0, xss, argc > 2 ? argv[2] : "");
	for (unsigned int bit = 2; bit < 63; bit++)
		if ((xcr0 | xss) >> bit & 1)
			printf("# component: bit=%u size=%u offset=%u align=%u\n", bit,
			       cpuid.leaf0d[bit].eax, cpuid.leaf0d[bit].ebx,
			       cpuid.leaf0d[bit].ecx >> 1 & 1);
	return 0;
}
