/* SPDX-License-Identifier: MIT */
/*
 * The second CPU. xtk/smp.h says what it can do.
 *
 * Sources: SDM vol. 3, "Multiple-Processor (MP) Initialization", "Processor State After Reset";
 * vol. 2, "CPUID", leaf 01H.
 */
#include <stddef.h>

#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/smp.h>
#include <xtk/stack.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "apic.h"
#include "desc.h"
#include "entry.h"
#include "phys.h"
#include "smp.h"

#define EFER_LMA	   (UINT64_C(1) << 10)
#define CPUID1_EDX_HTT	   (UINT32_C(1) << 28)
#define CPUID1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define TSS_AVAILABLE	   0x89

/* A read of this port takes a microsecond on a PC, and less under emulation. */
#define PORT_DELAY    0x80
#define AFTER_INIT    10000
#define AFTER_STARTUP 200
#define LONG_ENOUGH   20000000

_Static_assert(offsetof(struct smp_boot, stack) == 8, "smp.asm: BOOT_STACK");
_Static_assert(offsetof(struct smp_boot, taken) == 12, "smp.asm: BOOT_TAKEN");
_Static_assert(SMP_STUB_SIZE == 16, "smp.asm: STUB_SIZE");

STACK_DEFINE(stack_smp, 16 * 1024);

struct smp_boot smp_boot;

static enum { NEVER_STARTED, NONE_ANSWERS, STOPPED, STARTED } state;
static uint32_t first_id, second_id;
static struct smp_first first, reset;

/* Written by one CPU, read by the other. */
static volatile struct {
	bool ready, go, done, faulted;
	uint64_t (*function)(void *argument);
	void *argument;
	uint64_t value;
	struct smp_fault fault;
} work;

/* The second CPU's own tables: the GDT is the first one's, with another TSS in it. */
static uint64_t gdt[32];
static struct tss second_tss = { .io_map_base = sizeof(struct tss) };
static struct gate second_idt[VEC_EXCEPTIONS] __attribute__((aligned(16)));

/* -- on the second CPU --------------------------------------------------------------------------
 */

void smp_faulted(const struct smp_fault *fault)
{
	work.fault.vector = fault->vector;
	work.fault.error = fault->error;
	work.fault.rip = fault->rip;
	work.faulted = true;
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void load_tables(void)
{
	struct table_pointer g = sgdt(), i = { sizeof(second_idt) - 1, (uint64_t)second_idt };

	g.base = (uint64_t)gdt;
	g.limit = sizeof(gdt) - 1;
	gdt_load(&g, SEL_KERNEL_CODE, SEL_KERNEL_DATA);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	lidt(&i);
}

/* XCR0 is looked at before anything could change it. */
static void look_around(uint64_t cr4)
{
	first = (struct smp_first){ .cr4 = cr4 };
	first.osxsave = cpuid(1, 0).ecx & CPUID1_ECX_OSXSAVE;
	if (!cpu.has_xsave)
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	first.xcr0 = insn_xgetbv(0);
	first.xss = cpu.xsaves ? rdmsr(MSR_XSS) : 0;
	first.xfd = cpu.xfd ? rdmsr(MSR_XFD) : 0;
}

void smp_main(uint64_t cr4)
{
	load_tables();
	look_around(cr4);
	write_cr0(smp_boot.cr0);
	write_cr4(smp_boot.cr4);
	apic_enable();
	second_id = apic_id();
	work.ready = true;
	for (;;) {
		while (!work.go)
			cpu_relax();
		work.go = false;
		work.value = work.function(work.argument);
		work.done = true;
	}
}

void smp_nmi_first(void)
{
	apic_send(first_id, APIC_NMI);
}

/* -- on the first CPU ---------------------------------------------------------------------------
 */

static void delay(unsigned int count)
{
	while (count--)
		inb(PORT_DELAY);
}

static bool comes_true(const volatile bool *flag)
{
	for (unsigned int i = 0; i < LONG_ENOUGH && !*flag && !work.faulted; i++)
		delay(1);
	return *flag;
}

static void prepare_tables(void)
{
	struct table_pointer g = sgdt();
	uint64_t base = (uint64_t)&second_tss;
	uint64_t *entry = &gdt[SEL_TSS / 8];

	BUG_ON(g.limit >= sizeof(gdt));
	memcpy(gdt, (const void *)g.base, g.limit + 1u);
	entry[0] = (sizeof(second_tss) - 1) | (base & 0xffffff) << 16 |
		   (uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
	entry[1] = base >> 32;
	for (unsigned int v = 0; v < VEC_EXCEPTIONS; v++)
		idt_set_in(second_idt, v, smp_stubs + v * SMP_STUB_SIZE, IST_NONE);
}

static void prepare(void)
{
	prepare_tables();
	memcpy(phys_ptr((uint64_t)smp_page), smp_trampoline,
	       (size_t)(smp_trampoline_end - smp_trampoline));
	memset((void *)&work, 0, sizeof(work));
	first_id = apic_id();
	smp_boot = (struct smp_boot){
		.cr3 = (uint32_t)read_cr3(),
		.efer = (uint32_t)(rdmsr(MSR_EFER) & ~EFER_LMA),
		.stack = (uint32_t)stack_top(&stack_smp_stack),
		.cr0 = read_cr0(),
		.cr4 = read_cr4(),
	};
}

static void send(uint32_t command)
{
	if (state == NEVER_STARTED)
		apic_send_others(command);
	else
		apic_send(second_id, command);
}

/* The second start-up IPI is for a CPU that was not yet ready for the first. */
static bool start(void)
{
	uint32_t startup = APIC_STARTUP | (uint32_t)((uint64_t)smp_page >> 12);

	prepare();
	send(APIC_INIT);
	delay(AFTER_INIT);
	send(startup);
	delay(AFTER_STARTUP);
	if (!work.ready)
		send(startup);
	return comes_true(&work.ready);
}

static const char *why_not(void)
{
	struct cpuid_regs leaf = cpuid(1, 0);

	if (!cpu.apic)
		return "CPUID.1:EDX[9] APIC";
	if (!(leaf.edx & CPUID1_EDX_HTT) || (leaf.ebx >> 16 & 0xff) < 2)
		return "a second CPU (start with --smp 2)";
	return NULL;
}

const char *smp_start(void)
{
	static const char none_answers[] =
		"a second CPU: CPUID.1:EBX[23:16] says that there may be "
		"one, but none answers INIT and start-up IPIs";
	const char *missing = why_not();

	if (missing)
		return missing;
	if (state == NONE_ANSWERS)
		return none_answers;
	if (!start()) {
		if (state != NEVER_STARTED)
			test_fail("I03", "a start", "none", "the second CPU after another INIT");
		state = NONE_ANSWERS;
		return none_answers;
	}
	if (state == NEVER_STARTED)
		reset = first;
	state = STARTED;
	return NULL;
}

const struct smp_first *smp_first(void)
{
	return &first;
}

const struct smp_first *smp_reset(void)
{
	return &reset;
}

void smp_go(uint64_t (*function)(void *argument), void *argument)
{
	work.function = function;
	work.argument = argument;
	work.done = false;
	work.go = true;
}

bool smp_wait(uint64_t *value)
{
	char text[FAULT_TEXT_SIZE];

	if (comes_true(&work.done)) {
		*value = work.value;
		return true;
	}
	if (work.faulted)
		test_fail("-", "none",
			  fault_text(FAULT_OF(work.fault.vector, work.fault.error), text),
			  "the second CPU, at rip=0x%lx", work.fault.rip);
	else
		test_fail("-", "an end", "none", "the work of the second CPU");
	return false;
}

bool smp_call(uint64_t (*function)(void *argument), void *argument, uint64_t *value)
{
	smp_go(function, argument);
	return smp_wait(value);
}

void smp_stop(void)
{
	if (state != STARTED)
		return;
	send(APIC_INIT);
	delay(AFTER_STARTUP);
	state = STOPPED;
}
