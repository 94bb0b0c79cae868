; SPDX-License-Identifier: MIT
;
; atomic: entry code. The small stack of the vector, top at the left of the picture's first line:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; a struct trap_frame
;	(frames of the C functions)
;
; and, from the commit on, MAIN:
;
;	what was there before, or nothing
;	struct trap_frame	the context that is no entry's
;	struct trap_frame	of each entry that was interrupted before its commit, the inner ones below
;	(handler)
;
; Windows: none. kernel/ist/atomic.c tells why.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"
%include "ist/atomic.inc"

extern	ist_handle, atomic_locate_copy

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro atomic_entry 3			; name, vector, top of its small stack in the block
global %1, %1.fix_head
%1:
	cld				; AC and NT harm no one before the commit
	push 0
	push %2
.push_gprs:
	push_gprs
.locate:
	mov rdi, rsp			; RSP is 16-byte aligned here
	lea rsi, [rsp + TRAP_SIZE - %3]
	call atomic_locate_copy
.commit:
	mov rsp, rax
.fix_head:				; another entry may have committed this one before it pushed these
	mov qword [rsp + TRAP_VECTOR], %2
	mov qword [rsp + TRAP_ERROR], 0
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp
	call ist_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq
%endmacro

	atomic_entry atomic_nmi, VEC_NMI, ATOMIC_TOP_NMI
	atomic_entry atomic_db, VEC_DB, ATOMIC_TOP_DB
	atomic_entry atomic_mc, VEC_MC, ATOMIC_TOP_MC
