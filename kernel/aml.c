/* SPDX-License-Identifier: MIT */
/*
 * The one thing xtk needs to know of ACPI's machine language: the values in the \_S5 package.
 *
 * Source: ACPI Specification 6.4, "AML Grammar Definition" ("Package Length Encoding", "Data
 * Objects Encoding", "Named Objects Encoding").
 */
#include "acpi_tables.h"

#define AML_ZERO_OP	 0x00
#define AML_ONE_OP	 0x01
#define AML_NAME_OP	 0x08
#define AML_BYTE_PREFIX	 0x0a
#define AML_WORD_PREFIX	 0x0b
#define AML_DWORD_PREFIX 0x0c
#define AML_PACKAGE_OP	 0x12
#define AML_ROOT_CHAR	 '\\'

#define SLEEP_TYPE_MASK 7u /* SLP_TYP has three bits */

/* What is left to read; every read is checked against it. */
struct aml {
	const uint8_t *at;
	size_t left;
};

static bool take(struct aml *aml, uint8_t *byte)
{
	if (!aml->left)
		return false;
	*byte = *aml->at++;
	aml->left--;
	return true;
}

static bool expect(struct aml *aml, uint8_t wanted)
{
	uint8_t byte;

	return take(aml, &byte) && byte == wanted;
}

/* PkgLength counts itself; its first two bits say how many bytes follow the first. */
static bool take_package_length(struct aml *aml)
{
	uint8_t lead, next;
	size_t before = aml->left;
	size_t length;

	if (!take(aml, &lead))
		return false;
	length = lead >> 6 ? lead & 0xfu : lead & 0x3fu;
	for (unsigned int i = 0; i < lead >> 6; i++) {
		if (!take(aml, &next))
			return false;
		length |= (size_t)next << (4 + 8 * i);
	}
	if (length > before || length < before - aml->left)
		return false;
	aml->left = length - (before - aml->left);
	return true;
}

static bool take_integer(struct aml *aml, uint8_t *low)
{
	uint8_t op, byte;
	size_t high_bytes;

	if (!take(aml, &op))
		return false;
	*low = op;
	if (op == AML_ZERO_OP || op == AML_ONE_OP)
		return true;
	if (op < AML_BYTE_PREFIX || op > AML_DWORD_PREFIX)
		return false;
	high_bytes = (1u << (op - AML_BYTE_PREFIX)) - 1;
	if (!take(aml, low))
		return false;
	while (high_bytes--) {
		if (!take(aml, &byte))
			return false;
	}
	return true;
}

/* Name (\_S5, Package () {a, b, ...}) */
static bool take_s5(struct aml aml, uint8_t type[2])
{
	static const uint8_t name[] = { '_', 'S', '5', '_', AML_PACKAGE_OP };
	uint8_t elements;

	if (!expect(&aml, AML_NAME_OP))
		return false;
	if (aml.left && *aml.at == AML_ROOT_CHAR)
		take(&aml, &elements);
	for (size_t i = 0; i < sizeof(name); i++) {
		if (!expect(&aml, name[i]))
			return false;
	}
	if (!take_package_length(&aml) || !take(&aml, &elements) || elements < 2)
		return false;
	if (!take_integer(&aml, &type[0]) || !take_integer(&aml, &type[1]))
		return false;
	type[0] &= SLEEP_TYPE_MASK;
	type[1] &= SLEEP_TYPE_MASK;
	return true;
}

bool aml_find_s5(const uint8_t *aml, size_t size, uint8_t type[2])
{
	for (size_t i = 0; i < size; i++) {
		if (aml[i] == AML_NAME_OP && take_s5((struct aml){ aml + i, size - i }, type))
			return true;
	}
	return false;
}
