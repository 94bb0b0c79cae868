/* SPDX-License-Identifier: MIT */
/*
 * What Linux adds to an image in its core files and signal frames.
 *
 * Sources: Linux, Documentation/arch/x86/xstate.rst; arch/x86/include/uapi/asm/sigcontext.h
 * (struct _fpx_sw_bytes), arch/x86/include/uapi/asm/elf.h (struct x86_xfeat_component).
 */
#ifndef XSAVE_LINUX_H
#define XSAVE_LINUX_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "layout.h"

/**
 * xsave_linux_layout() - the layout in an NT_X86_XSAVE_LAYOUT note (type 205H, name "LINUX")
 * @layout: filled on success, else not changed
 * @note:   the note's descriptor, little-endian as its x86 was
 * @size:   bytes
 *
 * Checked as xsave_layout_from_cpuid() checks CPUID, with 1 MiB as the whole area. The note lists
 * user components; x87 and SSE need no entry, so on a CPU with no others it is empty. It does not
 * tell which components are aligned in the compacted format: unknown ones count as not aligned.
 *
 * Return: XSAVE_OK; XSAVE_ERR_NOTE: not whole entries, a number above 62, or one that comes twice;
 * or what is wrong with a component.
 */
enum xsave_error xsave_linux_layout(struct xsave_layout *layout, const void *note, size_t size);

/**
 * xsave_linux_xcr0() - XCR0 of the process, from the software bytes of a standard image
 * @image: an NT_X86_XSTATE note, or the image in a signal frame
 *
 * Core files have it in bytes 471:464; signal frames, known by FP_XSTATE_MAGIC1 there, in bytes
 * 479:472.
 *
 * Return: the value; 0 when there is none: not a standard image, or bit 0 is clear.
 */
uint64_t xsave_linux_xcr0(const struct xsave_image *image);

#endif
