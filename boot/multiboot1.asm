; SPDX-License-Identifier: MIT
;
; The multiboot 1 header, as the bytes that the Makefile puts into the slot of build/xtk.elf32.
; Source: Multiboot Specification 0.6.96, "The layout of Multiboot header".

MAGIC	equ 0x1badb002
FLAGS	equ 1 << 1			; memory information wanted; ELF program headers say where to load

	dd MAGIC, FLAGS, -(MAGIC + FLAGS)
