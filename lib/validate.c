/* SPDX-License-Identifier: MIT */
/*
 * Would an image load on a CPU, and as what it says? One row a rule, in the order of error.h: first
 * the image as a whole, then what the components in use hold, then what no restore looks at.
 *
 * Sources: SDM vol. 1, "Operation of XRSTOR", "Operation of XRSTORS", "XSAVE-Managed State"; for
 * each component what WRMSR to its registers refuses: SDM vol. 3 and 4, named at the rows.
 */
#include "xsave/image.h"

#include "bytes.h"
#include "xsave.h"

#define HEADER XSAVE_LEGACY_SIZE

/* What the checks of the whole image look at. */
struct subject {
	const struct xsave_image *image;
	const struct xsave_cpu *cpu;
	enum xsave_format format;
	uint64_t xstate_bv; /* bit 63 too */
	uint64_t xcomp_bv;
};

struct image_check {
	enum xsave_error err;
	bool (*broken)(const struct subject *s);
};

struct component_check {
	enum xsave_error err;
	enum xsave_bit bit;
	bool (*broken)(const uint8_t *component);
};

static bool any_byte(const uint8_t *at, size_t from, size_t to)
{
	uint8_t any = 0;

	for (size_t i = from; i < to; i++)
		any |= at[i];
	return any;
}

static bool canonical(uint64_t address)
{
	uint64_t high = address >> 56;

	return high == 0 || high == 0xff;
}

static bool standard(const struct subject *s)
{
	return s->format == XSAVE_FORMAT_STANDARD;
}

static bool compacted(const struct subject *s)
{
	return s->format == XSAVE_FORMAT_COMPACTED;
}

static bool header_bytes(const struct subject *s, size_t from, size_t to)
{
	return any_byte(s->image->data, HEADER + from, HEADER + to);
}

/* User components in use of a standard image that the layout gives a place, or gives none. */
static uint64_t standard_extended(const struct subject *s, bool placed)
{
	uint64_t found = 0;

	for (unsigned int bit = XSAVE_AVX; bit < XSAVE_BITS; bit++)
		if (!!xsave_offset(s->image->layout, 0, bit) == placed)
			found |= XSAVE_MASK(bit);
	return found & s->xstate_bv & ~s->image->layout->supervisor;
}

static bool length(const struct subject *s)
{
	return s->format == XSAVE_FORMAT_NONE;
}

static bool truncated(const struct subject *s)
{
	if (compacted(s))
		return xsave_layout_compacted_size(s->image->layout, s->xcomp_bv) > s->image->size;
	return standard(s) && standard_extended(s, true) & ~xsave_image_components(s->image);
}

static bool unknown_component(const struct subject *s)
{
	if (compacted(s))
		return s->xcomp_bv & ~s->image->layout->mask & ~XSAVE_XCOMP_COMPACTED;
	return standard(s) && standard_extended(s, false);
}

static bool compaction(const struct subject *s)
{
	return compacted(s) && !s->cpu->compaction;
}

static bool xcomp_bv(const struct subject *s)
{
	return standard(s) && s->xcomp_bv;
}

/* XRSTOR takes no supervisor component, enabled or not; that has an error of its own. */
static bool only_xrstors_takes(const struct subject *s)
{
	return compacted(s) && s->cpu->insn != XSAVE_INSN_XSAVES &&
	       s->xcomp_bv & XSAVE_SUPERVISOR_MASK;
}

static bool xcomp_bv_enabled(const struct subject *s)
{
	uint64_t taken = s->cpu->enabled | XSAVE_XCOMP_COMPACTED;

	if (only_xrstors_takes(s))
		taken |= XSAVE_SUPERVISOR_MASK;
	return compacted(s) && s->xcomp_bv & ~taken;
}

static bool xstate_bv(const struct subject *s)
{
	return standard(s) && s->xstate_bv & ~(s->cpu->enabled & XSAVE_USER_MASK);
}

static bool xstate_bv_63(const struct subject *s)
{
	return compacted(s) && s->xstate_bv & XSAVE_MASK(XSAVE_BITS);
}

static bool xstate_bv_xcomp(const struct subject *s)
{
	return compacted(s) && s->xstate_bv & ~s->xcomp_bv;
}

static bool header_16(const struct subject *s)
{
	return standard(s) && header_bytes(s, 16, 24);
}

static bool header_rest(const struct subject *s)
{
	return compacted(s) && header_bytes(s, 16, 64);
}

static bool header_unchecked(const struct subject *s)
{
	return standard(s) && header_bytes(s, 24, 64);
}

/* AVX counts because the standard form loads MXCSR for it, too; nothing loads it without either. */
static bool mxcsr(const struct subject *s)
{
	bool loaded = s->cpu->enabled & (XSAVE_MASK(XSAVE_SSE) | XSAVE_MASK(XSAVE_AVX));

	return loaded && xsave_image_mxcsr(s->image) & ~s->cpu->mxcsr_mask;
}

static const struct image_check image_checks[] = {
	{ XSAVE_ERR_LENGTH, length },
	{ XSAVE_ERR_TRUNCATED, truncated }, /* N08 */
	{ XSAVE_ERR_COMPONENT, unknown_component },
	{ XSAVE_ERR_COMPACTION, compaction },		  /* H10 */
	{ XSAVE_ERR_XCOMP_BV, xcomp_bv },		  /* H09 */
	{ XSAVE_ERR_XCOMP_BV_ENABLED, xcomp_bv_enabled }, /* H06, R08 */
	{ XSAVE_ERR_SUPERVISOR, only_xrstors_takes },	  /* R06 */
	{ XSAVE_ERR_XSTATE_BV, xstate_bv },		  /* H05, H12 */
	{ XSAVE_ERR_XSTATE_BV_63, xstate_bv_63 },	  /* H08 */
	{ XSAVE_ERR_XSTATE_BV_XCOMP, xstate_bv_xcomp },	  /* H07 */
	{ XSAVE_ERR_HEADER_16, header_16 },		  /* H03 */
	{ XSAVE_ERR_HEADER_REST, header_rest },		  /* H04 */
	{ XSAVE_ERR_MXCSR, mxcsr },			  /* M04, M05, M06, M08 */
};

/* Bits 11:2 are reserved. */
static bool bndcfgu(const uint8_t *bndcsr)
{
	uint64_t value = xsave_bytes_get64(bndcsr);

	return value & 0xffc || !canonical(value);
}

/* Bits 18, 23, 30:28, 54:48 and 63:57 are reserved; TraceEn may be set, as XSAVES saves it. */
static bool rtit_ctl(const uint8_t *pt)
{
	return xsave_bytes_get64(pt) & UINT64_C(0xfe7f000070840000);
}

/* PASID in bits 19:0, valid in bit 31 */
static bool pasid(const uint8_t *component)
{
	return xsave_bytes_get64(component) & ~UINT64_C(0x800fffff);
}

static bool u_cet_reserved(const uint8_t *cet_u)
{
	return xsave_bytes_get64(cet_u) & 0x3c0;
}

static bool u_cet_tracker(const uint8_t *cet_u)
{
	return (xsave_bytes_get64(cet_u) & 0xc00) == 0xc00;
}

static bool u_cet_bitmap(const uint8_t *cet_u)
{
	return !canonical(xsave_bytes_get64(cet_u));
}

static bool ssp_unaligned(uint64_t ssp)
{
	return ssp & 3;
}

static bool pl3_ssp_align(const uint8_t *cet_u)
{
	return ssp_unaligned(xsave_bytes_get64(cet_u + 8));
}

static bool pl3_ssp_canonical(const uint8_t *cet_u)
{
	return !canonical(xsave_bytes_get64(cet_u + 8));
}

static bool pl012_ssp_align(const uint8_t *cet_s)
{
	return ssp_unaligned(xsave_bytes_get64(cet_s) | xsave_bytes_get64(cet_s + 8) |
			     xsave_bytes_get64(cet_s + 16));
}

static bool pl012_ssp_canonical(const uint8_t *cet_s)
{
	return !canonical(xsave_bytes_get64(cet_s)) || !canonical(xsave_bytes_get64(cet_s + 8)) ||
	       !canonical(xsave_bytes_get64(cet_s + 16));
}

static bool pm_ctl1(const uint8_t *hdc)
{
	return xsave_bytes_get64(hdc) & ~UINT64_C(1);
}

/* UIHANDLER, UISTACKADJUST, UPIDADDR, UITTADDR */
static bool uintr_canonical(const uint8_t *uintr)
{
	return !canonical(xsave_bytes_get64(uintr)) || !canonical(xsave_bytes_get64(uintr + 8)) ||
	       !canonical(xsave_bytes_get64(uintr + 24)) ||
	       !canonical(xsave_bytes_get64(uintr + 40));
}

/* Between UINV (39:32) and UIF (63); the UPID is aligned to 64 bytes, the UITT to 16 (bit 0: valid)
 */
static bool uintr_reserved(const uint8_t *uintr)
{
	return xsave_bytes_get64(uintr + 16) & UINT64_C(0x7fffff0000000000) ||
	       xsave_bytes_get64(uintr + 24) & 0x3f || xsave_bytes_get64(uintr + 40) & 0xe;
}

/* IA32_LBR_CTL: bits 15:4 and 63:23; IA32_LBR_DEPTH: a multiple of 8, 64 at most */
static bool lbr(const uint8_t *component)
{
	return xsave_bytes_get64(component) & ~UINT64_C(0x7f000f) ||
	       xsave_bytes_get64(component + 8) & ~UINT64_C(0x78);
}

/* Bits 15:13 and 7 read as 0, bit 6 as 1. */
static bool fcw(const uint8_t *legacy)
{
	return (xsave_bytes_get16(legacy + offsetof(struct xsave_legacy, fcw)) & 0xe0c0) != 0x40;
}

/* ES (bit 7) and B (15) say whether one of the flags 5:0 is not masked in FCW; a load sets them so.
 */
static bool fsw(const uint8_t *legacy)
{
	unsigned int value = xsave_bytes_get16(legacy + offsetof(struct xsave_legacy, fsw));
	unsigned int masks = xsave_bytes_get16(legacy + offsetof(struct xsave_legacy, fcw));

	return (value & 0x8080) != (value & ~masks & 0x3f ? 0x8080 : 0);
}

static bool fop(const uint8_t *legacy)
{
	return xsave_bytes_get16(legacy + offsetof(struct xsave_legacy, fop)) & 0xf800;
}

/* TILECFG: palette, start_row, 14 reserved, 8 x 2 colsb, 16 reserved, 8 rows, 8 reserved. */
static bool tile_palette(const uint8_t *tilecfg)
{
	return tilecfg[0] > 1;
}

/* Palette 0 is the initial configuration, whatever follows. */
static bool tile_reserved(const uint8_t *tilecfg)
{
	return tilecfg[0] &&
	       (any_byte(tilecfg, 2, 16) || any_byte(tilecfg, 32, 48) || any_byte(tilecfg, 56, 64));
}

static bool tile_size(const uint8_t *tilecfg)
{
	bool broken = false;

	for (size_t i = 0; i < 8; i++)
		broken |= xsave_bytes_get16(tilecfg + 16 + 2 * i) > 64 || tilecfg[48 + i] > 16;
	return tilecfg[0] && broken;
}

static bool tile_half(const uint8_t *tilecfg)
{
	bool broken = false;

	for (size_t i = 0; i < 8; i++)
		broken |= !xsave_bytes_get16(tilecfg + 16 + 2 * i) != !tilecfg[48 + i];
	return tilecfg[0] && broken;
}

static bool pkru(const uint8_t *component)
{
	return xsave_bytes_get32(component + 4);
}

static const struct component_check component_checks[] = {
	/* As WRMSR to IA32_BNDCFGS: SDM vol. 4, "Architectural MSRs" */
	{ XSAVE_ERR_BNDCFGU, XSAVE_BNDCSR, bndcfgu },
	/* SDM vol. 3, "IA32_RTIT_CTL MSR" */
	{ XSAVE_ERR_PT, XSAVE_PT, rtit_ctl },
	/* SDM vol. 4, "Architectural MSRs": IA32_PASID */
	{ XSAVE_ERR_PASID, XSAVE_PASID, pasid },
	/* E02: SDM vol. 1, "CET State"; "Control-Flow Enforcement Technology" */
	{ XSAVE_ERR_CET_U_RESERVED, XSAVE_CET_U, u_cet_reserved },
	{ XSAVE_ERR_CET_U_TRACKER, XSAVE_CET_U, u_cet_tracker },
	{ XSAVE_ERR_CET_U_BITMAP, XSAVE_CET_U, u_cet_bitmap },
	{ XSAVE_ERR_SSP_ALIGN, XSAVE_CET_U, pl3_ssp_align },
	{ XSAVE_ERR_SSP_ALIGN, XSAVE_CET_S, pl012_ssp_align },
	{ XSAVE_ERR_SSP_CANONICAL, XSAVE_CET_U, pl3_ssp_canonical },
	{ XSAVE_ERR_SSP_CANONICAL, XSAVE_CET_S, pl012_ssp_canonical },
	/* SDM vol. 4, "Architectural MSRs": IA32_PM_CTL1 */
	{ XSAVE_ERR_HDC, XSAVE_HDC, pm_ctl1 },
	/* SDM vol. 3, "User Interrupts" */
	{ XSAVE_ERR_UINTR_CANONICAL, XSAVE_UINTR, uintr_canonical },
	{ XSAVE_ERR_UINTR_RESERVED, XSAVE_UINTR, uintr_reserved },
	/* SDM vol. 3, "Last Branch Records" */
	{ XSAVE_ERR_LBR, XSAVE_LBR, lbr },
	{ XSAVE_ERR_FCW, XSAVE_X87, fcw }, /* F01 */
	{ XSAVE_ERR_FSW, XSAVE_X87, fsw }, /* F02 */
	{ XSAVE_ERR_FOP, XSAVE_X87, fop }, /* F03 */
	/* T02: SDM vol. 2, "LDTILECFG" */
	{ XSAVE_ERR_TILE_PALETTE, XSAVE_XTILECFG, tile_palette },
	{ XSAVE_ERR_TILE_RESERVED, XSAVE_XTILECFG, tile_reserved },
	{ XSAVE_ERR_TILE_SIZE, XSAVE_XTILECFG, tile_size },
	{ XSAVE_ERR_TILE_HALF, XSAVE_XTILECFG, tile_half },
	{ XSAVE_ERR_PKRU, XSAVE_PKRU, pkru }, /* P02 */
};

static enum xsave_error check_image(const struct subject *s)
{
	for (size_t i = 0; i < sizeof(image_checks) / sizeof(image_checks[0]); i++)
		if (image_checks[i].broken(s))
			return image_checks[i].err;
	return XSAVE_OK;
}

static enum xsave_error check_components(const struct xsave_image *image)
{
	uint64_t in_use = xsave_image_xstate_bv(image);

	for (size_t i = 0; i < sizeof(component_checks) / sizeof(component_checks[0]); i++) {
		const struct component_check *check = &component_checks[i];
		const uint8_t *component = xsave_image_component(image, check->bit);

		if (in_use & XSAVE_MASK(check->bit) && component && check->broken(component))
			return check->err;
	}
	return XSAVE_OK;
}

enum xsave_error xsave_validate(const struct xsave_image *image, const struct xsave_cpu *cpu)
{
	struct subject s = {
		.image = image,
		.cpu = cpu,
		.format = xsave_image_format(image),
		.xcomp_bv = xsave_image_xcomp_bv(image),
	};
	enum xsave_error err;

	if (standard(&s) || compacted(&s))
		s.xstate_bv = xsave_bytes_get64((const uint8_t *)image->data + HEADER);
	err = check_image(&s);
	if (!err)
		err = check_components(image);
	return err || !header_unchecked(&s) ? err : XSAVE_ERR_HEADER_UNCHECKED; /* H03 */
}
