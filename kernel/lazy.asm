; SPDX-License-Identifier: MIT
;
; #NM while threads run under a lazy policy. On the thread's own stack, from high to low:
;
;	ss rsp rflags cs rip		CPU
;	rax rcx rdx rsi rdi r8-r11	what C may change; RSP % 16 = 0
;
; Source: SDM vol. 3, "Interrupt 7—Device Not Available Exception (#NM)".

	default rel
	bits 64

%include "asm-offsets.inc"

extern	thread_lazy_load

	section .text

; void thread_nm_entry(void); entered through a gate without IST
; in: the CPU's frame; out: CR0.TS = 0, the lazy components are the current thread's; clobbers: nothing
global thread_nm_entry
thread_nm_entry:
	push rax
	push rcx
	push rdx
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push r11
	cld
	call thread_lazy_load
	pop r11
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rax
	iretq
