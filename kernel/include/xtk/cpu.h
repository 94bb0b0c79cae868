/* SPDX-License-Identifier: MIT */
/*
 * What C cannot say: control registers, MSRs, CPUID, ports, descriptor-table registers. One
 * function per instruction, the SDM's names. The XSAVE family is in lib/xsave/insn.h.
 *
 * Sources: SDM vol. 3, "Control Registers", "System Descriptor Tables"; vol. 4, "Architectural
 * MSRs"; vol. 2, the instruction pages.
 */
#ifndef XTK_CPU_H
#define XTK_CPU_H

#include <stdbool.h>
#include <stdint.h>

#define CR0_PE (UINT64_C(1) << 0)
#define CR0_MP (UINT64_C(1) << 1)
#define CR0_EM (UINT64_C(1) << 2)
#define CR0_TS (UINT64_C(1) << 3)
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_WP (UINT64_C(1) << 16)
#define CR0_AM (UINT64_C(1) << 18)
#define CR0_PG (UINT64_C(1) << 31)

#define CR4_PAE	       (UINT64_C(1) << 5)
#define CR4_MCE	       (UINT64_C(1) << 6)
#define CR4_OSFXSR     (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define CR4_OSXSAVE    (UINT64_C(1) << 18)
#define CR4_SMEP       (UINT64_C(1) << 20)
#define CR4_SMAP       (UINT64_C(1) << 21)
#define CR4_PKE	       (UINT64_C(1) << 22)

#define EFLAGS_CF    (UINT64_C(1) << 0)
#define EFLAGS_TF    (UINT64_C(1) << 8)
#define EFLAGS_IF    (UINT64_C(1) << 9)
#define EFLAGS_DF    (UINT64_C(1) << 10)
#define EFLAGS_NT    (UINT64_C(1) << 14)
#define EFLAGS_RF    (UINT64_C(1) << 16)
#define EFLAGS_AC    (UINT64_C(1) << 18)
#define EFLAGS_ID    (UINT64_C(1) << 21)
#define EFLAGS_FIXED UINT64_C(2) /* bit 1 always reads 1 */

#define MSR_APIC_BASE	   0x1b
#define MSR_XFD		   0x1c4
#define MSR_BNDCFGS	   0xd90
#define MSR_XSS		   0xda0
#define MSR_X2APIC_ICR	   0x830
#define MSR_EFER	   0xc0000080
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define EFER_LME (UINT64_C(1) << 8)
#define EFER_NXE (UINT64_C(1) << 11)

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* The operand of LGDT, LIDT and their stores. */
struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

#define DEFINE_CONTROL_REGISTER(cr)                                                                \
	static inline uint64_t read_##cr(void)                                                     \
	{                                                                                          \
		uint64_t value;                                                                    \
		__asm__ volatile("mov %%" #cr ", %0" : "=r"(value));                               \
		return value;                                                                      \
	}                                                                                          \
	static inline void write_##cr(uint64_t value)                                              \
	{                                                                                          \
		__asm__ volatile("mov %0, %%" #cr : : "r"(value) : "memory");                      \
	}
DEFINE_CONTROL_REGISTER(cr0)
DEFINE_CONTROL_REGISTER(cr2)
DEFINE_CONTROL_REGISTER(cr3)
DEFINE_CONTROL_REGISTER(cr4)
DEFINE_CONTROL_REGISTER(dr0)
DEFINE_CONTROL_REGISTER(dr1)
DEFINE_CONTROL_REGISTER(dr2)
DEFINE_CONTROL_REGISTER(dr3)
DEFINE_CONTROL_REGISTER(dr6)
DEFINE_CONTROL_REGISTER(dr7)

static inline void clts(void)
{
	__asm__ volatile("clts" : : : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline struct table_pointer sidt(void)
{
	struct table_pointer p;

	__asm__ volatile("sidt %0" : "=m"(p));
	return p;
}

static inline void lidt(const struct table_pointer *p)
{
	__asm__ volatile("lidt %0" : : "m"(*p) : "memory");
}

static inline struct table_pointer sgdt(void)
{
	struct table_pointer p;

	__asm__ volatile("sgdt %0" : "=m"(p));
	return p;
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void invlpg(const void *address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#define DEFINE_PORT(suffix, type)                                                                  \
	static inline type in##suffix(uint16_t port)                                               \
	{                                                                                          \
		type value;                                                                        \
		__asm__ volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));               \
		return value;                                                                      \
	}                                                                                          \
	static inline void out##suffix(uint16_t port, type value)                                  \
	{                                                                                          \
		__asm__ volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port));              \
	}
DEFINE_PORT(b, uint8_t)
DEFINE_PORT(w, uint16_t)
DEFINE_PORT(l, uint32_t)

/* What the boot survey found; constant afterwards. */
struct cpu {
	bool nx, mce, pku, mpx, apic, x2apic;
	bool xsave_in_cpuid;	   /* CPUID.1:ECX[26] */
	bool has_xsave;		   /* and CR4.OSXSAVE could be set */
	bool xgetbv1, xsaves, xfd; /* CPUID.(0DH,1):EAX[2], [3], [4] */
	uint64_t xcr0_supported;   /* CPUID.(0DH,0):EDX:EAX; 0 without XSAVE */
	uint64_t xss_supported;	   /* CPUID.(0DH,1):EDX:ECX */
};

extern struct cpu cpu;

#endif
