/* SPDX-License-Identifier: MIT */
/*
 * Characters on a linear framebuffer with 15 to 32 bits per pixel.
 *
 * The loader's description is checked against itself before the first write, and everything that
 * is drawn lies within width x height of it. The framebuffer is never read. One above 4 GiB is not
 * used: the boot code maps no more, and a run needs no screen.
 *
 * Source: Multiboot2 Specification 2.0, "Framebuffer info".
 */
#include <xtk/string.h>
#include "font.h"
#include "phys.h"
#include "screen_device.h"

/*
 * Outside of these a description is wrong on every PC: below lies the kernel (linker.ld keeps it
 * under 8 MiB), above lie the I/O APIC, the local APIC and the firmware's ROM.
 */
#define FRAMEBUFFER_LOWEST	(16ull << 20)
#define FRAMEBUFFER_HIGHEST_END 0xfec00000ull

#define WIDTH_MIN  320u
#define HEIGHT_MIN 200u
#define SIDE_MAX   16384u
#define WIDTH_HUGE 2560u /* from here on the font is drawn SCALE_MAX times as large */

#define FOREGROUND 0xaau /* of 0xff, in each colour: the light grey of a text screen */

#define PIXEL_BYTES_MAX 4
#define SCALE_MAX	2

static struct {
	uint8_t *base;
	uint32_t pitch;
	uint32_t bytes; /* per pixel */
	uint32_t scale; /* screen pixels per font pixel, each way */
} screen;

/*
 * Every line that a glyph can have, as it goes to the screen. Drawing is copying from here: six
 * times faster under an emulator than pixel by pixel.
 */
static uint64_t lines[256][FONT_WIDTH * PIXEL_BYTES_MAX * SCALE_MAX / sizeof(uint64_t)];

static uint32_t bytes_per_pixel(const struct boot_framebuffer *fb)
{
	return (fb->bpp + 7u) / 8;
}

static bool color_usable(const struct boot_color *color, uint32_t pixel_bytes)
{
	return color->size >= 1 && color->size <= 16 &&
	       color->position + color->size <= 8 * pixel_bytes;
}

static bool colors_usable(const struct boot_framebuffer *fb)
{
	uint32_t bytes = bytes_per_pixel(fb);

	return color_usable(&fb->red, bytes) && color_usable(&fb->green, bytes) &&
	       color_usable(&fb->blue, bytes);
}

static bool framebuffer_usable(const struct boot_framebuffer *fb)
{
	uint64_t size = (uint64_t)fb->pitch * fb->height;

	if (fb->type != BOOT_FRAMEBUFFER_RGB || fb->bpp < 15 || fb->bpp > 32 || !colors_usable(fb))
		return false;
	if (fb->width < WIDTH_MIN || fb->width > SIDE_MAX)
		return false;
	if (fb->height < HEIGHT_MIN || fb->height > SIDE_MAX)
		return false;
	if (fb->pitch < fb->width * bytes_per_pixel(fb))
		return false;
	return phys_range_ok(fb->address, size) && fb->address >= FRAMEBUFFER_LOWEST &&
	       fb->address + size <= FRAMEBUFFER_HIGHEST_END;
}

static uint32_t grey(struct boot_color color)
{
	return ((1u << color.size) - 1) * FOREGROUND / 0xff << color.position;
}

static uint8_t *put_pixel(uint8_t *at, uint32_t pixel)
{
	for (uint32_t i = 0; i < screen.bytes; i++)
		*at++ = (uint8_t)(pixel >> 8 * i);
	return at;
}

static void prepare_lines(uint32_t foreground)
{
	for (uint32_t bits = 0; bits < 256; bits++) {
		uint8_t *at = (uint8_t *)lines[bits];

		for (uint32_t x = 0; x < FONT_WIDTH * screen.scale; x++) {
			bool set = bits >> (FONT_WIDTH - 1 - x / screen.scale) & 1;

			at = put_pixel(at, set ? foreground : 0);
		}
	}
}

static void draw(uint32_t row, uint32_t column, uint8_t c)
{
	uint32_t cell = FONT_WIDTH * screen.bytes * screen.scale;
	uint64_t top = (uint64_t)row * FONT_HEIGHT * screen.scale;
	uint8_t *at = screen.base + top * screen.pitch + column * cell;

	for (uint32_t y = 0; y < FONT_HEIGHT * screen.scale; y++, at += screen.pitch)
		memcpy(at, lines[font_line(c, y / screen.scale)], cell);
}

static void clear(const struct boot_framebuffer *fb)
{
	for (uint32_t y = 0; y < fb->height; y++)
		memset(screen.base + (uint64_t)y * screen.pitch, 0, fb->width * screen.bytes);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

bool framebuffer_init(struct screen_device *device, const struct boot_framebuffer *fb)
{
	if (!framebuffer_usable(fb))
		return false;
	screen.base = phys_ptr(fb->address);
	screen.pitch = fb->pitch;
	screen.bytes = bytes_per_pixel(fb);
	screen.scale = fb->width >= WIDTH_HUGE ? SCALE_MAX : 1;
	prepare_lines(grey(fb->red) | grey(fb->green) | grey(fb->blue));
	device->rows = smaller(fb->height / (FONT_HEIGHT * screen.scale), SCREEN_MAX_ROWS);
	device->columns = smaller(fb->width / (FONT_WIDTH * screen.scale), SCREEN_MAX_COLUMNS);
	device->draw = draw;
	clear(fb);
	return true;
}
