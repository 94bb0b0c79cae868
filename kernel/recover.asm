; SPDX-License-Identifier: MIT
;
; The first half of recover.h: remembering a place. Coming back to it is the IRET of a changed frame.

	default rel
	bits 64

	section .text

; int recover_here(struct recover_point *point);
; in: rdi = point; out: eax = 0; clobbers: rdx
global recover_here
recover_here:
	mov rdx, [rsp]			; the caller's address,
	mov [rdi], rbx
	mov [rdi + 8], rbp
	mov [rdi + 16], r12
	mov [rdi + 24], r13
	mov [rdi + 32], r14
	mov [rdi + 40], r15
	mov [rdi + 56], rdx
	lea rdx, [rsp + 8]		; and RSP as it is after the return
	mov [rdi + 48], rdx
	xor eax, eax
	ret
