; SPDX-License-Identifier: MIT
;
; shift-min: entry code. Stacks and frame as in ist-shift, but TSS.ist goes down with the very first instruction (ist_sub), before
; anything is pushed, and up again with the last one before IRETQ (ist_add):
;
;	ss rsp rflags cs rip	CPU
;				ist_sub
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;
; Both change RFLAGS, which the CPU has saved before the one and IRETQ loads after the other.
;
; Windows: two boundaries, before ist_sub and before IRETQ. There TSS.ist is the top of the piece in use.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle, tss

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro shift_min_entry 3		; name, vector, IST slot
global %1
%1:
.ist_sub:
	sub qword [tss + TSS_IST + (%3 - 1) * 8], IST_LEVEL_SIZE
.entry:
	push 0
	push %2
.push_gprs:
	push_gprs
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp			; RSP is 16-byte aligned here: the CPU aligned it, and 22 quadwords followed
	call ist_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.ist_add:
	add qword [tss + TSS_IST + (%3 - 1) * 8], IST_LEVEL_SIZE
.iret:
	iretq
%endmacro

	shift_min_entry shift_min_nmi, VEC_NMI, IST_NMI
	shift_min_entry shift_min_db, VEC_DB, IST_DB
	shift_min_entry shift_min_mc, VEC_MC, IST_MC
