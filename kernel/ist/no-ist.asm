; SPDX-License-Identifier: MIT
;
; no-ist: entry code. The interrupted stack at CPL 0, the stack of TSS.rsp0 from CPL 3; the CPU aligns RSP to 16 bytes first:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;
; Windows: none on a kernel stack, for a frame is always below what is live. In the SYSCALL gap RSP is the user's, and the CPU
; itself writes there.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle

	section .text

; void NAME(void); entered through a gate without an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro no_ist_entry 2			; name, vector
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

	no_ist_entry no_ist_nmi, VEC_NMI
	no_ist_entry no_ist_db, VEC_DB
	no_ist_entry no_ist_mc, VEC_MC
