/* SPDX-License-Identifier: MIT */
/*
 * I/O ports that both C and boot/multiboot.asm use.
 */
#ifndef XTK_PORTS_H
#define XTK_PORTS_H

#define COM1		    0x3f8
#define PORT_DEBUG_EXIT	    0xf4   /* QEMU's isa-debug-exit, as run-qemu.sh places it */
#define PORT_BOCHS_SHUTDOWN 0x8900 /* Bochs ends after the eight bytes "Shutdown" */

#endif
