/* SPDX-License-Identifier: MIT */
/*
 * Choosing the entry design.
 */
#include <stddef.h>

#include <xtk/desc.h>
#include <xtk/ist_state.h>
#include <xtk/nmi.h>
#include <xtk/options.h>
#include <xtk/panic.h>
#include <xtk/string.h>

#include "entry.h"
#include "ist.h"

static const struct ist_design *installed;

static const struct ist_handler by_kernel = { nmi_handle, nmi_leave };

static const struct ist_handler *handler = &by_kernel;

/*
 * First of all, and in one piece: a DF that the entry code leaks must be reported, and every copy
 * that the compiler makes would suffer from it.
 */
static uint64_t read_rflags_and_clear_df(void)
{
	uint64_t rflags;

	__asm__ volatile("pushfq\n\tpopq %0\n\tcld" : "=r"(rflags) : : "memory", "cc");
	return rflags;
}

/* #DB and #MC are the kernel's like any other exception, and use no extended state. */
void ist_handle(struct trap_frame *frame)
{
	struct ist_state entry; /* not initialised: that may be a REP STOS, with DF as it is */

	entry.entry_rflags = read_rflags_and_clear_df();
	entry.entry_rsp = (uint64_t)__builtin_frame_address(0);
	entry.back = (uint64_t)__builtin_return_address(0);
	if (handler == &by_kernel && frame->vector != VEC_NMI) {
		trap_handle(frame);
		return;
	}
	ist_with_state(installed->state ? installed->state : &ist_state_on_stack, &entry, frame,
		       handler);
	handler->leave(frame);
}

void ist_handler_set(const struct ist_handler *h)
{
	handler = h ? h : &by_kernel;
}

/* Whether @name is an element of the list @names, which commas separate. */
static bool is_listed(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (; *names; names += *names == ',') {
		if (starts_with(names, name) && (names[n] == ',' || !names[n]))
			return true;
		while (*names && *names != ',')
			names++;
	}
	return false;
}

/* Without the word, plain is chosen. */
static bool is_chosen(const struct ist_design *design)
{
	return !strcmp(options.ist, "all") || is_listed(options.ist, design->name);
}

const struct ist_design *ist_next(const struct ist_design *after)
{
	set_for_each (it, ist_designs) {
		if (!after && is_chosen(*it))
			return *it;
		if (after == *it)
			after = NULL;
	}
	return NULL;
}

/* Every name in the list must be a design's; the list is as long as the names that are. */
const char *ist_choose(const char *value)
{
	size_t known = 0;

	options.ist = value;
	for (const struct ist_design *d = ist_next(NULL); d; d = ist_next(d))
		known += strlen(d->name) + 1;
	return !strcmp(value, "all") || known == strlen(value) + 1
		       ? NULL
		       : "names what is no entry design, or one twice; see kernel/ist/";
}

const struct stack *ist_stack(enum vector vector)
{
	for (unsigned int i = 0; installed && i < IST_ENTRIES; i++) {
		if (installed->entry[i].vector == vector)
			return installed->entry[i].stack;
	}
	return NULL;
}

bool ist_may_run_on(const struct stack *stack, const struct trap_frame *frame)
{
	for (unsigned int i = 0; i < IST_ENTRIES; i++) {
		if (stack == installed->entry[i].stack)
			return true;
	}
	for (unsigned int i = 0; i < IST_STACKS; i++) {
		if (stack == installed->stacks[i])
			return true;
	}
	return installed->on_interrupted &&
	       stack == stack_find(frame->cs & 3 ? tss_rsp0_get() : frame->rsp);
}

void ist_install(const struct ist_design *design)
{
	if (installed && installed->remove)
		installed->remove();
	installed = design;
	for (unsigned int i = 0; i < IST_ENTRIES; i++) {
		const struct ist_entry *e = &design->entry[i];

		if (e->slot)
			tss_ist_set(e->slot, stack_top(e->stack));
		idt_set(e->vector, e->code, e->slot);
	}
	if (design->install)
		design->install();
}

static const struct ist_design *first_able(void)
{
	set_for_each (it, ist_designs) {
		const struct ist_design *d = *it;

		if (is_chosen(d) && (!d->missing || !d->missing()))
			return d;
	}
	set_for_each (it, ist_designs) {
		if (!(*it)->missing)
			return *it;
	}
	return NULL;
}

/* One that the CPU can run; the tests of the others skip. */
void ist_install_chosen(void)
{
	const struct ist_design *d = first_able();

	BUG_ON(!d);
	ist_install(d);
}

const struct ist_design *ist_installed(void)
{
	return installed;
}
