; SPDX-License-Identifier: MIT
;
; The NMI entry hands C the interrupted RFLAGS: with DF set, whatever the handler copies runs
; backwards.
;
; sabotage: replaces kernel/ist/plain.asm
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch/thread_switch\+0x[0-9a-f]+/0 DF and AC

%include "asm-offsets.inc"
%include "macros.inc"

%assign entries 0
%unmacro reset_rflags 0
%macro reset_rflags 0
%if entries				; #DB and #MC come after it
	push EFLAGS_FIXED
	popfq
%endif
%assign entries entries + 1
%endmacro

%include "ist/plain.asm"
