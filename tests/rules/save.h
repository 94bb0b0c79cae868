/* SPDX-License-Identifier: MIT */
/*
 * One save instruction, executed from a known state into known memory, and judged byte by byte.
 *
 *	save_state(&s);			load it, look at XINUSE
 *	save_probe(&s, OLD_JUNK) && …	any number of saves of this state
 *	save_registers(&s);
 */
#ifndef XTK_RULES_SAVE_H
#define XTK_RULES_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "insns.h"

#define SAVE_X87	(UINT64_C(1) << 0)
#define SAVE_SSE	(UINT64_C(1) << 1)
#define SAVE_AVX	(UINT64_C(1) << 2)
#define SAVE_AMX	(UINT64_C(3) << 17)
#define SAVE_MXCSR_INIT 0x1f80

/* What is in the area before: zeros; junk everywhere; junk under a header as XSAVE leaves it. */
enum save_old { OLD_FRESH, OLD_JUNK, OLD_VALID, OLD_KINDS };

struct save {
	enum rules_form form;
	bool rex_w;
	unsigned int cpl;
	uint64_t efer_flip; /* while the save runs */
	uint64_t xcr0, xss; /* as they are set */
	uint64_t mask;	    /* EDX:EAX */
	uint64_t dirty;	    /* components that are not in their initial configuration */
	uint64_t may_skip;  /* components that the modified optimisation may leave out */
	uint8_t *area;
	const struct probe_insn *other; /* an instruction in the place of the form's; NULL */
};

/* The registers that the saves of this state must write; those of other components are initial. */
extern struct xregs save_regs;

/* save_known() - the components of @xcr0 whose size and place are known: no other is asked for */
uint64_t save_known(uint64_t xcr0);

/* save_bits() - how many bits are set */
unsigned int save_bits(uint64_t mask);

/* save_dirty() - the components of @wanted that can be loaded under @xcr0. AMX's go together. */
uint64_t save_dirty(uint64_t xcr0, uint64_t wanted);

/* save_rfbm() - the requested-feature bitmap */
uint64_t save_rfbm(const struct save *s);

/* save_values() - random registers for @s->dirty, initial ones for all others; a random MXCSR if
 * SSE is dirty, at random 1F80H or another if it is not */
void save_values(const struct save *s);

/* save_state() - save_values() and save_reload(). Return: false after a failed check */
bool save_state(const struct save *s);

/* save_reload() - load save_regs, and save_inuse(): after save_values(), or a failed check */
bool save_reload(const struct save *s);

/* save_load() - load some components from save_regs, put others into their initial configuration,
 * load MXCSR */
bool save_load(const struct save *s, uint64_t load, uint64_t init);

/* save_inuse() - look at XINUSE by XGETBV, where the machine can, for the saves that follow */
bool save_inuse(const struct save *s);

/* save_insn() - the instruction */
const struct probe_insn *save_insn(const struct save *s);

/* save_run() - execute it with RDI, EDX:EAX as @s says and random other registers, none of which
 * may change. Return: false after a failed check */
bool save_run(const struct save *s);

/* save_set() - set a register; true where that is not possible. Return: false after a failed check
 * of
 * @rule */
bool save_set(enum probe_register reg, uint64_t value, const char *rule);

/* save_runs_at() - whether this CPU has the form, and the implementation can run it at this CPL */
bool save_runs_at(enum rules_form form, unsigned int cpl);

/* save_skip() - facts_read(); skip the test if the form runs at no level. Return: whether it skips
 */
bool save_skip(enum rules_form form);

/* save_probe() - execute the save into an area that holds @old, and judge every byte of it, the
 * GPRs and the flags. Return: false after a failed check; then the state must be loaded anew. */
bool save_probe(const struct save *s, enum save_old old);

/* save_registers() - read back the registers, which must be as loaded. Spoils XINUSE */
bool save_registers(const struct save *s);

/* save_where() - the save in words, for a failed check */
const char *save_where(const struct save *s);

/* save_count() - count a check that passed; save_counted() - tell the frame of all of them. Rules
 * are those of the list in save_probe.c. */
enum save_rule {
	SAVE_V01,
	SAVE_V02,
	SAVE_V03,
	SAVE_V04,
	SAVE_V05,
	SAVE_V06,
	SAVE_V07,
	SAVE_V08,
	SAVE_V10,
	SAVE_V11,
	SAVE_V13,
	SAVE_V14,
	SAVE_L01,
	SAVE_L02,
	SAVE_L03,
	SAVE_L05,
	SAVE_O01,
	SAVE_O04,
	SAVE_O05,
	SAVE_O06,
	SAVE_O07,
	SAVE_O08,
	SAVE_O09,
	SAVE_M01,
	SAVE_M02,
	SAVE_M03,
	SAVE_R05,
	SAVE_F03,
	SAVE_F04,
	SAVE_F05,
	SAVE_RULES
};
const char *save_rule_name(enum save_rule rule);
void save_count(enum save_rule rule);
void save_counted(void);

#endif
