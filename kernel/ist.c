/* SPDX-License-Identifier: MIT */
/*
 * Choosing the entry design.
 */
#include <stddef.h>

#include <xtk/desc.h>
#include <xtk/nmi.h>
#include <xtk/string.h>

#include "entry.h"
#include "ist.h"

static void handle_by_kernel(struct trap_frame *frame)
{
	if (frame->vector == VEC_NMI)
		nmi_handle(frame);
	else
		trap_handle(frame);
}

static void (*handler)(struct trap_frame *frame) = handle_by_kernel;

void ist_handle(struct trap_frame *frame)
{
	handler(frame);
}

void ist_handler_set(void (*h)(struct trap_frame *frame))
{
	handler = h ? h : handle_by_kernel;
}

const struct ist_design *ist_design_find(const char *name)
{
	set_for_each (it, ist_designs) {
		if (!strcmp((*it)->name, name))
			return *it;
	}
	return NULL;
}

static const struct ist_design *installed;

const struct stack *ist_stack(enum vector vector)
{
	for (unsigned int i = 0; installed && i < IST_ENTRIES; i++) {
		if (installed->entry[i].vector == vector)
			return installed->entry[i].stack;
	}
	return NULL;
}

void ist_install(const struct ist_design *design)
{
	installed = design;
	for (unsigned int i = 0; i < IST_ENTRIES; i++) {
		const struct ist_entry *e = &design->entry[i];

		tss_ist_set(e->slot, stack_top(e->stack));
		idt_set(e->vector, e->code, e->slot);
	}
}
