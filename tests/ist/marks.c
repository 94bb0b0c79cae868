/* SPDX-License-Identifier: MIT */
/*
 * INT3 over instructions.
 *
 * Source: SDM vol. 3, "Handling Self- and Cross-Modifying Code".
 */
#include <xtk/cpu.h>
#include <xtk/paging.h>
#include <xtk/panic.h>

#include "engine.h"

#define INT3	   0xcc
#define MAX_MARKS  16
#define MAX_IRETQS 512

static struct {
	uint64_t rip;
	uint8_t byte;
} marks[MAX_MARKS];

static unsigned int mark_count;

static uint64_t iretqs[MAX_IRETQS];
static uint8_t iretq_bytes[MAX_IRETQS];
static unsigned int iretq_count;

static uint8_t patch(uint64_t rip, uint8_t byte)
{
	volatile uint8_t *text = phys_alias((const void *)rip);
	uint8_t old = *text;

	*text = byte;
	return old;
}

static unsigned int find(uint64_t rip)
{
	unsigned int i = 0;

	while (i < mark_count && marks[i].rip != rip)
		i++;
	return i;
}

bool mark_is_set(uint64_t rip)
{
	return find(rip) < mark_count;
}

/* An IRETQ is marked anyway. */
void mark_set(uint64_t rip)
{
	if (mark_is_set(rip))
		return;
	BUG_ON(mark_count == MAX_MARKS);
	marks[mark_count].rip = rip;
	marks[mark_count++].byte = is_iretq(rip) ? INT3 : patch(rip, INT3);
	cpuid(0, 0); /* serialise before it runs */
}

void mark_clear(uint64_t rip)
{
	unsigned int i = find(rip);

	if (i == mark_count)
		return;
	patch(rip, marks[i].byte);
	marks[i] = marks[--mark_count];
}

void marks_clear_all(void)
{
	while (mark_count)
		mark_clear(marks[0].rip);
}

void iretqs_mark(void)
{
	iretq_count = lab_iretqs(iretqs, MAX_IRETQS);
	BUG_ON(iretq_count == MAX_IRETQS);
	for (unsigned int i = 0; i < iretq_count; i++)
		iretq_bytes[i] = patch(iretqs[i], INT3);
	cpuid(0, 0);
}

void iretqs_unmark(void)
{
	for (unsigned int i = 0; i < iretq_count; i++)
		patch(iretqs[i], iretq_bytes[i]);
	iretq_count = 0;
	cpuid(0, 0);
}

bool is_iretq(uint64_t rip)
{
	for (unsigned int i = 0; i < iretq_count; i++) {
		if (iretqs[i] == rip)
			return true;
	}
	return false;
}
