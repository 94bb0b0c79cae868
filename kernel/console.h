/* SPDX-License-Identifier: MIT */
/*
 * The console: COM1, the screen, and the capture buffer of a test.
 */
#ifndef XTK_CONSOLE_H
#define XTK_CONSOLE_H

#include <stddef.h>

/* COM1 at 115200 8N1. A machine without the port costs one probe and no more. */
void serial_init(void);
/* Wait until the last bit has left the UART: some machines end before that (SDM has no say;
 * emulators do). */
void serial_drain(void);

void console_write(const char *text, size_t size);

#endif
