; SPDX-License-Identifier: MIT
;
; atomic-sysregs: entry code. The small stack of the vector, top at the left of the picture's first line:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs
;	CR3 GS.base		save_sysregs; a struct atomic_frame
;	(frames of the C functions)
;
; and, from the commit on, MAIN:
;
;	what was there before, or nothing
;	struct atomic_frame	the context that is no entry's
;	struct atomic_frame	of each entry that was interrupted before its commit, the inner ones below
;	(handler)
;
; and, where the interrupted CR3 does not have MAIN, for the way back, the exit stack:
;
;	what was there before, or nothing
;	struct atomic_frame
;
; Windows: none. kernel/ist/atomic-sysregs.c tells why.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"
%include "ist/atomic.inc"

extern	atomic_sysregs_locate_copy, atomic_sysregs_handle, atomic_sysregs_leave

SYSREGS_SIZE	equ 16
FRAME_CR3	equ 8

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro atomic_sysregs_entry 3		; name, vector, top of its small stack in the block
global %1, %1.fix_head
%1:
	cld				; AC and NT harm no one before the commit
	push 0
	push %2
.push_gprs:
	push_gprs
.save_sysregs:
	mov rax, cr3
	push rax
	mov ecx, MSR_GS_BASE
	rdmsr
	shl rdx, 32
	or rax, rdx
	push rax
.locate:
	mov rdi, rsp			; RSP is 16-byte aligned here
	lea rsi, [rsp + SYSREGS_SIZE + TRAP_SIZE - %3]
	call atomic_sysregs_locate_copy
.commit:
	mov rsp, rax
.fix_head:				; another entry may have committed this one before it pushed these
	mov qword [rsp + SYSREGS_SIZE + TRAP_VECTOR], %2
	mov qword [rsp + SYSREGS_SIZE + TRAP_ERROR], 0
.clear_flags:
	reset_rflags
.handler:
	lea rdi, [rsp + SYSREGS_SIZE]
	call atomic_sysregs_handle
.leave_main:
	mov rdi, rsp
	call atomic_sysregs_leave
	mov rsp, rax
.restore_cr3:
	mov rax, [rsp + FRAME_CR3]
	mov cr3, rax
	add rsp, SYSREGS_SIZE
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq
%endmacro

	atomic_sysregs_entry atomic_sysregs_nmi, VEC_NMI, ATOMIC_TOP_NMI
	atomic_sysregs_entry atomic_sysregs_db, VEC_DB, ATOMIC_TOP_DB
	atomic_sysregs_entry atomic_sysregs_mc, VEC_MC, ATOMIC_TOP_MC
