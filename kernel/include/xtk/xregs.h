/* SPDX-License-Identifier: MIT */
/*
 * The register file of the user state components, moved register by register.
 *
 * This is the judge of every context switch that uses the XSAVE family, so it uses none of it: each
 * register is loaded and read by its own instruction (FRSTOR, MOVUPS, VINSERTF32X4, KMOVQ, BNDMOV,
 * WRPKRU, TILELOADD …). Two registers leave no choice: BNDCFGU and BNDSTATUS move by XRSTOR/XSAVE
 * with RFBM = 10H alone, and the upper halves of FIP and FDP by FXRSTOR64/FXSAVE64.
 *
 * A mask names state components by their bits in XCR0; it says what to move. XCR0 says what is
 * legal: every bit of a mask must be set in XCR0 too, but SSE, which needs CR4.OSFXSR only.
 * Bits outside xregs_cpu.mask (supervisor state, APX) are ignored. CR0.TS is the caller's affair.
 *
 * Sources: SDM vol. 1, "Programming with the x87 FPU", "Managing State Using the XSAVE Feature
 * Set", "Intel Memory Protection Extensions", "Programming with Intel AMX"; vol. 2, instruction
 * pages.
 */
#ifndef XTK_XREGS_H
#define XTK_XREGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsave.h>

/* The components of struct xregs: x87, SSE, AVX, MPX, AVX-512, PKRU and AMX. */
#define XREGS_MASK                                                                                 \
	(XSAVE_MASK(XSAVE_X87) | XSAVE_MASK(XSAVE_SSE) | XSAVE_MASK(XSAVE_AVX) |                   \
	 XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR) | XSAVE_MASK(XSAVE_OPMASK) |         \
	 XSAVE_MASK(XSAVE_ZMM_HI256) | XSAVE_MASK(XSAVE_HI16_ZMM) | XSAVE_MASK(XSAVE_PKRU) |       \
	 XSAVE_MASK(XSAVE_XTILECFG) | XSAVE_MASK(XSAVE_XTILEDATA))

/*
 * The image of FNSAVE and FRSTOR in 64-bit mode (their 32-bit protected-mode format), which holds
 * only 32 bits of FIP and FDP; both follow in full. ST is in stack order: st[0] is ST0, wherever
 * FSW.TOP points. The code segment and data segment selectors of the image are loaded as 0 and not
 * compared: the 64-bit forms of FXSAVE and XSAVE do not carry them.
 */
struct xregs_x87 {
	uint16_t fcw, pad0;
	uint16_t fsw, pad1;
	uint16_t ftw, pad2; /* two bits a register in physical order; 11B is empty */
	uint32_t fip_low;
	uint16_t fcs, fop;
	uint32_t fdp_low;
	uint16_t fds, pad3;
	uint8_t st[8][10];
	uint32_t pad4;
	uint64_t fip, fdp;
};

struct xregs_bnd {
	uint64_t lb, ub; /* as BNDMOV stores them: the upper bound in one's complement */
};

/* The operand of LDTILECFG. */
struct xregs_tilecfg {
	uint8_t palette, start_row;
	uint8_t reserved0[14];
	uint16_t colsb[8]; /* bytes of a row in use */
	uint8_t reserved1[16];
	uint8_t rows[8];
	uint8_t reserved2[8];
};

struct xregs {
	struct xregs_x87 x87;
	uint8_t vector[32][64]; /* of 0-15: bytes 0-15 XMM, 16-31 YMM_Hi128, 32-63 ZMM_Hi256 */
	uint64_t k[8];
	struct xregs_bnd bnd[4];
	uint64_t bndcfgu, bndstatus;
	uint32_t mxcsr, pkru;
	struct xregs_tilecfg tilecfg;
	uint8_t tile[8][16][64]; /* by rows; 0 outside the configured rows and columns */
} __attribute__((aligned(64)));

/*
 * Where the parts of a vector register lie in struct xregs' vector[i], and BNDCSR in the standard
 * format of the XSAVE area: CPUID.(EAX=0DH,ECX=4):EBX is 1024 on every processor that has MPX.
 */
enum {
	XREGS_YMM_HI128 = 16,
	XREGS_ZMM_HI256 = 32,
	XREGS_BNDCSR_OFFSET = 1024,
	XREGS_BNDCSR_SIZE = 64,
};

/* What xregs_init() found out about this CPU. */
struct xregs_cpu {
	uint64_t mask;	     /* the components that can be moved: XREGS_MASK, on a sound CPU */
	uint32_t avx512bw;   /* 1: k registers have 64 bits (KMOVQ); 0: 16 bits (KMOVW) */
	uint32_t mxcsr_mask; /* the bits that MXCSR has */
	bool pointers;	     /* FOP, FIP and FDP outlive FXRSTOR64 and FXSAVE64 with FSW.ES = 0 */
};
extern struct xregs_cpu xregs_cpu;

/* The first difference that xregs_compare() found. */
struct xregs_diff {
	unsigned int component; /* bit of XCR0 */
	unsigned int offset;	/* of the first byte that differs, in the named register */
	unsigned int length;	/* bytes in want and got, from that byte on: 1 to 16 */
	char name[24];		/* "ymm3[255:128]", "k5", "FSW.TOP", "tmm2 row 3" */
	uint8_t want[16], got[16];
};

/**
 * xregs_init() - learn what the CPU's registers are like; call once, before all else of this file
 *
 * Needs CR4.OSFXSR = 1, CR0.TS = CR0.EM = 0, XCR0 as large as it will be, and a working exception
 * table. Leaves XTILECFG and XTILEDATA out of xregs_cpu.mask where STTILECFG raises #UD: Bochs 3.0
 * decodes it with VEX.W = 1 only, and nothing else can read the configuration. x87 state is used
 * and put back.
 */
void xregs_init(void);

/**
 * xregs_load() - load the registers of some state components
 * @r:    values, legal ones: see xregs_pattern()
 * @mask: components; the registers of all others keep their values
 *
 * XTILECFG and XTILEDATA load together if @mask has either: LDTILECFG zeroes the tiles.
 * XINUSE may become 1 for components outside @mask; no value there changes.
 * Stack: less than 1280 bytes.
 */
void xregs_load(const struct xregs *r, uint64_t mask);

/**
 * xregs_store() - read the registers of some state components into memory
 * @r:    receives them; the fields of other components are not written
 * @mask: components
 *
 * Every register has the same value afterwards, but for FOP, FIP and FDP if xregs_cpu.pointers is
 * false. XTILECFG and XTILEDATA are stored together if @mask has either.
 * Stack: less than 1280 bytes.
 */
void xregs_store(struct xregs *r, uint64_t mask);

/**
 * xregs_touch() - read one register of each component in a mask whose use raises #NM if CR0.TS = 1
 * @mask: components; those that CR0.TS does not gate (MPX, PKRU, AMX) are left alone
 */
void xregs_touch(uint64_t mask);

/**
 * xregs_junk() - overwrite all registers of some state components
 * @mask: components
 *
 * The values are legal and the same each time: a pattern whose seed no one else uses. FCW and the
 * like, which have few values, may still agree with another pattern's. Safe in an NMI handler.
 */
void xregs_junk(uint64_t mask);

/**
 * xregs_pattern() - make values for every register of some state components
 * @r:    receives them; the fields of other components are not written
 * @mask: components
 * @seed: below 2^51; the same seed gives the same values on the same CPU
 *
 * No register's value is 0, none of FCW, MXCSR and PKRU has its initial value, FSW.TOP is not 0,
 * and each register differs between seeds that lie less than 16 apart. All exceptions are masked,
 * so nothing that is loaded raises #MF or #XM, and PKRU leaves key 0 open; every value is one that
 * the CPU gives back as it is.
 */
void xregs_pattern(struct xregs *r, uint64_t mask, uint64_t seed);

/**
 * xregs_compare() - compare every bit of the registers of some state components
 * @want:  expected values
 * @got:   values to judge
 * @mask:  components
 * @first: receives the first difference if there is one; may be NULL
 *
 * FOP, FIP and FDP count only if xregs_cpu.pointers: AMD's processors save them only while
 * FSW.ES = 1 (CPUID.80000008H:EBX[2] promises only that they are always restored), and some
 * emulators never do.
 *
 * Return: how many registers differ; FSW.TOP counts as one, as does each part of a vector register.
 */
unsigned int xregs_compare(const struct xregs *want, const struct xregs *got, uint64_t mask,
			   struct xregs_diff *first);

#endif
