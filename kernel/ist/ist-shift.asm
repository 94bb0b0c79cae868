; SPDX-License-Identifier: MIT
;
; ist-shift: entry code. The stack of one vector has IST_LEVELS pieces of IST_LEVEL_SIZE bytes; TSS.ist points to the top of the
; highest one that is free, and each piece holds one nest level:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;
; TSS.ist goes down when the frame is complete (ist_sub), and up again behind the handler (ist_add).
;
; Windows: from delivery to ist_sub, and behind ist_add to IRETQ. There TSS.ist is the top of the piece in use.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle, tss

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro ist_shift_entry 3		; name, vector, IST slot
global %1
%1:
	push 0
	push %2
.push_gprs:
	push_gprs
.ist_sub:
	sub qword [tss + TSS_IST + (%3 - 1) * 8], IST_LEVEL_SIZE
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp			; RSP is 16-byte aligned here: the CPU aligned it, and 22 quadwords followed
	call ist_handle
.ist_add:
	add qword [tss + TSS_IST + (%3 - 1) * 8], IST_LEVEL_SIZE
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq
%endmacro

	ist_shift_entry ist_shift_nmi, VEC_NMI, IST_NMI
	ist_shift_entry ist_shift_db, VEC_DB, IST_DB
	ist_shift_entry ist_shift_mc, VEC_MC, IST_MC
