; SPDX-License-Identifier: MIT
;
; Threads 7 and 8 share one area: 7 comes back with what 8 held. Without a branch, because every
; instruction of the path must be executed with the threads of the NMI test too, who have areas of
; their own.
;
; sabotage: replaces kernel/switch.asm
; caught-by: switch/every_bit_survives
; at: ^xcr0:0x1/save:fxsave/switch:eager register=FCW

%include "asm-offsets.inc"

	extern	threads

THREAD_SIZE	equ THREAD_STATE_EAGER + 2 * THREAD_STATE_SIZE	; the areas come last

%macro call 1
	lea rax, [rel threads + 8 * THREAD_SIZE + THREAD_STATE_EAGER]
	cmp rsi, rax
	lea rax, [rax - THREAD_SIZE]
	cmove rsi, rax
	call %1
%endmacro

%include "switch.asm"
