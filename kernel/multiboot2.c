/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 2 boot information: a list of tags.
 *
 * Source: Multiboot2 Specification 2.0, "Boot information format". Where its text and its
 * multiboot2.h disagree (the padding in the framebuffer tag), the header counts: loaders are
 * compiled from it.
 */
#include "boot_parse.h"

#define TAG_END		0u
#define TAG_CMDLINE	1u
#define TAG_LOADER	2u
#define TAG_FRAMEBUFFER 8u
#define TAG_RSDP_V1	14u
#define TAG_RSDP_V2	15u

#define RSDP_V1_SIZE 20u

struct PACKED mb2_info {
	uint32_t total_size;
	uint32_t reserved;
};

struct PACKED mb2_tag {
	uint32_t type;
	uint32_t size; /* with this head, without the padding to the next tag */
};

struct PACKED mb2_framebuffer_tag {
	struct mb2_tag head;
	struct mb_framebuffer fb;
	uint16_t reserved;
	struct mb_colors colors;
};

_Static_assert(offsetof(struct mb2_framebuffer_tag, colors) == 32, "Multiboot2, multiboot2.h");

/* A tag too short for what it claims to describe is passed over: a run needs no screen. */
static void parse_framebuffer(struct boot_framebuffer *fb, const struct mb2_tag *head)
{
	const struct mb2_framebuffer_tag *tag = (const void *)head;
	size_t size = offsetof(struct mb2_framebuffer_tag, colors);

	if (head->size >= size && tag->fb.type == BOOT_FRAMEBUFFER_RGB)
		size = sizeof(*tag);
	if (head->size >= size)
		boot_set_framebuffer(fb, &tag->fb, &tag->colors);
}

static void parse_tag(struct boot_info *info, const struct mb2_tag *tag)
{
	const void *body = tag + 1;
	struct text text = { body, tag->size - sizeof(*tag) };

	if (tag->type == TAG_CMDLINE)
		boot_set_cmdline(info, text);
	else if (tag->type == TAG_LOADER)
		text_copy(info->loader, sizeof(info->loader), text);
	else if (tag->type == TAG_FRAMEBUFFER)
		parse_framebuffer(&info->fb, tag);
	else if (text.size >= RSDP_V1_SIZE &&
		 (tag->type == TAG_RSDP_V2 || (tag->type == TAG_RSDP_V1 && !info->rsdp)))
		info->rsdp = (uint64_t)(uintptr_t)body; /* the tag holds a copy of it */
}

bool multiboot2_parse(struct boot_info *info, uint64_t address)
{
	const struct mb2_info *mb = phys_ptr(address);
	const struct mb2_tag *tag;
	uint64_t at = sizeof(*mb);

	if (!phys_range_ok(address, sizeof(*mb)) || !phys_range_ok(address, mb->total_size))
		return false;
	while (at + sizeof(*tag) <= mb->total_size) {
		tag = phys_ptr(address + at);
		if (tag->type == TAG_END)
			return true;
		if (tag->size < sizeof(*tag) || tag->size > mb->total_size - at)
			return false;
		parse_tag(info, tag);
		at += (tag->size + 7ull) & ~7ull;
	}
	return false;
}
