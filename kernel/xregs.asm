; SPDX-License-Identifier: MIT
;
; Load, read and touch the registers of the user state components, each by its own instruction.
;
; Every routine executes only what its own component makes legal, so XCR0 may be as small as 1. The
; one exception looks at XCR0 first: load_avx.
;
; Sources: SDM vol. 2, the pages of the instructions; vol. 1, "Programming with the x87 FPU", "SIMD
; Instructions and the Upper Bits of Vector Registers", "Intel MPX", "Programming with Intel AMX".

	default rel
	bits 64

%include "asm-offsets.inc"

extern	xregs_cpu

; when MASK, COMPONENT, ROUTINE: call ROUTINE if the register MASK has the component
%macro when 3
	bt	%1, %2
	jnc	%%done
	call	%3
%%done:
%endmacro

; each FIRST, COUNT, INSTRUCTION: the instruction, for i = FIRST, FIRST + 1 …; it calls register i
; xmmi, ymmi …, and its place in the struct xregs at rdi vectori, ki … These names have no value
; outside, or the macro call itself would expand them.
%macro each 3+
%assign i %1
%rep %2
%xdefine xmmi xmm %+ i
%xdefine ymmi ymm %+ i
%xdefine zmmi zmm %+ i
%xdefine regki k %+ i
%xdefine regbndi bnd %+ i
%xdefine tmmi tmm %+ i
%define vectori rdi + XREGS_VECTOR + i * XREGS_VECTOR_SIZE
%define ki rdi + XREGS_K + i * 8
%define bndi rdi + XREGS_BND + i * XREGS_BND_SIZE
%define tilei rdi + XREGS_TILE + i * XREGS_TILE_SIZE
	%3
%assign i i + 1
%endrep
%undef i
%undef xmmi
%undef ymmi
%undef zmmi
%undef regki
%undef regbndi
%undef tmmi
%endmacro

; scratch SIZE: that many bytes at rsp, aligned for FXSAVE and XSAVE; leave gives them back
%macro scratch 1
	push	rbp
	mov	rbp, rsp
	sub	rsp, %1
	and	rsp, -XREGS_ALIGN
%endmacro

	section .text

; void xregs_load(const struct xregs *r, uint64_t mask);
; in: rdi = r, rsi = mask; out: the registers of mask; clobbers: rax, rcx, rdx, rsi, flags
global xregs_load
xregs_load:
	and	rsi, [xregs_cpu]	; .mask
	when	esi, XSAVE_X87, load_x87
	when	esi, XSAVE_SSE, load_sse
	when	esi, XSAVE_AVX, load_avx
	when	esi, XSAVE_BNDREGS, load_bndregs
	when	esi, XSAVE_BNDCSR, load_bndcsr
	when	esi, XSAVE_OPMASK, load_opmask
	when	esi, XSAVE_ZMM_HI256, load_zmm_hi256
	when	esi, XSAVE_HI16_ZMM, load_hi16_zmm
	when	esi, XSAVE_PKRU, load_pkru
	test	esi, XREGS_AMX_MASK
	jnz	load_amx
	ret

; void xregs_store(struct xregs *r, uint64_t mask);
; in: rdi = r, rsi = mask; out: *r; clobbers: rax, rcx, rdx, rsi, flags
global xregs_store
xregs_store:
	and	rsi, [xregs_cpu]	; .mask
	when	esi, XSAVE_X87, store_x87
	when	esi, XSAVE_SSE, store_sse
	when	esi, XSAVE_AVX, store_avx
	when	esi, XSAVE_BNDREGS, store_bndregs
	when	esi, XSAVE_BNDCSR, store_bndcsr
	when	esi, XSAVE_OPMASK, store_opmask
	when	esi, XSAVE_ZMM_HI256, store_zmm_hi256
	when	esi, XSAVE_HI16_ZMM, store_hi16_zmm
	when	esi, XSAVE_PKRU, store_pkru
	test	esi, XREGS_AMX_MASK
	jnz	store_amx
	ret

; void xregs_touch(uint64_t mask);
; in: rdi = mask; out: nothing; clobbers: rax, flags
global xregs_touch
xregs_touch:
	and	rdi, [xregs_cpu]	; .mask
	when	edi, XSAVE_X87, .x87
	when	edi, XSAVE_SSE, .sse
	when	edi, XSAVE_AVX, .avx
	when	edi, XSAVE_OPMASK, .opmask
	when	edi, XSAVE_ZMM_HI256, .evex
	when	edi, XSAVE_HI16_ZMM, .evex
	ret
.x87:	fnstsw	ax			; a control instruction: FOP, FIP and FDP stay
	ret
.sse:	movmskps eax, xmm0
	ret
.avx:	vmovmskps eax, ymm0
	ret
.opmask:
	kmovw	eax, k0
	ret
.evex:	vmovd	eax, xmm16
	ret

; The image of FRSTOR has 32 bits of FIP and FDP. The whole pointers go in through FXRSTOR64, by way
; of an image that FXSAVE64 makes: XMM and MXCSR come from the registers and go back unchanged.
load_x87:
	scratch	XREGS_FX_SIZE
	fninit				; FRSTOR would raise an exception that is pending
	frstor	[rdi + XREGS_X87]
	fxsave64 [rsp]
	mov	rax, [rdi + XREGS_FIP]
	mov	[rsp + XREGS_FX_FIP], rax
	mov	rax, [rdi + XREGS_FDP]
	mov	[rsp + XREGS_FX_FDP], rax
	fxrstor64 [rsp]
	leave
	ret

; FNSAVE also initialises the x87 state; FXRSTOR64 brings it back. Pointers that FXSAVE64 leaves
; unwritten (older AMD, FSW.ES = 0) read as 0, not as what an earlier image left on this stack.
store_x87:
	scratch	XREGS_FX_SIZE
	xor	eax, eax
	mov	[rsp + XREGS_FX_FIP], rax
	mov	[rsp + XREGS_FX_FDP], rax
	fxsave64 [rsp]
	fnsave	[rdi + XREGS_X87]
	fxrstor64 [rsp]
	mov	rax, [rsp + XREGS_FX_FIP]
	mov	[rdi + XREGS_FIP], rax
	mov	rax, [rsp + XREGS_FX_FDP]
	mov	[rdi + XREGS_FDP], rax
	leave
	ret

; Legacy SSE instructions leave the bits above 127 alone and need no bit of XCR0.
load_sse:
	each	0, 16, movups xmmi, [vectori]
	ldmxcsr	[rdi + XREGS_MXCSR]
	ret

store_sse:
	each	0, 16, movups [vectori], xmmi
	stmxcsr	[rdi + XREGS_MXCSR]
	ret

; A VEX instruction zeroes bits 511:256, which are not of this component. Where XCR0 has AVX-512 the
; EVEX form does the same without that.
load_avx:
	xor	ecx, ecx
	xgetbv
	and	eax, [xregs_cpu]		; .mask: EVEX also takes CPUID's word for it
	and	eax, XREGS_AVX512_MASK
	cmp	eax, XREGS_AVX512_MASK
	je	.evex
	each	0, 16, vinsertf128 ymmi, ymmi, [vectori + XREGS_YMM_HI128], 1
	ret
.evex:	each	0, 16, vinsertf32x4 zmmi, zmmi, [vectori + XREGS_YMM_HI128], 1
	ret

store_avx:
	each	0, 16, vextractf128 [vectori + XREGS_YMM_HI128], ymmi, 1
	ret

%macro bndmov_load 2
	lea	rax, %2
	bndmov	%1, [rax]
%endmacro

%macro bndmov_store 2
	lea	rax, %1
	bndmov	[rax], %2
%endmacro

; At CPL 0 BNDMOV is a NOP unless IA32_BNDCFGS.EN = 1, and unless BNDPRESERVE = 1 the near branches
; of this very code set the bounds to their initial values. The address is a bare register because
; the TCG of QEMU 7.2 fetches the displacement of a BNDMOV twice, and so loses what follows.
load_bndregs:
	each	0, 4, bndmov_load regbndi, [bndi]
	ret

store_bndregs:
	each	0, 4, bndmov_store [bndi], regbndi
	ret

; No instruction but XRSTOR loads BNDCFGU at CPL 0: a standard image of BNDCSR alone. MXCSR stays,
; for RFBM has neither SSE nor AVX.
load_bndcsr:
	scratch	XREGS_BNDCSR_OFFSET + XREGS_BNDCSR_SIZE
	xor	eax, eax
	each	0, XREGS_HEADER_SIZE / 8, mov [rsp + XREGS_HEADER + i * 8], rax
	mov	rax, [rdi + XREGS_BNDCFGU]
	mov	[rsp + XREGS_BNDCSR_OFFSET], rax
	mov	rax, [rdi + XREGS_BNDSTATUS]
	mov	[rsp + XREGS_BNDCSR_OFFSET + 8], rax
	mov	eax, XREGS_BNDCSR_MASK
	xor	edx, edx
	mov	[rsp + XREGS_HEADER], rax	; XSTATE_BV
	xrstor64 [rsp]
	leave
	ret

; XSAVE writes the component whether or not it is in its initial configuration, so what it puts into
; XSTATE_BV does not matter.
store_bndcsr:
	scratch	XREGS_BNDCSR_OFFSET + XREGS_BNDCSR_SIZE
	mov	eax, XREGS_BNDCSR_MASK
	xor	edx, edx
	xsave64	[rsp]
	mov	rax, [rsp + XREGS_BNDCSR_OFFSET]
	mov	[rdi + XREGS_BNDCFGU], rax
	mov	rax, [rsp + XREGS_BNDCSR_OFFSET + 8]
	mov	[rdi + XREGS_BNDSTATUS], rax
	leave
	ret

; store_word K, MEMORY: 64 bits, of which 63:16 are 0
%macro store_word 2
	kmovw	eax, %1
	mov	%2, rax
%endmacro

; KMOVQ belongs to AVX512BW. Without it nothing reaches bits 63:16 of a k register.
load_opmask:
	cmp	dword [xregs_cpu + XREGS_CPU_AVX512BW], 0
	je	.words
	each	0, 8, kmovq regki, [ki]
	ret
.words:	each	0, 8, kmovw regki, [ki]
	ret

store_opmask:
	cmp	dword [xregs_cpu + XREGS_CPU_AVX512BW], 0
	je	.words
	each	0, 8, kmovq [ki], regki
	ret
.words:	each	0, 8, store_word regki, [ki]
	ret

load_zmm_hi256:
	each	0, 16, vinsertf64x4 zmmi, zmmi, [vectori + XREGS_ZMM_HI256], 1
	ret

store_zmm_hi256:
	each	0, 16, vextractf64x4 [vectori + XREGS_ZMM_HI256], zmmi, 1
	ret

load_hi16_zmm:
	each	16, 16, vmovups zmmi, [vectori]
	ret

store_hi16_zmm:
	each	16, 16, vmovups [vectori], zmmi
	ret

load_pkru:
	xor	ecx, ecx
	xor	edx, edx
	mov	eax, [rdi + XREGS_PKRU]
	wrpkru
	ret

store_pkru:
	xor	ecx, ecx
	rdpkru
	mov	[rdi + XREGS_PKRU], eax
	ret

; if_configured INSTRUCTION: run it unless tile i has no rows, in which case it would be #UD
%macro if_configured 1+
	cmp	byte [rdi + XREGS_TILE_ROWS + i], 0
	je	%%not
	%1
%%not:
%endmacro

; [base, index]: written as a sum with rax * 1, NASM 2.16 would take rax for the base.
load_amx:
	ldtilecfg [rdi + XREGS_TILECFG]
	mov	eax, XREGS_TILE_ROW
	each	0, 8, if_configured tileloadd tmmi, [tilei, rax]
	ret

; TILESTORED writes the configured rows and columns only; the rest of a tile is 0 by definition.
store_amx:
	sttilecfg [rdi + XREGS_TILECFG]
	xor	eax, eax
	mov	ecx, XREGS_TILES_SIZE
.zero:	mov	[rdi + XREGS_TILE + rcx - 8], rax
	sub	ecx, 8
	jnz	.zero
	mov	eax, XREGS_TILE_ROW
	each	0, 8, if_configured tilestored [tilei, rax], tmmi
	ret
