; SPDX-License-Identifier: MIT
;
; Entry of every vector that has no code of its own, and the load of the GDT.
;
; Stack at the call of trap_handle, from RSP upwards = struct trap_frame:
;
;	r15 ... rax		push_gprs
;	vector			stub
;	error code		CPU, or 0 from the stub
;	rip cs rflags rsp ss	CPU
;
; Source: SDM vol. 3, "64-Bit Mode Stack Frame", "Exception and Interrupt Reference" (which vectors push an error code).

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	trap_handle

	section .text

; const uint8_t vector_stubs[256][VECTOR_STUB_SIZE];
; in: the CPU's frame; out: the interrupted context, as trap_handle changed it; clobbers: nothing
	align 16
global vector_stubs
vector_stubs:
%assign v 0
%rep 256
	align VECTOR_STUB_SIZE
%if (v != 8) && (v < 10 || v > 14) && (v != 17) && (v != 21) && (v != 29) && (v != 30)
	push 0
%endif
	push v
	jmp vector_common
%assign v v + 1
%endrep

vector_common:
	push_gprs
	reset_rflags
	mov rdi, rsp
	mov rbp, rsp			; keeps the frame across the call, whatever RSP's alignment
	and rsp, -16
	call trap_handle
	mov rsp, rbp
	pop_gprs
	add rsp, 16			; vector, error code
	iretq

; void gdt_load(const struct table_pointer *gdt, uint64_t code, uint64_t data);
; in: rdi = LGDT operand, rsi = code selector, rdx = data selector; out: CS, SS, DS, ES loaded; clobbers: rax
global gdt_load
gdt_load:
	lgdt [rdi]
	mov ss, edx
	mov ds, edx
	mov es, edx
	pop rax
	push rsi
	push rax
	retfq
