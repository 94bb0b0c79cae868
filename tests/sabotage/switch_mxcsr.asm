; SPDX-License-Identifier: MIT
;
; MXCSR is not restored: the entering thread gets the leaving one's. Both
; tests that switch threads compare it; nothing of x87 is wrong.
;
; sabotage: replaces kernel/switch.asm
; caught-by: switch/every_bit_survives
; at: ^xcr0:0x3/save:fxsave/switch:eager register=MXCSR
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch register=MXCSR

%macro call 1
%ifidn %1, xsave_load_with
	push rax
	stmxcsr [rsp]
	call %1
	ldmxcsr [rsp]
	pop rax
%else
	call %1
%endif
%endmacro

%include "switch.asm"
