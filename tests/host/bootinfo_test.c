/* SPDX-License-Identifier: MIT */
/*
 * Boot information of the three protocols: as real loaders write it, and damaged.
 *
 * The bytes are written here field by field from the specifications' tables and not with the
 * parser's own structures, so that a wrong structure does not agree with itself.
 *
 * Links: kernel/bootinfo.c kernel/multiboot1.c kernel/multiboot2.c
 */
#include <xtk/bootinfo.h>

#include "check.h"
#include "low_memory.h"

#define PAST_4G 0x100000000ull

static struct boot_info info;

/* string.c of the kernel would put its own memcpy in the place of the C library's. */
bool starts_with(const char *s, const char *prefix);
bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static void store(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static bool empty(void)
{
	struct boot_info none = { .protocol = info.protocol };

	return !info.cmdline[0] && !info.cmdline_truncated && !info.loader[0] && !info.rsdp &&
	       !memcmp(&info.fb, &none.fb, sizeof(none.fb));
}

/* -- multiboot 1 ------------------------------------------------------------------------------ */

static uint8_t mb1[116];

static bool parse_mb1(const char *loader, const char *cmdline)
{
	memset(mb1, 0, sizeof(mb1));
	if (cmdline) {
		store(mb1, 1 << 2, 4);
		store(mb1 + 16, low_place_at(0x1000, cmdline, strlen(cmdline) + 1), 4);
	}
	if (loader) {
		mb1[1] |= 1 << 1; /* flags bit 9 */
		store(mb1 + 64, low_place_at(0x100, loader, strlen(loader) + 1), 4);
	}
	return boot_info_parse(&info, XTK_BOOT_MAGIC_MULTIBOOT1, low_place(mb1, sizeof(mb1)));
}

static void check_mb1_words(const char *loader, const char *cmdline, const char *want)
{
	check(parse_mb1(loader, cmdline) && !info.cmdline_truncated, "multiboot 1 is read");
	if (!check_line(!strcmp(info.cmdline, want), loader ? loader : "no loader name"))
		printf("# \"%s\": expected \"%s\", got \"%s\"\n", cmdline, want, info.cmdline);
}

static void test_mb1_words(void)
{
	check_mb1_words("qemu", "build/xtk.elf32 list tests=boot/*", "list tests=boot/*");
	check_mb1_words("qemu", "build/xtk.elf32", "");
	check_mb1_words("qemu", "build/xtk.elf32   list", "list");
	check_mb1_words("qemu", "", "");
	check_mb1_words("GNU GRUB 0.97", "/boot/xtk.elf32 list", "list");
	check_mb1_words("GRUB 2.06-13+deb12u2", "list seed=1", "list seed=1");
	check_mb1_words("Limine 7.0", "list", "list");
	check_mb1_words(NULL, "xtk.elf32 list", "list");
	check_mb1_words("qemu", NULL, "");
	check(!strcmp(info.loader, "qemu"), "the loader's name");
}

static void test_mb1_framebuffer(void)
{
	static const uint8_t colors[6] = { 16, 8, 8, 7, 0, 6 };

	memset(mb1, 0, sizeof(mb1));
	store(mb1, 1 << 12, 4);
	store(mb1 + 88, 0xfd000000, 8);
	store(mb1 + 96, 4096, 4);
	store(mb1 + 100, 1024, 4);
	store(mb1 + 104, 768, 4);
	mb1[108] = 32;
	mb1[109] = 1;
	memcpy(mb1 + 110, colors, 6);
	check(boot_info_parse(&info, XTK_BOOT_MAGIC_MULTIBOOT1, low_place(mb1, sizeof(mb1))),
	      "multiboot 1 with a framebuffer");
	check(info.fb.address == 0xfd000000 && info.fb.pitch == 4096 && info.fb.width == 1024 &&
		      info.fb.height == 768 && info.fb.bpp == 32 && info.fb.type == 1,
	      "its place and shape");
	check(info.fb.red.position == 16 && info.fb.green.size == 7 && info.fb.blue.size == 6,
	      "its colours");
	check(!info.cmdline[0] && !info.cmdline_truncated, "and no command line");
}

static void test_length(void)
{
	static char line[2048];

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "p ", 2);
	line[2 + 1023] = '\0';
	check(parse_mb1("qemu", line) && !info.cmdline_truncated, "1023 characters fit");
	check_eq(1023, strlen(info.cmdline), "all of them");
	line[2 + 1023] = 'x';
	line[2 + 1024] = '\0';
	check(parse_mb1("qemu", line) && info.cmdline_truncated, "one more is too long");
	check_eq(1023, strlen(info.cmdline), "and cut");
	memset(line, 'x', 1500);
	memcpy(line + 1500, " list", 6);
	check(parse_mb1("qemu", line) && !info.cmdline_truncated && !strcmp(info.cmdline, "list"),
	      "a long file name takes no room from the words");
	check(parse_mb1(line, "p list") && strlen(info.loader) == 63, "a long name is cut");
}

/* -- multiboot 2 ------------------------------------------------------------------------------ */

static uint8_t mb2[4096];
static size_t mb2_size;

static void tag(uint32_t type, const void *body, size_t size)
{
	store(mb2 + mb2_size, type, 4);
	store(mb2 + mb2_size + 4, 8 + size, 4);
	memcpy(mb2 + mb2_size + 8, body, size);
	mb2_size += (8 + size + 7) / 8 * 8;
}

static void mb2_begin(void)
{
	memset(mb2, 0, sizeof(mb2));
	mb2_size = 8;
}

static bool mb2_parse(void)
{
	store(mb2, mb2_size, 4);
	return boot_info_parse(&info, XTK_BOOT_MAGIC_MULTIBOOT2, low_place(mb2, mb2_size));
}

static bool mb2_end(void)
{
	tag(0, "", 0);
	return mb2_parse();
}

static void framebuffer_tag(uint8_t type, size_t size)
{
	uint8_t body[30] = { 0 };

	store(body, 0xfd000000, 8);
	store(body + 8, 2400, 4);
	store(body + 12, 800, 4);
	store(body + 16, 600, 4);
	body[20] = 24;
	body[21] = type;
	memcpy(body + 24, "\x10\x08\x08\x07\x00\x06", 6);
	tag(8, body, size);
}

static void test_mb2_whole(void)
{
	mb2_begin();
	tag(1, "list seed=1", 12);
	tag(99, "unknown", 7);
	tag(2, "GRUB 2.06", 10);
	tag(14, "RSD PTR old ........", 20);
	framebuffer_tag(1, 30);
	check(mb2_end(), "multiboot 2 is read");
	check(!strcmp(info.cmdline, "list seed=1") && !info.cmdline_truncated, "words");
	check(!strcmp(info.loader, "GRUB 2.06"), "loader");
	check(info.fb.address == 0xfd000000 && info.fb.pitch == 2400 && info.fb.width == 800 &&
		      info.fb.height == 600 && info.fb.bpp == 24 && info.fb.type == 1,
	      "framebuffer");
	check(info.fb.red.position == 16 && info.fb.green.position == 8 &&
		      info.fb.green.size == 7 && info.fb.blue.size == 6,
	      "colours");
	check(!memcmp((void *)(uintptr_t)info.rsdp, "RSD PTR old", 11), "RSDP");
}

static void test_mb2_rsdp(void)
{
	static const char old[20] = "old", new[20] = "new";

	for (int new_first = 0; new_first < 2; new_first++) {
		mb2_begin();
		tag(new_first ? 15 : 14, new_first ? new : old, 20);
		tag(new_first ? 14 : 15, new_first ? old : new, 20);
		check(mb2_end() && !strcmp((void *)(uintptr_t)info.rsdp, "new"),
		      "the ACPI 2.0 RSDP is preferred");
	}
	mb2_begin();
	tag(15, "nineteen characters", 19);
	check(mb2_end() && !info.rsdp, "a tag without room for an RSDP is passed over");
}

static void test_mb2_framebuffer_short(void)
{
	mb2_begin();
	framebuffer_tag(2, 24);
	check(mb2_end() && info.fb.type == 2 && !info.fb.red.size, "text mode has no colours");
	mb2_begin();
	framebuffer_tag(1, 29);
	check(mb2_end() && info.fb.type == 0, "RGB without all its colours is passed over");
	mb2_begin();
	framebuffer_tag(2, 23);
	check(mb2_end() && info.fb.type == 0, "a tag too short for its fields is passed over");
}

static void test_mb2_damaged(void)
{
	static const uint32_t sizes[] = { 0, 7, 41, 0x7fffffff, 0xfffffff8, 0xffffffff };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		mb2_begin();
		tag(1, "list", 5);
		tag(99, "12345678", 8);
		store(mb2 + 24 + 4, sizes[i], 4);
		check(!mb2_end() && empty(), "a tag that cannot have this size");
	}
	mb2_begin();
	tag(1, "list", 5);
	check(!mb2_parse() && empty(), "no end tag");
	mb2_begin();
	check(!mb2_parse() && empty(), "no tag");
	for (uint32_t size = 0; size < 8; size++) {
		mb2_begin();
		tag(0, "", 0);
		store(mb2, size, 4);
		check(!boot_info_parse(&info, XTK_BOOT_MAGIC_MULTIBOOT2, low_place(mb2, 16)),
		      "a structure smaller than its head");
	}
	mb2_begin();
	tag(1, "no NUL", 6);
	check(mb2_end() && info.cmdline_truncated, "a line without its NUL is not trusted whole");
}

/* Whatever the tags hold: no read past total_size (it would fault), no wild result. */
static void test_mb2_mutations(void)
{
	uint32_t seed = 1, good = 0;

	for (int n = 0; n < 200000; n++) {
		mb2_begin();
		tag(1, "list", 5);
		tag(2, "GRUB 2.06", 10);
		framebuffer_tag(1, 30);
		tag(15, "RSD PTR ............................", 36);
		tag(0, "", 0);
		for (uint32_t i = random_next(&seed) % 4; i < 4; i++)
			mb2[8 + random_next(&seed) % (mb2_size - 8)] = (uint8_t)random_next(&seed);
		mb2_size -= random_next(&seed) % 16;
		good += mb2_parse();
		if (memchr(info.cmdline, 0, sizeof(info.cmdline)) == NULL ||
		    memchr(info.loader, 0, sizeof(info.loader)) == NULL)
			check(false, "a string without NUL");
	}
	check(good > 1000 && good < 199000, "mutations are both accepted and refused");
}

/* -- PVH -------------------------------------------------------------------------------------- */

static bool parse_pvh(uint32_t magic, uint64_t cmdline, uint64_t rsdp)
{
	uint8_t pvh[40] = { 0 };

	store(pvh, magic, 4);
	store(pvh + 24, cmdline, 8);
	store(pvh + 32, rsdp, 8);
	return boot_info_parse(&info, XTK_BOOT_MAGIC_PVH, low_place(pvh, sizeof(pvh)));
}

static void test_pvh(void)
{
	uint64_t words = low_place_at(0x1000, "list seed=1", 12);

	check(parse_pvh(0x336ec578, words, 0xf5a00), "PVH is read");
	check(!strcmp(info.cmdline, "list seed=1") && info.rsdp == 0xf5a00, "words and RSDP");
	check(info.protocol == BOOT_PVH && !info.loader[0] && !info.fb.type, "the rest is empty");
	check(parse_pvh(0x336ec578, 0, 0) && empty(), "no command line");
	check(!parse_pvh(0x336ec579, words, 0) && empty(), "another magic in the structure");
	check(parse_pvh(0x336ec578, PAST_4G, 0) && info.cmdline_truncated && !info.cmdline[0],
	      "words out of reach are missing words");
}

/* A line that runs into the end of the mapped memory: the last page below 4 GiB, all letters. */
static void test_end_of_memory(void)
{
	char *last = map_at(PAST_4G - 0x1000, 0x1000, PROT_READ | PROT_WRITE);

	memset(last, 'x', 0x1000);
	check(parse_pvh(0x336ec578, PAST_4G - 10, 0) && info.cmdline_truncated,
	      "a line that does not end below 4 GiB");
	check_eq(10, strlen(info.cmdline), "is read up to there");
}

static void test_addresses(void)
{
	static const uint32_t magics[] = { XTK_BOOT_MAGIC_MULTIBOOT1, XTK_BOOT_MAGIC_MULTIBOOT2,
					   XTK_BOOT_MAGIC_PVH };
	static const uint64_t addresses[] = { 0, PAST_4G - 4, PAST_4G, ~7ull };

	for (size_t m = 0; m < 3; m++) {
		for (size_t a = 0; a < 4; a++)
			check(!boot_info_parse(&info, magics[m], addresses[a]) && empty(),
			      "a structure out of reach");
	}
	check(!boot_info_parse(&info, 0, LOW_START) && empty(), "an unknown magic");
	check(!strcmp(boot_protocol_name(BOOT_MULTIBOOT1), "multiboot1") &&
		      !strcmp(boot_protocol_name(BOOT_MULTIBOOT2), "multiboot2") &&
		      !strcmp(boot_protocol_name(BOOT_PVH), "pvh"),
	      "names");
}

int main(void)
{
	low_memory_map();
	test_mb1_words();
	test_mb1_framebuffer();
	test_length();
	test_mb2_whole();
	test_mb2_rsdp();
	test_mb2_framebuffer_short();
	test_mb2_damaged();
	test_mb2_mutations();
	test_pvh();
	test_end_of_memory();
	test_addresses();
	return check_end();
}
