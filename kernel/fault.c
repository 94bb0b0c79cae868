/* SPDX-License-Identifier: MIT */
/*
 * Faults as text.
 *
 * Source: SDM vol. 3, "Exception and Interrupt Vectors", "Error Code".
 */
#include <stdbool.h>

#include <xtk/fault.h>
#include <xtk/print.h>

const char *fault_text(fault_t fault, char *out)
{
	static const char names[][4] = { "DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM",
					 "DF", "?9", "TS",  "NP", "SS", "GP", "PF", "?f",
					 "MF", "AC", "MC",  "XM", "VE", "CP" };
	uint32_t vector = fault >> 16 & 0xff;
	bool has_error = vector == VEC_DF || (vector >= 10 && vector <= VEC_PF) || vector == VEC_AC;

	if (!fault)
		format_text(out, FAULT_TEXT_SIZE, "none");
	else if (vector >= sizeof(names) / sizeof(names[0]))
		format_text(out, FAULT_TEXT_SIZE, "vector %u", vector);
	else if (has_error)
		format_text(out, FAULT_TEXT_SIZE, "#%s(0x%x)", names[vector], fault & 0xffff);
	else
		format_text(out, FAULT_TEXT_SIZE, vector == VEC_NMI ? "%s" : "#%s", names[vector]);
	return out;
}
