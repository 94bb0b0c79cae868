; SPDX-License-Identifier: MIT
;
; R14 is pushed, but what is popped does not reach it: the entering thread gets the leaving one's.
; Both tests that switch threads compare it; no extended state is wrong.
;
; sabotage: replaces kernel/switch.asm
; caught-by: switch/every_bit_survives
; at: ^xcr0:0x1/save:fxsave/switch:eager register=r14
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch register=r14

%macro pop 1
%ifidn %1, r14
	lea rsp, [rsp + 8]
%else
	pop %1
%endif
%endmacro

%include "switch.asm"
