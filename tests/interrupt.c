/* SPDX-License-Identifier: MIT */
/*
 * Interrupts around live extended state: a storm of NMIs and timer interrupts at random moments,
 * another CPU that sends NMIs, an NMI between a restore and an optimised save, a task switch, and
 * CLTS behind one.
 *
 * The NMI handler saves, overwrites and restores all components; the timer's touches none.
 *
 * Rules: G05, I01, I02, I04, I05; SDM vol. 3, "Nonmaskable Interrupt (NMI)", "Task Switching",
 * "System Management Mode", "Control Registers"; vol. 1, "Processor Tracking of XSAVE-Managed
 * State" (XRSTOR_INFO), "Operation of XSAVEOPT", "Operation of XSAVES".
 */
#include <xsave/insn.h>
#include <xtk/cpu.h>
#include <xtk/legacy.h>
#include <xtk/nmi.h>
#include <xtk/options.h>
#include <xtk/smp.h>
#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>
#include <xtk/timer.h>
#include <xtk/xregs.h>
#include <xtk/xstate.h>

#include "context.h"

#define ROUNDS_QUICK 200
#define ROUNDS_FULL  5000
#define WAIT_LIMIT   10000000 /* looks at a counter until it counts as broken */

static struct xregs want, got;

static volatile struct {
	uint64_t ticks, nmis;
	uint64_t random; /* of the handlers, which must not take the table's numbers */
	bool stop;	 /* for the second CPU */
} storm;

static void on_nmi(const struct nmi_record *record)
{
	(void)record;
	storm.nmis++;
}

static void on_leave(void)
{
}

static const struct nmi_observer observer = { on_nmi, on_leave };

static uint64_t handler_random(void)
{
	storm.random = storm.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return storm.random >> 33;
}

/* Every other tick sends an NMI, which is taken in the tick or behind it. */
static void on_tick(void)
{
	storm.ticks++;
	if (handler_random() & 1)
		nmi_send_self();
	timer_once(500 + (uint32_t)(handler_random() % 20000));
}

static unsigned int rounds(void)
{
	return options.depth_full ? ROUNDS_FULL : ROUNDS_QUICK;
}

static bool skip_without_apic(void)
{
	if (!cpu.apic)
		test_skip("CPUID.1:EDX[9] APIC");
	return !cpu.apic;
}

/* Return: false if the counter stands still. */
static bool wait_for(const volatile uint64_t *counter, uint64_t value)
{
	for (uint64_t i = 0; i < WAIT_LIMIT && *counter < value; i++)
		cpu_relax();
	return *counter >= value;
}

static void check_registers(uint64_t mask, const char *what)
{
	struct xregs_diff first;

	table_probe(sizeof(got));
	if (xregs_compare(&want, &got, mask, &first))
		context_fail(&first, "I01", what);
	else
		test_checked("I01", 1);
}

/* Values in all registers while the counter goes on by @count. */
static bool hold_registers(const volatile uint64_t *counter, unsigned int count, const char *what)
{
	uint64_t mask = insn_xgetbv(0) & xregs_cpu.mask, until = *counter + count;
	bool alive;

	xregs_pattern(&want, mask, table_seed());
	xregs_load(&want, mask);
	alive = wait_for(counter, until);
	xregs_store(&got, mask);
	check_registers(mask, what);
	return alive;
}

static void storm_begin(void)
{
	storm.ticks = storm.nmis = 0;
	storm.random = options.seed;
	storm.stop = false;
	nmi_observe(&observer);
}

XTEST(interrupt, storm_changes_nothing, .rules = "I01")
{
	bool alive = true;

	if (skip_without_apic())
		return;
	table_begin("interrupt_storm", rounds());
	storm_begin();
	timer_begin(on_tick);
	timer_once(1000);
	for (unsigned int i = 0; i < rounds(); i++) {
		if (table_case() && alive)
			alive = hold_registers(&storm.ticks, 2, "timer interrupts and NMIs");
	}
	timer_end();
	nmi_observe(NULL);
	table_end();
	test_info("interrupt: %lu timer interrupts, %lu NMIs", storm.ticks, storm.nmis);
	if (!alive)
		test_error("the timer of the local APIC sends no interrupts");
	else if (!storm.nmis)
		test_error("not one NMI came");
}

/* -- NMIs from another CPU ----------------------------------------------------------------------*/

/* The next one only when the last was taken: else the first CPU might do nothing but take them. */
static uint64_t bombard(void *unused)
{
	uint64_t sent = 0;

	(void)unused;
	while (!storm.stop) {
		uint64_t before = storm.nmis;

		smp_nmi_first();
		sent++;
		while (storm.nmis == before && !storm.stop)
			cpu_relax();
		for (uint64_t i = handler_random() % 2000; i; i--)
			cpu_relax();
	}
	return sent;
}

XTEST(interrupt, nmis_of_another_cpu_change_nothing, .rules = "I01")
{
	const char *missing = smp_start();
	bool alive = true;
	uint64_t sent = 0;

	if (missing) {
		test_skip("%s", missing);
		return;
	}
	table_begin("interrupt_bombard", rounds());
	storm_begin();
	smp_go(bombard, NULL);
	for (unsigned int i = 0; i < rounds(); i++) {
		if (table_case() && alive)
			alive = hold_registers(&storm.nmis, 3, "NMIs of another CPU");
	}
	storm.stop = true;
	smp_wait(&sent);
	smp_stop();
	nmi_observe(NULL);
	table_end();
	test_info("interrupt: %lu NMIs sent by the second CPU, %lu taken", sent, storm.nmis);
	if (!alive)
		test_error("the NMIs of the second CPU do not come");
}

/* -- an NMI between a restore and an optimised save: I02 ----------------------------------------*/

static struct xsave_large area;

/* A save that may leave out what its own restore loaded and nobody has modified since. */
static const struct optimised {
	const char *name;
	enum xsave_insn insn;
	void (*save)(void *area, uint64_t rfbm);
	fault_t (*load)(const void *area, uint64_t rfbm);
} optimised[] = {
	{ "XSAVEOPT", XSAVE_INSN_XSAVEOPT, insn_xsaveopt, insn_xrstor_safe },
	{ "XSAVES", XSAVE_INSN_XSAVES, insn_xsaves, insn_xrstors_safe },
};
#define OPTIMISED (sizeof(optimised) / sizeof(optimised[0]))

/* Bytes of state, not the header, that no save has written. */
static void poison(struct xsave_large *a)
{
	uint32_t mxcsr = a->legacy.mxcsr, mask = a->legacy.mxcsr_mask;
	uint8_t *bytes = (uint8_t *)a;

	memset(bytes, 0x5a, sizeof(a->legacy));
	a->legacy.mxcsr = mxcsr;
	a->legacy.mxcsr_mask = mask;
	memset(bytes + XSAVE_EXTENDED, 0x5a, sizeof(*a) - XSAVE_EXTENDED);
}

static bool one_nmi(void)
{
	uint64_t next = storm.nmis + 1;

	nmi_send_self();
	return wait_for(&storm.nmis, next);
}

/* Return: whether the CPU took what its own save had made. */
static bool load_back(const struct optimised *o, uint64_t mask, const char *what)
{
	return expect_fault(o->load(&area, mask), NO_FAULT, "R05", "%s, and its restore %s",
			    o->name, what);
}

/*
 * The handler's XRSTOR is the last one before the save, and it was of another area: so the save
 * must write everything, whether or not the registers were modified behind our own restore.
 */
static void restore_nmi_save(const struct optimised *o, bool modify)
{
	uint64_t mask = insn_xgetbv(0) & xregs_cpu.mask;
	struct xregs_diff first;

	memset(&area, 0, sizeof(area));
	xregs_pattern(&want, mask, table_seed());
	xregs_load(&want, mask);
	o->save(&area, mask);
	if (!load_back(o, mask, "before the NMI"))
		return;
	if (modify) {
		xregs_pattern(&want, mask, table_seed() + 1);
		xregs_load(&want, mask);
	}
	poison(&area);
	if (!one_nmi())
		test_error("the NMI was not taken");
	o->save(&area, mask);
	xregs_junk(mask);
	if (!load_back(o, mask, "behind the NMI"))
		return;
	xregs_store(&got, mask);
	table_probe(sizeof(got));
	if (xregs_compare(&want, &got, mask, &first))
		context_fail(&first, "I02", o->name);
	else
		test_checked("I02", 1);
}

XTEST(interrupt, nmi_spoils_no_optimised_save, .rules = "I02 R05")
{
	unsigned int ran = 0, all = rounds() * OPTIMISED;

	if (skip_without_apic())
		return;
	table_begin("interrupt_optimised", all);
	storm_begin();
	for (unsigned int i = 0; i < all; i++) {
		const struct optimised *o = &optimised[i % OPTIMISED];

		if (!table_case() || !(boot_xsave_cpu.insns >> o->insn & 1))
			continue;
		restore_nmi_save(o, i / OPTIMISED % 2);
		ran++;
	}
	nmi_observe(NULL);
	table_end();
	if (!ran)
		test_skip("CPUID.(0DH,1):EAX[0] XSAVEOPT");
}

/* -- CR0.TS -------------------------------------------------------------------------------------*/

/* FNOP changes nothing. Return: its fault. */
static fault_t fnop_safe(void)
{
	FAULT_REGISTER;

	__asm__ volatile(TRY_INSN("fnop") : "+r"(fault));
	return fault;
}

/* Both of x87 and of the XSAVE family, which ask in places of their own. */
static void check_ts(fault_t expected, const char *when)
{
	expect_fault(fnop_safe(), expected, "G05", "FNOP %s", when);
	expect_fault(insn_fxsave_safe(&area, 0), expected, "G05", "FXSAVE %s", when);
}

/* The CPU acts on CR0.TS itself, not only on what MOV from CR0 reads. */
XTEST(interrupt, clts_ends_device_not_available, .rules = "G05", .without_xsave = true)
{
	uint64_t before = read_cr0();

	write_cr0(before | CR0_TS);
	check_ts(FAULT(NM, 0), "with CR0.TS = 1");
	clts();
	expect_equal(read_cr0() & CR0_TS, 0, "G05", "CR0.TS after CLTS");
	check_ts(NO_FAULT, "after CLTS");
	write_cr0(before);
}

/* -- what only exists elsewhere -----------------------------------------------------------------*/

XTEST(interrupt, task_switch_sets_ts, .rules = "I05")
{
	uint64_t cr0[2];

	legacy_task_switch(cr0);
	expect_equal(cr0[0] & CR0_TS, CR0_TS, "I05", "CR0.TS in the task that was called");
	expect_equal(cr0[1] & CR0_TS, CR0_TS, "I05", "CR0.TS when IRET is back in the caller");
}

XTEST(interrupt, smi_is_transparent, .rules = "I04")
{
	test_skip("an SMI whose handler is known: only firmware can install one");
}
