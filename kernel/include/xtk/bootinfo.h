/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader handed over, in one form for the three protocols xtk can be entered by.
 *
 * Sources: Multiboot Specification 0.6.96, "Boot information format"; Multiboot2 Specification 2.0,
 * "Boot information format"; Xen, "x86/HVM direct boot ABI" (PVH).
 */
#ifndef XTK_BOOTINFO_H
#define XTK_BOOTINFO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The magic that tells the entry paths apart. The two multiboot values are what the loader leaves
 * in EAX; PVH defines no such register, so its entry path loads the magic of the structure that
 * EBX points to.
 */
#define XTK_BOOT_MAGIC_MULTIBOOT1 0x2badb002u
#define XTK_BOOT_MAGIC_MULTIBOOT2 0x36d76289u
#define XTK_BOOT_MAGIC_PVH	  0x336ec578u

enum boot_protocol { BOOT_MULTIBOOT1, BOOT_MULTIBOOT2, BOOT_PVH };

/* The numbers are multiboot's; its 0, a palette, is of no use here and reads as "none". */
enum boot_framebuffer_type {
	BOOT_FRAMEBUFFER_NONE = 0,
	BOOT_FRAMEBUFFER_RGB = 1,
	BOOT_FRAMEBUFFER_EGA_TEXT = 2,
};

/* One colour of a pixel: its lowest bit and its width in bits. */
struct boot_color {
	uint8_t position;
	uint8_t size;
};

/* As the loader said it, unchecked: who draws has to judge it. */
struct boot_framebuffer {
	uint64_t address; /* physical */
	uint32_t pitch;	  /* bytes from one line to the next */
	uint32_t width;	  /* pixels; characters if EGA text */
	uint32_t height;
	uint8_t bpp;
	uint8_t type; /* enum boot_framebuffer_type */
	struct boot_color red;
	struct boot_color green;
	struct boot_color blue;
};

struct boot_info {
	enum boot_protocol protocol;
	bool cmdline_truncated; /* the loader's line did not fit: its last words are missing */
	char cmdline[1024];	/* the words only, NUL-terminated */
	char loader[64];	/* "" if it gave no name; cut if longer */
	struct boot_framebuffer fb;
	uint64_t rsdp; /* physical; 0: the loader did not say, search for it */
};

/**
 * boot_info_parse() - read what the loader left in memory
 * @info:    result; without command line, framebuffer and RSDP where the loader gave none
 * @magic:   XTK_BOOT_MAGIC_*, from EAX at entry (PVH: from the entry path)
 * @address: physical address of the protocol's structure, from EBX at entry
 *
 * Nothing is believed but the magic: every structure must lie in the 4 GiB that the boot code maps,
 * and no byte is read past the size that a structure declares for itself. Strings are copied, since
 * the loader's memory is not reserved.
 *
 * Return: false if @magic is unknown or the structure contradicts itself; @info is then empty.
 * Source: the three specifications named at the head of this file.
 */
bool boot_info_parse(struct boot_info *info, uint32_t magic, uint64_t address);

/**
 * boot_protocol_name() - the name in the log's header line
 * @protocol: how the kernel was entered
 *
 * Return: "multiboot1", "multiboot2" or "pvh".
 */
const char *boot_protocol_name(enum boot_protocol protocol);

#endif
