/* SPDX-License-Identifier: MIT */
/*
 * #DF has no IST: on a dead stack it cannot be delivered either, and the CPU shuts down.
 *
 * sabotage: replaces kernel/desc.c
 * caught-by: log
 * at: ^crash: no last line
 * status: 3
 */
#include "../../kernel/desc.h"

void product_init(void);

#define desc_init product_init
#include "../../kernel/desc.c"
#undef desc_init

void desc_init(void)
{
	product_init();
	idt_set(VEC_DF, vector_stubs + VEC_DF * VECTOR_STUB_SIZE, IST_NONE);
}
