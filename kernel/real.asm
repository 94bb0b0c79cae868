; SPDX-License-Identifier: MIT
;
; One instruction outside IA-32e mode: in 32-bit protected mode without paging, in real-address mode or in virtual-8086 mode;
; and a task switch by the hardware, which only protected mode has.
;
; 64-bit mode has no direct way there. legacy_switch goes by compatibility mode, clears CR0.PG (IA32_EFER.LMA goes with it) and
; jumps to the blob, which real.c has copied below 64 KiB, where 16-bit code reaches all of it with segment 0. Every way ends in
; an exception, most often in the INT3 behind the instruction; its handler stores what it finds and goes back the same way.
; EFER.LME, CR3 and CR4 stay as they are. IF is 0, and no NMI may come: its gate leads to the handler of the probe.
;
; Stack of both handlers, from RSP upwards, behind PUSHAD:
;
;	edi esi ebp esp ebx edx ecx eax		PUSHAD; 32 bits each, in real-address mode too
;	vector, error code			stub or CPU; in real-address mode there is no error code
;	eip cs eflags				CPU; 16 bits each in real-address mode
;	esp ss es ds fs gs			CPU, from virtual-8086 mode; nobody needs them
;
; Sources: SDM vol. 3, "Switching Out of IA-32e Mode Operation", "Initializing IA-32e Mode", "Switching Back to Real-Address
; Mode", "Real-Address Mode Operation", "Entering Virtual-8086 Mode", "Task Switching".

	default rel

%include "asm-offsets.inc"

LOW		equ 0x6000		; the blob; behind it the stacks, to the end of the second page
ROOM		equ 0xc00		; for the blob
STACK_TOP	equ 0x8000
V86_STACK	equ 0x7000		; nothing but an instruction under test would use it
ARENA		equ 0x10000		; a copy of the arena, for 16-bit addresses
VECTORS		equ 32
STUB_SIZE	equ 16
GATE_SIZE	equ 8
TSS_SIZE	equ 104
EFLAGS_VM	equ 1 << 17

MODE_PROTECTED	equ 0			; enum legacy_mode of real.c
MODE_REAL	equ 1
MODE_V86	equ 2
MODE_TASK	equ 3

SEL_CODE64	equ 0x08		; in the blob's GDT
SEL_DATA32	equ 0x10
SEL_CODE32	equ 0x18
SEL_CODE16	equ 0x20
SEL_DATA16	equ 0x28
SEL_TASK_A	equ 0x30
SEL_TASK_B	equ 0x38

%macro load_data32 0
	mov eax, SEL_DATA32
	mov ds, eax
	mov es, eax
	mov ss, eax
%endmacro

; Where a label of the blob is when it has been copied.
%define at(label) (LOW + (label) - legacy_blob)

; --------------------------------------------------------------------------------------------------- the way there and back

	section .text
	bits 64

; void legacy_switch(void);
; in: struct legacy_call in the copied blob; out: the same, with what came of it
; clobbers: as a C function, and FS.base, GS.base
global legacy_switch
legacy_switch:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [saved.rsp], rsp
	sgdt [saved.gdtr]
	sidt [saved.idtr]
	str [saved.tr]
	mov [saved.cs], cs
	mov [saved.ss], ss
	mov [saved.ds], ds
	mov [saved.es], es
	mov [saved.fs], fs
	mov [saved.gs], gs
	lgdt [blob_gdt]
	lidt [blob_idt]
	push SEL_CODE32
	lea rax, [leave_long_mode]
	push rax
	retfq

	bits 32
leave_long_mode:
	load_data32
	mov esp, STACK_TOP
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov eax, at(run)
	jmp eax

; The handlers come here, in 32-bit protected mode with flat segments.
enter_long_mode:
	cld
	mov eax, cr0
	or eax, CR0_PG
	mov cr0, eax
	jmp SEL_CODE64:.long

	bits 64
.long:	lgdt [saved.gdtr]
	lidt [saved.idtr]
	mov ss, [saved.ss]
	mov rsp, [saved.rsp]
	mov ds, [saved.ds]
	mov es, [saved.es]
	mov fs, [saved.fs]
	mov gs, [saved.gs]
	push qword [saved.cs]
	lea rax, [.tr]
	push rax
	retfq
.tr:	mov rax, [saved.gdtr + 2]	; LTR refuses a TSS that is marked busy, as ours has been since boot
	movzx ecx, word [saved.tr]
	and byte [rax + rcx + 5], ~2
	ltr cx
	push EFLAGS_FIXED		; AC may be left of the probe
	popfq
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

	section .rodata
blob_gdt:
	dw at(gdt.end) - at(gdt) - 1
	dq at(gdt)
blob_idt:
	dw VECTORS * GATE_SIZE - 1
	dq at(idt)

	section .bss
saved:
.rsp:	resq 1
.cs:	resq 1
.gdtr:	resb 10
.idtr:	resb 10
.ss:	resw 1
.ds:	resw 1
.es:	resw 1
.fs:	resw 1
.gs:	resw 1
.tr:	resw 1

; -------------------------------------------------------------------------------------------------------------------- the blob

	section .rodata
	align 16
global legacy_blob, legacy_blob_end, legacy_low, legacy_arena
legacy_low	equ LOW
legacy_arena	equ ARENA
legacy_blob:

; struct legacy_call of real.c, which asserts the order
call_mode:	dd 0
call_eax:	dd 0
call_ebx:	dd 0
call_ecx:	dd 0
call_edx:	dd 0
call_esi:	dd 0
call_edi:	dd 0
call_ebp:	dd 0
call_eflags:	dd 0
call_vector:	dd 0
call_error:	dd 0
call_eip:	dd 0
call_cr3:	dd 0
call_insn:	times 16 db 0		; the instruction, then INT3

	align 8
gdt:	dq 0
	dq 0x00209a0000000000		; 64-bit code
	dq 0x00cf92000000ffff		; flat data
	dq 0x00cf9a000000ffff		; flat 32-bit code
	dq 0x00009a000000ffff		; 16-bit code from 0, 64 KiB
	dq 0x000092000000ffff		; 16-bit data from 0, 64 KiB
	dw TSS_SIZE - 1, at(task_a), 0x8900, 0
	dw TSS_SIZE - 1, at(task_b), 0x8900, 0
.end:

; 32-bit TSS: ESP0 and SS0 for exceptions in virtual-8086 mode, CR3, and for the second task where it begins. call.cr3 is put in
; by .task. SDM vol. 3, "Task-State Segment (TSS)".
%macro tss 2				; EIP, ESP
	dd 0, STACK_TOP, SEL_DATA32, 0, 0, 0, 0, 0
	dd %1, EFLAGS_FIXED, 0, 0, 0, 0, %2, 0, 0, 0
	dd SEL_DATA32, SEL_CODE32, SEL_DATA32, SEL_DATA32, 0, 0, 0
	dw 0, TSS_SIZE
%endmacro
TSS_CR3	equ 28
task_a:	tss 0, 0
task_b:	tss at(second_task), V86_STACK

; INT3 in virtual-8086 mode asks for DPL 3; exceptions do not ask.
	align 8
idt:
%assign v 0
%rep VECTORS
	dw at(stubs32) + v * STUB_SIZE, SEL_CODE32, 0xee00, 0
%assign v v + 1
%endrep

ivt:
%assign v 0
%rep VECTORS
	dw at(stubs16) + v * STUB_SIZE, 0
%assign v v + 1
%endrep
ivt_pointer:
	dw VECTORS * 4 - 1
	dd at(ivt)

; load_gprs PREFIX: what the instruction finds, ESP left out
%macro load_gprs 1
	mov ebx, [%1 at(call_ebx)]
	mov ecx, [%1 at(call_ecx)]
	mov edx, [%1 at(call_edx)]
	mov esi, [%1 at(call_esi)]
	mov edi, [%1 at(call_edi)]
	mov ebp, [%1 at(call_ebp)]
	mov eax, [%1 at(call_eax)]
%endmacro

	bits 32
run:	mov eax, [abs at(call_mode)]
	cmp eax, MODE_REAL
	je .real
	cmp eax, MODE_V86
	je .v86
	cmp eax, MODE_TASK
	je .task
	push dword [abs at(call_eflags)]
	popfd
	load_gprs abs
	jmp call_insn

.real:	lidt [abs at(ivt_pointer)]
	jmp SEL_CODE16:at(real)

.v86:	mov eax, SEL_TASK_A
	ltr ax
	push 0				; GS
	push 0				; FS
	push ARENA >> 4			; DS
	push ARENA >> 4			; ES
	push 0				; SS
	push V86_STACK
	mov eax, [abs at(call_eflags)]
	or eax, EFLAGS_VM
	push eax
	push 0				; CS
	push at(call_insn)
	load_gprs abs
	iretd

; A call of the second task, and its return by IRET: EAX and EBX get CR0 as it is behind each of the two switches.
.task:	mov eax, [abs at(call_cr3)]
	mov [abs at(task_a) + TSS_CR3], eax
	mov [abs at(task_b) + TSS_CR3], eax
	mov eax, SEL_TASK_A
	ltr ax
	clts
	call SEL_TASK_B:0
	mov ebx, cr0
	mov eax, [abs at(call_eax)]
	int3

second_task:
	mov eax, cr0
	mov [abs at(call_eax)], eax
	clts
	iretd

; stubs of 32-bit code; the vectors that push an error code: SDM vol. 3, "Exception and Interrupt Reference"
	align STUB_SIZE
stubs32:
%assign v 0
%rep VECTORS
	align STUB_SIZE
%if (v != 8) && (v < 10 || v > 14) && (v != 17) && (v != 21) && (v != 29) && (v != 30)
	push byte 0
%endif
	push byte v
	jmp strict near handler32
%assign v v + 1
%endrep

%macro pop_gprs 0
	pop dword [abs at(call_edi)]
	pop dword [abs at(call_esi)]
	pop dword [abs at(call_ebp)]
	pop eax				; ESP
	pop dword [abs at(call_ebx)]
	pop dword [abs at(call_edx)]
	pop dword [abs at(call_ecx)]
	pop dword [abs at(call_eax)]
%endmacro

handler32:
	pushad
	mov eax, SEL_DATA32		; virtual-8086 mode leaves none
	mov ds, eax
	mov es, eax
	pop_gprs
	pop dword [abs at(call_vector)]
	pop dword [abs at(call_error)]
	pop dword [abs at(call_eip)]
	pop eax				; CS
	pop dword [abs at(call_eflags)]
	mov eax, enter_long_mode
	jmp eax

	bits 16
real:	mov eax, SEL_DATA16		; real-address mode keeps limits and rights: they must be its own
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	mov eax, cr0
	and eax, ~CR0_PE
	mov cr0, eax
	jmp 0:at(.cs)
.cs:	xor eax, eax
	mov ss, eax
	mov fs, eax
	mov gs, eax
	mov eax, ARENA >> 4
	mov ds, eax
	mov es, eax
	push dword [ss:at(call_eflags)]
	popfd
	load_gprs ss:
	jmp call_insn

	align STUB_SIZE
stubs16:
%assign v 0
%rep VECTORS
	align STUB_SIZE
	push byte v
	jmp strict near handler16
%assign v v + 1
%endrep

handler16:
	pushad
	xor eax, eax
	mov ds, eax
	pop_gprs
	pop word [abs at(call_vector)]
	pop word [abs at(call_eip)]
	pop ax				; CS
	pop word [abs at(call_eflags)]
	mov eax, cr0
	or eax, CR0_PE
	mov cr0, eax
	jmp dword SEL_CODE32:at(.protected)
	bits 32
.protected:
	load_data32
	mov eax, enter_long_mode
	jmp eax
	times ROOM - ($ - legacy_blob) db 0
legacy_blob_end:
