/* SPDX-License-Identifier: MIT */
/*
 * The table of registers, and reading and writing one in an image.
 *
 * Sources: SDM vol. 1, "Legacy Region of an XSAVE Area" and "XSAVE-Managed State"; SDM vol. 2,
 * "LDTILECFG"; Intel APX Architecture Specification, "XSAVE State Management"; AMD Lightweight
 * Profiling Specification (publication 43724), the XSAVE area.
 */
#include "xsave/reg.h"

#include "bytes.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define MXCSR_OFFSET	 24
#define XSTATE_BV_OFFSET XSAVE_LEGACY_SIZE

#define PART(id, first_, offset_, stride_, size_)                                                  \
	{                                                                                          \
		.component = XSAVE_##id, .first = (first_), .offset = (offset_),                   \
		.stride = (stride_), .size = (size_)                                               \
	}
#define ROW(name_, kind_, view_, initial_, first_, count_, id, offset_, stride_, size_)            \
	{                                                                                          \
		.name = (name_), .kind = XSAVE_REG_##kind_, .first = (first_), .count = (count_),  \
		.parts = 1, .view = (view_), .initial = (initial_), .size = (size_), .part = {     \
			PART(id, first_, offset_, stride_, size_)                                  \
		}                                                                                  \
	}

/* One register that owns its bytes, and an array of them: numbers from @first, @count of them. */
#define ONE(name, kind, id, offset, size) ROW(name, kind, false, 0, 0, 1, id, offset, 0, size)
#define ARRAY(name, kind, first, count, id, offset, stride, size)                                  \
	ROW(name, kind, false, 0, first, count, id, offset, stride, size)
/* Those that are not zero in the initial configuration. */
#define INITIAL(name, value, id, offset, size)                                                     \
	ROW(name, INTEGER, false, value, 0, 1, id, offset, 0, size)
/* A part of a register, with a name of its own. */
#define FIELD(name, kind, id, offset, size) ROW(name, kind, true, 0, 0, 1, id, offset, 0, size)
#define FIELDS(name, kind, first, count, id, offset, stride, size)                                 \
	ROW(name, kind, true, 0, first, count, id, offset, stride, size)

/* A vector register in the parts that the components have of it. */
#define VECTOR(name_, first_, parts_, size_, ...)                                                  \
	{                                                                                          \
		.name = (name_), .kind = XSAVE_REG_VECTOR, .first = (first_), .count = 16,         \
		.parts = (parts_), .view = true, .size = (size_), .part = {                        \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define XMM_PART   PART(SSE, 0, 160, 16, 16)
#define YMM_H_PART PART(AVX, 0, 0, 16, 16)
#define ZMM_H_PART PART(ZMM_HI256, 0, 0, 32, 32)

/* clang-format off */
static const struct xsave_reg regs[] = {
	INITIAL("FCW", 0x037f, X87,  0, 2),
	ONE("FSW",   INTEGER,  X87,  2, 2),
	ONE("FTW",   INTEGER,  X87,  4, 1),
	ONE("FOP",   INTEGER,  X87,  6, 2),
	ONE("FIP",   ADDRESS,  X87,  8, 8),
	ONE("FDP",   ADDRESS,  X87, 16, 8),
	ARRAY("ST#", X87, 0, 8, X87, 32, 16, 10),

	/* MXCSR_MASK behind it is no register: it describes the CPU. */
	INITIAL("MXCSR", 0x1f80, SSE, MXCSR_OFFSET, 4),
	ARRAY("XMM#", VECTOR, 0, 16, SSE, 160, 16, 16),

	ARRAY("YMM#_H", VECTOR, 0, 16, AVX, 0, 16, 16),
	VECTOR("YMM#", 0, 2, 32, XMM_PART, YMM_H_PART),

	ARRAY("BND#.LB", ADDRESS, 0, 4, BNDREGS, 0, 16, 8),
	ARRAY("BND#.UB", INTEGER, 0, 4, BNDREGS, 8, 16, 8), /* in one's complement */
	ONE("BNDCFGU",   INTEGER, BNDCSR, 0, 8),
	ONE("BNDSTATUS", INTEGER, BNDCSR, 8, 8),

	ARRAY("k#", INTEGER, 0, 8, OPMASK, 0, 8, 8),
	ARRAY("ZMM#_H", VECTOR, 0, 16, ZMM_HI256, 0, 32, 32),
	VECTOR("ZMM#", 0, 3, 64, XMM_PART, YMM_H_PART, ZMM_H_PART),
	ARRAY("ZMM#",  VECTOR, 16, 16, HI16_ZMM, 0, 64, 64),
	FIELDS("YMM#", VECTOR, 16, 16, HI16_ZMM, 0, 64, 32),
	FIELDS("XMM#", VECTOR, 16, 16, HI16_ZMM, 0, 64, 16),

	ONE("IA32_RTIT_CTL",              INTEGER, PT,  0, 8),
	ONE("IA32_RTIT_OUTPUT_BASE",      INTEGER, PT,  8, 8),
	ONE("IA32_RTIT_OUTPUT_MASK_PTRS", INTEGER, PT, 16, 8),
	ONE("IA32_RTIT_STATUS",           INTEGER, PT, 24, 8),
	ONE("IA32_RTIT_CR3_MATCH",        INTEGER, PT, 32, 8),
	ARRAY("IA32_RTIT_ADDR#_A", ADDRESS, 0, 2, PT, 40, 16, 8),
	ARRAY("IA32_RTIT_ADDR#_B", ADDRESS, 0, 2, PT, 48, 16, 8),

	ONE("PKRU",             INTEGER, PKRU,  0, 4),
	ONE("IA32_PASID",       INTEGER, PASID, 0, 8),
	ONE("IA32_U_CET",       INTEGER, CET_U, 0, 8),
	ONE("IA32_PL3_SSP",     ADDRESS, CET_U, 8, 8),
	ARRAY("IA32_PL#_SSP",   ADDRESS, 0, 3, CET_S, 0, 8, 8),
	INITIAL("IA32_PM_CTL1", 1,       HDC,   0, 8),

	/* The reserved bytes between UINV and UIF must stay: XRSTORS looks at them. */
	ONE("UIHANDLER",        ADDRESS, UINTR,  0, 8),
	ONE("UISTACKADJUST",    INTEGER, UINTR,  8, 8),
	ONE("IA32_UINTR_MISC",  INTEGER, UINTR, 16, 8),
	FIELD("UITTSZ",         INTEGER, UINTR, 16, 4),
	FIELD("UINV",           INTEGER, UINTR, 20, 1),
	FIELD("UIF",            INTEGER, UINTR, 23, 1), /* in bit 7 */
	ONE("UPIDADDR",         ADDRESS, UINTR, 24, 8),
	ONE("UIRR",             INTEGER, UINTR, 32, 8),
	ONE("UITTADDR",         ADDRESS, UINTR, 40, 8),

	ONE("IA32_LBR_CTL",     INTEGER, LBR,  0, 8),
	ONE("IA32_LBR_DEPTH",   INTEGER, LBR,  8, 8), /* initialising leaves it as it is */
	ONE("IA32_LER_FROM_IP", ADDRESS, LBR, 16, 8),
	ONE("IA32_LER_TO_IP",   ADDRESS, LBR, 24, 8),
	ONE("IA32_LER_INFO",    INTEGER, LBR, 32, 8),
	ARRAY("IA32_LBR_#_FROM_IP", ADDRESS, 0, 32, LBR, 40, 24, 8),
	ARRAY("IA32_LBR_#_TO_IP",   ADDRESS, 0, 32, LBR, 48, 24, 8),
	ARRAY("IA32_LBR_#_INFO",    INTEGER, 0, 32, LBR, 56, 24, 8),

	INITIAL("IA32_HWP_REQUEST", 0x8000ff01, HWP, 0, 8),

	/* All of it, as reserved bytes decide whether a load takes it (T02). */
	ONE("TILECFG",          VECTOR,  XTILECFG, 0, 64),
	FIELD("palette",        INTEGER, XTILECFG, 0, 1),
	FIELD("start_row",      INTEGER, XTILECFG, 1, 1),
	FIELDS("colsb#",        INTEGER, 0, 8, XTILECFG, 16, 2, 2),
	FIELDS("rows#",         INTEGER, 0, 8, XTILECFG, 48, 1, 1),
	ARRAY("TMM#",           TILE,    0, 8, XTILEDATA, 0, 1024, 1024),

	ARRAY("R#",             INTEGER, 16, 16, APX, 0, 8, 8),

	ONE("LWP.LWPCBAddress",     ADDRESS, LWP,  0, 8),
	ONE("LWP.Flags",            INTEGER, LWP,  8, 4),
	ONE("LWP.BufferHeadOffset", INTEGER, LWP, 12, 4),
	ONE("LWP.BufferBase",       ADDRESS, LWP, 16, 8),
	ONE("LWP.BufferSize",       INTEGER, LWP, 24, 4),
	ONE("LWP.Filters",          INTEGER, LWP, 28, 4),
	ONE("LWP.SavedEventRecord", VECTOR,  LWP, 32, 32),
	ARRAY("LWP.EventCounter#",  INTEGER, 1, 16, LWP, 64, 4, 4),
};
/* clang-format on */

const struct xsave_reg *xsave_reg(size_t i)
{
	return i < LENGTH(regs) ? &regs[i] : NULL;
}

static char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* One or two digits without a leading zero; returns what follows them, NULL when there are none. */
static const char *parse_number(const char *text, unsigned int *number)
{
	const char *end = text;
	unsigned int n = 0;

	while (end - text < 2 && *end >= '0' && *end <= '9')
		n = n * 10 + (unsigned int)(*end++ - '0');
	if (end == text || (*text == '0' && end - text == 2))
		return NULL;
	*number = n;
	return end;
}

static bool name_matches(const char *row, const char *name, unsigned int *number)
{
	for (; *row; row++) {
		if (*row != '#') {
			if (upper(*row) != upper(*name++))
				return false;
			continue;
		}
		name = parse_number(name, number);
		if (!name)
			return false;
	}
	return !*name;
}

static bool has_number(const struct xsave_reg *reg, unsigned int number)
{
	return number >= reg->first && number - reg->first < reg->count;
}

const struct xsave_reg *xsave_reg_find(const char *name, unsigned int *number)
{
	for (size_t i = 0; i < LENGTH(regs); i++) {
		unsigned int n = 0;

		if (!name_matches(regs[i].name, name, &n) || !has_number(&regs[i], n))
			continue;
		*number = n;
		return &regs[i];
	}
	return NULL;
}

static char *put_number(char *to, unsigned int number)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		*to++ = digits[--n];
	return to;
}

const char *xsave_reg_name(const struct xsave_reg *reg, unsigned int number,
			   char name[XSAVE_REG_NAME_SIZE])
{
	char *to = name;

	for (const char *from = reg->name; *from; from++) {
		if (*from == '#')
			to = put_number(to, number);
		else
			*to++ = *from;
	}
	*to = '\0';
	return name;
}

static bool is_mxcsr(const struct xsave_reg_part *part)
{
	return part->component == XSAVE_SSE && part->offset == MXCSR_OFFSET;
}

/*
 * The bytes of a part, in use or not; NULL: no room for its component (N08). The table keeps every
 * part inside its component, and xsave_image_component() gives none of another size.
 */
static const uint8_t *find_part(const struct xsave_image *image, const struct xsave_reg_part *part,
				unsigned int number)
{
	const uint8_t *start = xsave_image_component(image, part->component);

	return start ? start + part->offset + (size_t)part->stride * (number - part->first) : NULL;
}

/* The lowest @size bytes of a value, little-endian. */
static void put_initial(uint8_t *to, size_t size, uint32_t initial)
{
	uint8_t bytes[4];

	xsave_bytes_put32(bytes, initial);
	xsave_bytes_zero(to, size);
	xsave_bytes_copy(to, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

/* The lowest @size bytes of part @i. */
static void read_part(const struct xsave_image *image, const struct xsave_reg *reg, unsigned int i,
		      unsigned int number, uint8_t *to, size_t size)
{
	const struct xsave_reg_part *part = &reg->part[i];
	const uint8_t *from = find_part(image, part, number);

	if (is_mxcsr(part))
		xsave_bytes_put32(to, xsave_image_mxcsr(image)); /* M04, M05 */
	else if (from && xsave_image_xstate_bv(image) & XSAVE_MASK(part->component))
		xsave_bytes_copy(to, from, size);
	else
		put_initial(to, size, reg->initial); /* R02 */
}

enum xsave_error xsave_reg_read(const struct xsave_image *image, const struct xsave_reg *reg,
				unsigned int number, void *value)
{
	uint8_t *to = value;

	if (!has_number(reg, number))
		return XSAVE_ERR_REG;
	for (unsigned int i = 0; i < reg->parts; i++) {
		read_part(image, reg, i, number, to, reg->part[i].size);
		to += reg->part[i].size;
	}
	return XSAVE_OK;
}

/* The first part of a register in several has more than eight bytes. */
uint64_t xsave_reg_value(const struct xsave_image *image, const struct xsave_reg *reg,
			 unsigned int number)
{
	uint8_t low[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };

	if (has_number(reg, number))
		read_part(image, reg, 0, number, low,
			  reg->size < sizeof(low) ? reg->size : sizeof(low));
	return xsave_bytes_get64(low);
}

bool xsave_reg_in_use(const struct xsave_image *image, const struct xsave_reg *reg)
{
	uint64_t in_use = xsave_image_xstate_bv(image);

	/* M04: XSTATE_BV does not decide about MXCSR where the image is not compacted. */
	if (is_mxcsr(&reg->part[0]) && xsave_image_format(image) != XSAVE_FORMAT_COMPACTED)
		return xsave_image_format(image) != XSAVE_FORMAT_NONE;
	for (unsigned int i = 0; i < reg->parts; i++)
		if (in_use & XSAVE_MASK(reg->part[i].component) &&
		    find_part(image, &reg->part[i], reg->first))
			return true;
	return false;
}

/* Does another component in use have bytes of this one? APX has those of MPX (X09). */
static bool shares_bytes(const struct xsave_image *image, unsigned int bit)
{
	const uint8_t *start = xsave_image_component(image, bit), *other;
	uint64_t in_use = xsave_image_xstate_bv(image) & ~(XSAVE_LEGACY_MASK | XSAVE_MASK(bit));

	if (XSAVE_MASK(bit) & XSAVE_LEGACY_MASK ||
	    xsave_image_format(image) != XSAVE_FORMAT_STANDARD)
		return false;
	xsave_for_each_bit (b, in_use) {
		other = xsave_image_component(image, b);
		if (other && other < start + image->layout->size[bit] &&
		    start < other + image->layout->size[b])
			return true;
	}
	return false;
}

/* The components of a register; 0 when one of them has no bytes of its own in the image. */
static uint64_t components_of(const struct xsave_image *image, const struct xsave_reg *reg,
			      unsigned int number)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < reg->parts; i++) {
		if (!find_part(image, &reg->part[i], number) ||
		    shares_bytes(image, reg->part[i].component))
			return 0;
		mask |= XSAVE_MASK(reg->part[i].component);
	}
	return mask;
}

/* Where the image may be written that find_part() found read-only. */
static uint8_t *writable(const struct xsave_image *image, void *data, const uint8_t *place)
{
	return (uint8_t *)data + (place - (const uint8_t *)image->data);
}

static void initialise_row(const struct xsave_image *image, void *data, const struct xsave_reg *reg)
{
	for (unsigned int n = reg->first; has_number(reg, n); n++)
		put_initial(writable(image, data, find_part(image, &reg->part[0], n)), reg->size,
			    reg->initial);
}

/* Gives the registers of components that were not in use their initial values, but for MXCSR. */
static void initialise(const struct xsave_image *image, void *data, uint64_t components)
{
	for (size_t i = 0; i < LENGTH(regs); i++)
		if (!regs[i].view && components & XSAVE_MASK(regs[i].part[0].component) &&
		    !is_mxcsr(&regs[i].part[0]))
			initialise_row(image, data, &regs[i]);
}

/* A legacy image has no header, and all that it can hold is in use. */
static void put_in_use(const struct xsave_image *image, void *data, uint64_t components)
{
	uint64_t fresh = components & ~xsave_image_xstate_bv(image);
	uint8_t *header = (uint8_t *)data + XSTATE_BV_OFFSET;

	if (!fresh)
		return;
	if (fresh & XSAVE_MASK(XSAVE_SSE)) /* what a load would have put there: M04, M05 */
		xsave_bytes_put32((uint8_t *)data + MXCSR_OFFSET, xsave_image_mxcsr(image));
	initialise(image, data, fresh);
	xsave_bytes_put64(header, xsave_bytes_get64(header) | fresh);
}

enum xsave_error xsave_reg_write(void *data, size_t size, const struct xsave_layout *layout,
				 const struct xsave_reg *reg, unsigned int number,
				 const void *value)
{
	const struct xsave_image image = { data, size, layout };
	uint64_t components = has_number(reg, number) ? components_of(&image, reg, number) : 0;
	const uint8_t *from = value;

	if (!components)
		return XSAVE_ERR_REG;
	put_in_use(&image, data, components);
	for (unsigned int i = 0; i < reg->parts; i++) {
		const uint8_t *place = find_part(&image, &reg->part[i], number);

		xsave_bytes_copy(writable(&image, data, place), from, reg->part[i].size);
		from += reg->part[i].size;
	}
	return XSAVE_OK;
}
