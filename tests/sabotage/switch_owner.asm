; SPDX-License-Identifier: MIT
;
; The switch names the new owner before the registers are its own. Nothing is lost, so only who
; compares the owner with the registers in between can see it.
;
; sabotage: replaces kernel/switch.asm
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch/<thread_switch.too_early>/0 owner\[eager\]=thread1

%macro call 1
%ifidn %1, xsave_load_with
	mov [rbx + SWITCH_OWNER_EAGER], r13
.too_early:
%endif
	call %1
%endmacro

%include "switch.asm"
