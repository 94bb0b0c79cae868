; SPDX-License-Identifier: MIT
;
; Entry of the timer interrupt, on the stack of what it interrupts. Below the CPU's frame: the general registers, push_gprs.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	timer_handle

	section .text

; void timer_entry(void); entered through a gate
; in: the CPU's frame; out: the interrupted context; clobbers: nothing
global timer_entry
timer_entry:
	push_gprs
	reset_rflags
	mov rbp, rsp			; keeps the frame across the call, whatever RSP's alignment
	and rsp, -16
	call timer_handle
	mov rsp, rbp
	pop_gprs
	iretq
