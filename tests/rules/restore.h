/* SPDX-License-Identifier: MIT */
/*
 * One restore instruction, executed from known registers on a known image, and judged: whether it
 * may fault, and every register afterwards.
 *
 *	restore_values(&r);		for the registers, and for the image
 *	restore_fill(&r, bv, cb);	the image
 *	restore_probe(&r) && …		any number of restores
 *	restore_end();
 */
#ifndef XTK_RULES_RESTORE_H
#define XTK_RULES_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "insns.h"

#define RESTORE_X87	   (UINT64_C(1) << 0)
#define RESTORE_SSE	   (UINT64_C(1) << 1)
#define RESTORE_AVX	   (UINT64_C(1) << 2)
#define RESTORE_ZMM_HI256  (UINT64_C(1) << 6)
#define RESTORE_PKRU	   (UINT64_C(1) << 9)
#define RESTORE_AMX	   (UINT64_C(3) << 17)
#define RESTORE_MXCSR_INIT 0x1f80

/* Which image an instruction takes: the same bytes of XRSTOR take two. */
enum restore_kind { RESTORE_STANDARD, RESTORE_COMPACTED, RESTORE_XRSTORS, RESTORE_KINDS };

/* All registers but MXCSR, and XINUSE; MXCSR. */
enum { RESTORE_JUDGE_REGISTERS = 1, RESTORE_JUDGE_MXCSR = 2 };

struct restore {
	enum restore_kind kind;
	bool rex_w;
	unsigned int cpl;
	uint64_t xcr0, xss; /* as they are set */
	uint64_t mask;	    /* EDX:EAX */
	uint8_t *area;	    /* its header says what it holds */
	uint64_t cr0_flip;  /* while it runs */
	unsigned int judge; /* RESTORE_JUDGE_…, after a restore that does not fault */

	/* The rule that is broken if a legal image is refused (NULL: R12), and if an illegal one is
	 * taken (NULL: the one that it breaks). */
	const char *about, *refused;
};

/* The registers in the CPU before a restore, and those that the image is made from. */
extern struct xregs restore_before, restore_inside;

/* restore_missing() - NULL if this CPU has the kind; else the CPUID bit. restore_runs_at() - and
 * this level. restore_skip() - facts_read(); skip if it runs nowhere. Return: whether it skips */
const char *restore_missing(enum restore_kind kind);
bool restore_runs_at(enum restore_kind kind, unsigned int cpl);
bool restore_skip(enum restore_kind kind);

/* restore_way() - the forms and levels in which a kind can be executed, as one loop of
 * RESTORE_WAYS: with and without REX.W, at CPL 0 and 3. Return: whether way @i is one */
#define RESTORE_WAYS 4
bool restore_way(struct restore *r, unsigned int i);

/* restore_insn() - the instruction. restore_all() - XCR0, with IA32_XSS for XRSTORS */
const struct probe_insn *restore_insn(const struct restore *r);
uint64_t restore_all(const struct restore *r);

/* restore_rfbm(), restore_bv(), restore_cb() - the requested-feature bitmap, and the image's
 * XSTATE_BV and XCOMP_BV */
uint64_t restore_rfbm(const struct restore *r);
uint64_t restore_bv(const struct restore *r);
uint64_t restore_cb(const struct restore *r);

/* restore_movable() - the components of XCR0 whose registers are loaded before and read after */
uint64_t restore_movable(const struct restore *r);

/* restore_values() - random registers, and random others for the image; restore_reload() - the next
 * restore loads them all anew */
void restore_values(const struct restore *r);
void restore_reload(void);

/* restore_open_keys() - change the values for an image so that wherever PKRU is read from, key 0 is
 * open. Only where XCR0 has PKRU. */
void restore_open_keys(struct xregs *regs, uint64_t xcr0);

/* restore_open_area() - the same of the extended region of an image of @size bytes */
void restore_open_area(const struct restore *r, uint32_t size);

/* restore_fill() - an image somewhere in the arena: junk, but for the header and the components in
 * @bv. restore_encode() - write the components that the header, as it is now, has in XSTATE_BV */
void restore_fill(struct restore *r, uint64_t bv, uint64_t cb);
void restore_encode(const struct restore *r);

/* restore_header() - the first rule that the header breaks for this instruction; NULL: legal */
const char *restore_header(const struct restore *r);

/* restore_mxcsr_loaded() - whether MXCSR comes from the image; restore_mxcsr() - the image's */
bool restore_mxcsr_loaded(const struct restore *r);
uint32_t restore_mxcsr(const struct restore *r);

/* restore_where() - the restore in words, for a failed check */
const char *restore_where(const struct restore *r);

/* restore_probe() - execute it, and judge the fault, the GPRs, the flags, what @r->judge names, and
 * after a fault that no register has changed. Return: false after a failed check */
bool restore_probe(const struct restore *r);

/* restore_regs() - the registers after the last restore that did not fault */
const struct xregs *restore_regs(void);

/* restore_misaligned() - likewise with @area anywhere but on 64 bytes: a fault, #GP or with @ac
 * also #AC */
bool restore_misaligned(const struct restore *r, bool ac);

/* restore_end() - no exception of x87 or SSE stays pending for the next test */
void restore_end(void);

#endif
