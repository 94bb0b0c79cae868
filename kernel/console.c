/* SPDX-License-Identifier: MIT */
/*
 * The console: COM1 by polling, plus the screen and a test's capture buffer.
 *
 * The loops have a bound, because a log cut short is better than a machine without a verdict that
 * hangs.
 *
 * Source: National Semiconductor PC16550D data sheet, "Registers".
 */
#include <stdbool.h>
#include <stdint.h>

#include <xtk/cpu.h>
#include <xtk/print.h>

#include "console.h"
#include "ports.h"
#include "screen.h"

#define UART_DATA    (COM1 + 0)
#define UART_FCR     (COM1 + 2)
#define UART_LCR     (COM1 + 3)
#define UART_MCR     (COM1 + 4)
#define UART_LSR     (COM1 + 5)
#define UART_SCRATCH (COM1 + 7)
#define LSR_THRE     0x20
#define LSR_TEMT     0x40
#define POLL_LIMIT   1000000

static bool serial_present;

static struct {
	char *buffer;
	size_t size, length;
} capture;

void serial_init(void)
{
	outb(UART_SCRATCH, 0x5a);
	serial_present = inb(UART_SCRATCH) == 0x5a || inb(UART_LSR) != 0xff;
	outb(COM1 + 1, 0); /* no interrupts */
	outb(UART_LCR, 0x80);
	outb(COM1 + 0, 1); /* divisor 1: 115200 */
	outb(COM1 + 1, 0);
	outb(UART_LCR, 3); /* 8N1 */
	outb(UART_FCR, 7); /* FIFOs on and empty */
	outb(UART_MCR, 3); /* DTR, RTS */
}

static void serial_wait(uint8_t bits)
{
	for (int i = 0; i < POLL_LIMIT && (inb(UART_LSR) & bits) != bits; i++)
		cpu_relax();
}

static void serial_write(const char *text, size_t size)
{
	if (!serial_present)
		return;
	for (size_t i = 0; i < size; i++) {
		serial_wait(LSR_THRE);
		outb(UART_DATA, (uint8_t)text[i]);
	}
}

void serial_drain(void)
{
	if (serial_present)
		serial_wait(LSR_THRE | LSR_TEMT);
}

void console_capture(char *buffer, size_t size)
{
	capture.buffer = buffer;
	capture.size = size;
	capture.length = 0;
}

static void capture_write(const char *text, size_t size)
{
	for (size_t i = 0; i < size && capture.length + 1 < capture.size; i++)
		capture.buffer[capture.length++] = text[i];
	capture.buffer[capture.length] = '\0';
}

void console_write(const char *text, size_t size)
{
	serial_write(text, size);
	screen_write(text, size);
	if (capture.buffer)
		capture_write(text, size);
}
