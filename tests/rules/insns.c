/* SPDX-License-Identifier: MIT */
/*
 * The instructions under test.
 */
#include "insns.h"

#include "facts.h"

#define DEFINE(id, text, ...)                                                                      \
	const struct probe_insn insn_##id##_bytes = {                                              \
		.name = (text),                                                                    \
		.length = sizeof((uint8_t[]){ __VA_ARGS__ }),                                      \
		.bytes = { __VA_ARGS__ },                                                          \
	};
RULES_INSNS(DEFINE)

static const struct {
	const struct probe_insn *insn[2]; /* without and with REX.W */
	const bool *enumerated;		  /* NULL: by CPUID.1:ECX[26] alone */
	const char *bit;
} forms[FORMS] = {
#define FORM(id, flag, bit)                                                                        \
	{                                                                                          \
		{ &insn_##id##_bytes, &insn_##id##64_bytes }, flag, bit                            \
	}
	[FORM_XSAVE] = FORM(xsave, NULL, NULL),
	[FORM_XSAVEOPT] = FORM(xsaveopt, &facts.xsaveopt, "CPUID.(0DH,1):EAX[0] XSAVEOPT"),
	[FORM_XSAVEC] = FORM(xsavec, &facts.xsavec, "CPUID.(0DH,1):EAX[1] XSAVEC"),
	[FORM_XSAVES] = FORM(xsaves, &facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES"),
	[FORM_XRSTOR] = FORM(xrstor, NULL, NULL),
	[FORM_XRSTORS] = FORM(xrstors, &facts.xsaves, "CPUID.(0DH,1):EAX[3] XSAVES"),
};

const struct probe_insn *form_insn(enum rules_form form, bool rex_w)
{
	return forms[form].insn[rex_w];
}

const char *form_missing(enum rules_form form)
{
	if (!facts.xcr0_supported)
		return "CPUID.1:ECX[26] XSAVE";
	return forms[form].enumerated && !*forms[form].enumerated ? forms[form].bit : NULL;
}
