/* SPDX-License-Identifier: MIT */
/*
 * The one way out: drain the UART, then every exit that an emulator or a PC may have, in turn.
 *
 * A PC with a screen keeps it: the verdict stands there, and switching the power off would take it
 * away.
 */
#include <stdbool.h>
#include <stdint.h>

#include <xtk/cpu.h>
#include <xtk/panic.h>
#include <xtk/print.h>

#include "acpi.h"
#include "console.h"
#include "dump.h"
#include "exit.h"
#include "ports.h"
#include "screen.h"

void machine_exit(enum exit_status status)
{
	static const char shutdown[] = "Shutdown";
	static bool tried; /* a fault in the firmware's tables comes back here */

	serial_drain();
	outl(PORT_DEBUG_EXIT, status);
	for (int i = 0; shutdown[i]; i++)
		outb(PORT_BOCHS_SHUTDOWN, (uint8_t)shutdown[i]);
	if (!screen_present() && !tried) {
		tried = true;
		acpi_poweroff();
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

void usage_exit(const char *format, ...)
{
	va_list args;

	print("\nxtk: usage: "); /* a loader may have left a line open */
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	machine_exit(EXIT_STATUS_USAGE);
}

void panic(const char *format, ...)
{
	va_list args;

	print("\n# panic: ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	dump_backtrace((uint64_t)__builtin_frame_address(0), 0);
	machine_exit(EXIT_STATUS_CRASH);
}
