/* SPDX-License-Identifier: MIT */
/*
 * Inside the boot information parser: what its files (bootinfo.c, multiboot1.c, multiboot2.c)
 * share.
 */
#ifndef XTK_BOOT_PARSE_H
#define XTK_BOOT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xtk/bootinfo.h>
#include "phys.h"

/* The layouts are the specifications', byte for byte, and a loader may put them at any address. */
#define PACKED __attribute__((packed))

/* Both multiboot versions describe the screen in these words; their padding differs. */
struct PACKED mb_framebuffer {
	uint64_t address;
	uint32_t pitch;
	uint32_t width;
	uint32_t height;
	uint8_t bpp;
	uint8_t type;
};

struct PACKED mb_colors {
	struct boot_color red;
	struct boot_color green;
	struct boot_color blue;
};

/* Text in physical memory; the size is the structure's word where it gives one. */
struct text {
	const char *start;
	uint64_t size;
};

/**
 * text_at() - text whose size nobody gives
 * @address: physical address of the first character
 *
 * Return: the text, bounded by TEXT_SIZE_MAX and by the mapped memory; empty if outside of it.
 */
struct text text_at(uint64_t address);

/**
 * text_copy() - copy text up to its NUL
 * @to:   result, always NUL-terminated
 * @room: bytes there, 1 at least
 * @text: the source
 *
 * Return: false if the text was cut, be it for want of room or of a NUL within its size.
 */
bool text_copy(char *to, size_t room, struct text text);

void boot_set_cmdline(struct boot_info *info, struct text text);
void boot_set_framebuffer(struct boot_framebuffer *fb, const struct mb_framebuffer *mb,
			  const struct mb_colors *colors);

/* One per protocol: fill @info, which is empty but for .protocol; false if damaged. */
bool multiboot1_parse(struct boot_info *info, uint64_t address);
bool multiboot2_parse(struct boot_info *info, uint64_t address);

#endif
