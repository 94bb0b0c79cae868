; SPDX-License-Identifier: MIT
;
; Into VMX non-root operation, and out again.
;
; The guest's registers are popped from where the host's stack pointer is at the VM exit, so that they can be pushed there.
;
; Source: SDM vol. 2, "VMLAUNCH/VMRESUME"; vol. 3, "VM Exits", "Loading Host State".

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

	section .text

; bool vmx_enter(struct trap_frame *gprs);
; in: rdi = gprs; out: al = whether the guest has run; clobbers: what a C function may
global vmx_enter, vmx_left
vmx_enter:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [vmx_rsp], rsp
	mov rsp, rdi
	pop_gprs
	vmlaunch			; goes on only if it fails, and then with ZF or CF = 1

; void vmx_left(void); the host's RIP: a VM exit comes here with RFLAGS = 2
vmx_left:
	push_gprs			; no flag changes up to SETA
	mov rsp, [vmx_rsp]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	seta al
	ret

	section .bss nobits alloc noexec write align=8
vmx_rsp:	resq 1
