; SPDX-License-Identifier: MIT
;
; The injector's second NMI is never sent. A boundary that gets no NMI must not count as one that
; survived it.
;
; sabotage: replaces kernel/inject.asm
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch boundaries of the trace that got their NMI

%macro call 1
%endmacro

%include "inject.asm"
