/* SPDX-License-Identifier: MIT */
/*
 * A process with known values in its registers, two threads of it, that dies: for cores.
 *
 * Byte i of YMM3 is 41H + i in the main thread and 61H + i in the other, k1 is 123456789ABCDEFH or
 * its complement, ST(0) pi or 1. MXCSR is 5F80H and 1F80H. What the CPU lacks stays as it is.
 */
#include <pthread.h>
#include <stdint.h>

static uint8_t upper[32], lower[32];
static const uint64_t mask = 0x123456789abcdef, complement = ~0x123456789abcdefu;
static const uint32_t round_up = 0x5f80;
static int ready;

static void load_vector(const uint8_t *bytes, const uint64_t *k1)
{
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vmovdqu (%0), %%ymm3" : : "r"(bytes));
	else
		__asm__ volatile("movdqu (%0), %%xmm3" : : "r"(bytes));
	if (__builtin_cpu_supports("avx512bw"))
		__asm__ volatile("kmovq (%0), %%k1" : : "r"(k1));
}

static void *spin(void *unused)
{
	(void)unused;
	load_vector(lower, &complement);
	__asm__ volatile("fld1\n\t"
			 "movl $1, %0\n"
			 "1:\tpause\n\t"
			 "jmp 1b"
			 : "=m"(ready));
	return 0;
}

int main(void)
{
	pthread_t thread;

	for (int i = 0; i < 32; i++) {
		upper[i] = (uint8_t)(0x41 + i);
		lower[i] = (uint8_t)(0x61 + i);
	}
	if (pthread_create(&thread, 0, spin, 0) != 0)
		return 1;
	while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
		;
	load_vector(upper, &mask);
	__asm__ volatile("fldpi\n\tldmxcsr (%0)\n\tud2" : : "r"(&round_up));
	return 1;
}
