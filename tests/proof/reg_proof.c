/* SPDX-License-Identifier: MIT */
/* Registers by name: any image, every register of the table, any number, any name. */
#include "reg.c"

size_t xsave_offset(const struct xsave_layout *layout, uint64_t xcomp_bv, unsigned int bit)
{
	return any_offset(layout, xcomp_bv, bit);
}

static size_t component_size(unsigned int bit)
{
	return bit <= XSAVE_SSE ? XSAVE_LEGACY_SIZE : xsave_component(bit)->size;
}

#define COUNT_MAX 32

/* What the other proofs count on: each part lies inside its component, and they make the size. */
static void check_row(const struct xsave_reg *reg)
{
	size_t size = 0;

	for (unsigned int i = 0; i < reg->parts; i++) {
		const struct xsave_reg_part *part = &reg->part[i];
		unsigned int last = reg->first + reg->count - 1u - part->first;

		size += part->size;
		PROVE(reg->first >= part->first, "a number that the part has");
		PROVE(part->offset + part->stride * last + part->size <=
			      component_size(part->component),
		      "inside the component");
	}
	PROVE(size == reg->size && size <= XSAVE_REG_SIZE, "as many bytes as the parts");
	PROVE(reg->count > 0 && reg->count <= COUNT_MAX, "at least one, and not too many");
	PROVE(reg->parts > 0 && reg->parts <= XSAVE_REG_PARTS, "at least one part");
}

void prove_reg(void)
{
	size_t i = nondet_size();

	for (size_t row = 0; row < LENGTH(regs); row++)
		check_row(&regs[row]);
	PROVE(!xsave_reg(i) == (i >= LENGTH(regs)), "no row past the last");
	PROVE(!xsave_reg(i) || xsave_reg(i) == &regs[i], "each row at its number");
	REACHED("the end");
}

/* A component by itself: memory of just its size. */
const uint8_t *own_component(const struct xsave_image *image, unsigned int bit)
{
	(void)image;
	return nondet_bool() ? malloc(component_size(bit)) : NULL;
}

void prove_find_part(void)
{
	const struct xsave_image *image = new_area(0);

	for (size_t row = 0; row < LENGTH(regs); row++) {
		unsigned int number = nondet_unsigned();

		if (!has_number(&regs[row], number))
			continue;
		for (unsigned int i = 0; i < regs[row].parts; i++) {
			const struct xsave_reg_part *part = &regs[row].part[i];
			const uint8_t *at = find_part(image, part, number);

			PROVE(!at || __CPROVER_r_ok(at, part->size), "inside the component");
		}
	}
	REACHED("the end");
}

/* A part by itself: memory of just its size. */
const uint8_t *own_part(const struct xsave_image *image, const struct xsave_reg_part *part,
			unsigned int number)
{
	(void)image, (void)number;
	return nondet_bool() ? malloc(part->size) : NULL;
}

/* A part in its image: anywhere but in the header, if there is room for its component. */
static uint64_t room;

const uint8_t *area_part(const struct xsave_image *image, const struct xsave_reg_part *part,
			 unsigned int number)
{
	size_t at = nondet_size();

	(void)number;
	if (!(room >> part->component & 1))
		return NULL;
	ASSUME(at <= image->size && part->size <= image->size - at);
	ASSUME(part->component <= XSAVE_SSE ? at + part->size <= XSAVE_LEGACY_SIZE
					    : at >= XSAVE_EXTENDED);
	return (const uint8_t *)image->data + at;
}

static const struct xsave_image *area_with_room(void)
{
	const struct xsave_image *image = new_area(0);

	room = nondet_u64() & XSAVE_KNOWN_MASK;
	ASSUME(!room || image->size >= XSAVE_LEGACY_SIZE);
	ASSUME(!(room & ~XSAVE_LEGACY_MASK) || image->size >= XSAVE_EXTENDED);
	ASSUME(image->size == XSAVE_LEGACY_SIZE || image->size >= XSAVE_EXTENDED || !room);
	return image;
}

void prove_reg_read(void)
{
	const struct xsave_image *image = new_area(0);

	for (size_t row = 0; row < LENGTH(regs); row++)
		if (xsave_reg_read(image, &regs[row], nondet_unsigned(), malloc(regs[row].size)))
			REACHED("no such number");
		else
			REACHED("a value");
}

void prove_reg_value(void)
{
	const struct xsave_image *image = new_area(0);

	for (size_t row = 0; row < LENGTH(regs); row++)
		xsave_reg_value(image, &regs[row], nondet_unsigned());
	REACHED("the end");
}

void prove_reg_in_use(void)
{
	const struct xsave_image *image = new_area(0);

	for (size_t row = 0; row < LENGTH(regs); row++)
		if (xsave_reg_in_use(image, &regs[row]))
			REACHED("in use");
		else
			REACHED("not in use");
}

void prove_put_initial(void)
{
	size_t size = nondet_u16();

	put_initial(malloc(size), size, nondet_u32());
	REACHED("the end");
}

void any_put_initial(uint8_t *to, size_t size, uint32_t initial)
{
	size_t at = __CPROVER_POINTER_OFFSET(to);

	PROVE(__CPROVER_w_ok(to, size), "initial: may be written");
	PROVE(at + size <= XSAVE_LEGACY_SIZE || at >= XSAVE_EXTENDED, "initial: not in the header");
	(void)initial;
}

/* Any row that check_row() would accept. */
static struct xsave_reg any_row(void)
{
	struct xsave_reg row;

	row.first = nondet_u8();
	row.count = nondet_u8();
	row.parts = nondet_u8();
	row.view = nondet_bool();
	row.initial = nondet_u32();
	row.size = 0;
	ASSUME(row.count > 0 && row.count <= COUNT_MAX);
	ASSUME(row.parts > 0 && row.parts <= XSAVE_REG_PARTS);
	for (unsigned int i = 0; i < XSAVE_REG_PARTS; i++) {
		row.part[i].component = nondet_u8();
		row.part[i].offset = nondet_u16();
		row.part[i].size = nondet_u16();
		ASSUME(row.part[i].component < XSAVE_BITS && row.part[i].size <= XSAVE_REG_SIZE);
		if (i < row.parts)
			row.size = (uint16_t)(row.size + row.part[i].size);
	}
	return row;
}

/* A turn leaves nothing for the next, so that one stands for all. */
void prove_initialise_row(void)
{
	const struct xsave_image *image = area_with_room();
	struct xsave_reg row = any_row();

	ASSUME(row.count == 1);
	ASSUME(room >> row.part[0].component & 1 && row.size == row.part[0].size);
	initialise_row(image, (void *)image->data, &row);
	REACHED("the end");
}

void any_initialise_row(const struct xsave_image *image, void *data, const struct xsave_reg *reg)
{
	PROVE(data == image->data, "row: an image");
	PROVE(room >> reg->part[0].component & 1, "row: there is room");
	PROVE(reg->parts == 1, "row: of one part");
}

/* A component is fresh only where components_of() has found room for it. */
void prove_initialise(void)
{
	const struct xsave_image *image = area_with_room();

	initialise(image, (void *)image->data, nondet_u64() & room);
	REACHED("the end");
}

void any_initialise(const struct xsave_image *image, void *data, uint64_t components)
{
	PROVE(data == image->data, "initialise: an image");
	(void)components;
}

void prove_put_in_use(void)
{
	const struct xsave_image *image = new_area(0);
	struct words before = words[0];
	uint64_t components = nondet_u64();

	ASSUME(image->size >= XSAVE_EXTENDED ||
	       (image->size == XSAVE_LEGACY_SIZE && !(components & ~XSAVE_LEGACY_MASK)));
	put_in_use(image, (void *)image->data, components);
	PROVE(words[0].xcomp_bv == before.xcomp_bv, "XCOMP_BV is the same as before");
	REACHED("the end");
}

void any_put_in_use(const struct xsave_image *image, void *data, uint64_t components)
{
	PROVE(data == image->data, "in use: an image");
	PROVE(!(components & ~room), "in use: there is room");
}

void prove_shares_bytes(void)
{
	const struct xsave_image *image = new_area(0);
	unsigned int bit = nondet_unsigned();

	ASSUME(bit < XSAVE_BITS && area_component(image, bit));
	if (shares_bytes(image, bit))
		REACHED("shared");
	else
		REACHED("its own");
}

bool any_shares_bytes(const struct xsave_image *image, unsigned int bit)
{
	(void)image;
	PROVE(room >> bit & 1, "shares: there is room");
	return nondet_bool();
}

void prove_reg_write(void)
{
	const struct xsave_image *image = area_with_room();
	const struct xsave_reg row = any_row();

	if (xsave_reg_write((void *)image->data, image->size, image->layout, &row,
			    nondet_unsigned(), malloc(row.size)))
		REACHED("an error");
	else
		REACHED("written");
}

/* A text of @length bytes, none of them NUL, in memory that ends with it. */
static const char *new_text(size_t length)
{
	char *text = malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		ASSUME(text[i] != '\0');
	ASSUME(text[length] == '\0');
	return text;
}

void prove_parse_number(void)
{
	for (size_t length = 0; length <= 3; length++) {
		const char *text = new_text(length);
		unsigned int number;
		const char *end = parse_number(text, &number);

		PROVE(!end || (end > text && end <= text + 2), "one or two characters further");
		PROVE(!end || end <= text + length, "not behind the end");
		if (end)
			REACHED("a number");
		else
			REACHED("none");
	}
}

const char *any_number(const char *text, unsigned int *number)
{
	size_t digits = nondet_bool() ? 1 : 2;

	PROVE(__CPROVER_r_ok(text, 1), "number: inside the text");
	if (!text[0] || (digits == 2 && !text[1]) || nondet_bool())
		return NULL;
	*number = nondet_unsigned();
	return text + digits;
}

/*
 * Any texts of these lengths. A turn looks at two characters of the name at most and leaves the
 * rest of both to the next: longer ones bring nothing new.
 */
void prove_name_matches(void)
{
	for (size_t row = 0; row <= 2; row++)
		for (size_t name = 0; name <= 4; name++) {
			unsigned int number;

			if (name_matches(new_text(row), new_text(name), &number))
				REACHED("the name");
			else
				REACHED("another one");
		}
}

bool any_match(const char *row, const char *name, unsigned int *number)
{
	(void)row, (void)name;
	*number = nondet_unsigned();
	return nondet_bool();
}

void prove_reg_find(void)
{
	unsigned int number = 0;
	const struct xsave_reg *reg = xsave_reg_find("", &number);

	if (reg) {
		PROVE(has_number(reg, number), "a number that it has");
		REACHED("found");
	} else
		REACHED("none");
}

void prove_put_number(void)
{
	unsigned int number = nondet_unsigned();
	char text[10], *end = put_number(text, number);

	PROVE(end > text && end <= text + 10, "one to ten digits");
	REACHED("the end");
}

char *any_put_number(char *to, unsigned int number)
{
	(void)number;
	PROVE(__CPROVER_w_ok(to, 10), "number: may be written");
	return to + 10;
}

void prove_reg_name(void)
{
	char name[XSAVE_REG_NAME_SIZE];

	for (size_t row = 0; row < LENGTH(regs); row++)
		xsave_reg_name(&regs[row], nondet_unsigned(), name);
	REACHED("the end");
}
