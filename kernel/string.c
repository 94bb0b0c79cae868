/* SPDX-License-Identifier: MIT */
/*
 * The four functions that a freestanding compiler may call, and string helpers of the command line.
 *
 * Source: GCC manual, "Language Standards Supported by GCC" (freestanding environment).
 */
#include <stdint.h>

#include <xtk/string.h>

void *memset(void *to, int byte, size_t size)
{
	void *result = to;

	size_t words = size / 8, rest = size % 8;
	uint64_t value = (uint8_t)byte * UINT64_C(0x0101010101010101);

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(value) : "memory");
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(value) : "memory");
	return result;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *result = to;

	size_t words = size / 8, rest = size % 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
	return result;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s || d >= s + size)
		return memcpy(to, from, size);
	while (size--)
		d[size] = s[size];
	return to;
}

static uint64_t load8(const unsigned char *p)
{
	uint64_t value;

	__builtin_memcpy(&value, p, sizeof(value)); /* one MOV; p need not be aligned */
	return value;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *p = a, *q = b;
	size_t i = 0;

	while (size - i >= 8 && load8(p + i) == load8(q + i))
		i += 8;
	for (; i < size; i++) {
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

bool starts_with(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

bool glob_match(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*') {
			while (*pattern == '*')
				pattern++;
			do {
				if (glob_match(pattern, text))
					return true;
			} while (*text++);
			return false;
		}
		if (!*text || (*pattern != '?' && *pattern != *text))
			return false;
	}
	return !*text;
}
