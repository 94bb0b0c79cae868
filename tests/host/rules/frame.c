/* SPDX-License-Identifier: MIT */
/*
 * The frame around the rule tables in a process: what kernel/ gives them in the kernel. The choice
 * of tests, the command line and the report are the kernel's own files.
 *
 * All of it is compiled with -mgeneral-regs-only and takes its string functions from
 * kernel/string.c, because extended state persists from probe to probe.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <signal.h>
#include <unistd.h>

#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/print.h>
#include <xtk/probe.h>
#include <xtk/recover.h>
#include <xtk/string.h>
#include <xtk/test.h>

#include "cmdline.h"
#include "console.h"
#include "exit.h"
#include "frame.h"
#include "header.h"
#include "snapshot.h"
#include "test.h"

#define CPUID1_ECX_XSAVE   (UINT32_C(1) << 26)
#define CPUID1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define CPUIDD1_EAX_XSAVES (UINT32_C(1) << 3)

struct cpu cpu;

/* -- the console ------------------------------------------------------------------------------ */

static char text[4096];
static size_t text_length;

static void flush(void)
{
	size_t done = 0;

	while (done < text_length) {
		ssize_t n = write(STDOUT_FILENO, text + done, text_length - done);

		if (n <= 0)
			_exit(EXIT_STATUS_CRASH); /* nobody will see a last line either */
		done += (size_t)n;
	}
	text_length = 0;
}

void console_write(const char *from, size_t size)
{
	for (; size; size--, from++) {
		text[text_length++] = *from;
		if (*from == '\n' || text_length == sizeof(text))
			flush();
	}
}

/* -- the ends ---------------------------------------------------------------------------------- */

void machine_exit(enum exit_status status)
{
	flush();
	_exit((int)status); /* exit() would run code of libc in whatever state the last probe left
			     */
}

void usage_exit(const char *format, ...)
{
	va_list args;

	print("xtk: usage: ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	machine_exit(EXIT_STATUS_USAGE);
}

void panic(const char *format, ...)
{
	va_list args;

	print("\n# panic: ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	machine_exit(EXIT_STATUS_CRASH);
}

/* -- faults ------------------------------------------------------------------------------------ */

/* Where a fault that nobody expected leads, and what it interrupted: as in kernel/attempt.c. */
static struct way_out {
	bool armed;
	const char *where;
	struct recover_point point;
} way_out;

extern const struct extable_entry __start_extable_entries[], __stop_extable_entries[];

static bool take_by_table(greg_t *reg, fault_t fault)
{
	const struct extable_entry *e = __start_extable_entries;

	for (; e < __stop_extable_entries; e++) {
		if (e->insn != (uint64_t)reg[REG_RIP])
			continue;
		reg[REG_RIP] = (greg_t)e->resume;
		reg[REG_R11] = fault;
		return true;
	}
	return false;
}

static void go_to(greg_t *reg, const struct recover_point *point)
{
	reg[REG_RBX] = (greg_t)point->rbx;
	reg[REG_RBP] = (greg_t)point->rbp;
	reg[REG_R12] = (greg_t)point->r12;
	reg[REG_R13] = (greg_t)point->r13;
	reg[REG_R14] = (greg_t)point->r14;
	reg[REG_R15] = (greg_t)point->r15;
	reg[REG_RSP] = (greg_t)point->rsp;
	reg[REG_RIP] = (greg_t)point->rip;
	reg[REG_EFL] = EFLAGS_FIXED;
	reg[REG_RAX] = 1;
}

/* Linux leaves EFLAGS.AC as the probe had it. */
static void clear_ac(void)
{
	__asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "i"(~EFLAGS_AC) : "memory", "cc");
}

static void on_signal(int number, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;
	greg_t *reg = context->uc_mcontext.gregs;
	fault_t fault = FAULT_OF(reg[REG_TRAPNO], reg[REG_ERR]);
	char name[FAULT_TEXT_SIZE];

	clear_ac();
	if (info->si_code <= 0)
		panic("signal %d was sent by another process", number);
	if (take_by_table(reg, fault) || machine_fault(context, fault))
		return;
	if (!way_out.armed)
		panic("%s at rip=0x%lx", fault_text(fault, name), (uint64_t)reg[REG_RIP]);
	test_fail("-", "none", fault_text(fault, name), "%s%sunexpected exception at rip=0x%lx",
		  way_out.where, *way_out.where ? " " : "", (uint64_t)reg[REG_RIP]);
	go_to(reg, &way_out.point);
}

static void signals_start(void)
{
	static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV };
	static char stack[1 << 16]; /* a frame with AVX-512 and AMX has 12 KiB */
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction action = { .sa_sigaction = on_signal,
					  .sa_flags = SA_ONSTACK | SA_SIGINFO };

	BUG_ON(sigaltstack(&alternate, NULL));
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		BUG_ON(sigaction(signals[i], &action, NULL));
}

bool test_attempt(const char *where, void (*work)(const void *argument), const void *argument)
{
	struct way_out outer = way_out;
	volatile bool done = false;

	way_out.where = where;
	if (recover_here(&way_out.point) == 0) {
		way_out.armed = true;
		work(argument);
		done = true;
	}
	way_out = outer;
	return done;
}

/* -- what a test must put back ----------------------------------------------------------------- */

static uint64_t before[PROBE_REGISTERS];

void snapshot_take(void)
{
	for (unsigned int i = 0; i < PROBE_REGISTERS; i++)
		before[i] = probe_ops->get((enum probe_register)i);
}

const char *snapshot_restore(void)
{
	static const char *const names[] = { "XCR0", "IA32_XSS", "IA32_XFD", "IA32_XFD_ERR" };
	const char *changed = NULL;

	for (unsigned int i = 0; i < PROBE_REGISTERS; i++) {
		enum probe_register reg = (enum probe_register)i;

		if (probe_ops->get(reg) == before[i])
			continue;
		changed = names[i];
		probe_ops->set(reg, before[i]);
	}
	return changed;
}

/* -- the start --------------------------------------------------------------------------------- */

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static void cpu_survey(void)
{
	uint32_t ecx = probe_ops->cpuid(1, 0).ecx;
	struct cpuid_regs d0, d1;

	cpu.xsave_in_cpuid = ecx & CPUID1_ECX_XSAVE;
	cpu.has_xsave = ecx & CPUID1_ECX_OSXSAVE;
	if (!cpu.xsave_in_cpuid)
		return;
	d0 = probe_ops->cpuid(0xd, 0);
	d1 = probe_ops->cpuid(0xd, 1);
	cpu.xcr0_supported = pair(d0.edx, d0.eax);
	cpu.xss_supported = d1.eax & CPUIDD1_EAX_XSAVES ? pair(d1.edx, d1.ecx) : 0;
}

/* As a boot loader hands them over: one line. */
static void join(char *line, size_t size, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		size_t n = strlen(line);

		if (format_text(line + n, size - n, "%s%s", n ? " " : "", words[i]) >= size - n)
			usage_exit("the command line is longer than %zu characters", size - 1);
	}
}

int main(int argc, char **argv)
{
	static char words[2048], shown[2048];

	join(words, sizeof(words), argc - 1, argv + 1);
	memcpy(shown, words, sizeof(shown));
	cmdline_parse(words);
	signals_start();
	machine_start();
	cpu_survey();
	header_print(probe_ops->name, probe_ops->cpuid, shown);
	tests_run();
}
