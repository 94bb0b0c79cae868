/* SPDX-License-Identifier: MIT */
/*
 * Faults as values: an instruction that may fault runs under an exception-table entry, and the
 * fault comes back as a number.
 *
 * fault_t packs "faulted, vector, error code"; 0 means that the instruction completed, so that
 * tables of expected outcomes read like the manual: FAULT(GP, 0), FAULT(UD, 0), NO_FAULT.
 */
#ifndef XTK_FAULT_H
#define XTK_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include <xsave/insn.h>
#include <xtk/frame.h>

typedef uint32_t fault_t;

#define NO_FAULT	  ((fault_t)0)
#define FAULT_PRESENT	  (UINT32_C(1) << 31)
#define FAULT_OF(v, code) (FAULT_PRESENT | (uint32_t)(v) << 16 | ((uint32_t)(code)&0xffff))
#define FAULT(name, code) FAULT_OF(VEC_##name, code)

#define FAULT_TEXT_SIZE 16
/* fault_text() - "none", "#UD", "#GP(0x0)"; Return: @out, which holds FAULT_TEXT_SIZE bytes */
const char *fault_text(fault_t fault, char *out);

/* An entry of the exception table: a fault at @insn continues at @resume with the fault's value in
 * R11. */
struct extable_entry {
	uint64_t insn, resume;
};

/* try_insn() - text of one instruction under the exception table; FAULT_REGISTER must be an operand
 * of the asm statement */
#define TRY_INSN(text)                                                                             \
	"1:	" text "\n2:\n"                                                                    \
	".pushsection extable_entries, \"a\"\n"                                                    \
	".quad 1b, 2b\n"                                                                           \
	".popsection\n"
#define FAULT_REGISTER register fault_t fault __asm__("r11") = NO_FAULT

/* The `_safe` forms of lib/xsave/insn.h, made from the same lists. */
#define DEFINE_SAFE(name, text, pointer)                                                           \
	static inline fault_t insn_##name##_safe(pointer area, uint64_t rfbm)                      \
	{                                                                                          \
		FAULT_REGISTER;                                                                    \
		__asm__ volatile(TRY_INSN(text " (%1)")                                            \
				 : "+r"(fault)                                                     \
				 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))     \
				 : "memory");                                                      \
		return fault;                                                                      \
	}
#define DEFINE_SAVE_SAFE(name, text) DEFINE_SAFE(name, text, void *)
#define DEFINE_LOAD_SAFE(name, text) DEFINE_SAFE(name, text, const void *)
XSAVE_SAVE_INSNS(DEFINE_SAVE_SAFE)
XSAVE_LOAD_INSNS(DEFINE_LOAD_SAFE)

/* EDX:EAX from or to the register that ECX names. */
#define DEFINE_READ_SAFE(name, text)                                                               \
	static inline fault_t name##_safe(uint32_t ecx, uint64_t *value)                           \
	{                                                                                          \
		uint32_t low = 0, high = 0;                                                        \
		FAULT_REGISTER;                                                                    \
		__asm__ volatile(TRY_INSN(text) : "+r"(fault), "+a"(low), "+d"(high) : "c"(ecx));  \
		*value = (uint64_t)high << 32 | low;                                               \
		return fault;                                                                      \
	}
DEFINE_READ_SAFE(insn_xgetbv, "xgetbv")
DEFINE_READ_SAFE(rdmsr, "rdmsr")

#define DEFINE_WRITE_SAFE(name, text)                                                              \
	static inline fault_t name##_safe(uint32_t ecx, uint64_t value)                            \
	{                                                                                          \
		FAULT_REGISTER;                                                                    \
		__asm__ volatile(TRY_INSN(text)                                                    \
				 : "+r"(fault)                                                     \
				 : "c"(ecx), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))    \
				 : "memory");                                                      \
		return fault;                                                                      \
	}
DEFINE_WRITE_SAFE(insn_xsetbv, "xsetbv")
DEFINE_WRITE_SAFE(wrmsr, "wrmsr")

static inline fault_t write_cr4_safe(uint64_t value)
{
	FAULT_REGISTER;

	__asm__ volatile(TRY_INSN("mov %1, %%cr4") : "+r"(fault) : "r"(value) : "memory");
	return fault;
}

static inline fault_t read_byte_safe(const volatile void *address)
{
	uint8_t byte;
	FAULT_REGISTER;

	__asm__ volatile(TRY_INSN("movb (%2), %1")
			 : "+r"(fault), "=&q"(byte)
			 : "r"(address)
			 : "memory");
	return fault;
}

static inline fault_t write_byte_safe(volatile void *address, uint8_t byte)
{
	FAULT_REGISTER;

	__asm__ volatile(TRY_INSN("movb %1, (%2)")
			 : "+r"(fault)
			 : "q"(byte), "r"(address)
			 : "memory");
	return fault;
}

#endif
