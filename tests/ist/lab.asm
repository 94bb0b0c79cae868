; SPDX-License-Identifier: MIT
;
; What C cannot do: enter a base context, leave an exception without IRET, and hold a value in every register of a handler.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	lab_window.enter

; The general-purpose registers by their numbers (SDM vol. 2, "REX Prefixes").
%define REG0 rax
%define REG1 rcx
%define REG2 rdx
%define REG3 rbx
%define REG4 rsp
%define REG5 rbp
%define REG6 rsi
%define REG7 rdi
%define REG8 r8
%define REG9 r9
%define REG10 r10
%define REG11 r11
%define REG12 r12
%define REG13 r13
%define REG14 r14
%define REG15 r15

; 64-bit value of a register that handler level LEVEL holds: the level in every byte, plus the register's number
%define JUNK 0x0101010101010101

	section .bss

leave_rip:	resq 1
leave_rsp:	resq 1

	section .text

; void lab_leave(const struct trap_frame *context) __attribute__((noreturn));
; Goes to a context of CPL 0 without IRET, so that NMIs stay as blocked as they are, and writes nothing below its RSP.
; in: rdi = context; out: its registers, RFLAGS but RF, RSP and RIP; clobbers: nothing
global lab_leave
lab_leave:
	mov rsp, rdi
	mov rax, [rsp + TRAP_RIP]
	mov [leave_rip], rax
	mov rax, [rsp + TRAP_RSP]
	mov [leave_rsp], rax
	pop_gprs
	add rsp, TRAP_RFLAGS - TRAP_VECTOR
	popfq
	mov rsp, [leave_rsp]
	jmp [leave_rip]

; The IRETQ that lab_leave() goes to in the place of a marked one.
global lab_iretq
lab_iretq:
	iretq

; void lab_enter(const struct trap_frame *context) __attribute__((noreturn));
; Goes to a context by IRET; in: rdi = context; out: all its registers
global lab_enter
lab_enter:
	mov rsp, rdi
	pop_gprs
	add rsp, TRAP_RIP - TRAP_VECTOR
	iretq

; The ordinary code of a task that the first event interrupts: the first INT3 gives the laboratory the CPU, the second one has it
; back. Between them is the boundary.
global lab_base_kernel
lab_base_kernel:
	int3
	int3

; The same for CPL 3, on a page of its own.
	align 4096
global lab_base_user
lab_base_user:
	int3
	int3
	align 4096

; uint64_t lab_body(uint32_t early, uint32_t late, uint64_t level);
; Holds a value of its own in every register while lab_window() runs.
; in: edi, esi = masks for lab_window(), rdx = nest level; out: rax = bit n set: the register that x86 numbers n has lost its value;
; clobbers: caller-saved
global lab_body
lab_body:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rax, JUNK
	imul rax, rdx
	push rax			; what the registers hold, less their numbers
	push rdi
	push rsi
	mov ebx, edi
	mov ebp, esi
%assign n 0
%rep 16
%if n != 0 && n != 3 && n != 4 && n != 5
	lea REG %+ n, [rax + n]
%endif
%assign n n + 1
%endrep
	call lab_window.enter
	push rax
	push rcx
	mov rcx, [rsp + 4 * 8]		; the value less the number
	xor eax, eax
%assign n 0
%rep 16
%if n != 0 && n != 1 && n != 3 && n != 4 && n != 5
	sub REG %+ n, rcx
	cmp REG %+ n, n
	je .kept %+ n
	bts rax, n
.kept %+ n:
%endif
%assign n n + 1
%endrep
	pop rdx				; rcx
	sub rdx, rcx
	cmp rdx, 1
	je .rcx_kept
	bts rax, 1
.rcx_kept:
	pop rdx				; rax
	cmp rdx, rcx
	je .rax_kept
	bts rax, 0
.rax_kept:
	pop rsi
	pop rdi
	cmp ebx, edi
	je .rbx_kept
	bts rax, 3
.rbx_kept:
	cmp ebp, esi
	je .rbp_kept
	bts rax, 5
.rbp_kept:
	pop rcx
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
