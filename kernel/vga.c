/* SPDX-License-Identifier: MIT */
/*
 * The VGA text screen as the PC firmware leaves it: 80 x 25, 16-bit cells at B8000H.
 *
 * No VGA costs three port accesses. Without one these ports read as all ones, which says "graphics
 * mode"; memory alone would not tell, since a virtual machine may have plain RAM at B8000H.
 *
 * Source: IBM VGA register set, "Graphics Controller: Miscellaneous Register" (index 6) and "CRT
 * Controller: Cursor Start Register" (index 0AH).
 */
#include <xtk/cpu.h>
#include "phys.h"
#include "screen_device.h"

#define TEXT_BASE    0xb8000u
#define TEXT_ROWS    25
#define TEXT_COLUMNS 80
#define TEXT_GREY    0x0700u /* attribute byte: light grey on black */

#define PORT_GRAPHICS_INDEX 0x3ce
#define PORT_GRAPHICS_DATA  0x3cf
#define GRAPHICS_MISC	    6
#define MISC_GRAPHICS	    0x1u
#define MISC_MEMORY_MAP	    0xcu /* all set: 32 KiB at B8000H */

#define PORT_CRTC_INDEX	 0x3d4
#define PORT_CRTC_DATA	 0x3d5
#define CRTC_CURSOR	 0xa
#define CRTC_CURSOR_HIDE 0x20

static volatile uint16_t *cells(void)
{
	return phys_ptr(TEXT_BASE);
}

static bool text_mode(void)
{
	uint8_t misc;

	outb(PORT_GRAPHICS_INDEX, GRAPHICS_MISC);
	misc = inb(PORT_GRAPHICS_DATA);
	return (misc & (MISC_GRAPHICS | MISC_MEMORY_MAP)) == MISC_MEMORY_MAP;
}

/* Two patterns, so that neither a fixed value nor what the bus last carried passes. */
static bool memory_answers(void)
{
	volatile uint16_t *cell = cells();

	cell[0] = 0x5aa5;
	cell[1] = 0xa55a;
	return cell[0] == 0x5aa5 && cell[1] == 0xa55a;
}

static void draw(uint32_t row, uint32_t column, uint8_t c)
{
	cells()[row * TEXT_COLUMNS + column] = (uint16_t)(TEXT_GREY | c);
}

bool vga_text_init(struct screen_device *device)
{
	if (!text_mode() || !memory_answers())
		return false;
	for (uint32_t i = 0; i < TEXT_ROWS * TEXT_COLUMNS; i++)
		cells()[i] = TEXT_GREY | ' ';
	outb(PORT_CRTC_INDEX, CRTC_CURSOR);
	outb(PORT_CRTC_DATA, CRTC_CURSOR_HIDE);
	device->rows = TEXT_ROWS;
	device->columns = TEXT_COLUMNS;
	device->draw = draw;
	return true;
}
