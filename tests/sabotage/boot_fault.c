/* SPDX-License-Identifier: MIT */
/*
 * An exception before the command line is parsed, and before CR4 lets the report use XSAVE.
 *
 * sabotage: replaces kernel/bootinfo.c
 * caught-by: log
 * at: (?m)^# exception #UD rip=
 * status: 3
 */
#include "../../kernel/boot_parse.h"

bool product_parse(struct boot_info *info, uint32_t magic, uint64_t address);

#define boot_info_parse product_parse
#include "../../kernel/bootinfo.c"
#undef boot_info_parse

bool boot_info_parse(struct boot_info *info, uint32_t magic, uint64_t address)
{
	__asm__ volatile("ud2");
	return product_parse(info, magic, address);
}
