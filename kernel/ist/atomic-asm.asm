; SPDX-License-Identifier: MIT
;
; atomic-asm: entry code. The small stack of the vector, top at the left of the picture's first line:
;
;	ss rsp rflags cs rip	CPU
;	0			in the place of an error code
;	vector
;	rax ... r15		push_gprs; a struct trap_frame
;	fix_head frame		of the ongoing entry (fix_head is not used), then
;	fix_head frame		of each entry that it finds uncommitted, from the inner to the outmost: popped in reverse
;
; MAIN is as in kernel/ist/atomic.asm. Windows: none. kernel/ist/atomic-asm.c tells why.
;
; Between the last push of a GPR and the commit:
;
;	rsi	the block of stacks		rax	a frame on MAIN
;	rbx	the frame that is looked at	rcx	uncommitted entries
;	r8	outmost frame with all GPRs	rbp	the next frame, or the frame on MAIN above rax
;	r9, r10	RSP and RIP in rbx		r11	r9 as distance from rsi
;	rdx, rdi, r12, r13	scratch
;
; A label with a second dot is a place in the step before that dot.

	default rel
	bits 64

%include "asm-offsets.inc"
%include "macros.inc"
%include "ist/atomic.inc"

extern	ist_handle, atomic_asm_fatal, lab_syscall_gap_start, lab_syscall_gap_end

EFLAGS_NT	equ 1 << 14

	section .rodata
self_nest:	db "an entry has interrupted itself", 0
foreign:	db "the stack of an entry is used by something else", 0
full:		db "MAIN is full", 0

	section .text

; Does r11 point into a small stack? Then rbp = its frame, rdx = where its entry begins, r13 = where that has committed.
%macro on_small_stack 3			; entry, top of the small stack in the block, where to go if not
	lea rdx, [r11 - (%2 - PAGE_SIZE)]
	cmp rdx, PAGE_SIZE
	jae %3
	lea rbp, [rsi + %2 - TRAP_SIZE]
	mov edx, %1
	mov r13d, %1.fix_head
%endmacro

; Some quadwords of the frame at rdi to the frame at rax. Clobbers rdx.
%macro copy 2				; offset of the first, and behind the last
%assign quadword %1
%rep (%2 - %1) / 8
	mov rdx, [rdi + quadword]
	mov [rax + quadword], rdx
%assign quadword quadword + 8
%endrep
%endmacro

; void NAME(void); entered through a gate with an IST stack
; in: the CPU's frame; out: the interrupted context, as the handler changed it; clobbers: nothing
%macro atomic_asm_entry 3		; name, vector, top of its small stack in the block
global %1
%1:
	cld				; AC and NT harm no one before the commit
	push 0
	push %2
.push_gprs:
	push_gprs
.locate:
	lea rsi, [rsp + TRAP_SIZE - %3]
	mov rbx, rsp
	mov r8, rsp
	xor ecx, ecx
	mov rbp, rsp
.locate.level:				; rbp is uncommitted
	push r13
	push rbp
	mov rbx, rbp
	inc ecx
	lea rax, [rsi + ATOMIC_MAIN_TOP]
	test byte [rbx + TRAP_CS], 3	; the user's RSP says nothing about who was interrupted,
	jnz .locate.room
	mov r10, [rbx + TRAP_RIP]
	cmp r10, lab_syscall_gap_start	; nor that of the SYSCALL gap
	jb .locate.kernel
	cmp r10, lab_syscall_gap_end
	jb .locate.room
.locate.kernel:
	mov r9, [rbx + TRAP_RSP]
	mov r11, r9
	sub r11, rsi
	on_small_stack atomic_asm_nmi, ATOMIC_TOP_NMI, .locate.db
	jmp .locate.small
.locate.db:
	on_small_stack atomic_asm_db, ATOMIC_TOP_DB, .locate.mc
	jmp .locate.small
.locate.mc:
	on_small_stack atomic_asm_mc, ATOMIC_TOP_MC, .locate.df
.locate.small:
	mov edi, self_nest
	cmp ecx, ATOMIC_CHAIN		; an entry that interrupted itself leads in a circle
	je .locate.fatal
	mov edi, foreign
	cmp r10, rdx
	jb .locate.fatal
	cmp r10, r13
	jae .locate.fatal
	cmp r9, rbp
	cmovbe r8, rbp
	jmp .locate.level
.locate.fatal:
	mov rsi, [rbx + TRAP_RIP]
	jmp atomic_asm_fatal
.locate.df:				; what a #DF interrupted on MAIN lives, too
	cmp r9, [rsi + ATOMIC_DF_BOTTOM]
	jb .locate.main
	mov rdx, [rsi + ATOMIC_DF_TOP]
	cmp r9, rdx
	jae .locate.main
	mov r9, [rdx - 16]		; the CPU's frame: ss, and this
	mov r11, r9
	sub r11, rsi
.locate.main:
	sub r11, ATOMIC_MAIN
	cmp r11, ATOMIC_MAIN_TOP - ATOMIC_MAIN
	jae .locate.room
	mov rax, r9
	and rax, -16
.locate.room:
	imul edx, ecx, TRAP_SIZE
	lea rdx, [rsi + rdx + ATOMIC_MAIN + IST_LEVEL_SIZE]
	mov edi, full
	cmp rax, rdx
	jb .locate.fatal
.copy_outmost:
	pop rdi
	pop r13
	sub rax, TRAP_SIZE
	copy TRAP_RIP, TRAP_SIZE	; vector and error code are written behind the commit
	mov rdi, r8
	copy 0, TRAP_VECTOR
.copy_nested:
	dec ecx
	jz .commit
	pop rdi
	pop r12
	mov rbp, rax
	sub rax, TRAP_SIZE
	copy TRAP_CS, TRAP_SIZE
	mov [rax + TRAP_RIP], r13	; as if it had been interrupted just behind its commit
	mov r13, r12
	mov [rax + TRAP_RSP], rbp
	and qword [rax + TRAP_RFLAGS], ~(EFLAGS_DF | EFLAGS_NT | EFLAGS_AC)
%assign quadword 0
%rep TRAP_VECTOR / 8
	mov qword [rax + quadword], 0
%assign quadword quadword + 8
%endrep
	mov [rax + TRAP_RAX], rbp
	jmp .copy_nested
.commit:
	mov rsp, rax
.fix_head:				; another entry may have committed this one before it pushed these
	mov qword [rsp + TRAP_VECTOR], %2
	mov qword [rsp + TRAP_ERROR], 0
.clear_flags:
	reset_rflags
.handler:
	mov rdi, rsp
	call ist_handle
.pop_gprs:
	pop_gprs
.drop:
	add rsp, 16			; vector, error code
.iret:
	iretq
%endmacro

	atomic_asm_entry atomic_asm_nmi, VEC_NMI, ATOMIC_TOP_NMI
	atomic_asm_entry atomic_asm_db, VEC_DB, ATOMIC_TOP_DB
	atomic_asm_entry atomic_asm_mc, VEC_MC, ATOMIC_TOP_MC
