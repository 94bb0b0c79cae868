/* SPDX-License-Identifier: MIT */
/*
 * Where each state component lies in the standard and in the compacted format.
 *
 * Pure arithmetic on values: it executes nothing, so it runs on any machine.
 *
 * Sources: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported
 * Features", "Extended Region of an XSAVE Area"; SDM vol. 2, "CPUID", leaf 0DH.
 */
#ifndef XSAVE_LAYOUT_H
#define XSAVE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component.h"
#include "error.h"

#define XSAVE_LEGACY_SIZE 512 /* legacy region */
#define XSAVE_EXTENDED	  576 /* where the extended region starts: behind the XSAVE header */

struct xsave_cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* struct xsave_cpuid - what CPUID said about extended state; filled by CPUID, a file or a test */
struct xsave_cpuid {
	uint32_t leaf1_ecx;
	uint32_t leaf1_edx;
	struct xsave_cpuid_regs leaf0d[64]; /* all zero when CPUID.1:ECX[26] = 0 */
};

#define XSAVE_CPUID_1_ECX_XSAVE	  (UINT32_C(1) << 26)
#define XSAVE_CPUID_1_ECX_OSXSAVE (UINT32_C(1) << 27)
#define XSAVE_CPUID_1_EDX_FXSR	  (UINT32_C(1) << 24)

/* Bits of CPUID.(EAX=0DH,ECX=1):EAX. */
#define XSAVE_D1_XSAVEOPT (UINT32_C(1) << 0)
#define XSAVE_D1_XSAVEC	  (UINT32_C(1) << 1)
#define XSAVE_D1_XGETBV1  (UINT32_C(1) << 2)
#define XSAVE_D1_XSAVES	  (UINT32_C(1) << 3)
#define XSAVE_D1_XFD	  (UINT32_C(1) << 4)

/* xsave_cpuid_read() - execute CPUID (x86 only). Leaf 0DH.0:EBX and .1:EBX follow XCR0|IA32_XSS. */
void xsave_cpuid_read(struct xsave_cpuid *cpuid);

/* xsave_cpuid_xcr0() - the bits that XCR0 may have: D.0:EDX:EAX */
uint64_t xsave_cpuid_xcr0(const struct xsave_cpuid *cpuid);

/* xsave_cpuid_xss() - the bits that IA32_XSS may have: D.1:EDX:ECX; 0 without XSAVES */
uint64_t xsave_cpuid_xss(const struct xsave_cpuid *cpuid);

/* struct xsave_layout - sizes and places of the components of one CPU */
struct xsave_layout {
	uint64_t mask;		   /* components it knows */
	uint64_t supervisor;	   /* of these: supervisor state components */
	uint64_t align64;	   /* of these: start at a multiple of 64 in the compacted format */
	uint32_t size[XSAVE_BITS]; /* bytes */
	uint32_t offset[XSAVE_BITS]; /* standard format; 0 (but for x87): none, or not known */
};

/* Initialiser of a layout from the table; HAS and AT: which components, and where. */
#define XSAVE_LAYOUT(HAS, AT)                                                                      \
	{                                                                                          \
		.mask = (0 XSAVE_COMPONENTS(HAS)),                                                 \
		.supervisor = (0 XSAVE_COMPONENTS(HAS)) & XSAVE_SUPERVISOR_MASK,                   \
		.align64 = (0 XSAVE_COMPONENTS(HAS)) & XSAVE_ALIGN64_MASK,                         \
		.size = { XSAVE_COMPONENTS(XSAVE_LAYOUT_SIZE) },                                   \
		.offset = { XSAVE_COMPONENTS(AT) },                                                \
	}
#define XSAVE_LAYOUT_SIZE(bit, id, name, size, ...) [bit] = (size),

/*
 * The layout for those who may not ask: an offset only for the components that every vendor which
 * has them puts at the same place.
 */
#define XSAVE_LAYOUT_COMMON XSAVE_LAYOUT(XSAVE_TERM_KNOWN, XSAVE_LAYOUT_AGREED)
#define XSAVE_LAYOUT_AGREED(bit, id, name, size, sup, al, xfd, ts, intel, amd)                     \
	[bit] = (intel) && (amd) && (intel) != (amd) ? 0 : (intel) | (amd),

extern const struct xsave_layout xsave_layout_intel;
extern const struct xsave_layout xsave_layout_amd;
extern const struct xsave_layout xsave_layout_common;

/**
 * xsave_layout_from_cpuid() - the layout that CPUID describes, checked before use
 * @layout: filled on success, else not changed
 * @cpuid:  what CPUID said
 *
 * Known components must have their architectural size and kind; every user component must lie
 * between byte 576 and D.0:ECX and overlap no other, but for MPX and APX, which are never enabled
 * together (rule C09). D.0:EBX and D.1:EBX are not used: see xsave_cpuid_check_ebx().
 *
 * Return: XSAVE_OK or the first contradiction.
 * Source: SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions and
 * XSAVE-Supported Features" (rules C06, C09, C10).
 */
enum xsave_error xsave_layout_from_cpuid(struct xsave_layout *layout,
					 const struct xsave_cpuid *cpuid);

/**
 * xsave_layout_guess() - whose standard layout is it?
 * @xcr0: XCR0 while the image was saved
 * @size: bytes of the image
 *
 * Return: the vendor's layout in which @xcr0 takes @size bytes; NULL when none does. When both do,
 * they agree on every component of @xcr0.
 */
const struct xsave_layout *xsave_layout_guess(uint64_t xcr0, size_t size);

/**
 * xsave_cpuid_check_ebx() - compare the sizes that CPUID sums up with our own sums
 * @cpuid:  what CPUID said while XCR0 and IA32_XSS had the values below
 * @layout: made from it
 * @xcr0:   XCR0
 * @xss:    IA32_XSS
 *
 * Return: XSAVE_OK; XSAVE_ERR_EBX for D.0:EBX or, where there is XSAVEC, D.1:EBX (rules C02, C05).
 */
enum xsave_error xsave_cpuid_check_ebx(const struct xsave_cpuid *cpuid,
				       const struct xsave_layout *layout, uint64_t xcr0,
				       uint64_t xss);

/**
 * xsave_standard_size() - bytes that the standard format takes for a set of components
 * @layout: where they lie
 * @mask:   components, as in RFBM
 *
 * Return: 576 at least; 0 when @layout gives one of them no standard offset.
 */
size_t xsave_standard_size(const struct xsave_layout *layout, uint64_t mask);

/**
 * xsave_compacted_offset() - where a component starts in a compacted image
 * @xcomp_bv: XCOMP_BV of the image; bit 63 may be set or not
 * @bit:      the component
 *
 * Components follow each other by bit number from byte 576, those with the align flag from the next
 * multiple of 64. Sizes and flags are the architectural ones; no CPUID is needed.
 *
 * Return: bytes from the start of the area; 0 (but for x87) when @xcomp_bv lacks @bit or holds an
 * unknown component.
 * Source: SDM vol. 1, "Extended Region of an XSAVE Area" (rules L01-L05).
 */
size_t xsave_compacted_offset(uint64_t xcomp_bv, unsigned int bit);

/* xsave_compacted_size() - bytes of a compacted image, 576 at least; 0: an unknown component */
size_t xsave_compacted_size(uint64_t xcomp_bv);

/* The same two with the sizes of a layout, for components that the table does not know. */
size_t xsave_layout_compacted_offset(const struct xsave_layout *layout, uint64_t xcomp_bv,
				     unsigned int bit);
size_t xsave_layout_compacted_size(const struct xsave_layout *layout, uint64_t xcomp_bv);

/**
 * xsave_offset() - where a component starts in an image of either format
 * @layout:   layout of the CPU that made the image
 * @xcomp_bv: XCOMP_BV of the image: 0 standard, bit 63 compacted
 * @bit:      the component
 *
 * Return: bytes from the start of the area; 0 (but for x87): the image has no such component.
 */
size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit);

/**
 * xsave_fit() - the part of a set of components that lies wholly inside an area
 * @compacted: format of the image
 * @mask:      components asked for
 * @size:      bytes of the area
 *
 * Made from constants, because a lying CPUID must not widen it: the standard format takes the
 * furthest place that any vendor gives a component. In the compacted format a component that does
 * not fit is left out of the image, and those after it move down.
 *
 * Return: a subset of @mask without unknown components; for @size >= 576 it keeps x87 and SSE.
 */
uint64_t xsave_fit(bool compacted, uint64_t mask, size_t size);

#endif
