/* SPDX-License-Identifier: MIT */
/*
 * One instruction in VMX non-root operation. xtk/vmx.h says what the guest is.
 *
 * Everything from VMXON to VMXOFF happens in one call, so that no way out of a test leaves VMX
 * operation on, in which CR4.VMXE cannot be cleared and INIT is blocked.
 *
 * Sources: SDM vol. 3, "Virtual Machine Control Structures", "VM Entries", "VM Exits",
 * "Field Encoding in VMCS", "VMX Capability Reporting Facility".
 */
#include <stddef.h>

#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>
#include <xtk/vmx.h>

#include "desc.h"
#include "probe.h"
#include "vmx.h"

#define CPUID1_ECX_VMX (UINT32_C(1) << 5)
#define CR4_VMXE       (UINT64_C(1) << 13)

#define MSR_FEATURE_CONTROL	0x3a
#define FEATURE_CONTROL_LOCK	UINT64_C(1)
#define FEATURE_CONTROL_VMXON	UINT64_C(4) /* outside SMX operation */
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_VMX_BASIC		0x480
#define MSR_VMX_PINBASED_CTLS	0x481
#define MSR_VMX_PROCBASED_CTLS	0x482
#define MSR_VMX_EXIT_CTLS	0x483
#define MSR_VMX_ENTRY_CTLS	0x484
#define MSR_VMX_PROCBASED_CTLS2 0x48b

#define PROC_SECONDARY	    (UINT32_C(1) << 31)
#define PROC2_ENABLE_XSAVES (UINT32_C(1) << 20)
#define EXIT_HOST_64	    (UINT32_C(1) << 9)
#define ENTRY_GUEST_64	    (UINT32_C(1) << 9)
#define ENTRY_FAILED	    (UINT32_C(1) << 31) /* of the exit reason */
#define ERROR_CODE_VALID    (UINT32_C(1) << 11) /* of the interruption information */

#define DR7_INITIAL UINT64_C(0x400)

/* Access rights of a segment, as in a descriptor from bit 40 on. */
#define AR_CODE64   0xa09b
#define AR_DATA	    0xc093
#define AR_TSS_BUSY 0x8b
#define AR_UNUSABLE 0x10000
#define AR_DPL(cpl) ((uint64_t)(cpl) << 5)

enum vmcs_field {
	HOST_ES = 0xc00,
	HOST_CS = 0xc02,
	HOST_SS = 0xc04,
	HOST_DS = 0xc06,
	HOST_FS = 0xc08,
	HOST_GS = 0xc0a,
	HOST_TR = 0xc0c,
	XSS_EXITING_BITMAP = 0x202c,
	GUEST_VMCS_LINK = 0x2800,
	GUEST_DEBUGCTL = 0x2802,
	PIN_CONTROLS = 0x4000,
	PROC_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,
	PAGE_FAULT_MASK = 0x4006,
	PAGE_FAULT_MATCH = 0x4008,
	CR3_TARGETS = 0x400a,
	EXIT_CONTROLS = 0x400c,
	EXIT_MSR_STORES = 0x400e,
	EXIT_MSR_LOADS = 0x4010,
	ENTRY_CONTROLS = 0x4012,
	ENTRY_MSR_LOADS = 0x4014,
	ENTRY_EVENT = 0x4016,
	SECONDARY_CONTROLS = 0x401e,
	INSTRUCTION_ERROR = 0x4400,
	EXIT_REASON = 0x4402,
	EXIT_EVENT = 0x4404,
	EXIT_EVENT_ERROR = 0x4406,
	EXIT_LENGTH = 0x440c,
	EXIT_INFORMATION = 0x440e,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_INTERRUPTIBILITY = 0x4824,
	GUEST_ACTIVITY = 0x4826,
	GUEST_SYSENTER_CS = 0x482a,
	HOST_SYSENTER_CS = 0x4c00,
	CR0_MASK = 0x6000,
	CR4_MASK = 0x6002,
	EXIT_QUALIFICATION = 0x6400,
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	GUEST_PENDING_DEBUG = 0x6822,
	GUEST_SYSENTER_ESP = 0x6824,
	GUEST_SYSENTER_EIP = 0x6826,
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08,
	HOST_TR_BASE = 0x6c0a,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_SYSENTER_ESP = 0x6c10,
	HOST_SYSENTER_EIP = 0x6c12,
	HOST_RSP = 0x6c14,
	HOST_RIP = 0x6c16,
};

/* A guest segment's four fields, by its number. */
enum segment { ES, CS, SS, DS, FS, GS, LDTR, TR };
#define GUEST_SELECTOR(s) (0x800 + 2 * (s))
#define GUEST_LIMIT(s)	  (0x4800 + 2 * (s))
#define GUEST_RIGHTS(s)	  (0x4814 + 2 * (s))
#define GUEST_BASE(s)	  (0x6806 + 2 * (s))

static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };

static uint8_t vmxon_region[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t vmcs[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static uint32_t refused; /* the last field that VMWRITE did not take */

/* VMXON, VMCLEAR, VMPTRLD. Return: VMsucceed, CF = ZF = 0 */
#define DEFINE_ON_REGION(name)                                                                     \
	static bool name(const void *region)                                                       \
	{                                                                                          \
		uint64_t address = (uint64_t)region;                                               \
		bool good;                                                                         \
		__asm__ volatile(#name " %1\n\tseta %0"                                            \
				 : "=r"(good)                                                      \
				 : "m"(address)                                                    \
				 : "cc", "memory");                                                \
		return good;                                                                       \
	}
DEFINE_ON_REGION(vmxon)
DEFINE_ON_REGION(vmclear)
DEFINE_ON_REGION(vmptrld)

static void put(uint32_t field, uint64_t value)
{
	bool good;

	__asm__ volatile("vmwrite %1, %2\n\tseta %0"
			 : "=r"(good)
			 : "r"(value), "r"((uint64_t)field)
			 : "cc");
	if (!good)
		refused = field;
}

static uint64_t get(uint32_t field)
{
	uint64_t value = 0;

	__asm__ volatile("vmread %1, %0" : "+r"(value) : "r"((uint64_t)field) : "cc");
	return value;
}

static bool may_be_1(uint32_t msr, uint32_t control)
{
	return rdmsr(msr) >> 32 & control;
}

static bool has_secondary(void)
{
	return may_be_1(MSR_VMX_PROCBASED_CTLS, PROC_SECONDARY);
}

static bool has_xss_exiting(void)
{
	return has_secondary() && may_be_1(MSR_VMX_PROCBASED_CTLS2, PROC2_ENABLE_XSAVES);
}

static bool permitted(void)
{
	uint64_t want = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
	uint64_t have = rdmsr(MSR_FEATURE_CONTROL);

	if (!(have & FEATURE_CONTROL_LOCK)) {
		wrmsr(MSR_FEATURE_CONTROL, have | want);
		have = rdmsr(MSR_FEATURE_CONTROL);
	}
	return (have & want) == want;
}

const char *vmx_missing(enum vmx_xsaves xsaves)
{
	if (!(cpuid(1, 0).ecx & CPUID1_ECX_VMX))
		return "CPUID.1:ECX[5] VMX";
	if (!permitted())
		return "IA32_FEATURE_CONTROL[2] VMXON outside SMX: the firmware has locked it";
	if (xsaves >= VMX_XSAVES_OFF && !has_secondary())
		return "IA32_VMX_PROCBASED_CTLS[63] activate secondary controls";
	if (xsaves == VMX_XSAVES_ON && !has_xss_exiting())
		return "IA32_VMX_PROCBASED_CTLS2[52] enable XSAVES/XRSTORS";
	return NULL;
}

/* The controls @want, and those that this CPU has only as 1. */
static uint64_t controls(uint32_t msr, uint32_t want)
{
	return want | (uint32_t)rdmsr(msr);
}

static void put_controls(const struct vmx_guest *g)
{
	bool secondary = g->xsaves >= VMX_XSAVES_OFF;
	uint32_t xsaves = g->xsaves == VMX_XSAVES_ON ? PROC2_ENABLE_XSAVES : 0;

	put(PIN_CONTROLS, controls(MSR_VMX_PINBASED_CTLS, 0));
	put(PROC_CONTROLS, controls(MSR_VMX_PROCBASED_CTLS, secondary ? PROC_SECONDARY : 0));
	if (has_secondary())
		put(SECONDARY_CONTROLS, controls(MSR_VMX_PROCBASED_CTLS2, xsaves));
	if (has_xss_exiting())
		put(XSS_EXITING_BITMAP, g->xss_exiting);
	put(EXIT_CONTROLS, controls(MSR_VMX_EXIT_CTLS, EXIT_HOST_64));
	put(ENTRY_CONTROLS, controls(MSR_VMX_ENTRY_CTLS, ENTRY_GUEST_64));
}

/* What is the same for every guest. What a VMCS holds after VMCLEAR, no manual says. */
static void put_constants(void)
{
	static const struct {
		uint32_t field;
		uint64_t value;
	} constants[] = {
		{ EXCEPTION_BITMAP, UINT32_MAX },
		{ PAGE_FAULT_MASK, 0 },
		{ PAGE_FAULT_MATCH, 0 },
		{ CR3_TARGETS, 0 },
		{ EXIT_MSR_STORES, 0 },
		{ EXIT_MSR_LOADS, 0 },
		{ ENTRY_MSR_LOADS, 0 },
		{ ENTRY_EVENT, 0 },
		{ CR0_MASK, 0 },
		{ CR4_MASK, 0 },
		{ GUEST_VMCS_LINK, UINT64_MAX },
		{ GUEST_DEBUGCTL, 0 },
		{ GUEST_INTERRUPTIBILITY, 0 },
		{ GUEST_ACTIVITY, 0 },
		{ GUEST_PENDING_DEBUG, 0 },
		{ GUEST_IDTR_LIMIT, 0 },
		{ GUEST_DR7, DR7_INITIAL },
		{ GUEST_RSP, 0 },
		{ GUEST_RFLAGS, EFLAGS_FIXED },
	};

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		put(constants[i].field, constants[i].value);
}

/* What guest and host have in common: the kernel's registers. */
static void put_common(void)
{
	struct table_pointer gdt = sgdt(), table = sidt();
	const struct {
		uint32_t guest, host;
		uint64_t value;
	} common[] = {
		{ GUEST_CR0, HOST_CR0, read_cr0() },
		{ GUEST_CR3, HOST_CR3, read_cr3() },
		{ GUEST_CR4, HOST_CR4, read_cr4() },
		{ GUEST_GDTR_BASE, HOST_GDTR_BASE, gdt.base },
		{ GUEST_IDTR_BASE, HOST_IDTR_BASE, table.base },
		{ GUEST_BASE(FS), HOST_FS_BASE, rdmsr(MSR_FS_BASE) },
		{ GUEST_BASE(GS), HOST_GS_BASE, rdmsr(MSR_GS_BASE) },
		{ GUEST_BASE(TR), HOST_TR_BASE, (uint64_t)&tss },
		{ GUEST_SELECTOR(TR), HOST_TR, SEL_TSS },
		{ GUEST_SYSENTER_CS, HOST_SYSENTER_CS, rdmsr(MSR_SYSENTER_CS) },
		{ GUEST_SYSENTER_ESP, HOST_SYSENTER_ESP, rdmsr(MSR_SYSENTER_ESP) },
		{ GUEST_SYSENTER_EIP, HOST_SYSENTER_EIP, rdmsr(MSR_SYSENTER_EIP) },
	};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		put(common[i].guest, common[i].value);
		put(common[i].host, common[i].value);
	}
	put(GUEST_GDTR_LIMIT, gdt.limit);
}

static void put_segment(enum segment s, uint16_t selector, uint64_t limit, uint64_t rights)
{
	put(GUEST_SELECTOR(s), selector);
	put(GUEST_LIMIT(s), limit);
	put(GUEST_RIGHTS(s), rights);
}

static void put_segments(unsigned int cpl)
{
	static const enum segment data[] = { ES, SS, DS };
	uint64_t dpl = AR_DPL(cpl);

	put_segment(CS, cpl ? SEL_USER_CODE : SEL_KERNEL_CODE, UINT32_MAX, AR_CODE64 | dpl);
	put(GUEST_BASE(CS), 0);
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		put_segment(data[i], cpl ? SEL_USER_DATA : SEL_KERNEL_DATA, UINT32_MAX,
			    AR_DATA | dpl);
		put(GUEST_BASE(data[i]), 0);
	}
	put_segment(FS, 0, 0, AR_UNUSABLE);
	put_segment(GS, 0, 0, AR_UNUSABLE);
	put_segment(LDTR, 0, 0, AR_UNUSABLE);
	put(GUEST_BASE(LDTR), 0);
	put(GUEST_LIMIT(TR), sizeof(tss) - 1);
	put(GUEST_RIGHTS(TR), AR_TSS_BUSY);
}

static void put_host(const struct trap_frame *gprs)
{
	uint16_t fs, gs;

	__asm__ volatile("mov %%fs, %0\n\tmov %%gs, %1" : "=r"(fs), "=r"(gs));
	put(HOST_CS, SEL_KERNEL_CODE);
	put(HOST_SS, SEL_KERNEL_DATA);
	put(HOST_DS, SEL_KERNEL_DATA);
	put(HOST_ES, SEL_KERNEL_DATA);
	put(HOST_FS, fs & ~7u); /* TI and RPL must be 0 */
	put(HOST_GS, gs & ~7u);
	put(HOST_RSP, (uint64_t)&gprs->vector);
	put(HOST_RIP, (uint64_t)vmx_left);
}

/* The instruction, and VMCALL behind it. Return: where they are */
static uint64_t put_code(const struct probe_insn *insn)
{
	struct probe_insn code = *insn;
	uint64_t address;

	BUG_ON(code.length + sizeof(vmcall) > sizeof(code.bytes));
	memcpy(code.bytes + code.length, vmcall, sizeof(vmcall));
	code.length += sizeof(vmcall);
	probe_code_init();
	address = probe_code(&code, PROBE_EXIT_INT);
	put(GUEST_RIP, address);
	return address;
}

static void read_exit(struct vmx_exit *e, uint64_t code)
{
	uint32_t event = (uint32_t)get(EXIT_EVENT);
	uint64_t error = event & ERROR_CODE_VALID ? get(EXIT_EVENT_ERROR) : 0;

	*e = (struct vmx_exit){
		.reason = (uint16_t)get(EXIT_REASON),
		.offset = get(GUEST_RIP) - code,
		.qualification = get(EXIT_QUALIFICATION),
		.length = (uint32_t)get(EXIT_LENGTH),
		.information = (uint32_t)get(EXIT_INFORMATION),
	};
	if (e->reason == VMX_REASON_EXCEPTION)
		e->fault = FAULT_OF(event & 0xff, error);
}

/* With the VMCS current. Return: as vmx_run() */
static bool run_current(const struct vmx_guest *g, struct vmx_exit *e)
{
	static struct trap_frame gprs;
	uint64_t code;

	refused = 0;
	put_constants();
	put_controls(g);
	put_common();
	put_segments(g->cpl);
	put_host(&gprs);
	code = put_code(g->insn);
	gprs.rax = (uint32_t)g->mask;
	gprs.rdx = g->mask >> 32;
	gprs.rdi = g->operand;
	if (refused)
		test_error("VMWRITE of field 0x%x fails", refused);
	else if (!vmx_enter(&gprs))
		test_error("VMLAUNCH fails: VM-instruction error %lu", get(INSTRUCTION_ERROR));
	else if (get(EXIT_REASON) & ENTRY_FAILED)
		test_error("VM entry fails: exit reason %lu, qualification 0x%lx",
			   get(EXIT_REASON) & 0xffff, get(EXIT_QUALIFICATION));
	else {
		read_exit(e, code);
		return true;
	}
	return false;
}

/* In VMX operation. */
static bool run_inside(const struct vmx_guest *g, struct vmx_exit *e)
{
	bool good = false;

	if (vmclear(vmcs) && vmptrld(vmcs))
		good = run_current(g, e);
	else
		test_error("VMCLEAR or VMPTRLD fails");
	vmclear(vmcs);
	__asm__ volatile("vmxoff" : : : "cc", "memory");
	return good;
}

bool vmx_run(const struct vmx_guest *g, struct vmx_exit *e)
{
	uint32_t revision = (uint32_t)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	struct table_pointer gdt = sgdt(), table = sidt();
	uint64_t cr4 = read_cr4(), dr7 = read_dr7();
	bool good = false;

	memcpy(vmxon_region, &revision, sizeof(revision));
	memcpy(vmcs, &revision, sizeof(revision));
	write_cr4(cr4 | CR4_VMXE);
	if (vmxon(vmxon_region))
		good = run_inside(g, e);
	else
		test_error("VMXON fails");
	__asm__ volatile("lgdt %0" : : "m"(gdt));
	lidt(&table);
	write_dr7(dr7);
	write_cr4(cr4);
	return good;
}
