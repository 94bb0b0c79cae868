/* SPDX-License-Identifier: MIT */
/*
 * Between probe.c, which decides, probe.asm, which enters and leaves the instruction, and
 * probe_code.c, which has its bytes in executable pages.
 */
#ifndef XTK_PROBE_PRIVATE_H
#define XTK_PROBE_PRIVATE_H

#include <stdint.h>

#include <xtk/probe.h>

#define VEC_PROBE 0x80 /* INT 80H ends a probe that runs at CPL 3 or in compatibility mode */

/* How control comes back from behind the instruction. */
enum probe_exit { PROBE_EXIT_JUMP, PROBE_EXIT_INT };

#define PROBE_CODE_SIZE 32 /* bytes from one piece of code to the next */

/* The pages of all code: executable, for CPL 3 too, and less than 64 KiB. */
#define PROBE_CODE_COUNT 256
extern uint8_t probe_code_pages[PROBE_CODE_COUNT][PROBE_CODE_SIZE];

/* probe_code_init() - make the pages executable; once, before the first probe_code() */
void probe_code_init(void);

/* probe_code() - Return: the address of @insn followed by @exit */
uint64_t probe_code(const struct probe_insn *insn, enum probe_exit exit);

/* What IRETQ pops. */
struct probe_target {
	uint64_t rip, cs, rflags, rsp, ss;
};

/* probe_jump() - go to 64-bit code at CPL 0, with the registers @in; returns when it is left */
void probe_jump(const struct probe_gprs *in, uint64_t rip, uint64_t rflags);

/* probe_iret() - likewise by IRETQ, with the selector @data in DS and ES, which stays there */
void probe_iret(const struct probe_gprs *in, const struct probe_target *to, uint16_t data);

/* Where the code ends: the jump of PROBE_EXIT_JUMP, the gate of VEC_PROBE. Both fill *probe_out. */
void probe_return(void);
void probe_interrupt(void);

/* Where a fault handler sends its frame, with RSP = probe_rsp, when it has filled *probe_out. */
void probe_leave(void);

extern struct probe_gprs *probe_out;
extern uint64_t probe_rsp;

#endif
