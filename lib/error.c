/* SPDX-License-Identifier: MIT */
/*
 * Texts of the errors, for programs that print; the library itself never does.
 */
#include "xsave/error.h"

#include <stddef.h>

static const char *const texts[] = {
	[XSAVE_OK] = "no error",
	[XSAVE_ERR_INSN] = "the CPU lacks the instruction",
	[XSAVE_ERR_MASK] = "a component is not enabled, or the instruction cannot move it",
	[XSAVE_ERR_XCR0] = "XCR0 cannot have this value on this CPU",
	[XSAVE_ERR_XSS] = "IA32_XSS cannot have this value on this CPU",
	[XSAVE_ERR_KIND] = "CPUID leaf 0DH: a component has the wrong kind or alignment",
	[XSAVE_ERR_SIZE] = "CPUID leaf 0DH: a component has the wrong size",
	[XSAVE_ERR_OFFSET] = "CPUID leaf 0DH: a component starts where none can",
	[XSAVE_ERR_BOUNDS] = "CPUID leaf 0DH: a component ends past the whole area",
	[XSAVE_ERR_OVERLAP] = "CPUID leaf 0DH: two components overlap",
	[XSAVE_ERR_EBX] = "CPUID leaf 0DH: EBX is not the size of the enabled components",
};

const char *xsave_strerror(enum xsave_error err)
{
	size_t i = (size_t)err;

	return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown error";
}
