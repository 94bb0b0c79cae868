; SPDX-License-Identifier: MIT
;
; The five boundaries inside a handler at which the laboratory injects: one instruction each, named by what happens there. In a
; table of its own, because the rest of the handler is the laboratory's own code.

	default rel
	bits 64

extern	lab_masked

	section .text

; void lab_window(void); the names of the labels are whole ones, so that the first is a step like the others
; in: ebx, ebp = masks that the two re-arming instructions leave of lab_masked; clobbers: flags
global lab_window.enter
lab_window.enter:
	nop
lab_window.rearm_early:
	and [lab_masked], ebx
lab_window.busy:
	nop
lab_window.rearm_late:
	and [lab_masked], ebp
lab_window.leave:
	ret
