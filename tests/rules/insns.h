/* SPDX-License-Identifier: MIT */
/*
 * The instructions under test, as bytes. Source: SDM vol. 2, the instruction pages.
 */
#ifndef XTK_RULES_INSNS_H
#define XTK_RULES_INSNS_H

#include <xtk/probe.h>

/* X(name, SDM's name, bytes) */
#define RULES_INSNS(X)                                                                             \
	X(xsave, "XSAVE", 0x0f, 0xae, 0x27)                                                        \
	X(xsave64, "XSAVE64", 0x48, 0x0f, 0xae, 0x27)                                              \
	X(xsaveopt, "XSAVEOPT", 0x0f, 0xae, 0x37)                                                  \
	X(xsaveopt64, "XSAVEOPT64", 0x48, 0x0f, 0xae, 0x37)                                        \
	X(xsavec, "XSAVEC", 0x0f, 0xc7, 0x27)                                                      \
	X(xsavec64, "XSAVEC64", 0x48, 0x0f, 0xc7, 0x27)                                            \
	X(xsaves, "XSAVES", 0x0f, 0xc7, 0x2f)                                                      \
	X(xsaves64, "XSAVES64", 0x48, 0x0f, 0xc7, 0x2f)                                            \
	X(xrstor, "XRSTOR", 0x0f, 0xae, 0x2f)                                                      \
	X(xrstor64, "XRSTOR64", 0x48, 0x0f, 0xae, 0x2f)                                            \
	X(xrstors, "XRSTORS", 0x0f, 0xc7, 0x1f)                                                    \
	X(xrstors64, "XRSTORS64", 0x48, 0x0f, 0xc7, 0x1f)                                          \
	X(fxsave, "FXSAVE", 0x0f, 0xae, 0x07)                                                      \
	X(fxsave64, "FXSAVE64", 0x48, 0x0f, 0xae, 0x07)                                            \
	X(fxrstor, "FXRSTOR", 0x0f, 0xae, 0x0f)                                                    \
	X(fxrstor64, "FXRSTOR64", 0x48, 0x0f, 0xae, 0x0f)                                          \
	X(xgetbv, "XGETBV", 0x0f, 0x01, 0xd0)                                                      \
	X(xsetbv, "XSETBV", 0x0f, 0x01, 0xd1)                                                      \
	X(ldmxcsr, "LDMXCSR", 0x0f, 0xae, 0x17)                                                    \
	X(stmxcsr, "STMXCSR", 0x0f, 0xae, 0x1f)                                                    \
	X(fwait, "FWAIT", 0x9b)                                                                    \
	X(fninit, "FNINIT", 0xdb, 0xe3)                                                            \
	X(rdmsr, "RDMSR", 0x0f, 0x32)                                                              \
	X(wrmsr, "WRMSR", 0x0f, 0x30)                                                              \
	X(rdpkru, "RDPKRU", 0x0f, 0x01, 0xee)                                                      \
	X(wrpkru, "WRPKRU", 0x0f, 0x01, 0xef)                                                      \
	X(load, "MOV EAX, [mem]", 0x8b, 0x07)                                                      \
	X(store, "MOV [mem], EAX", 0x89, 0x07)                                                     \
	X(nop, "NOP", 0x90)

#define RULES_INSN_DECLARE(id, text, ...) extern const struct probe_insn insn_##id##_bytes;
RULES_INSNS(RULES_INSN_DECLARE)
#undef RULES_INSN_DECLARE

/* The members of the XSAVE family, for loops over them. */
enum rules_form {
	FORM_XSAVE,
	FORM_XSAVEOPT,
	FORM_XSAVEC,
	FORM_XSAVES,
	FORM_XRSTOR,
	FORM_XRSTORS,
	FORMS
};

/* form_insn() - the bytes, with or without REX.W */
const struct probe_insn *form_insn(enum rules_form form, bool rex_w);

/* form_missing() - NULL if CPUID offers it; else the CPUID bit, for test_skip() */
const char *form_missing(enum rules_form form);

/* form_compacted() - whether it writes the compacted format */
static inline bool form_compacted(enum rules_form form)
{
	return form == FORM_XSAVEC || form == FORM_XSAVES;
}

#endif
