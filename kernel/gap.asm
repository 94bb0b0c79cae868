; SPDX-License-Identifier: MIT
;
; The SYSCALL gap: after SYSCALL the CPU has CPL 0 and still the user's RSP, until the first instructions of the entry have loaded
; another. An entry design must not trust RSP where RIP lies between the two labels. This kernel has no system calls: what stands
; here is what the laboratory interrupts there (tests/ist/).
;
; Source: SDM vol. 2, SYSCALL ("the operating system must load a new stack pointer").

	section .text

global lab_syscall_gap_start, lab_syscall_gap_end
lab_syscall_gap_start:
	int3
	int3
lab_syscall_gap_end:
