/* SPDX-License-Identifier: MIT */
/*
 * The screen console: its text against a screen without end, the framebuffer's pixels against the
 * font, and descriptions of framebuffers that must be refused.
 *
 * vga.c needs a VGA; a text device that records what is drawn stands in for it.
 *
 * Links: kernel/screen.c kernel/framebuffer.c kernel/font.c
 */
#include "font.h"
#include "screen.h"
#include "screen_device.h"

#include "check.h"
#include "low_memory.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* -- text ------------------------------------------------------------------------------------- */

static struct screen_device fake;
static uint8_t seen[SCREEN_MAX_ROWS][SCREEN_MAX_COLUMNS];
static unsigned int draws;
static bool outside;
static unsigned int interrupt_every; /* draws; 0: never */

static void fake_draw(uint32_t row, uint32_t column, uint8_t c)
{
	static bool interrupted;

	draws++;
	if (interrupt_every && !interrupted && draws % interrupt_every == 0) {
		interrupted = true;
		screen_write("\n\n\n\nan interrupt handler's report\n", 35);
		interrupted = false;
	}
	if (row >= fake.rows || column >= fake.columns)
		outside = true;
	else
		seen[row][column] = c;
}

bool vga_text_init(struct screen_device *device)
{
	if (!fake.rows)
		return false;
	memset(seen, ' ', sizeof(seen));
	draws = 0;
	*device = fake;
	return true;
}

static void begin(uint32_t rows, uint32_t columns)
{
	static const struct boot_info none;

	fake = (struct screen_device){ rows, columns, fake_draw };
	screen_init(&none);
}

static void write_text(const char *s)
{
	screen_write(s, strlen(s));
}

static bool row_is(uint32_t row, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = n; i < fake.columns; i++) {
		if (seen[row][i] != ' ')
			return false;
	}
	return !memcmp(seen[row], text, n);
}

static void test_lines(void)
{
	begin(5, 10);
	write_text("one\ntwo\r\n0123456789\n0123456789ab");
	check(row_is(0, "one") && row_is(1, "two"), "LF and CR LF");
	check(row_is(2, "0123456789") && row_is(3, "0123456789"), "a full line ends once");
	begin(4, 10);
	write_text("0123456789ab\n");
	check(row_is(0, "0123456789") && row_is(1, "ab"), "a long line wraps");
	begin(4, 20);
	write_text("a\tb\tc\rA\n1234567\t8");
	check(row_is(0, "A       b       c"), "tabs and CR");
	check(seen[1][8] == '8' && seen[1][7] == ' ', "a tab from column 7 goes to 8");
	begin(4, 20);
	write_text("12345678901234567\ta");
	check(row_is(1, "a"), "a tab ends at the right side");
	begin(4, 20);
	write_text("\xc3\xa9 \x01\x7f~");
	check(row_is(0, "\x7f\x7f \x7f\x7f~"), "what is no ASCII shows as a placeholder");
}

static void test_scroll(void)
{
	begin(4, 10);
	write_text("a\nb\nc\nd\n");
	check(row_is(0, "a") && row_is(3, "d"), "a full screen stays until there is more");
	write_text("e");
	check(row_is(0, "b") && row_is(3, "e"), "and then moves up by a quarter");
	begin(16, 10);
	write_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17");
	check(row_is(0, "5") && row_is(12, "17") && row_is(13, ""), "a quarter of 16 lines");
	begin(1, 10);
	write_text("a\nb\n\nc");
	check(row_is(0, "c"), "a screen of one line");
}

static void test_economy(void)
{
	begin(25, 80);
	write_text("   \n\n\t");
	check_eq(0, draws, "blanks on a blank screen are not drawn");
	write_text("\rab");
	check_eq(2, draws, "a character is drawn once");
	write_text("\rab\rab");
	check_eq(2, draws, "and not again while it stands there");
	begin(4, 10);
	write_text("same\nsame\nsame\nsame\n");
	draws = 0;
	write_text("same\nsame\n");
	check_eq(0, draws, "lines that look alike after scrolling are not drawn");
	begin(4, 10);
	write_text("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\na\nb\nc\nd\ne\nf\n");
	check_eq(8, draws, "of text that scrolls through in one call, the start and the end");
}

/* The same text on a screen without end; .top is the first row that the real one still shows. */
static struct {
	uint8_t text[8192][SCREEN_MAX_COLUMNS];
	uint32_t row, column, top;
} model;

static void model_make_room(void)
{
	if (model.row - model.top >= fake.rows)
		model.top += fake.rows / 4;
}

static void model_put(char c)
{
	if (c == '\r') {
		model.column = 0;
	} else if (c == '\n' || model.column == fake.columns) {
		model_make_room();
		model.row++;
		model.column = 0;
	}
	if (c != '\r' && c != '\n') {
		model_make_room();
		model.text[model.row][model.column++] = (uint8_t)c;
	}
}

static bool model_agrees(void)
{
	for (uint32_t r = 0; r < fake.rows; r++) {
		if (memcmp(seen[r], model.text[model.top + r], fake.columns) != 0)
			return false;
	}
	return true;
}

static void test_random_text(uint32_t rows, uint32_t columns)
{
	static const char letters[] = "abc ABC 012 ......\r\n\n";
	uint32_t seed = 7, written = 0;
	bool same = true;

	begin(rows, columns);
	outside = false;
	memset(model.text, ' ', sizeof(model.text));
	model.row = model.column = model.top = 0;
	while (written < 20000) {
		char piece[400];
		uint32_t n = random_next(&seed) % sizeof(piece);

		for (uint32_t i = 0; i < n; i++) {
			piece[i] = letters[random_next(&seed) % (sizeof(letters) - 1)];
			model_put(piece[i]);
		}
		screen_write(piece, n);
		written += n;
		same = same && model_agrees();
	}
	check(same, "random text shows as on a screen without end");
	check(!outside, "nothing is drawn outside of the device");
}

static void test_interrupted(void)
{
	for (interrupt_every = 1; interrupt_every < 50; interrupt_every++) {
		begin(4, 10);
		outside = false;
		for (int i = 0; i < 50; i++)
			write_text("text\nthat is interrupted\twhile it scrolls\n");
	}
	interrupt_every = 0;
	check(!outside, "a write within a write stays on the screen");
	write_text("\n\n\n\nwell");
	check(row_is(3, "well"), "and the next one shows");
}

static void test_no_screen(void)
{
	begin(0, 0);
	write_text("nobody sees this\n");
	check(!screen_present(), "no screen");
	begin(25, 80);
	check(screen_present(), "a screen");
}

/* -- font ------------------------------------------------------------------------------------- */

static bool glyphs_equal(uint32_t a, uint32_t b)
{
	for (uint32_t y = 0; y < FONT_HEIGHT; y++) {
		if (font_line((uint8_t)a, y) != font_line((uint8_t)b, y))
			return false;
	}
	return true;
}

static void test_font(void)
{
	static const uint8_t t[FONT_HEIGHT] = { 0,    0,    0xfc, 0x30, 0x30, 0x30, 0x30, 0x30,
						0x30, 0x30, 0x30, 0x30, 0,    0,    0,	  0 };
	uint32_t alike = 0, touching = 0;
	bool is_t = true;

	for (uint32_t a = ' '; a <= FONT_PLACEHOLDER; a++) {
		for (uint32_t b = ' '; b < a; b++)
			alike += glyphs_equal(a, b);
		for (uint32_t y = 0; y < FONT_HEIGHT; y++)
			touching += font_line((uint8_t)a, y) & 1;
	}
	for (uint32_t y = 0; y < FONT_HEIGHT; y++)
		is_t = is_t && font_line('T', y) == t[y] && font_line(' ', y) == 0;
	check(is_t, "a T, bit by bit, and the blank");
	check_eq(0, alike, "no two glyphs are alike");
	check_eq(0, touching, "none touches its neighbour on the right");
	check(glyphs_equal(0, FONT_PLACEHOLDER) && glyphs_equal(31, 128) && glyphs_equal(128, 255),
	      "a byte without a glyph is the placeholder");
}

/* -- framebuffer ------------------------------------------------------------------------------ */

#define CANARY 0xa5

static struct boot_framebuffer make(uint32_t width, uint32_t height, uint8_t bpp, uint32_t padding)
{
	uint32_t bytes = (bpp + 7u) / 8, bits = bpp < 24 ? 5 : 8;

	return (struct boot_framebuffer){
		/* the last pixel is the last byte that can be touched */
		.address = LOW_END - (height - 1) * (width * bytes + padding) - width * bytes,
		.pitch = width * bytes + padding,
		.width = width,
		.height = height,
		.bpp = bpp,
		.type = BOOT_FRAMEBUFFER_RGB,
		.red = { (uint8_t)(2 * bits + (bpp == 16)), (uint8_t)bits },
		.green = { (uint8_t)bits, (uint8_t)(bits + (bpp == 16)) },
		.blue = { 0, (uint8_t)bits },
	};
}

static const uint8_t *pixel_at(const struct boot_framebuffer *fb, uint32_t x, uint32_t y)
{
	uint32_t bytes = (fb->bpp + 7u) / 8;

	return (const uint8_t *)(uintptr_t)(fb->address + (uint64_t)y * fb->pitch + x * bytes);
}

static uint32_t pixel(const struct boot_framebuffer *fb, uint32_t x, uint32_t y)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < (fb->bpp + 7u) / 8; i++)
		value |= (uint32_t)pixel_at(fb, x, y)[i] << 8 * i;
	return value;
}

/* All of the screen is text in one colour on black, and the cells of row 0 hold @text. */
static bool shows(const struct boot_framebuffer *fb, const char *text, uint32_t grey,
		  uint32_t scale)
{
	size_t cells = strlen(text);

	for (uint32_t y = 0; y < fb->height; y++) {
		for (uint32_t x = 0; x < fb->width; x++) {
			uint32_t cell = x / (8 * scale), line = y / scale;
			uint8_t c = line < 16 && cell < cells ? (uint8_t)text[cell] : ' ';
			bool set = font_line(c, line % 16) >> (7 - x / scale % 8) & 1;

			if (pixel(fb, x, y) != (set ? grey : 0))
				return false;
		}
	}
	return true;
}

static bool padding_intact(const struct boot_framebuffer *fb)
{
	for (uint32_t y = 0; y + 1 < fb->height; y++) {
		const uint8_t *end = pixel_at(fb, fb->width, y);

		for (uint32_t i = 0; i < fb->pitch - fb->width * ((fb->bpp + 7u) / 8); i++) {
			if (end[i] != CANARY)
				return false;
		}
	}
	return *(const uint8_t *)(uintptr_t)(fb->address - 1) == CANARY;
}

static void check_pixels(const struct boot_framebuffer *fb, uint32_t grey, const char *what)
{
	struct boot_info boot = { .fb = *fb };
	uint32_t scale = fb->width >= 2560 ? 2 : 1;
	char line[SCREEN_MAX_COLUMNS + 1] = { 0 };

	fake.rows = 0;
	memset((void *)(uintptr_t)LOW_START, CANARY, LOW_SIZE);
	screen_init(&boot);
	for (uint32_t i = 0; i < fb->width / (8 * scale); i++)
		line[i] = (char)(' ' + i % 96);
	check(screen_present(), what);
	write_text(line);
	check(shows(fb, line, grey, scale), "its pixels");
	for (int i = 0; i < 500; i++)
		write_text("a line to fill the screen to its last cell, and over its right side\n");
	check(padding_intact(fb), "nothing beside or before it");
}

static void test_framebuffers(void)
{
	struct boot_framebuffer fb = make(1024, 768, 32, 0);

	check_pixels(&fb, 0xaaaaaa, "1024 x 768, 32 bits");
	fb = make(800, 600, 24, 0);
	check_pixels(&fb, 0xaaaaaa, "800 x 600, 24 bits");
	fb = make(801, 601, 24, 5);
	check_pixels(&fb, 0xaaaaaa, "odd sides and pitch");
	fb = make(640, 480, 16, 2);
	check_pixels(&fb, 20 << 11 | 42 << 5 | 20, "640 x 480, 16 bits");
	fb = make(640, 480, 15, 0);
	check_pixels(&fb, 20 << 10 | 20 << 5 | 20, "640 x 480, 15 bits");
	fb = make(2560, 400, 32, 64);
	check_pixels(&fb, 0xaaaaaa, "a screen so wide that the font is doubled");
	fb = make(320, 200, 32, 0);
	fb.red = (struct boot_color){ 20, 10 };
	fb.green = (struct boot_color){ 10, 10 };
	fb.blue = (struct boot_color){ 0, 10 };
	check_pixels(&fb, 682u << 20 | 682 << 10 | 682, "ten bits a colour");
}

static void check_refused(struct boot_framebuffer fb, const char *what)
{
	struct screen_device device;

	check(!framebuffer_init(&device, &fb), what);
}

static void test_nonsense(void)
{
	struct boot_framebuffer good = make(800, 600, 16, 0);
	struct boot_framebuffer fb;

#define REFUSED(field, value)                                                                      \
	(fb = good, fb.field = (value), check_refused(fb, #field " = " #value))
	REFUSED(bpp, 14);
	good = make(800, 600, 32, 800);
	REFUSED(bpp, 33);
	good = make(800, 600, 32, 0);
	REFUSED(type, BOOT_FRAMEBUFFER_NONE);
	REFUSED(type, BOOT_FRAMEBUFFER_EGA_TEXT);
	REFUSED(type, 3);
	REFUSED(bpp, 0);
	REFUSED(bpp, 8);
	REFUSED(bpp, 255);
	REFUSED(width, 0);
	REFUSED(width, 319);
	REFUSED(width, 801); /* more than the pitch */
	REFUSED(width, 0x40000000);
	REFUSED(width, 0xffffffff);
	REFUSED(height, 0);
	REFUSED(height, 199);
	REFUSED(height, 16385);
	REFUSED(height, 0xffffffff);
	REFUSED(pitch, 0);
	REFUSED(pitch, 3199);
	REFUSED(pitch, 0xffffffff);
	REFUSED(address, 0);
	REFUSED(address, 0x100000); /* the kernel */
	REFUSED(address, 0xffffff);
	REFUSED(address, 0xfec00000 - 1);
	REFUSED(address, 0xfee00000);
	REFUSED(address, 0x100000000);
	REFUSED(address, 0xffffffffffffff00);
	REFUSED(red.size, 0);
	REFUSED(green.size, 17);
	REFUSED(blue.position, 25);
	REFUSED(blue.position, 255);
#undef REFUSED
}

int main(void)
{
	low_memory_map();
	test_lines();
	test_scroll();
	test_economy();
	test_random_text(25, 80);
	test_random_text(8, 7);
	test_random_text(128, 256);
	test_interrupted();
	test_no_screen();
	test_font();
	test_framebuffers();
	test_nonsense();
	return check_end();
}
