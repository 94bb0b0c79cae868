; SPDX-License-Identifier: MIT
;
; Into the instruction of a probe, and out again. All 15 registers are the probe's on both sides, so what this code needs itself
; it keeps in memory.
;
; Source: SDM vol. 2, "IRET/IRETD/IRETQ"; vol. 3, "64-Bit Mode Stack Frame".

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

; struct probe_gprs by index; probe.c asserts the order
%define RDI_AT	5 * 8
%define RFLAGS_AT 15 * 8

FRAME_RFLAGS	equ 2 * 8		; from RSP in the handler of a vector without error code
TARGET_RFLAGS	equ 2 * 8		; struct probe_target: rip, cs, rflags, rsp, ss

; all registers from the struct probe_gprs at rdi but rdi itself
%macro load_gprs 0
	mov rax, [rdi]
	mov rbx, [rdi + 1 * 8]
	mov rcx, [rdi + 2 * 8]
	mov rdx, [rdi + 3 * 8]
	mov rsi, [rdi + 4 * 8]
	mov rbp, [rdi + 6 * 8]
	mov r8, [rdi + 7 * 8]
	mov r9, [rdi + 8 * 8]
	mov r10, [rdi + 9 * 8]
	mov r11, [rdi + 10 * 8]
	mov r12, [rdi + 11 * 8]
	mov r13, [rdi + 12 * 8]
	mov r14, [rdi + 13 * 8]
	mov r15, [rdi + 14 * 8]
	mov rdi, [rdi + RDI_AT]
%endmacro

; all registers into *probe_out, whose address stays in rdi; clobbers rax afterwards, no flag
%macro store_gprs 0
	mov [probe_rdi], rdi
	mov rdi, [probe_out]
	mov [rdi], rax
	mov [rdi + 1 * 8], rbx
	mov [rdi + 2 * 8], rcx
	mov [rdi + 3 * 8], rdx
	mov [rdi + 4 * 8], rsi
	mov [rdi + 6 * 8], rbp
	mov [rdi + 7 * 8], r8
	mov [rdi + 8 * 8], r9
	mov [rdi + 9 * 8], r10
	mov [rdi + 10 * 8], r11
	mov [rdi + 11 * 8], r12
	mov [rdi + 12 * 8], r13
	mov [rdi + 13 * 8], r14
	mov [rdi + 14 * 8], r15
	mov rax, [probe_rdi]
	mov [rdi + RDI_AT], rax
%endmacro

%macro push_preserved 0
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [probe_rsp], rsp
%endmacro

	section .text

; void probe_jump(const struct probe_gprs *in, uint64_t rip, uint64_t rflags);
; in: rdi = in, rsi = rip, rdx = rflags; out: *probe_out, unless a fault handler filled it; clobbers: what a C function may
global probe_jump
probe_jump:
	push_preserved
	mov [probe_rip], rsi
	push rdx
	load_gprs
	popfq
	jmp [probe_rip]

; void probe_iret(const struct probe_gprs *in, const struct probe_target *to, uint16_t data);
; in: rdi = in, rsi = to, edx = data; out: *probe_out, DS, ES, SS as they come; clobbers: what a C function may
global probe_iret
probe_iret:
	push_preserved
	mov ds, edx
	mov es, edx
	push qword [rsi + 32]
	push qword [rsi + 24]
	push qword [rsi + TARGET_RFLAGS]
	push qword [rsi + 8]
	push qword [rsi]
	load_gprs
	iretq

; void probe_return(void); jumped to from the instruction
; in: the registers after it; out: as probe_jump
global probe_return
probe_return:
	store_gprs
	pushfq
	pop qword [rdi + RFLAGS_AT]
	reset_rflags
	jmp probe_leave

; void probe_interrupt(void); entered through the gate of VEC_PROBE, from any CPL
; in: the registers after the instruction, its RFLAGS in the frame; out: as probe_iret
global probe_interrupt
probe_interrupt:
	store_gprs
	mov rax, [rsp + FRAME_RFLAGS]
	mov [rdi + RFLAGS_AT], rax
	reset_rflags

; void probe_leave(void); jumped to, or entered by IRETQ
; in: probe_rsp; out: return from probe_jump or probe_iret
global probe_leave
probe_leave:
	mov rsp, [probe_rsp]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

	section .bss nobits alloc noexec write align=8
global probe_rsp, probe_out
probe_rsp:	resq 1
probe_out:	resq 1
probe_rip:	resq 1
probe_rdi:	resq 1
