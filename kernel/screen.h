/* SPDX-License-Identifier: MIT */
/*
 * The screen console, for machines without a serial port: VGA text or a linear framebuffer.
 *
 * It shows what the serial line carries, no more. Nothing here waits or can fail: without a usable
 * screen the calls do nothing. An interrupt handler that writes while it has interrupted a write
 * may garble text, but never memory.
 */
#ifndef XTK_SCREEN_H
#define XTK_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <xtk/bootinfo.h>

/**
 * screen_init() - find a screen and clear it
 * @boot: the loader's word on the framebuffer; judged here, ignored if it makes no sense
 */
void screen_init(const struct boot_info *boot);

/**
 * screen_present() - is there a screen?
 *
 * Return: true if screen_write() shows anything.
 */
bool screen_present(void);

/**
 * screen_write() - show text
 * @s: ASCII with \n, \r and \t; every other byte shows as a placeholder
 * @n: bytes
 */
void screen_write(const char *s, size_t n);

#endif
