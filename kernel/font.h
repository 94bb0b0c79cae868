/* SPDX-License-Identifier: MIT */
/* The built-in 8x16 font of the framebuffer console. */
#ifndef XTK_FONT_H
#define XTK_FONT_H

#include <stdint.h>

#define FONT_WIDTH	 8
#define FONT_HEIGHT	 16
#define FONT_MARGIN	 2  /* blank lines above each glyph */
#define FONT_LINES	 12 /* lines stored per glyph */
#define FONT_PLACEHOLDER 127

/**
 * font_line() - one line of pixels of a character
 * @c:    the byte; without a glyph, the placeholder is drawn
 * @line: 0 to FONT_HEIGHT - 1, from the top of the cell
 *
 * Return: eight pixels, the most significant bit leftmost.
 */
uint8_t font_line(uint8_t c, uint32_t line);

#endif
