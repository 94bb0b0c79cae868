; SPDX-License-Identifier: MIT
;
; The entering thread's RFLAGS stay on its stack, so that one thread's DF is the next one's. Only
; threads with flags of their own show it.
;
; sabotage: replaces kernel/switch.asm
; caught-by: switch/every_bit_survives
; at: ^xcr0:0x1/save:fxsave/switch:eager register=rflags
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch register=rflags

%macro popfq 0
	lea rsp, [rsp + 8]
%endmacro

%include "switch.asm"
