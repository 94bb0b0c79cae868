/* SPDX-License-Identifier: MIT */
/*
 * The instructions of the probes in executable pages. Each is written once and found again by its
 * bytes, because an emulator translates a page anew that was written to.
 *
 * Behind the instruction stands the way out, and behind that INT3: a machine that takes the
 * instruction for a longer one raises a fault right there.
 */
#include <xtk/cpu.h>
#include <xtk/paging.h>
#include <xtk/stack.h>
#include <xtk/string.h>

#include "probe.h"
#include "pte.h"

#define INT3	  0xcc
#define JMP_REL32 0xe9
#define INT_IMM8  0xcd
#define HASH	  UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio */
#define FULL	  (PROBE_CODE_COUNT * 3 / 4)

_Static_assert((PROBE_CODE_COUNT & (PROBE_CODE_COUNT - 1)) == 0, "slots are counted by a mask");

/* What a slot holds: length and bytes of struct probe_insn, the exit in the length's upper bits. */
struct key {
	uint64_t low, high;
};

uint8_t probe_code_pages[PROBE_CODE_COUNT][PROBE_CODE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static struct key keys[PROBE_CODE_COUNT];
static unsigned int used;

void probe_code_init(void)
{
	for (uint64_t at = 0; at < sizeof(probe_code_pages); at += PAGE_SIZE) {
		uint64_t page = (uint64_t)probe_code_pages + at;

		page_protect((void *)page, page | PTE_PRESENT | PTE_USER);
	}
}

static struct key key_of(const struct probe_insn *insn, enum probe_exit exit)
{
	struct key key;

	_Static_assert(sizeof(key) == sizeof(insn->length) + sizeof(insn->bytes),
		       "length and bytes are the key");
	__builtin_memcpy(&key, &insn->length, sizeof(key));
	key.low |= (uint64_t)exit << 7;
	return key;
}

/* The slot that holds @key, or the free one in which it belongs. */
static unsigned int find(struct key key)
{
	unsigned int i = (unsigned int)((key.low ^ (key.high * HASH)) * HASH >> 32);

	for (i %= PROBE_CODE_COUNT; keys[i].low; i = (i + 1) % PROBE_CODE_COUNT) {
		if (keys[i].low == key.low && keys[i].high == key.high)
			break;
	}
	return i;
}

static void write_exit(uint8_t *out, uint64_t address, enum probe_exit exit)
{
	uint32_t distance = (uint32_t)((uint64_t)probe_return - (address + 5));

	if (exit == PROBE_EXIT_INT) {
		out[0] = INT_IMM8;
		out[1] = VEC_PROBE;
	} else {
		out[0] = JMP_REL32;
		__builtin_memcpy(out + 1, &distance, sizeof(distance));
	}
}

static void write_code(unsigned int slot, const struct probe_insn *insn, enum probe_exit exit)
{
	uint8_t *out = phys_alias(probe_code_pages[slot]);

	memset(out, INT3, PROBE_CODE_SIZE);
	memcpy(out, insn->bytes, insn->length);
	write_exit(out + insn->length, (uint64_t)probe_code_pages[slot] + insn->length, exit);
	cpuid(0, 0); /* SDM vol. 3, "Handling Self- and Cross-Modifying Code" */
}

uint64_t probe_code(const struct probe_insn *insn, enum probe_exit exit)
{
	struct key key = key_of(insn, exit);
	unsigned int slot = find(key);

	if (!keys[slot].low) {
		if (used++ == FULL) {
			memset(keys, 0, sizeof(keys));
			used = 1;
			slot = find(key);
		}
		keys[slot] = key;
		write_code(slot, insn, exit);
	}
	return (uint64_t)probe_code_pages[slot];
}
