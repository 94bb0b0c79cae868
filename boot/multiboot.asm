; SPDX-License-Identifier: MIT
;
; Boot headers and the way from the loader into 64-bit C.
;
; Three loaders, one 32-bit protected-mode state (flat segments, paging off):
;   multiboot 1  QEMU -kernel, GRUB `multiboot`    EAX = 2BADB002H, EBX = information structure
;   multiboot 2  GRUB `multiboot2`                 EAX = 36D76289H, EBX = information structure
;   PVH          QEMU -kernel, Xen, PVH-only VMMs  EBX = start information, entered through an ELF note
; The multiboot 1 header is an empty slot in build/xtk.elf; build/xtk.elf32 is the same link with the slot
; filled (boot/multiboot1.asm), because QEMU enters any file with that header by multiboot 1.
;
; Sources: Multiboot Specification 0.6.96 and 2.0; Xen "x86/HVM direct boot ABI" (PVH);
; SDM vol. 3, "Initializing IA-32e Mode".

	default rel

%include "asm-offsets.inc"

MB2_MAGIC	equ 0xe85250d6
PVH_NOTE	equ 18			; XEN_ELFNOTE_PHYS32_ENTRY

extern	kmain, boot_stack

; ----------------------------------------------------------------------------------------------- headers

	section .multiboot1 alloc noexec nowrite align=4
	times 3 dd 0

	section .multiboot2 alloc noexec nowrite align=8
mb2_header:
	dd MB2_MAGIC, 0, mb2_end - mb2_header
	dd -(MB2_MAGIC + (mb2_end - mb2_header)) & 0xffffffff
	align 8
	dw 4, 1				; console flags, optional: we can do text
	dd 12, 2			; bit 1: EGA text supported
	align 8
	dw 5, 1				; framebuffer, optional; grub.cfg turns it down on BIOS
	dd 20, 1024, 768, 32
	align 8
	dw 0, 0				; end
	dd 8
mb2_end:

	section .note.pvh alloc noexec nowrite align=4
	dd 4, 8, PVH_NOTE
	db "Xen", 0
	dq start_pvh

; ------------------------------------------------------------------------------------------ 32-bit entry

	section .boot alloc exec nowrite align=16
	bits 32

; Loaders enter here with the magic in EAX (multiboot) or at start_pvh, and the structure in EBX.
global start
start_pvh:
	mov eax, PVH_MAGIC
start:
	cli
	cld
	mov esp, boot_stack + BOOT_STACK_END
	mov ebp, eax
	call require_long_mode
	call build_identity_map

	mov eax, cr4
	or eax, CR4_PAE
	mov cr4, eax
	mov eax, pml4
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, cr0
	or eax, CR0_PG | CR0_PE
	mov cr0, eax
	lgdt [gdt_pointer]
	jmp 8:long_mode

; Leave with one line where the CPU has no CPUID, or no long mode: nothing else of xtk can run there.
require_long_mode:
	pushfd				; CPUID exists if EFLAGS.ID can be toggled
	pop eax
	mov ecx, eax
	xor eax, EFLAGS_ID
	push eax
	popfd
	pushfd
	pop eax
	push ecx
	popfd
	xor eax, ecx
	jz no_long_mode
	mov esi, ebx
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb no_long_mode
	mov eax, 0x80000001
	cpuid
	mov ebx, esi
	bt edx, 29			; CPUID.80000001H:EDX.LM
	jnc no_long_mode
	ret

; The first 4 GiB, identity-mapped with 2 MiB pages. paging.c refines it.
build_identity_map:
	mov edi, pml4
	lea eax, [pdpt + PTE_PRESENT + PTE_WRITE]
	mov [edi], eax
	mov edi, pdpt
	mov eax, page_directories + PTE_PRESENT + PTE_WRITE
	mov ecx, 4
.pdpt:	mov [edi], eax
	add eax, 4096
	add edi, 8
	loop .pdpt
	mov edi, page_directories
	mov eax, PTE_PRESENT | PTE_WRITE | PTE_LARGE
	mov ecx, 4 * 512
.pd:	mov [edi], eax
	add eax, 2 << 20
	add edi, 8
	loop .pd
	ret

; The one message that 32-bit code must be able to print: COM1, then the ways out of exit.c.
no_long_mode:
	mov esi, serial_setup
	mov ecx, (serial_setup_end - serial_setup) / 2
.init:	lodsw				; AL = port offset from COM1, AH = value
	movzx edx, al
	add edx, COM1
	mov al, ah
	out dx, al
	loop .init
	mov esi, no_long_mode_text
	mov ecx, no_long_mode_end - no_long_mode_text
.next:	mov edx, COM1 + 5
	mov ebx, 100000			; a machine without a UART must not hang here
.wait:	in al, dx
	test al, 0x20			; LSR.THRE
	jnz .send
	dec ebx
	jnz .wait
.send:	lodsb
	mov edx, COM1
	out dx, al
	loop .next
	mov edx, COM1 + 5
	mov ebx, 100000
.drain:	in al, dx
	test al, 0x40			; LSR.TEMT
	jnz .leave
	dec ebx
	jnz .drain
.leave:	mov eax, EXIT_STATUS_CRASH
	mov edx, PORT_DEBUG_EXIT
	out dx, eax
	mov esi, bochs_shutdown
	mov ecx, 8
	mov edx, PORT_BOCHS_SHUTDOWN
	rep outsb
.halt:	cli
	hlt
	jmp .halt

serial_setup:				; 115200 8N1, FIFO on, no interrupts
	db 1, 0, 3, 0x80, 0, 1, 1, 0, 3, 3, 2, 7
serial_setup_end:
no_long_mode_text:
	db "xtk: this CPU has no long mode (CPUID.80000001H:EDX[29]); xtk needs a 64-bit CPU model", 13, 10
no_long_mode_end:
bochs_shutdown:
	db "Shutdown"

	align 8
gdt:	dq 0
	dq 0x00209a0000000000		; 64-bit code, CPL 0; desc.c replaces this table
gdt_pointer:
	dw $ - gdt - 1
	dd gdt

; ------------------------------------------------------------------------------------------ 64-bit entry

	bits 64
long_mode:
	xor eax, eax
	mov ss, ax
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov esp, boot_stack + BOOT_STACK_END		; zero-extends: the stack lies below 4 GiB
	mov edi, ebp			; kmain(magic, address)
	mov esi, ebx
	xor ebp, ebp			; end of every backtrace
	call kmain
	ud2

	section .page_tables nobits alloc noexec write align=4096
global pml4, pdpt, page_directories
pml4:			resb 4096
pdpt:			resb 4096
page_directories:	resb 4 * 4096
