/* SPDX-License-Identifier: MIT */
/*
 * The instructions of the XSAVE family, one inline function each. On other machines than x86-64
 * this file is empty.
 *
 * Always the 64-bit forms: without REX.W the upper halves of FIP and FDP are lost (rule F05). They
 * fault as the manual says. The lists let a kernel make forms of its own that catch the fault:
 * X(name, mnemonic). FXSAVE and FXRSTOR have no RFBM; theirs is ignored.
 *
 * No vector register is in a clobber list: code that keeps values in vector registers must not use
 * these inline but call xsave_save_with() and xsave_load_with(), where the calling convention tells
 * the compiler that they are lost.
 *
 * Source: SDM vol. 2, the pages "XSAVE" to "XSETBV", "FXSAVE", "FXRSTOR".
 */
#ifndef XSAVE_INSN_H
#define XSAVE_INSN_H

#if defined(__x86_64__)

#include <stdint.h>

#define XSAVE_SAVE_INSNS(X)                                                                        \
	X(fxsave, "fxsave64")                                                                      \
	X(xsave, "xsave64") X(xsaveopt, "xsaveopt64") X(xsavec, "xsavec64") X(xsaves, "xsaves64")

#define XSAVE_LOAD_INSNS(X) X(fxrstor, "fxrstor64") X(xrstor, "xrstor64") X(xrstors, "xrstors64")

/*
 * insn_fxsave() to insn_xsaves(): the address is an input and memory a clobber, because the
 * instruction reads the header that it updates and leaves other bytes as they were.
 */
#define XSAVE_DEFINE_SAVE(name, mnemonic)                                                          \
	static inline void insn_##name(void *area, uint64_t rfbm)                                  \
	{                                                                                          \
		__asm__ volatile(mnemonic " (%0)"                                                  \
				 :                                                                 \
				 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))     \
				 : "memory");                                                      \
	}
XSAVE_SAVE_INSNS(XSAVE_DEFINE_SAVE)
#undef XSAVE_DEFINE_SAVE

/* insn_fxrstor(), insn_xrstor(), insn_xrstors() */
#define XSAVE_DEFINE_LOAD(name, mnemonic)                                                          \
	static inline void insn_##name(const void *area, uint64_t rfbm)                            \
	{                                                                                          \
		__asm__ volatile(mnemonic " (%0)"                                                  \
				 :                                                                 \
				 : "r"(area), "a"((uint32_t)rfbm), "d"((uint32_t)(rfbm >> 32))     \
				 : "memory");                                                      \
	}
XSAVE_LOAD_INSNS(XSAVE_DEFINE_LOAD)
#undef XSAVE_DEFINE_LOAD

/* insn_xgetbv() - read XCR0 (@ecx = 0) or XCR0 & XINUSE (@ecx = 1, CPUID.(0DH,1):EAX[2]) */
static inline uint64_t insn_xgetbv(uint32_t ecx)
{
	uint32_t eax, edx;

	__asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(ecx));
	return (uint64_t)edx << 32 | eax;
}

/* insn_xsetbv() - write XCR0 (@ecx = 0) at CPL 0 */
static inline void insn_xsetbv(uint32_t ecx, uint64_t value)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(ecx), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

#endif /* x86-64 */
#endif
