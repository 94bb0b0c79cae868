/* SPDX-License-Identifier: MIT */
/*
 * Addresses of the model: the arena and nothing else. Its pages are user pages.
 *
 * Sources: SDM vol. 1, "Memory Accesses by the XSAVE Feature Set"; vol. 3, "Canonical Addressing",
 * "Protection Keys", "Page-Fault Exceptions".
 */
#include <sys/mman.h>

#include "model.h"

#define PAGE	      4096
#define ROOM	      (4 * PAGE)
#define SEGMENT_LIMIT 0xffff
#define PF_PRESENT    1
#define PF_WRITE      2
#define PF_USER	      4
#define PF_KEY	      0x20

uint8_t *arena;

static struct {
	enum probe_access access;
	unsigned int key;
} pages[PROBE_ARENA_PAGES];

bool arena_protect(unsigned int page, enum probe_access access, unsigned int key)
{
	if (page >= PROBE_ARENA_PAGES || (key && !(machine.cr4 & CR4_PKE)))
		return false;
	pages[page].access = access;
	pages[page].key = key;
	return true;
}

bool canonical(uint64_t address)
{
	uint64_t top = address >> 47;

	return top == 0 || top == 0x1ffff;
}

static bool key_denies(unsigned int key, const struct op *op, bool write)
{
	uint32_t pkru = broken(pkru_counts_late) ? machine.pkru_before : machine.pkru;
	uint32_t rights = pkru >> 2 * key & 3;

	if (!(machine.cr4 & CR4_PKE) || broken(pkru_ignored) ||
	    (broken(pkru_ignored_by_supervisor) && op->cpl < 3))
		return false;
	if (rights & 1)
		return true;
	return write && rights & 2 && (op->cpl == 3 || machine.cr0 & CR0_WP) &&
	       !broken(pkru_write_disable_ignored);
}

static uint32_t page_error(const struct op *op, uint64_t address, bool write)
{
	uint64_t page = (address - (uintptr_t)arena) / PAGE;
	uint32_t error = (write ? PF_WRITE : 0) | (op->cpl == 3 ? PF_USER : 0);

	if (broken(pf_without_user_bit))
		error &= ~(uint32_t)PF_USER;
	if (page >= PROBE_ARENA_PAGES || pages[page].access == PROBE_NOT_PRESENT)
		return FAULT(PF, error);
	if (key_denies(pages[page].key, op, write))
		return FAULT(PF, error | PF_PRESENT | (broken(pf_without_key_bit) ? 0 : PF_KEY));
	if (write && pages[page].access == PROBE_READ_ONLY &&
	    (op->cpl == 3 || machine.cr0 & CR0_WP))
		return FAULT(PF, error | PF_PRESENT);
	return NO_FAULT;
}

static bool paged(const struct op *op)
{
	return op->probe->mode != PROBE_REAL && op->probe->mode != PROBE_PROTECTED32;
}

static fault_t touch_pages(struct op *op, uint64_t first, uint64_t last, bool write)
{
	for (uint64_t address = first; address <= last; address = (address | (PAGE - 1)) + 1) {
		fault_t fault = page_error(op, address, write);

		if (!fault)
			continue;
		op->cr2 = broken(cr2_page)	? address & ~UINT64_C(0xfff)
			  : broken(cr2_operand) ? op->address
						: address;
		return fault;
	}
	return NO_FAULT;
}

static bool sixteen_bit(enum probe_mode mode)
{
	return mode == PROBE_COMPAT16 || mode == PROBE_REAL || mode == PROBE_V86;
}

static fault_t segment_fault(const struct op *op)
{
	return op->stack && !broken(ss_gives_gp) ? FAULT(SS, 0) : GP;
}

fault_t touch(struct op *op, uint64_t offset, uint32_t size, bool write)
{
	uint64_t first = op->address + offset, last = first + size - 1;
	uint64_t limit = (uintptr_t)arena + SEGMENT_LIMIT;

	if (size == 0)
		return NO_FAULT;
	if (sixteen_bit(op->probe->mode) && last > limit && !broken(segment_limit_ignored))
		return segment_fault(op);
	if (op->long_mode && (!canonical(first) || !canonical(last)))
		return broken(noncanonical_pf) ? FAULT(PF, 0) : segment_fault(op);
	return paged(op) ? touch_pages(op, first, last, write) : NO_FAULT;
}

uint8_t *at(const struct op *op, uint64_t offset)
{
	return (uint8_t *)(uintptr_t)(op->address + offset);
}

void put(uint8_t *to, uint64_t value, unsigned int size)
{
	memcpy(to, &value, size);
}

uint64_t get(const uint8_t *from, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, from, size);
	return value;
}

/* Below 4 GiB, with room on either side: to the model it is not present, and a fault that is on may
 * miss the arena without ending the program. */
__attribute__((constructor)) static void arena_map(void)
{
	uint8_t *map = mmap(NULL, PROBE_ARENA_SIZE + 2 * ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (map == MAP_FAILED)
		__builtin_trap();
	arena = map + ROOM;
}
