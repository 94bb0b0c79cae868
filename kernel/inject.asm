; SPDX-License-Identifier: MIT
;
; The catcher of the first of the injector's two NMIs. Whatever it interrupted (inject_fire() waiting for it) is abandoned: it
; returns with the frame of the #BP instead.
;
;	IST6: ss rsp rflags cs rip		of the wait loop; dropped
;	IST7: struct trap_frame of the #BP	RSP moves here

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	inject_frame, inject_latch

	section .text

; void inject_catcher(void); entered through a gate with IST6
; in: inject_frame; out: the context of *inject_frame, with one NMI pending and NMIs open; clobbers: nothing
global inject_catcher
inject_catcher:
	mov rsp, [inject_frame]		; 16-byte aligned: the top of an IST stack less 22 quadwords
	call inject_latch		; NMIs stay blocked: no IRET happens before the one below
	pop_gprs
	add rsp, 16
	iretq
