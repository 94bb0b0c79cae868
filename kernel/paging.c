/* SPDX-License-Identifier: MIT */
/*
 * The map that the boot code made, refined: 4 KiB pages for the kernel image, so that code is not
 * writable, data not executable, page 0 and the guard page of every stack not there; and a second,
 * writable view of all memory at PHYS_ALIAS.
 *
 * Source: SDM vol. 3, "4-Level Paging and 5-Level Paging".
 */
#include <stdint.h>

#include <xtk/cpu.h>
#include <xtk/paging.h>
#include <xtk/stack.h>
#include <xtk/string.h>

#include "pte.h"

#define LARGE_PAGE  (UINT64_C(2) << 20)
#define IMAGE_PAGES 4 /* large pages that linker.ld lets the image use */
#define PER_TABLE   512

extern uint64_t pml4[PER_TABLE], pdpt[PER_TABLE], page_directories[4][PER_TABLE];
extern uint8_t _rodata_start[], _data_start[], _image_end[];

static uint64_t image_tables[IMAGE_PAGES][PER_TABLE] __attribute__((aligned(PAGE_SIZE)));
static uint64_t alias_pdpt[PER_TABLE] __attribute__((aligned(PAGE_SIZE)));
static uint64_t alias_directory[PER_TABLE] __attribute__((aligned(PAGE_SIZE)));

static uint64_t *image_pte(uint64_t address)
{
	return &image_tables[address / LARGE_PAGE][address / PAGE_SIZE % PER_TABLE];
}

static uint64_t protection(uint64_t address, uint64_t no_execute)
{
	if (address == 0)
		return 0;
	if (address >= (uint64_t)_data_start || address < 0x100000)
		return PTE_PRESENT | PTE_WRITE | no_execute;
	return address >= (uint64_t)_rodata_start ? PTE_PRESENT | no_execute : PTE_PRESENT;
}

/* End of the last large page that the image lies in. */
static uint64_t image_end(void)
{
	return ((uint64_t)_image_end + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
}

static void map_image(void)
{
	uint64_t no_execute = cpu.nx ? PTE_NX : 0;

	for (uint64_t a = 0; a < image_end(); a += PAGE_SIZE)
		*image_pte(a) = protection(a, no_execute) ? a | protection(a, no_execute) : 0;
	set_for_each (it, stacks)
		*image_pte((uint64_t)(*it)->guard) = 0;
}

/* PML4[1]: the first GiB without the protections, the other three shared with the identity map. */
static void map_alias(void)
{
	memcpy(alias_directory, page_directories[0], sizeof(alias_directory));
	memcpy(alias_pdpt, pdpt, sizeof(alias_pdpt));
	alias_pdpt[0] = (uint64_t)alias_directory | PTE_PRESENT | PTE_WRITE;
	pml4[1] = (uint64_t)alias_pdpt | PTE_PRESENT | PTE_WRITE;
}

void paging_init(void)
{
	if (cpu.nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	map_alias();
	map_image();
	for (uint64_t i = 0; i < image_end() / LARGE_PAGE; i++)
		page_directories[0][i] =
			(uint64_t)image_tables[i] | PTE_PRESENT | PTE_WRITE | PTE_USER;
	pdpt[0] |= PTE_USER;
	pml4[0] |= PTE_USER;
	write_cr3((uint64_t)pml4);
	write_cr0(read_cr0() | CR0_WP);
}

uint64_t page_protect(const void *address, uint64_t flags)
{
	uint64_t *pte = image_pte((uint64_t)address);
	uint64_t old = *pte;

	*pte = flags;
	invlpg(address);
	return old;
}

uint64_t page_for_user(const void *address)
{
	return page_protect(address, (uint64_t)address | PTE_PRESENT | PTE_USER);
}
