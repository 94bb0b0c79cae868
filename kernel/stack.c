/* SPDX-License-Identifier: MIT */
/*
 * The set of stacks.
 */
#include <stddef.h>

#include <xtk/stack.h>

const struct stack *stack_find(uint64_t address)
{
	set_for_each (it, stacks) {
		if (address >= (uint64_t)(*it)->guard && address < stack_top(*it))
			return *it;
	}
	return NULL;
}
