; SPDX-License-Identifier: MIT
;
; A call of thread_switch() with chosen values in every register that must come back, RFLAGS and RSP included.
;
; Stack, from high to low, while another thread runs:
;
;	rip			call probe_switch
;	rflags rbx rbp r12-r15	the compiler's own
;	(skew bytes)		so that RSP may have any value at the call
;	after, rsp of here	where to put what came back, and the way out

	default rel
	bits 64

extern	thread_switch

GPRS_RFLAGS	equ 6 * 8		; struct gprs of context.h: seven registers in the order below,
GPRS_SKEW	equ 7 * 8		; then these two; context.c asserts it
GPRS_RSP	equ 8 * 8

	section .text

; void probe_switch(struct gprs *before, struct gprs *after, struct thread *next);
; in: rdi = before (.rsp is written), rsi = after, rdx = next; out: *after; clobbers: what a C function may
global probe_switch
probe_switch:
	pushfq
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rax, rsp
	sub rsp, [rdi + GPRS_SKEW]
	push rsi
	push rax
	mov [rdi + GPRS_RSP], rsp
	mov rax, rdi
	mov rdi, rdx
	push qword [rax + GPRS_RFLAGS]
	mov rbx, [rax]
	mov rbp, [rax + 8]
	mov r12, [rax + 16]
	mov r13, [rax + 24]
	mov r14, [rax + 32]
	mov r15, [rax + 40]
	popfq
	call thread_switch
	pushfq
	mov rcx, [rsp + 16]		; after
	pop qword [rcx + GPRS_RFLAGS]
	mov [rcx], rbx
	mov [rcx + 8], rbp
	mov [rcx + 16], r12
	mov [rcx + 24], r13
	mov [rcx + 32], r14
	mov [rcx + 40], r15
	mov [rcx + GPRS_RSP], rsp
	mov rsp, [rsp]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	popfq
	ret
