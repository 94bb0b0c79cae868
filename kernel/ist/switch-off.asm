; SPDX-License-Identifier: MIT
;
; switch-off: entry code. The stack of the vector:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;	...			switch_off_move() and what it calls
;
; and, 16-byte aligned below the interrupted RSP or at the top of another stack (switch-off.c), the same 22 quadwords once more.
; MOV RSP goes over to the copy; the handler and IRETQ use only that one.
;
; Windows: from delivery to the last move of the copy the frame exists on the vector's stack only. Before MOV RSP the copy is
; complete; the vector may come again, finds RSP on its own stack, and goes to the fallback stack.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle, switch_off_move

	section .text

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro switch_off_entry 2		; name, vector
global %1
%1:
	push 0
	push %2
.push_gprs:
	push_gprs
.clear_flags:
	reset_rflags
.locate:
	mov rdi, rsp
	call switch_off_move
.switch:
	mov rsp, rax
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

	switch_off_entry switch_off_nmi, VEC_NMI
	switch_off_entry switch_off_db, VEC_DB
	switch_off_entry switch_off_mc, VEC_MC
