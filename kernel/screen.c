/* SPDX-License-Identifier: MIT */
/*
 * The screen console's text: cursor, line ends, scrolling.
 *
 * The text is kept in RAM, beside what the device shows of it, and only cells that differ are
 * drawn: device memory is slow to write, slower to read (it never is), and slowest under an
 * emulator. For the same reason a full screen moves up by a quarter at once, not by one for every
 * line, and only when there is something to show below.
 */
#include <xtk/string.h>
#include "font.h"
#include "screen.h"
#include "screen_device.h"

#define TAB_STOP 8u

static struct screen_device device;
static uint8_t text[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];
static uint8_t shown[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];
static uint32_t row;	/* == device.rows: scroll before the next character */
static uint32_t column; /* == device.columns: wrap before the next character */
static bool scrolled;	/* the device has yet to show it */

static void show(uint32_t r, uint32_t c)
{
	uint8_t wanted = text[r][c];

	if (wanted == shown[r][c])
		return;
	shown[r][c] = wanted;
	device.draw(r, c, wanted);
}

static void show_all(void)
{
	scrolled = false;
	for (uint32_t r = 0; r < device.rows; r++) {
		for (uint32_t c = 0; c < device.columns; c++)
			show(r, c);
	}
}

static void scroll(void)
{
	uint32_t jump = device.rows / 4 ? device.rows / 4 : 1;
	uint32_t kept = device.rows - jump;

	memmove(text, text[jump], kept * sizeof(text[0]));
	memset(text[kept], ' ', jump * sizeof(text[0]));
	row = kept;
	scrolled = true;
}

static void new_line(void)
{
	if (row >= device.rows)
		scroll();
	row++;
	column = 0;
}

static void put_glyph(uint8_t c)
{
	uint32_t r, k;

	if (column >= device.columns)
		new_line();
	if (row >= device.rows)
		scroll();
	/* Copies: a handler that interrupts this may write too, and move the cursor. */
	r = row;
	k = column;
	if (r < device.rows && k < device.columns) {
		text[r][k] = c;
		if (!scrolled)
			show(r, k);
	}
	column = k + 1;
}

static void put(char c)
{
	if (c == '\n')
		new_line();
	else if (c == '\r')
		column = 0;
	else if (c == '\t')
		do
			put_glyph(' ');
		while (column % TAB_STOP && column < device.columns);
	else
		put_glyph(c >= ' ' && c < FONT_PLACEHOLDER ? (uint8_t)c : FONT_PLACEHOLDER);
}

void screen_init(const struct boot_info *boot)
{
	row = 0;
	column = 0;
	device.rows = 0;
	if (!framebuffer_init(&device, &boot->fb) && !vga_text_init(&device))
		return;
	memset(text, ' ', sizeof(text));
	memset(shown, ' ', sizeof(shown));
}

bool screen_present(void)
{
	return device.rows != 0;
}

void screen_write(const char *s, size_t n)
{
	if (!screen_present())
		return;
	for (size_t i = 0; i < n; i++)
		put(s[i]);
	if (scrolled)
		show_all();
}
