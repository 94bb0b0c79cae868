; SPDX-License-Identifier: MIT
;
; The instruction under test in 64-bit, 32-bit and 16-bit code of a process, between loading and
; reading all general registers. The program is linked below 2 GiB, so that memory is reached by its address
; alone; extended state is not touched.

	bits 64

; in INDEX, out INDEX: a member of the struct probe_gprs that goes in or comes out
%define in(i)	native_in + 8 * (i)
%define out(i)	native_out + 8 * (i)
%define RFLAGS	15

%macro each_low 1			; as struct probe_gprs has them
	%1 ax, 0
	%1 bx, 1
	%1 cx, 2
	%1 dx, 3
	%1 si, 4
	%1 di, 5
	%1 bp, 6
%endmacro

%macro each_high 1
%assign i 8
%rep 8
	%1 r %+ i, i - 1
%assign i i + 1
%endrep
%endmacro

%macro load64 2
	mov	r%1, [abs in(%2)]
%endmacro
%macro store64 2
	mov	[abs out(%2)], r%1
%endmacro
%macro load32 2
	mov	e%1, [in(%2)]
%endmacro
%macro store32 2
	mov	[out(%2)], e%1
%endmacro
%macro load_high 2
	mov	%1, [abs in(%2)]
%endmacro
%macro store_high 2
	mov	[abs out(%2)], %1
%endmacro

extern	native_in, native_out, native_entry, native_entry16, native_ds16

	section .bss
	alignb	16
saved:	resq	1			; RSP of the caller
low:	resb	4096			; a stack that 32-bit code reaches
low_end:

	section .text

; enter_probe: the registers that C counts on onto the stack
%macro enter_probe 0
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[abs saved], rsp
%endmacro

; void native_run64(void);
; in: native_in, native_slot; out: native_out; clobbers: what a call may
global native_run64
native_run64:
	enter_probe
	push	qword [abs in(RFLAGS)]
	each_high load_high
	each_low load64
	popfq
	jmp	[abs native_entry]

; The slot jumps here when the instruction has completed.
global native_done64
native_done64:
	each_low store64
	each_high store_high
	pushfq
	pop	qword [abs out(RFLAGS)]

; A fault comes here, all flags clear; its registers are the signal handler's to tell.
global native_fault
native_fault:
	mov	rsp, [abs saved]
	push	2
	popfq				; DF and AC
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret

; enter_low CODE: to 32-bit code; r8-r15 are loaded and read in 64-bit code around it
%macro enter_low 1
	enter_probe
	mov	rsp, low_end
	each_high load_high
	jmp	far [abs %1]
%endmacro

; void native_run32(void);
; The same with the 32-bit code segment.
global native_run32
native_run32:
	enter_low to32

; void native_run16(void);
; The same with a 16-bit code segment and a data segment whose start is the arena's.
global native_run16
native_run16:
	enter_low to16

	bits 32
; 64-bit code may leave DS and ES null.
%macro flat_segments 0
	push	ss
	pop	ds
	push	ss
	pop	es
%endmacro

code32:
	flat_segments
	push	dword [in(RFLAGS)]
	each_low load32
	popfd
	jmp	[native_entry]

code16:
	flat_segments
	push	dword [in(RFLAGS)]
	each_low load32
	mov	ds, [native_ds16]
	popfd
	jmp	far [ss:native_entry16]

global native_done32
native_done32:
	flat_segments
	each_low store32
	pushfd
	pop	dword [out(RFLAGS)]
	jmp	far [to64]

	bits 64
back:
	each_high store_high
	jmp	native_fault

; Selectors: Linux, arch/x86/include/asm/segment.h, __USER32_CS and __USER_CS.
	section .data
	align	8
to32:	dd	code32
	dw	0x23
	align	8
to16:	dd	code16
	dw	0x23
	align	8
to64:	dd	back
	dw	0x33
