; SPDX-License-Identifier: MIT
;
; The thread switch. On the stack of the thread that leaves, from high to low (struct thread_stack):
;
;	rip			call thread_switch
;	rflags rbp rbx r12 r13 r14 r15
;	<- thread.rsp
;
; An NMI may come at any instruction: the registers are the leaving thread's until its state is in its area, nobody's
; (owner = NULL) until the entering thread's state is loaded, and the entering thread's from then on.

	default rel
	bits 64

%include "asm-offsets.inc"

extern	switch_state, xsave_save_with, xsave_load_with

	section .text

; void thread_switch(struct thread *next);
; in: rdi = next; out: on the stack of next, after its own call of thread_switch; clobbers: what a C function may
global thread_switch
thread_switch:
	pushfq
	push rbp
	push rbx
	push r12
	push r13
	push r14
	push r15
	cld				; the thread's DF is on its stack; C wants 0
	lea rbx, [switch_state]
	mov r12, [rbx + SWITCH_CURRENT]
	mov r13, rdi
	clts				; XSAVE and XRSTOR raise #NM while TS is set

	mov rdi, rbx			; the policy's first member is the struct xsave_cpu
	lea rsi, [r12 + THREAD_STATE_EAGER]
	mov edx, THREAD_STATE_SIZE
	mov rcx, [rbx + SWITCH_MASK_EAGER]
	call xsave_save_with
	mov qword [rbx + SWITCH_OWNER_EAGER], 0

	mov [r12 + THREAD_RSP], rsp
	mov rsp, [r13 + THREAD_RSP]
	mov [rbx + SWITCH_CURRENT], r13

	mov rdi, rbx
	lea rsi, [r13 + THREAD_STATE_EAGER]
	mov edx, THREAD_STATE_SIZE
	mov rcx, [rbx + SWITCH_MASK_EAGER]
	call xsave_load_with
	mov [rbx + SWITCH_OWNER_EAGER], r13

	cmp qword [rbx + SWITCH_MASK_LAZY], 0
	je .done			; an eager policy leaves TS clear
	cmp [rbx + SWITCH_OWNER_LAZY], r13
	je .done			; the registers still hold this thread's lazy state
	mov rax, cr0
	or rax, CR0_TS
	mov cr0, rax
.done:
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbx
	pop rbp
	popfq
	ret
