/* SPDX-License-Identifier: MIT */
/*
 * What the six instructions of the XSAVE family have in common.
 */
#ifndef MODEL_FAMILY_H
#define MODEL_FAMILY_H

#include "model.h"

enum form { XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS };

#define MXCSR_AT     24
#define XSTATE_BV_AT 512
#define XCOMP_BV_AT  520
#define MXCSR_LOADS  (BIT(SSE) | BIT(AVX)) /* RFBM bits that move MXCSR in standard format */

/* family_enter() - what an instruction looks at before it touches memory. Return: the fault */
fault_t family_enter(struct op *op, enum form form);

/* What EDX:EAX may name: XCR0, for XSAVES and XRSTORS IA32_XSS too. */
uint64_t family_may_name(enum form form);

/* Check the accesses to the legacy region and to the components of @mask, in the layout of @cb. */
fault_t touch_legacy(struct op *op, uint64_t mask, bool write);
fault_t touch_components(struct op *op, uint64_t cb, uint64_t mask, bool write);

#endif
