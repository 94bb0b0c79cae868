/* SPDX-License-Identifier: MIT */
/*
 * One instruction in VMX non-root operation.
 *
 * The guest is the kernel itself: its control registers, page tables, GDT and TSS. It has no IDT
 * and no stack: every exception is a VM exit. XCR0, IA32_XSS and all extended state are those of
 * the moment, on the way in and out. Between two calls the CPU is not in VMX operation.
 *
 * Source: SDM vol. 3, "Introduction to Virtual Machine Extensions" to "VM Exits".
 */
#ifndef XTK_VMX_H
#define XTK_VMX_H

#include <stdbool.h>
#include <stdint.h>

#include <xtk/fault.h>
#include <xtk/probe.h>

/* The VM-execution control "enable XSAVES/XRSTORS", and the one that it hangs on. */
enum vmx_xsaves {
	VMX_NO_SECONDARY, /* "activate secondary controls" = 0 */
	VMX_XSAVES_OFF,	  /* that = 1, and "enable XSAVES/XRSTORS" = 0 */
	VMX_XSAVES_ON,	  /* both = 1 */
	VMX_XSAVES_SETTINGS
};

struct vmx_guest {
	const struct probe_insn *insn; /* 12 bytes at most; a memory operand is at RDI */
	unsigned int cpl;	       /* 0 or 3 */
	uint64_t mask;		       /* EDX:EAX */
	uint64_t operand;	       /* RDI */
	enum vmx_xsaves xsaves;
	uint64_t xss_exiting; /* XSS-exiting bitmap, where the CPU has it */
};

/* Basic exit reasons. SDM vol. 3, "VMX Basic Exit Reasons". */
#define VMX_REASON_EXCEPTION 0
#define VMX_REASON_VMCALL    18
#define VMX_REASON_XSAVES    63
#define VMX_REASON_XRSTORS   64

struct vmx_exit {
	uint32_t reason;	/* basic; VMX_REASON_VMCALL: the instruction completed */
	fault_t fault;		/* of the instruction, if the reason is an exception */
	uint64_t offset;	/* RIP, counted from the instruction */
	uint64_t qualification; /* exit qualification */
	uint32_t length;	/* VM-exit instruction length */
	uint32_t information;	/* VM-exit instruction information */
};

/**
 * vmx_missing() - whether guests can run with a setting of the controls
 *
 * Where the firmware left IA32_FEATURE_CONTROL unlocked, it is locked here with VMX permitted, as
 * every VMM does; that holds until reset.
 *
 * Return: NULL, or what is missing, for test_skip().
 * Source: SDM vol. 3, "Discovering Support for VMX", "Enabling and Entering VMX Operation";
 * "VMX Capability Reporting Facility".
 */
const char *vmx_missing(enum vmx_xsaves xsaves);

/**
 * vmx_run() - VMXON, VM entry, the instruction, VM exit, VMXOFF
 * @g: for which vmx_missing() has said NULL
 * @e: how non-root operation was left
 *
 * What a VM exit loads (GDTR, IDTR, DR7, segments) and CR4.VMXE are as before; IA32_DEBUGCTL is 0,
 * as everywhere in the kernel.
 *
 * Return: false if the guest could not be entered; the test is then in error, with the reason.
 */
bool vmx_run(const struct vmx_guest *g, struct vmx_exit *e);

#endif
