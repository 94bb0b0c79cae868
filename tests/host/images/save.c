/* SPDX-License-Identifier: MIT */
/*
 * Make the images that a CPU saves: load the registers of amd-pending.bin, and save them with every
 * instruction, in compatibility mode and without REX.W too. For a CPU with AMD's standard layout
 * and AVX-512. Built with -mgeneral-regs-only, from the top of the tree:
 *
 *   gcc -mgeneral-regs-only -no-pie -Ilib tests/host/images/save.c lib/[a-z]*.c
 *   ./a.out tests/host/images && python3 tests/host/images/make.py tests/host/images
 */
#include "../silicon_compat.h"

#define STALE 0x5e /* what XSAVEOPT and XSAVEC find in memory */

static uint8_t image[MEMORY_SIZE] AREA, initial[MEMORY_SIZE] AREA, after[MEMORY_SIZE] AREA;
static const char *directory;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "save: %s: %s\n", what, why);
	_exit(2);
}

static void put(const char *name, const void *data, size_t size)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.bin", directory, name);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		die(path, "cannot be written: give a directory that can");
}

static bool load_image(void)
{
	FILE *file = fopen("tests/host/images/amd-pending.bin", "rb");
	size_t size = file ? fread(image, 1, sizeof(image), file) : 0;

	if (file)
		fclose(file);
	return size == xsave_standard_size(&xsave_layout_amd, 0xe7);
}

/* The library's call, for @in_use of the image, over @filler. */
static void save(const char *name, enum xsave_insn insn, uint64_t in_use, uint8_t filler)
{
	struct xsave_cpu one;
	size_t size = insn == XSAVE_INSN_FXSAVE ? XSAVE_LEGACY_SIZE : area_size;

	if (!use_insn(&one, insn))
		die(name, "this CPU lacks the instruction");
	memset(memory, filler, MEMORY_SIZE);
	set_word(image, XSAVE_LEGACY_SIZE, in_use);
	insn_xrstor(in_use ? image : initial, xcr0);
	xsave_save_with(&one, memory, MEMORY_SIZE, ALL);
	load_default();
	set_word(image, XSAVE_LEGACY_SIZE, xcr0);
	put(name, memory, size);
}

static void save_compat(const char *name, const uint8_t *insn)
{
	struct compat_call call = { insn, xcr0, image, after };

	if (!compat_map() || !compat_has_segment())
		die(name, "no compatibility mode here");
	memset(compat_area, 0, MEMORY_SIZE);
	if (compat_do(&call))
		die(name, "a fault in compatibility mode");
	put(name, compat_area, area_size);
}

static void save_narrow(const char *name)
{
	memset(memory, 0, MEMORY_SIZE);
	insn_xrstor(image, xcr0);
	__asm__ volatile("xsave (%0)"
			 :
			 : "r"(memory), "a"((uint32_t)xcr0), "d"((uint32_t)(xcr0 >> 32))
			 : "memory");
	load_default();
	put(name, memory, area_size);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		die("usage", "give one directory");
	directory = argv[1];
	if (!silicon_setup() || xcr0 != 0xe7 || cpu.layout.offset[XSAVE_OPMASK] != 832)
		die("this CPU", "AMD's layout and XCR0 = E7H are needed");
	if (!load_image())
		die("tests/host/images/amd-pending.bin", "missing: run from the top of the tree");
	memcpy(initial, &(struct xsave)XSAVE_DEFAULT, XSAVE_EXTENDED);
	save("cpu-standard", XSAVE_INSN_XSAVE, xcr0, 0);
	save("cpu-compacted", XSAVE_INSN_XSAVEC, xcr0, 0);
	save("cpu-xsaveopt", XSAVE_INSN_XSAVEOPT, 7, STALE);
	save("cpu-init", XSAVE_INSN_XSAVEC, 0, STALE);
	save("cpu-fxsave", XSAVE_INSN_FXSAVE, xcr0, 0);
	save_compat("cpu-compat", compat_xsave);
	save_compat("cpu-compat-compacted", compat_xsavec);
	save_narrow("cpu-narrow");
	return 0;
}
