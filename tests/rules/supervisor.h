/* SPDX-License-Identifier: MIT */
/*
 * Supervisor state components: the MSRs that they hold, written and read one by one, and probes of
 * XSAVES and XRSTORS with one component.
 */
#ifndef XTK_RULES_SUPERVISOR_H
#define XTK_RULES_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "gate.h"

#define SUPERVISOR_FIELDS 6

/* An MSR of a component: where it lies in the component, and the bits of it that take any value. */
struct supervisor_field {
	uint32_t msr;
	uint16_t offset;
	const char *name;
	uint64_t free;
};

struct supervisor_component {
	unsigned int bit;
	const char *name, *rule; /* that says what it holds */
	struct gate_feature feature;
	const char *feature_name;
	unsigned int fields;
	struct supervisor_field field[SUPERVISOR_FIELDS];
};

extern const struct supervisor_component supervisor_cet_u, supervisor_cet_s, supervisor_uintr;

/* supervisor_begin() - gate_begin(), and the component into IA32_XSS. Return: false, and the test
 * is skipped, if this machine does not have it. supervisor_end() - IA32_XSS as it was, MSRs 0 */
bool supervisor_begin(const struct supervisor_component *c);
void supervisor_end(const struct supervisor_component *c);

/* supervisor_values() - random values for all fields; supervisor_write(), supervisor_read() - all
 * fields by WRMSR and RDMSR, which must not fault */
void supervisor_values(const struct supervisor_component *c, uint64_t values[SUPERVISOR_FIELDS]);
void supervisor_write(const struct supervisor_component *c, const uint64_t *values);
void supervisor_read(const struct supervisor_component *c, uint64_t *values);

/* supervisor_save(), supervisor_restore() - XSAVES64 and XRSTORS64 of the arena with RFBM = mask */
fault_t supervisor_save(uint64_t mask);
fault_t supervisor_restore(uint64_t mask);

/* supervisor_image() - an image of the component alone into the arena, XSTATE_BV = @bv */
void supervisor_image(const struct supervisor_component *c, const uint64_t *values, uint64_t bv);

#endif
