; SPDX-License-Identifier: MIT
;
; The way of a second CPU from the start-up IPI into 64-bit C, and its exceptions.
;
; A start-up IPI begins in real-address mode at the page that is its vector; smp.c copies the trampoline there. Of several
; CPUs the first is taken, the others stand still. That page may not be executed under the kernel's map, so paging is
; switched on in .text.
;
; Sources: SDM vol. 3, "MP Initialization Protocol Algorithm for MP Systems", "Initializing IA-32e Mode".

	default rel

%include "asm-offsets.inc"

PAGE		equ 0x9000
VECTORS		equ 32
STUB_SIZE	equ 16			; SMP_STUB_SIZE; smp.c asserts it
SEL_CODE64	equ 0x08		; in the trampoline's GDT
SEL_DATA	equ 0x10
SEL_CODE32	equ 0x18

BOOT_CR3	equ 0			; struct smp_boot of smp.h; smp.c asserts it
BOOT_EFER	equ 4
BOOT_STACK	equ 8
BOOT_TAKEN	equ 12

extern	smp_boot, smp_main, smp_faulted

%define at(label) (PAGE + (label) - smp_trampoline)

	section .rodata
global smp_trampoline, smp_trampoline_end, smp_page
smp_page	equ PAGE
smp_trampoline:
	bits 16
	cli
	xor ax, ax
	mov ds, ax
	o32 lgdt [abs at(gdt_pointer)]
	mov eax, CR0_PE
	mov cr0, eax
	jmp dword SEL_CODE32:at(.protected)
	bits 32
.protected:
	mov eax, enter_long_mode
	jmp eax

	align 8
gdt:	dq 0
	dq 0x00209a0000000000		; 64-bit code
	dq 0x00cf92000000ffff		; flat data
	dq 0x00cf9a000000ffff		; flat 32-bit code
gdt_pointer:
	dw $ - gdt - 1
	dd at(gdt)
smp_trampoline_end:

	section .text
	bits 32
enter_long_mode:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	lock bts dword [abs smp_boot + BOOT_TAKEN], 0
	jc .stand_still
	mov eax, CR4_PAE		; and nothing else: what INIT leaves in CR4 is still to be seen
	mov ebx, cr4
	or eax, ebx
	mov cr4, eax
	mov eax, [abs smp_boot + BOOT_CR3]
	mov cr3, eax
	mov ecx, MSR_EFER
	mov eax, [abs smp_boot + BOOT_EFER]
	xor edx, edx
	wrmsr
	mov eax, cr0
	or eax, CR0_PG
	mov cr0, eax
	jmp SEL_CODE64:long_mode
.stand_still:
	cli
	hlt
	jmp .stand_still

	bits 64
long_mode:
	mov esp, [smp_boot + BOOT_STACK]
	xor ebp, ebp			; end of every backtrace
	mov edi, ebx
	call smp_main
	ud2

; const uint8_t smp_stubs[32][SMP_STUB_SIZE];
; in: the CPU's frame; out: they do not return
	align STUB_SIZE
global smp_stubs
smp_stubs:
%assign v 0
%rep VECTORS
	align STUB_SIZE
%if (v != 8) && (v < 10 || v > 14) && (v != 17) && (v != 21) && (v != 29) && (v != 30)
	push 0
%endif
	push v
	jmp fault
%assign v v + 1
%endrep

fault:	mov rdi, rsp
	and rsp, -16
	call smp_faulted
	ud2
