; SPDX-License-Identifier: MIT
;
; plain: entry code. The stack of the vector, top at the left of the picture's first line:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;
; Windows: from delivery to IRETQ the frame stands at the top of the vector's stack, so the same vector, delivered again before
; IRETQ, overwrites it.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro plain_entry 2			; name, vector
global %1
%1:
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
.iret:
	iretq
%endmacro

	plain_entry plain_nmi, VEC_NMI
	plain_entry plain_db, VEC_DB
	plain_entry plain_mc, VEC_MC
