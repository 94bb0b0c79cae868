/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an image, with any layout: read, validate, sanitize, convert, and its registers.
 *
 * The input: struct plan's fields in their order, a struct xsave_layout where the plan wants one,
 * then the image.
 */
#include "fuzz.h"

#define TARGET_MAX (XSAVE_EXTENDED + 3 * 8192)

/* What to do with the image. */
struct plan {
	struct xsave_layout layout; /* of the image */
	bool trusted;		    /* one of the library's */
	const struct xsave_layout *target;
	enum xsave_format format; /* of the target */
	uint64_t components;
	size_t room; /* bytes of the target */
	struct xsave_cpu cpu;
	size_t row; /* the register to write, and its number */
	unsigned int number;
	uint8_t value[XSAVE_REG_SIZE];
};

static const struct xsave_layout *const layouts[] = {
	&xsave_layout_intel,
	&xsave_layout_amd,
	&xsave_layout_common,
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

/* Bytes of the target: any, or a few more or less than it takes. */
static size_t room_for(const struct plan *plan, size_t raw)
{
	size_t size = xsave_format_size(plan->format, plan->target, plan->components);

	if (raw & 0x8000 && size)
		return size - 4 + raw % 8;
	return raw % TARGET_MAX;
}

static void take_plan(struct fuzz_input *in, struct plan *plan)
{
	uint64_t which = fuzz_number(in, 1) % (LAYOUTS + 1);

	plan->target = layouts[fuzz_number(in, 1) % LAYOUTS];
	plan->format = (enum xsave_format)(fuzz_number(in, 1) % (XSAVE_FORMAT_COMPACTED + 2));
	plan->cpu.insn = (enum xsave_insn)(fuzz_number(in, 1) % (XSAVE_INSNS + 1));
	plan->cpu.compaction = fuzz_number(in, 1) & 1;
	plan->cpu.mxcsr_mask = (uint32_t)fuzz_number(in, 4);
	plan->cpu.enabled = (fuzz_number(in, 8) & XSAVE_KNOWN_MASK) | XSAVE_LEGACY_MASK;
	plan->cpu.mask = plan->cpu.enabled;
	plan->components = fuzz_number(in, 8);
	plan->room = fuzz_number(in, 2);
	plan->row = fuzz_number(in, 1);
	plan->number = (unsigned int)fuzz_number(in, 1);
	memset(plan->value, (int)fuzz_number(in, 1), sizeof(plan->value));
	plan->value[0] = (uint8_t)fuzz_number(in, 1);
	plan->trusted = which < LAYOUTS;
	if (plan->trusted)
		plan->layout = *layouts[which];
	else
		fuzz_fill(in, &plan->layout, sizeof(plan->layout));
	plan->cpu.layout = plan->layout;
	plan->room = room_for(plan, plan->room);
}

/*
 * In the standard format some components share bytes, those that no CPU has enabled at once: MPX
 * and APX; LWP and AVX-512 in AMD's layout.
 */
static bool share_bytes(const struct xsave_layout *layout, uint64_t in_use)
{
	xsave_for_each_bit (a, in_use & ~XSAVE_LEGACY_MASK)
		xsave_for_each_bit (b, in_use & ~XSAVE_LEGACY_MASK & (XSAVE_MASK(a) - 1))
			if (layout->offset[a] < layout->offset[b] + layout->size[b] &&
			    layout->offset[b] < layout->offset[a] + layout->size[a])
				return true;
	return false;
}

/* Can a CPU have saved an image with these components in use? */
static bool possible(const struct plan *plan, const struct xsave_image *image)
{
	return plan->trusted && (xsave_image_format(image) != XSAVE_FORMAT_STANDARD ||
				 !share_bytes(image->layout, xsave_image_xstate_bv(image)));
}

/* Every byte of what the library calls a component can be read. */
static void try_components(const struct xsave_image *image)
{
	const uint8_t *data = image->data;
	uint64_t components = xsave_image_components(image);
	volatile uint8_t sink;

	require(!(components & ~image->layout->mask & ~XSAVE_LEGACY_MASK));
	for (unsigned int bit = 0; bit < 70; bit++) {
		const uint8_t *at = xsave_image_component(image, bit);

		require((at != NULL) == (bit < XSAVE_BITS && components >> bit & 1));
		if (!at || bit <= XSAVE_SSE)
			continue;
		require(at >= data + XSAVE_EXTENDED && at <= data + image->size);
		for (uint32_t i = 0; i < image->layout->size[bit]; i++)
			sink = at[i];
	}
	(void)sink;
}

/* The registers of two images are the same, but for those of the row @except. */
static void require_same_registers(const struct xsave_image *a, const struct xsave_image *b,
				   const struct xsave_reg *except)
{
	uint8_t one[XSAVE_REG_SIZE], other[XSAVE_REG_SIZE];
	const struct xsave_reg *reg;

	for (size_t i = 0; (reg = xsave_reg(i)); i++) {
		for (unsigned int n = reg->first; n < (unsigned int)reg->first + reg->count; n++) {
			if (except && (reg == except || reg->view))
				continue;
			require(xsave_reg_read(a, reg, n, one) == XSAVE_OK);
			require(xsave_reg_read(b, reg, n, other) == XSAVE_OK);
			require(!memcmp(one, other, reg->size));
		}
	}
}

static void try_registers(const struct xsave_image *image)
{
	const struct xsave_reg *reg;

	require_same_registers(image, image, NULL);
	for (size_t i = 0; (reg = xsave_reg(i)); i++) {
		unsigned int past = (unsigned int)reg->first + reg->count;
		uint8_t untouched = 0x5a;

		xsave_reg_in_use(image, reg);
		require(reg->first == 0 || xsave_reg_value(image, reg, 0u + reg->first - 1) == 0);
		require(xsave_reg_read(image, reg, past, &untouched) == XSAVE_ERR_REG);
		require(untouched == 0x5a);
	}
}

/* An edit: read back, and no other register has changed; after an error no byte. */
static void try_write(const struct plan *plan, const struct xsave_image *image)
{
	const struct xsave_reg *reg = xsave_reg(plan->row);
	uint8_t *data = fuzz_copy(image->data, image->size, 0);
	struct xsave_image edited = { data, image->size, image->layout };
	uint8_t back[XSAVE_REG_SIZE];

	if (!reg) {
		free(data);
		return;
	}
	if (xsave_reg_write(data, image->size, image->layout, reg, plan->number, plan->value)) {
		require(!memcmp(data, image->data, image->size));
	} else if (possible(plan, image) && possible(plan, &edited)) {
		require(xsave_reg_read(&edited, reg, plan->number, back) == XSAVE_OK);
		require(!memcmp(back, plan->value, reg->size));
		require(xsave_reg_in_use(&edited, reg) || reg->view ||
			xsave_image_format(image) == XSAVE_FORMAT_STANDARD);
		if (!reg->view)
			require_same_registers(image, &edited, reg);
	}
	free(data);
}

static bool is_image_error(enum xsave_error err)
{
	return err == XSAVE_OK ||
	       (err < XSAVE_ERROR_COUNT && xsave_error_effect(err) != XSAVE_EFFECT_NOTHING);
}

/* A conversion gives the same bytes whatever was in the target, or changes none. */
static enum xsave_error convert(const struct xsave_image *from, uint64_t components,
				enum xsave_format format, const struct xsave_layout *layout,
				uint8_t *to, size_t size)
{
	uint8_t *other = fuzz_copy(NULL, size, 0xa5);
	enum xsave_error err, again;

	memset(to, 0x5a, size);
	err = xsave_convert(from, components, format, layout, to, size);
	again = xsave_convert(from, components, format, layout, other, size);
	require(err == again);
	for (size_t i = 0; err && i < size; i++)
		require(to[i] == 0x5a);
	require(err || !memcmp(to, other, size));
	free(other);
	return err;
}

/* The canonical image, converted to another format and back, is itself. */
static void try_round_trip(const struct plan *plan, const struct xsave_image *canonical)
{
	uint64_t components = xsave_image_components(canonical);
	enum xsave_format format = xsave_image_format(canonical);
	size_t size = xsave_format_size(plan->format, plan->target, components);
	uint8_t *there, *back;
	struct xsave_image middle;

	/* A compacted image with unknown components has no twin elsewhere. */
	if (!size ||
	    (plan->format == XSAVE_FORMAT_STANDARD &&
	     share_bytes(plan->target, xsave_image_xstate_bv(canonical))) ||
	    (format == XSAVE_FORMAT_COMPACTED &&
	     xsave_image_xcomp_bv(canonical) != (components | XSAVE_XCOMP_COMPACTED)))
		return;
	there = fuzz_copy(NULL, size, 0);
	back = fuzz_copy(NULL, canonical->size, 0);
	middle = (struct xsave_image){ there, size, plan->target };
	require(!convert(canonical, components, plan->format, plan->target, there, size));
	require_same_registers(canonical, &middle, NULL);
	require(!convert(&middle, components, format, canonical->layout, back, canonical->size));
	/* A legacy image cannot say that x87 or SSE is not in use. */
	if (plan->format != XSAVE_FORMAT_LEGACY)
		require(!memcmp(back, canonical->data, canonical->size));
	free(there);
	free(back);
}

static void check_canonical(const struct plan *plan, const struct xsave_image *image,
			    const struct xsave_image *canonical)
{
	uint8_t *again = fuzz_copy(canonical->data, canonical->size, 0);

	require(!xsave_sanitize(again, canonical->size, canonical->layout));
	require(!memcmp(again, canonical->data, canonical->size));
	require(xsave_image_format(image) == xsave_image_format(canonical));
	require(xsave_image_xcomp_bv(image) == xsave_image_xcomp_bv(canonical) ||
		xsave_image_format(image) == XSAVE_FORMAT_STANDARD);
	if (possible(plan, image)) {
		require_same_registers(image, canonical, NULL);
		try_round_trip(plan, canonical);
	}
	free(again);
}

static void try_sanitize(const struct plan *plan, const struct xsave_image *image)
{
	uint8_t *data = fuzz_copy(image->data, image->size, 0);
	struct xsave_image canonical = { data, image->size, image->layout };
	enum xsave_error valid = xsave_validate(image, &plan->cpu);
	enum xsave_error err = xsave_sanitize(data, image->size, image->layout);

	require(is_image_error(valid) && (is_image_error(err) || err == XSAVE_ERR_OVERLAP));
	require(err == XSAVE_ERR_OVERLAP ? !possible(plan, image) : valid || !err);
	require(err || !plan->trusted || possible(plan, image));
	if (err)
		require(!memcmp(data, image->data, image->size));
	else
		check_canonical(plan, image, &canonical);
	if (!valid && possible(plan, image))
		require(xsave_validate(&canonical, &plan->cpu) == XSAVE_OK);
	free(data);
}

static void try_convert(const struct plan *plan, const struct xsave_image *image)
{
	uint8_t *to = fuzz_copy(NULL, plan->room, 0);
	size_t size = xsave_format_size(plan->format, plan->target, plan->components);
	enum xsave_error err =
		convert(image, plan->components, plan->format, plan->target, to, plan->room);

	require(err || (size && size <= plan->room));
	if (!err) {
		/* Two components in the place of one would be an overlap. */
		require(!xsave_sanitize(to, size, plan->target));
		require(xsave_format_size(plan->format, plan->target, plan->components) == size);
	}
	free(to);
}

/* The same with the layouts changed over: the target's may then be any. */
static void try_any_target(const struct plan *plan, const struct xsave_image *image)
{
	uint8_t *to = fuzz_copy(NULL, plan->room, 0);

	convert(image, plan->components, plan->format, &plan->layout, to, plan->room);
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	static struct plan plan;
	struct xsave_image image;
	uint8_t *bytes, *before;

	take_plan(&in, &plan);
	bytes = fuzz_copy(in.data, in.size, 0);
	before = fuzz_copy(in.data, in.size, 0);
	image = (struct xsave_image){ bytes, in.size, &plan.layout };
	try_components(&image);
	try_registers(&image);
	try_write(&plan, &image);
	try_sanitize(&plan, &image);
	try_convert(&plan, &image);
	try_any_target(&plan, &image);
	xsave_linux_xcr0(&image);
	require(!memcmp(bytes, before, in.size));
	free(before);
	free(bytes);
	return 0;
}
