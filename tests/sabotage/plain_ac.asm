; SPDX-License-Identifier: MIT
;
; The entry code clears DF for C, but AC stays the interrupted thread's: supervisor code would run
; with its SMAP protection off. No C code notices.
;
; sabotage: replaces kernel/ist/plain.asm
; caught-by: nmi/every_boundary_of_the_switch
; at: ^xcr0:0x3/save:fxsave/switch:eager/switch/thread_switch\+0x[0-9a-f]+/0 DF and AC

%include "asm-offsets.inc"
%include "macros.inc"

%unmacro reset_rflags 0
%macro reset_rflags 0
	cld
%endmacro

%include "ist/plain.asm"
