/* SPDX-License-Identifier: MIT */
/* What can show characters: between screen.c, which knows text, and the two devices. */
#ifndef XTK_SCREEN_DEVICE_H
#define XTK_SCREEN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <xtk/bootinfo.h>

/* The largest text that screen.c keeps. More of a device stays blank. */
#define SCREEN_MAX_ROWS	   128
#define SCREEN_MAX_COLUMNS 256

struct screen_device {
	uint32_t rows; /* 0: no device */
	uint32_t columns;
	/* Draw one character; row and column lie within the above. */
	void (*draw)(uint32_t row, uint32_t column, uint8_t c);
};

/**
 * framebuffer_init() - take over a linear framebuffer, blank
 * @device: filled on success
 * @fb:     what the loader says
 *
 * Return: false if @fb is none, is of a kind that xtk does not draw on, or contradicts itself.
 * Source: Multiboot2 Specification 2.0, "Framebuffer info".
 */
bool framebuffer_init(struct screen_device *device, const struct boot_framebuffer *fb);

/**
 * vga_text_init() - take over the VGA's text screen, blank
 * @device: filled on success
 *
 * Return: false if there is no VGA or it is not in a colour text mode.
 */
bool vga_text_init(struct screen_device *device);

#endif
