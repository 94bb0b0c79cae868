/* SPDX-License-Identifier: MIT */
/*
 * What keeps a compiler from spoiling a save or a load, whatever flags the library is built with.
 * For the library's own files.
 *
 * XSAVE_X86_64: the instructions are there, and so is the System V calling convention, which makes
 * every vector and x87 register caller-saved. Not so x32, whose pointers are too short, and
 * Windows, where callees keep XMM6 to XMM15.
 */
#ifndef XSAVE_PROTECT_H
#define XSAVE_PROTECT_H

#if defined(__x86_64__) && defined(__LP64__)
#define XSAVE_X86_64 1
#else
#define XSAVE_X86_64 0
#endif

/*
 * GENERAL_REGS: no vector register for the compiler's own purposes. What it put there would be
 * saved in the place of the caller's value. -pg would call a function of unknown habits.
 */
#if XSAVE_X86_64
#define GENERAL_REGS __attribute__((target("general-regs-only"), no_instrument_function))
#else
#define GENERAL_REGS
#endif

/*
 * OUT_OF_LINE: a real call. The asm cannot name the registers that a load changes, the calling
 * convention does. With noipa the caller is not told either that this very function names none.
 */
#ifdef __clang__
#define OUT_OF_LINE __attribute__((noinline))
#else
#define OUT_OF_LINE __attribute__((noipa))
#endif

#endif
