/* SPDX-License-Identifier: MIT */
/*
 * A software model of a processor with the XSAVE feature set, for the rule tables of tests/rules/.
 *
 * Written from the manuals and from docs/rules.md alone: it shares no code with lib/ and none with
 * the oracle of the tables, so that where both agree two people have read the manual alike. Each of
 * its faults (faults.h) breaks one thing, and a table must notice.
 *
 * machine.c: registers, CPU models, words. memory.c: addresses and pages. area.c: the components
 * and where they lie. xsave.c, x87.c, system.c, vector.c: the instructions. decode.c: which bytes
 * are which. probe.c: struct probe_ops.
 *
 * Sources: SDM vol. 1, "Managing State Using the XSAVE Feature Set"; vol. 2, the instruction pages;
 * vol. 3, "Control Registers"; vol. 4, "Architectural MSRs"; APM vol. 4 and 5, the same pages.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xtk/probe.h>

#include "faults.h"

#define BIT(n) (UINT64_C(1) << (n))

enum component {
	X87,
	SSE,
	AVX,
	BNDREGS,
	BNDCSR,
	OPMASK,
	ZMM_HI256,
	HI16_ZMM,
	PT,
	PKRU,
	PASID,
	CET_U,
	CET_S,
	HDC,
	UINTR,
	LBR,
	HWP,
	TILECFG,
	TILEDATA,
	APX,
	COMPONENTS
};

#define MPX_BITS    (BIT(BNDREGS) | BIT(BNDCSR))
#define AVX512_BITS (BIT(OPMASK) | BIT(ZMM_HI256) | BIT(HI16_ZMM))
#define AMX_BITS    (BIT(TILECFG) | BIT(TILEDATA))
#define COMPACT_BIT BIT(63)
#define LEGACY_SIZE 512 /* bytes of the legacy region; the header has 64 */
#define HEADER_SIZE 64
#define EXTENDED    (LEGACY_SIZE + HEADER_SIZE)
#define MXCSR_INIT  0x1f80
#define FCW_INIT    0x037f
#define LBR_ENTRIES 32

/* A CPU: what CPUID says, and what software can tell apart beyond it. */
struct config {
	const char *name;
	uint64_t xcr0, xss; /* what can be set */
	uint32_t mxcsr_mask;
	bool amd, xsave, xsaveopt, xsavec, xgetbv1, xsaves, xfd;
	bool no_fcs_fds, fdp_only; /* CPUID.(7,0):EBX[13] and [6] */
	bool always_restores; /* CPUID.80000008H:EBX[2]: FXRSTOR and XRSTOR load x87 pointers */
};

/* The MSRs that belong to a component, or steer them, in the order of the table in system.c. */
enum msr {
	MSR_XSS_VALUE,
	MSR_XFD_VALUE,
	MSR_XFD_ERR_VALUE,
	MSR_S_CET,
	MSR_U_CET,
	MSR_PL3_SSP,
	MSR_PL0_SSP,
	MSR_PL1_SSP,
	MSR_PL2_SSP,
	MSR_PASID,
	MSR_PM_CTL1,
	MSR_HWP_REQUEST,
	MSR_UINTR_HANDLER,
	MSR_UINTR_STACKADJUST,
	MSR_UINTR_MISC,
	MSR_UINTR_PD,
	MSR_UINTR_RR,
	MSR_UINTR_TT,
	MSR_RTIT_CTL,
	MSR_RTIT_OUTPUT_BASE,
	MSR_RTIT_OUTPUT_MASK_PTRS,
	MSR_RTIT_STATUS,
	MSR_RTIT_CR3_MATCH,
	MSR_RTIT_ADDR0_A,
	MSR_RTIT_ADDR0_B,
	MSR_RTIT_ADDR1_A,
	MSR_RTIT_ADDR1_B,
	MSR_LBR_CTL,
	MSR_LBR_DEPTH,
	MSR_LER_FROM,
	MSR_LER_TO,
	MSR_LER_INFO,
	MSR_LBR_FIRST, /* FROM, TO and INFO of each entry */
	MSR_VALUES = MSR_LBR_FIRST + 3 * LBR_ENTRIES
};

/* What an XRSTOR or XRSTORS leaves behind for the modified optimization. */
struct xrstor_info {
	bool valid;
	unsigned int cpl;
	uint64_t address, xcomp_bv;
};

struct machine {
	const struct config *cpu;
	uint64_t cr0, cr4, efer, xcr0;
	uint64_t xinuse, xmodified;
	struct xrstor_info info;

	uint16_t fcw, fsw, fop; /* FSW holds TOP and, computed, ES and B */
	uint16_t fcs, fds;
	uint8_t full;	  /* bit i: physical register i is not empty */
	uint8_t r[8][10]; /* in physical order */
	uint64_t fip, fdp;
	uint32_t mxcsr, pkru;
	uint32_t pkru_before;	/* the last probe */
	uint8_t vector[32][64]; /* as struct xregs has it */
	uint64_t k[8], bnd[4][2], bndcsr[2], apx[16];
	uint8_t tilecfg[64], tile[8192];
	uint64_t msr[MSR_VALUES];
};

extern struct machine machine;

/* An instruction being executed. */
struct op {
	const struct probe *probe;
	struct probe_gprs *gprs;
	unsigned int cpl;
	bool long_mode;	  /* 64-bit mode */
	bool lock, osize; /* prefixes; osize is 66H */
	uint8_t rep;	  /* F3H, F2H or 0 */
	bool rex_w;
	uint8_t encoding; /* 0, VEX, EVEX or REX2 */
	uint8_t pp;	  /* of VEX and EVEX: 0, 66H, F3H, F2H */
	uint8_t map;	  /* 1: 0FH, 2: 0F38H, 3: 0F3AH; 4 and more: EVEX's own */
	uint8_t opcode, modrm, immediate;
	uint8_t reg, rm, vvvv; /* register numbers, with all their bits */
	uint8_t vl;	       /* VEX.L or EVEX.L'L */
	bool legacy_prefix;    /* LOCK, 66H, F2H, F3H or REX in front of VEX, EVEX or REX2 */
	bool memory, stack;    /* a memory operand; through SS */
	bool address_size;     /* 67H */
	uint64_t address, stride;
	uint64_t cr2;
};

#define GP	      FAULT(GP, 0)
#define UD	      FAULT(UD, 0)
#define NM	      FAULT(NM, 0)
#define MODEL_UNKNOWN ((fault_t)0x7fffffff) /* an instruction that the model lacks: an error */

enum { VEX = 0xc5, EVEX = 0x62, REX2 = 0xd5 };

/* broken() - whether the fault of this name is on */
extern enum model_fault model_fault;
#define broken(id) (model_fault == F_##id)

/* machine.c: the CPUs end with one that has no name; the first is the default */
extern const struct config configs[];
bool machine_choose(const char *cpu); /* Return: whether there is one of this name */
bool machine_break(const char *fault);
void machine_reset(const struct config *cpu);

/* cpuid.c */
struct cpuid_regs model_cpuid(uint32_t leaf, uint32_t subleaf);

/* memory.c: @offset counts from the operand. touch() - check an access; Return: the fault. */
extern uint8_t *arena;
bool arena_protect(unsigned int page, enum probe_access access, unsigned int key);
fault_t touch(struct op *op, uint64_t offset, uint32_t size, bool write);
uint8_t *at(const struct op *op, uint64_t offset);
void put(uint8_t *to, uint64_t value, unsigned int size);
uint64_t get(const uint8_t *from, unsigned int size);
bool canonical(uint64_t address);

/* area.c */
uint32_t component_size(unsigned int i);
uint32_t standard_offset(unsigned int i);
bool component_aligned(unsigned int i);
bool component_supervisor(unsigned int i);
uint32_t component_offset(uint64_t cb, unsigned int i);
uint32_t area_size(uint64_t cb, uint64_t mask);
void component_save(const struct op *op, unsigned int i, uint8_t *area, uint64_t cb);
void component_load(const struct op *op, unsigned int i, const uint8_t *area, uint64_t cb);
void component_init(const struct op *op, unsigned int i);
bool component_is_initial(unsigned int i);
/* in_use() - XINUSE as an instruction sees it; wrote() - software has written components */
uint64_t in_use(const struct op *op);
void wrote(uint64_t mask);

/* x87.c */
void fpu_save(const struct op *op, uint8_t *area);
void fpu_load(const struct op *op, const uint8_t *area);
void fpu_init(void);
bool fpu_is_initial(void);
void fpu_summary(void); /* computes ES and B */
uint8_t *st(unsigned int i);
uint16_t fpu_tags(void);
fault_t do_fxsave(struct op *op);
fault_t do_fxrstor(struct op *op);
fault_t do_fwait(struct op *op);
fault_t do_x87(struct op *op);
fault_t do_emms(struct op *op);
fault_t do_pxor_mmx(struct op *op);

/* save.c, restore.c */
fault_t do_xsave(struct op *op);
fault_t do_xsaveopt(struct op *op);
fault_t do_xsavec(struct op *op);
fault_t do_xsaves(struct op *op);
fault_t do_xrstor(struct op *op);
fault_t do_xrstors(struct op *op);

/* xcr0.c */
fault_t set_xcr0(uint64_t value);
fault_t do_xgetbv(struct op *op);
fault_t do_xsetbv(struct op *op);

/* msr.c: component_msrs() - the first of a component and how many; 8 bytes each of its area */
struct msr_range {
	uint8_t first, count;
};
struct msr_range component_msrs(unsigned int i);
uint64_t msr_initial(unsigned int msr);
bool msr_value_legal(unsigned int msr, uint64_t value);
fault_t msr_write(uint32_t number, uint64_t value);
fault_t do_rdmsr(struct op *op);
fault_t do_wrmsr(struct op *op);

/* system.c: prefixed() - LOCK, 66H, F2H or F3H. loadable_mxcsr() - its bits. */
bool prefixed(const struct op *op);
uint64_t edx_eax(const struct op *op);
void return_edx_eax(struct op *op, uint64_t value);
uint32_t loadable_mxcsr(void);
fault_t sse_enter(void);
fault_t load_mxcsr(struct op *op);
fault_t store_mxcsr(struct op *op);
fault_t do_rdpkru(struct op *op);
fault_t do_wrpkru(struct op *op);
fault_t do_cpuid(struct op *op);
fault_t do_ldmxcsr(struct op *op);
fault_t do_stmxcsr(struct op *op);
fault_t do_load(struct op *op);
fault_t do_store(struct op *op);
fault_t do_add(struct op *op);
fault_t do_nothing(struct op *op);
fault_t do_jump(struct op *op);
fault_t do_register_form(struct op *op);

/* vector.c */
fault_t do_sse(struct op *op);
fault_t do_divps(struct op *op);
fault_t do_movups(struct op *op);
fault_t do_vector(struct op *op);
fault_t do_amx(struct op *op);
fault_t do_mpx(struct op *op);
fault_t do_andn(struct op *op);
bool tilecfg_legal(const uint8_t *config);

/* decode.c: gpr() - a general register. execute() - Return: the fault of the instruction */
uint64_t *gpr(const struct op *op, unsigned int n);
fault_t execute(struct op *op);

#endif
