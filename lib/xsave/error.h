/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong in the xsave library, as values. After an error nothing has been changed.
 */
#ifndef XSAVE_ERROR_H
#define XSAVE_ERROR_H

enum xsave_error {
	XSAVE_OK,
	XSAVE_ERR_INSN,	   /* the CPU lacks the instruction */
	XSAVE_ERR_MASK,	   /* a component is not enabled, or the instruction cannot move it */
	XSAVE_ERR_XCR0,	   /* XCR0 cannot have this value: xsave_xcr0_check() says why */
	XSAVE_ERR_XSS,	   /* IA32_XSS cannot have this value */
	XSAVE_ERR_KIND,	   /* CPUID: the kind or the alignment contradicts the table */
	XSAVE_ERR_SIZE,	   /* CPUID: a size is not the architectural one, or is 0 */
	XSAVE_ERR_OFFSET,  /* CPUID: a user component below 576, a supervisor one anywhere */
	XSAVE_ERR_BOUNDS,  /* CPUID: a component ends past D.0:ECX, the size of the whole */
	XSAVE_ERR_OVERLAP, /* CPUID: two that can be enabled together share bytes */
	XSAVE_ERR_EBX,	   /* CPUID: D.0:EBX or D.1:EBX is not the size of what is enabled */
};

/**
 * xsave_strerror() - one line of text for an error
 * @err: any value
 *
 * Return: a constant string, never NULL.
 */
const char *xsave_strerror(enum xsave_error err);

#endif
