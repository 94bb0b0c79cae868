/* SPDX-License-Identifier: MIT */
/*
 * 80-bit floating point in decimal, by integers alone: the same text on every machine.
 *
 * Source: SDM vol. 1, "Floating-Point Data Types", "Unsupported Double Extended-Precision
 * Floating-Point Encodings and Pseudo-Denormals".
 */
#include "xstate.h"

#include <string.h>

#define BIAS	     16383
#define FRACTION     63
#define MAX_EXPONENT 0x7fff
#define INTEGER_BIT  (UINT64_C(1) << 63)
#define QUIET_BIT    (UINT64_C(1) << 62)
#define DIGITS	     21 /* enough to tell any two significands of 64 bits apart */
#define LIMB	     1000000000u
#define LIMB_DIGITS  9
#define LIMBS	     1300 /* 2^64 * 5^16445 has 11515 digits */

/* A natural number, lowest limb first. */
struct number {
	uint32_t limb[LIMBS];
	size_t limbs;
};

static void multiply(struct number *n, uint32_t factor)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < n->limbs; i++) {
		carry += (uint64_t)n->limb[i] * factor;
		n->limb[i] = (uint32_t)(carry % LIMB);
		carry /= LIMB;
	}
	/* A factor of 32 bits may exceed a limb. */
	for (; carry; carry /= LIMB)
		n->limb[n->limbs++] = (uint32_t)(carry % LIMB);
}

/* n *= base^power, @step factors a time; @chunk = base^@step */
static void multiply_power(struct number *n, uint32_t base, int power, uint32_t chunk, int step)
{
	for (; power >= step; power -= step)
		multiply(n, chunk);
	while (power-- > 0)
		multiply(n, base);
}

static void set(struct number *n, uint64_t value)
{
	n->limbs = 0;
	for (; value; value /= LIMB)
		n->limb[n->limbs++] = (uint32_t)(value % LIMB);
}

/* All decimal digits, highest first; returns how many. */
static int digits_of(const struct number *n, char *text)
{
	int length = sprintf(text, "%u", (unsigned int)n->limb[n->limbs - 1]);

	for (size_t i = n->limbs - 1; i > 0; i--)
		length += sprintf(text + length, "%09u", (unsigned int)n->limb[i - 1]);
	return length;
}

/* Round half to even at DIGITS; returns 1 when a carry made 1000… of 999…, so one place more. */
static int round_digits(char *text, int length)
{
	int at = DIGITS, odd = (text[DIGITS - 1] - '0') & 1;
	bool more = strspn(text + DIGITS + 1, "0") < (size_t)(length - DIGITS - 1);
	bool up = text[DIGITS] > '5' || (text[DIGITS] == '5' && (more || odd));

	text[DIGITS] = '\0';
	if (!up)
		return 0;
	while (at > 0 && text[at - 1] == '9')
		text[--at] = '0';
	if (at > 0) {
		text[at - 1]++;
		return 0;
	}
	text[0] = '1';
	return 1;
}

/* @digits with the decimal point after the first and 10^@exponent, as %g writes it. */
static void compose(const char *digits, int exponent, char *text)
{
	int count = (int)strlen(digits);

	if (exponent < -5 || exponent >= DIGITS)
		sprintf(text, "%c%s%.*se%+d", digits[0], count > 1 ? "." : "", DIGITS - 1,
			digits + 1, exponent);
	else if (exponent < 0)
		sprintf(text, "0.%.*s%.*s", -exponent - 1, "00000", DIGITS, digits);
	else if (count <= exponent + 1)
		sprintf(text, "%.*s%.*s", DIGITS, digits, exponent + 1 - count,
			"00000000000000000000");
	else
		sprintf(text, "%.*s.%.*s", exponent + 1, digits, DIGITS, digits + exponent + 1);
}

/* significand * 2^power; @significand is not 0 */
static void compose_finite(uint64_t significand, int power, char *text)
{
	static char digits[LIMBS * LIMB_DIGITS + 2];
	static struct number n;
	int length, exponent;

	set(&n, significand);
	if (power >= 0)
		multiply_power(&n, 2, power, 1u << 31, 31);
	else
		multiply_power(&n, 5, -power, 1220703125u, 13);
	length = digits_of(&n, digits);
	/* m / 2^k = m * 5^k / 10^k */
	exponent = length - 1 + (power < 0 ? power : 0);
	if (length > DIGITS)
		exponent += round_digits(digits, length);
	for (length = (int)strlen(digits); length > 1 && digits[length - 1] == '0'; length--)
		digits[length - 1] = '\0';
	compose(digits, exponent, text);
}

/* What has no digits; NULL for other values. */
static const char *word_for(uint64_t significand, int exponent)
{
	if (exponent && !(significand & INTEGER_BIT))
		return "unsupported";
	if (exponent != MAX_EXPONENT)
		return significand ? NULL : "0";
	if (significand == INTEGER_BIT)
		return "infinity";
	return significand & QUIET_BIT ? "quiet NaN" : "signaling NaN";
}

void x87_text(const uint8_t value[10], char text[X87_TEXT])
{
	uint64_t significand = le64(value);
	int exponent = le16(value + 8) & MAX_EXPONENT;
	const char *word = word_for(significand, exponent);

	if (value[9] & 0x80)
		*text++ = '-';
	if (word)
		snprintf(text, X87_TEXT - 1, "%s", word);
	else
		compose_finite(significand, (exponent ? exponent : 1) - BIAS - FRACTION, text);
}
