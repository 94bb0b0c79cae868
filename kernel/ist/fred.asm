; SPDX-License-Identifier: MIT
;
; fred: entry code. The stack of the level, top at the left of the picture's first line:
;
;	0			CPU; the frame begins at a multiple of 64
;	event data
;	ss rsp rflags cs rip	with more in the upper parts of ss and cs: kernel/ist/fred.h
;	error code
;	vector			0; C finds it in ss
;	rax ... r15		push_gprs; RSP is now a struct trap_frame *
;
; The CPU clears RFLAGS, DF and AC too. Windows: none; kernel/ist/fred.c tells why.

	default rel
	bits 64

%include "macros.inc"

extern	fred_event

%define ERETS db 0xf2, 0x0f, 0x01, 0xca
%define ERETU db 0xf3, 0x0f, 0x01, 0xca

KERNEL_ENTRY	equ 256			; distance of the entry for CPL 0 from that for CPL 3

	section .text align=4096

; void NAME(void); entered by FRED event delivery
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro fred_entry 1			; name
global %1
%1:
	push 0
.push_gprs:
	push_gprs
.handler:
	mov rdi, rsp			; RSP is 64-byte aligned here
	call fred_event
	test al, al
	jnz .pop_user
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 8			; the vector; the CPU skips the error code
.erets:
	ERETS
.pop_user:
	pop_gprs
	add rsp, 8
.eretu:
	ERETU
%endmacro

	fred_entry fred_user
	times KERNEL_ENTRY - ($ - $$) int3
	fred_entry fred_kernel
