/* SPDX-License-Identifier: MIT */
/*
 * A probe: one instruction executed from a given machine state, and everything that it did.
 *
 * The rule tables of tests/rules/ see the machine through struct probe_ops and through nothing
 * else, so that the same tables judge the CPU in ring 0 (kernel/probe.c), the CPU under an
 * operating system at CPL 3 and a software model (both under tests/host/).
 *
 * Extended state stays as it is from one probe to the next: between two probes nobody touches an
 * x87, vector, mask or tile register, unless a failed check is printed.
 */
#ifndef XTK_PROBE_H
#define XTK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/cpu.h>
#include <xtk/fault.h>
#include <xtk/xregs.h>

/*
 * An instruction as bytes. Those with a memory operand address it by RDI in 64-bit and 32-bit code
 * and by BX in 16-bit code: ModR/M with mod = 0 and r/m = 7 says both.
 */
struct probe_insn {
	const char *name; /* as the SDM spells it: "XSAVE64", "LOCK XSETBV" */
	uint8_t length;
	uint8_t bytes[15];
};

/*
 * In the order in which probe.asm moves them. RSP is not a value: the implementation needs it.
 * Outside 64-bit mode only the low halves of RAX to RBP count, and all else comes back as it was
 * put in.
 */
struct probe_gprs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t
		rflags; /* the status flags, DF and AC count; all others are the implementation's */
};

enum probe_mode {
	PROBE_64,	   /* 64-bit mode */
	PROBE_COMPAT32,	   /* compatibility mode, CS.D = 1 */
	PROBE_COMPAT16,	   /* compatibility mode, CS.D = 0 */
	PROBE_PROTECTED32, /* protected mode outside IA-32e mode, no paging, CPL 0 */
	PROBE_REAL,	   /* real-address mode */
	PROBE_V86,	   /* virtual-8086 mode */
	PROBE_MODES
};

struct probe {
	const struct probe_insn *insn;
	enum probe_mode mode;
	unsigned int cpl; /* 0 or 3 */
	struct probe_gprs gprs;

	/* Before the instruction: @init are put into their initial configuration (with XINUSE = 0
	 * where the machine tracks it), then @load are loaded from @regs. Both must be set in
	 * XCR0. */
	uint64_t init, load;
	const struct xregs *regs;

	/* Bits that have the other value while the instruction runs, and are back afterwards. */
	uint64_t cr0_flip, cr4_flip, efer_flip;

	/* After it: components to read into the result. */
	uint64_t store;
};

struct probe_result {
	fault_t fault;		/* of the instruction; NO_FAULT: it completed */
	uint64_t cr2;		/* of a #PF */
	struct probe_gprs gprs; /* after it; of a fault, as the handler found them */
	struct xregs regs; /* the components that were asked for by @store; others keep old bytes */
};

/* Registers that hold from one probe to the next. */
enum probe_register { PROBE_XCR0, PROBE_XSS, PROBE_XFD, PROBE_XFD_ERR, PROBE_REGISTERS };

/* The arena: memory for operands, page by page. Addresses of it are the same at every CPL and lie
 * below 4 GiB; in 16-bit modes the implementation sets the segments so that BX counts from its
 * start. */
#define PROBE_ARENA_PAGES 16
#define PROBE_ARENA_SIZE  (PROBE_ARENA_PAGES * 4096)

enum probe_access { PROBE_READ_WRITE, PROBE_READ_ONLY, PROBE_NOT_PRESENT };

struct probe_ops {
	const char *name; /* "kernel", "native", "model" */
	uint8_t *arena;	  /* PROBE_ARENA_SIZE bytes, page aligned, readable and writable */

	/* why_not() - NULL if the implementation can run @p, else what it lacks, for # SKIP: "CPL
	 * 0", "virtual-8086 mode". Says nothing about what the CPU lacks. */
	const char *(*why_not)(const struct probe *p);

	void (*run)(const struct probe *p, struct probe_result *r);

	/* cpuid() - the instruction, as the machine under test answers it now */
	struct cpuid_regs (*cpuid)(uint32_t leaf, uint32_t subleaf);

	/* can_set() - whether @reg can be written at all. get(), set() - read and write it;
	 * set() returns the fault of a refused value, and then nothing has changed. A register that
	 * the CPU lacks reads as 0. */
	bool (*can_set)(enum probe_register reg);
	uint64_t (*get)(enum probe_register reg);
	fault_t (*set)(enum probe_register reg, uint64_t value);

	/* protect() - access to one page of the arena, for user and supervisor, and its protection
	 * key (0 unless CR4.PKE); the caller restores PROBE_READ_WRITE with key 0.
	 * Return: false if the implementation cannot. */
	bool (*protect)(unsigned int page, enum probe_access access, unsigned int key);
};

/* The implementation at hand: one definition in each program. */
extern const struct probe_ops *const probe_ops;

static inline void probe_run(const struct probe *p, struct probe_result *r)
{
	probe_ops->run(p, r);
}

#endif
