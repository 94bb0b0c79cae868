/* SPDX-License-Identifier: MIT */
/*
 * What vmx.asm and vmx.c know of each other.
 */
#ifndef XTK_VMX_ENTRY_H
#define XTK_VMX_ENTRY_H

#include <stdbool.h>

#include <xtk/frame.h>

/* vmx_enter() - VMLAUNCH of the current VMCS, whose HOST_RIP is vmx_left, and whose HOST_RSP is the
 * end of the general registers in @gprs
 * Return: whether the guest has run, and *@gprs holds its registers */
bool vmx_enter(struct trap_frame *gprs);
void vmx_left(void);

#endif
