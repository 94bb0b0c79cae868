/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 boot information.
 *
 * Source: Multiboot Specification 0.6.96, "Boot information format".
 */
#include <xtk/string.h>
#include "boot_parse.h"

#define FLAG_CMDLINE	 (1u << 2)
#define FLAG_LOADER	 (1u << 9)
#define FLAG_FRAMEBUFFER (1u << 12)

struct PACKED mb1_info {
	uint32_t flags;
	uint32_t memory[3];
	uint32_t cmdline;
	uint32_t modules_to_apm[11];
	uint32_t loader;
	uint32_t apm_and_vbe[5];
	struct mb_framebuffer fb;
	struct mb_colors colors;
};

_Static_assert(offsetof(struct mb1_info, loader) == 64, "Multiboot, Boot information format");
_Static_assert(offsetof(struct mb1_info, fb) == 88, "Multiboot, Boot information format");
_Static_assert(offsetof(struct mb1_info, colors) == 110, "Multiboot, Boot information format");

static void text_skip_word(struct text *text)
{
	bool in_word = true;

	for (; text->size && *text->start && (in_word || *text->start == ' '); text->size--) {
		in_word = in_word && *text->start != ' ';
		text->start++;
	}
}

/*
 * The specification lets the multiboot 1 command line begin with the image's own name, and loaders
 * differ. QEMU's -kernel ("build/xtk.elf32 list"; its name is "qemu"), GRUB legacy ("GNU GRUB
 * 0.97") and iPXE write it; GRUB since 1.9x ("GRUB 2.06") and Limine give the words alone. Nothing
 * but the loader's name tells. A file name with a blank in it gives words that nobody knows: a
 * usage error, which is better than to guess.
 */
static bool cmdline_names_image(const char *loader)
{
	return !starts_with(loader, "GRUB ") && !starts_with(loader, "Limine");
}

bool multiboot1_parse(struct boot_info *info, uint64_t address)
{
	const struct mb1_info *mb = phys_ptr(address);
	struct text cmdline;

	if (!phys_range_ok(address, sizeof(*mb)))
		return false;
	if (mb->flags & FLAG_LOADER)
		text_copy(info->loader, sizeof(info->loader), text_at(mb->loader));
	if (mb->flags & FLAG_CMDLINE) {
		cmdline = text_at(mb->cmdline);
		if (cmdline_names_image(info->loader))
			text_skip_word(&cmdline);
		boot_set_cmdline(info, cmdline);
	}
	if (mb->flags & FLAG_FRAMEBUFFER)
		boot_set_framebuffer(&info->fb, &mb->fb, &mb->colors);
	return true;
}
