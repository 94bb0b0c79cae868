/* SPDX-License-Identifier: MIT */
/*
 * What somebody says about a component, checked before it becomes part of a layout; for the
 * library's own files: CPUID and the note in a core file go the same way.
 */
#ifndef XSAVE_CLAIM_H
#define XSAVE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "xsave/error.h"
#include "xsave/layout.h"

/* struct xsave_claim - one component */
struct xsave_claim {
	unsigned int bit; /* 0 to 62 */
	uint32_t size;
	uint32_t offset; /* standard format */
	bool supervisor;
	bool align64;
};

/* xsave_claim_none - the layout without a claim: the legacy region, which is where it always was */
extern const struct xsave_layout xsave_claim_none;

/**
 * xsave_claim_add() - check a component, and add it to a layout
 * @layout: not changed on error; without that component so far
 * @claim:  not x87 or SSE
 * @total:  bytes of a standard image with all components
 *
 * Return: XSAVE_OK, XSAVE_ERR_SIZE, XSAVE_ERR_KIND, XSAVE_ERR_OFFSET or XSAVE_ERR_BOUNDS.
 */
enum xsave_error xsave_claim_add(struct xsave_layout *layout, const struct xsave_claim *claim,
				 uint32_t total);

/* xsave_claim_overlap() - XSAVE_ERR_OVERLAP when two user components share a byte */
enum xsave_error xsave_claim_overlap(const struct xsave_layout *layout);

#endif
