; SPDX-License-Identifier: MIT
;
; linux-nmi: entry code. The stack of NMI, from its top down; one set of frames serves the NMI that runs and those nested in it:
;
;	hw:		ss rsp rflags cs rip	CPU; overwritten by every NMI that comes
;	saved rdx				the one register that the tests below need
;	executing				1 while an NMI owns what follows
;	iret:		ss rsp rflags cs rip	what the IRETQ of the owner returns to
;	outermost:	ss rsp rflags cs rip	what the owner interrupted
;	0, vector, rax ... r15			with "outermost" a struct trap_frame
;
; First NMI: hw is copied to outermost (copy_outermost); executing = 1 and outermost is copied to iret (repeat, copy_iret). From
; there on NMIs may come again. The end: RSP to iret, STD, executing = 0, IRETQ.
;
; Nested NMI: found out by three tests in this order.
;	test_rip	RIP in [repeat, end_repeat): the owner is about to run its handler anyway. Nothing to do.
;	test_executing	an owner runs.
;	test_df		RSP on this stack and DF = 1: an owner between executing = 0 and IRETQ. RSP alone would not do, for CPL 3
;			can load any RSP before SYSCALL; but SYSCALL clears DF.
; It writes the address of repeat into iret, so that the owner's IRETQ runs the handler once more, and returns at once.
;
; From CPL 3 nothing of this is needed: the frame goes to another stack, on which the handler runs.
;
; Windows: from delivery to the end of copy_outermost, and in the nested path, hw is the only copy. An NMI there overwrites it; it
; can come when #DB or #MC hits there, because their IRETQ unblocks NMIs.
;
; #DB and #MC are entered as plain does it: a fixed stack each, overwritten by the same vector before IRETQ.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"

extern	ist_handle, linux_nmi_handle, linux_nmi_stack_user

; Quadwords from the saved rdx, which is where RSP points during the tests.
%define HW_RIP		1
%define HW_CS		2
%define HW_RFLAGS	3
%define HW_RSP		4
%define HW_SS		5
%define TOP		6
%define EXECUTING	-1
%define IRET_SS		-2
%define IRET_RSP	-3
%define IRET_RFLAGS	-4
%define IRET_CS		-5
%define IRET_RIP	-6
%define OUTERMOST_SS	-7
%define OUTERMOST_RIP	-11

	section .text

; void linux_nmi(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, general-purpose registers as the handler changed them; clobbers: nothing
global linux_nmi
linux_nmi:
	cld
.save_rdx:
	push rdx
	test byte [rsp + HW_CS * 8], 3
	jnz linux_nmi_user
.test_rip:
	lea rdx, [.repeat]
	cmp [rsp + HW_RIP * 8], rdx
	jb .test_executing
	lea rdx, [.end_repeat]
	cmp [rsp + HW_RIP * 8], rdx
	jb .nested_out
.test_executing:
	cmp qword [rsp + EXECUTING * 8], 1
	je .nested
.test_df:
	lea rdx, [rsp + TOP * 8]
	cmp [rsp + HW_RSP * 8], rdx
	ja .first
	sub rdx, IST_LEVEL_SIZE
	cmp [rsp + HW_RSP * 8], rdx
	jb .first
	test dword [rsp + HW_RFLAGS * 8], EFLAGS_DF
	jz .first
.nested:
	mov qword [rsp + IRET_SS * 8], SEL_KERNEL_DATA
	lea rdx, [rsp + OUTERMOST_RIP * 8]
	mov [rsp + IRET_RSP * 8], rdx
	mov qword [rsp + IRET_RFLAGS * 8], EFLAGS_FIXED
	mov qword [rsp + IRET_CS * 8], SEL_KERNEL_CODE
	lea rdx, [.repeat]
	mov [rsp + IRET_RIP * 8], rdx
.nested_out:
	pop rdx
	iretq
.first:
	mov rdx, [rsp]
	push 0				; executing
	sub rsp, 5 * 8			; iret, filled below
.copy_outermost:
%rep 5
	push qword [rsp + (HW_SS - IRET_RIP) * 8]
%endrep
.repeat:				; RSP points to the RIP of outermost, the registers are the interrupted context's
	mov qword [rsp + (EXECUTING - OUTERMOST_RIP) * 8], 1
.copy_iret:
	add rsp, (EXECUTING - OUTERMOST_RIP) * 8
%rep 5
	push qword [rsp + (OUTERMOST_SS - EXECUTING) * 8]
%endrep
	sub rsp, 5 * 8
.end_repeat:
	push 0
	push VEC_NMI
.push_gprs:
	push_gprs
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp			; 16-byte aligned: 34 quadwords below the top
	call linux_nmi_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 7 * 8			; vector, error code, outermost
.std:
	std
.clear_executing:
	mov qword [rsp + (EXECUTING - IRET_RIP) * 8], 0
.iret:
	iretq

; void linux_nmi_user(void); jumped to: an NMI from CPL 3
; in: RSP = the saved rdx, the CPU's frame above it; out: as linux_nmi; clobbers: nothing
linux_nmi_user:
	mov rdx, rsp
.switch:
	lea rsp, [linux_nmi_stack_user + PAGE_SIZE + IST_LEVEL_SIZE]
.copy:
%assign n HW_SS
%rep 5
	push qword [rdx + n * 8]
%assign n n - 1
%endrep
	mov rdx, [rdx]
	push 0
	push VEC_NMI
.push_gprs:
	push_gprs
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp
	call linux_nmi_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro linux_nmi_plain_entry 2		; name, vector
global %1
%1:
	push 0
	push %2
.push_gprs:
	push_gprs
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp			; RSP is 16-byte aligned here: the CPU aligned it, and 22 quadwords followed
	call ist_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq
%endmacro

	linux_nmi_plain_entry linux_nmi_db, VEC_DB
	linux_nmi_plain_entry linux_nmi_mc, VEC_MC
