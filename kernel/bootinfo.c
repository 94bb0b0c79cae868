/* SPDX-License-Identifier: MIT */
/*
 * Boot information: which protocol it is, the PVH structure, and what the parsers share.
 *
 * Also built on the host (tests/host/bootinfo_test.c).
 *
 * Source: Xen, "x86/HVM direct boot ABI"; the multiboot versions have files of their own.
 */
#include "boot_parse.h"

struct PACKED pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist;
	uint64_t cmdline;
	uint64_t rsdp;
};

_Static_assert(offsetof(struct pvh_start_info, rsdp) == 32, "x86/HVM direct boot ABI");

/* Multiboot 1 and PVH give no size. No line that anybody types is longer than this. */
#define TEXT_SIZE_MAX 65536u

struct text text_at(uint64_t address)
{
	struct text text = { "", 0 };

	if (phys_range_ok(address, TEXT_SIZE_MAX))
		text = (struct text){ phys_ptr(address), TEXT_SIZE_MAX };
	else if (phys_range_ok(address, 1))
		text = (struct text){ phys_ptr(address), PHYS_MAPPED_END - address };
	return text;
}

bool text_copy(char *to, size_t room, struct text text)
{
	size_t n = 0;

	for (; n < text.size && n < room - 1 && text.start[n]; n++)
		to[n] = text.start[n];
	to[n] = '\0';
	return n < text.size && !text.start[n];
}

void boot_set_cmdline(struct boot_info *info, struct text text)
{
	info->cmdline_truncated = !text_copy(info->cmdline, sizeof(info->cmdline), text);
}

void boot_set_framebuffer(struct boot_framebuffer *fb, const struct mb_framebuffer *mb,
			  const struct mb_colors *colors)
{
	*fb = (struct boot_framebuffer){
		.address = mb->address,
		.pitch = mb->pitch,
		.width = mb->width,
		.height = mb->height,
		.bpp = mb->bpp,
		.type = mb->type,
	};
	if (mb->type == BOOT_FRAMEBUFFER_RGB) {
		fb->red = colors->red;
		fb->green = colors->green;
		fb->blue = colors->blue;
	}
}

static bool pvh_parse(struct boot_info *info, uint64_t address)
{
	const struct pvh_start_info *pvh = phys_ptr(address);

	if (!phys_range_ok(address, sizeof(*pvh)) || pvh->magic != XTK_BOOT_MAGIC_PVH)
		return false;
	if (pvh->cmdline)
		boot_set_cmdline(info, text_at(pvh->cmdline));
	info->rsdp = pvh->rsdp;
	return true;
}

bool boot_info_parse(struct boot_info *info, uint32_t magic, uint64_t address)
{
	bool ok = false;

	*info = (struct boot_info){ .protocol = BOOT_MULTIBOOT1 };
	if (magic == XTK_BOOT_MAGIC_MULTIBOOT1) {
		ok = multiboot1_parse(info, address);
	} else if (magic == XTK_BOOT_MAGIC_MULTIBOOT2) {
		info->protocol = BOOT_MULTIBOOT2;
		ok = multiboot2_parse(info, address);
	} else if (magic == XTK_BOOT_MAGIC_PVH) {
		info->protocol = BOOT_PVH;
		ok = pvh_parse(info, address);
	}
	if (!ok)
		*info = (struct boot_info){ .protocol = info->protocol };
	return ok;
}

const char *boot_protocol_name(enum boot_protocol protocol)
{
	static const char *const names[] = {
		[BOOT_MULTIBOOT1] = "multiboot1",
		[BOOT_MULTIBOOT2] = "multiboot2",
		[BOOT_PVH] = "pvh",
	};

	return names[protocol];
}
