/* SPDX-License-Identifier: MIT */
/*
 * Checks by rule, and where a rule comes from.
 */
#include <stdbool.h>
#include <stddef.h>

#include <xtk/print.h>
#include <xtk/string.h>

#include "judged.h"

#define MAX_RULES 64 /* of one test; what comes beyond is counted under "-" */

/* rule-sections.awk: by the letter of the rule */
extern const char *const rule_sections['Z' - 'A' + 1];

static struct {
	const char *rule;
	uint64_t checks;
} counts[MAX_RULES];
static unsigned int used, last;

void judged_reset(void)
{
	used = 0;
	last = 0;
}

static unsigned int find(const char *rule)
{
	for (unsigned int i = 0; i < used; i++) {
		if (counts[i].rule == rule || !strcmp(counts[i].rule, rule))
			return i;
	}
	if (used == MAX_RULES)
		return MAX_RULES - 1;
	counts[used].rule = used == MAX_RULES - 1 ? "-" : rule;
	counts[used].checks = 0;
	return used++;
}

void judged_add(const char *rule, uint64_t checks)
{
	if (last >= used || counts[last].rule != rule)
		last = find(rule);
	counts[last].checks += checks;
}

void judged_print(const char *test)
{
	if (!used)
		return;
	print("# judged: test=%s", test);
	for (unsigned int i = 0; i < used; i++)
		print(" %s=%lu", counts[i].rule, counts[i].checks);
	print("\n");
}

const char *judged_section(const char *rule)
{
	bool is_rule = rule[0] >= 'A' && rule[0] <= 'Z' && rule[1] >= '0' && rule[1] <= '9';

	return is_rule ? rule_sections[rule[0] - 'A'] : NULL;
}
