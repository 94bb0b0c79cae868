; SPDX-License-Identifier: MIT
;
; The floor of `make bench`: a kernel that a loader starts as it starts xtk, and that only exits.
; What it takes is QEMU's, the firmware's and GRUB's; the rest of xtk's time is ours. The headers
; are those of boot/multiboot.asm, so that GRUB and QEMU do the same for both.
;
; Sources: Multiboot2 Specification 2.0, "The layout of Multiboot2 header"; Xen "x86/HVM direct boot
; ABI" (PVH).

MB2_MAGIC	equ 0xe85250d6
PVH_NOTE	equ 18			; XEN_ELFNOTE_PHYS32_ENTRY
PORT_DEBUG_EXIT	equ 0xf4
EXIT_VALUE	equ 42			; QEMU's status is 2 * 42 + 1: no other way to end has it

	section .multiboot2 alloc noexec nowrite align=8
mb2_header:
	dd MB2_MAGIC, 0, mb2_end - mb2_header
	dd -(MB2_MAGIC + (mb2_end - mb2_header)) & 0xffffffff
	align 8
	dw 4, 1				; console flags
	dd 12, 2
	align 8
	dw 5, 1				; framebuffer
	dd 20, 1024, 768, 32
	align 8
	dw 0, 0				; end
	dd 8
mb2_end:

	section .note.pvh note alloc noexec nowrite align=4
	dd 4, 8, PVH_NOTE
	db "Xen", 0
	dq start

	section .text
	bits 32

; void start(void);
; in: a loader's 32-bit state; out: the machine is left; clobbers: everything
global start
start:
	mov eax, EXIT_VALUE
	out PORT_DEBUG_EXIT, eax
.halt:
	cli
	hlt
	jmp .halt
