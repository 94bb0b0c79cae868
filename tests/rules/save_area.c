/* SPDX-License-Identifier: MIT */
/*
 * The memory of a save: see save_area.h. One comparison of the whole area decides; only when it
 * fails is the area taken apart, so that the failure names the rule and the place.
 *
 * Sources: SDM vol. 1, "Legacy Region of an XSAVE Area", "XSAVE Header", "Extended Region of an
 * XSAVE Area", "XSAVE-Managed State".
 */
#include "save_area.h"

#include <xtk/string.h>
#include <xtk/table.h>
#include <xtk/test.h>

#include "facts.h"
#include "oracle.h"

#define SPAN_MAX  (6 * 4096)
#define BEHIND	  128 /* bytes that are watched behind the last component */
#define PLACES	  32  /* of 64 bytes, where an area may begin */
#define LEGACY	  416 /* end of what the legacy region holds of components */
#define MXCSR_END (ORACLE_MASK + 4)
#define FOP	  6 /* two bytes; then FIP and FDP, up to MXCSR */
#define FIP	  8

static uint8_t before[SPAN_MAX], want[SPAN_MAX], shown[SPAN_MAX];

static uint64_t layout(const struct save *s)
{
	return form_compacted(s->form) ? ORACLE_COMPACT | save_rfbm(s) : 0;
}

static bool has(uint64_t mask, unsigned int bit)
{
	return mask >> bit & 1;
}

uint32_t area_span(const struct save *s)
{
	uint64_t all = save_known(s->xcr0 | s->xss);
	uint32_t compacted = oracle_image_size(ORACLE_COMPACT | all, 0);
	uint32_t standard = oracle_image_size(0, save_known(s->xcr0));

	return (compacted > standard ? compacted : standard) + BEHIND;
}

bool area_choose(struct save *s)
{
	s->area = probe_ops->arena + 64 * (table_random() % PLACES);
	if (area_span(s) <= SPAN_MAX)
		return true;
	test_error("xcr0=0x%lx: CPUID leaf 0DH gives an area of %u bytes", s->xcr0, area_span(s));
	return false;
}

uint64_t area_fill(const struct save *s, enum save_old old)
{
	uint32_t span = area_span(s);

	if (old == OLD_FRESH)
		memset(before, 0, span);
	else
		table_fill(before, span);
	if (old == OLD_VALID) {
		memset(before + ORACLE_BV, 0, ORACLE_EXTENDED - ORACLE_BV);
		oracle_put64(before + ORACLE_BV, table_random() & s->xcr0);
	}
	memcpy(s->area, before, span);
	return oracle_get64(before + ORACLE_BV);
}

/* Bytes that may have any value, that may be as before or 0, and that must be as in the image. */
static void accept_any(const uint8_t *got, uint32_t from, uint32_t to)
{
	memcpy(want + from, got + from, to - from);
}

static void accept_zero(const uint8_t *got, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		want[i] = got[i] ? before[i] : 0;
}

/* A field that is kept as before or written as 0, if it is not what it should be. */
static void accept_cleared(const uint8_t *got, uint32_t from, uint32_t to)
{
	static const uint8_t zeros[8];

	if (!memcmp(got + from, zeros, to - from) || !memcmp(got + from, before + from, to - from))
		accept_any(got, from, to);
}

/*
 * FOP, FIP and FDP count where FXSAVE64 gives them back; AMD's processors leave them and the
 * selectors as they were, or write 0, while FSW.ES = 0. FCS and FDS are those of the code that
 * loaded the state, if the CPU has them. Bytes 14, 15, 22, 23 of the 32-bit form are reserved.
 */
static void accept_pointers(const struct save *s, const uint8_t *got)
{
	/* ends of FOP, FIP, FCS, FDP, FDS */
	static const uint8_t fields[2][6][2] = {
		{ { 6, 8 }, { 8, 12 }, { 12, 14 }, { 16, 20 }, { 20, 22 } },
		{ { 6, 8 }, { 8, 16 }, { 16, 24 } },
	};

	for (unsigned int i = 0; !xregs_cpu.pointers && fields[s->rex_w][i][1]; i++)
		accept_cleared(got, fields[s->rex_w][i][0], fields[s->rex_w][i][1]);
	if (s->rex_w)
		return;
	if (!facts.no_fcs_fds && s->dirty & SAVE_X87) {
		accept_any(got, 12, 14);
		accept_any(got, 20, 22);
	}
	accept_zero(got, 14, 16);
	accept_zero(got, 22, 24);
}

static void accept_open(const struct save *s, const uint8_t *got, unsigned int bit)
{
	struct oracle_part parts[2];
	unsigned int count = oracle_parts(bit, layout(s), parts);

	if (bit == 0)
		accept_pointers(s, got);
	for (unsigned int n = 0; n < count; n++) {
		uint32_t end = parts[n].offset + parts[n].size;

		for (uint32_t i = parts[n].offset; i < end; i++) {
			if (want[i] != got[i] && oracle_open_byte(bit, layout(s), i))
				accept_zero(got, i, i + 1);
		}
	}
}

static bool unwritten(const struct save *s, const uint8_t *got, unsigned int bit)
{
	struct oracle_part parts[2];
	unsigned int count = oracle_parts(bit, layout(s), parts);

	while (count--) {
		if (memcmp(got + parts[count].offset, before + parts[count].offset,
			   parts[count].size))
			return false;
	}
	return true;
}

uint64_t area_unwritten(const struct save *s, uint64_t mask)
{
	uint64_t result = 0;

	for (unsigned int i = 0; i < 63; i++)
		result |= has(mask, i) && unwritten(s, s->area, i) ? UINT64_C(1) << i : 0;
	return result;
}

/* The bytes of a component that is saved. Supervisor state is whatever it is; of user components
 * that struct xregs does not hold the initial configuration is all zeros. */
static void want_component(const struct save *s, const uint8_t *got, unsigned int bit)
{
	struct oracle_part parts[2];

	if (has(s->may_skip, bit) && unwritten(s, got, bit))
		return;
	if (has(XREGS_MASK, bit)) {
		oracle_encode(want, bit, layout(s), &save_regs, s->rex_w);
		return;
	}
	oracle_parts(bit, layout(s), parts);
	if (oracle_supervisor(bit))
		accept_any(got, parts[0].offset, parts[0].offset + parts[0].size);
	else
		memset(want + parts[0].offset, 0, parts[0].size);
}

static bool writes_mxcsr(const struct save *s, uint64_t bv)
{
	if (form_compacted(s->form))
		return save_rfbm(s) & bv & SAVE_SSE;
	return save_rfbm(s) & (SAVE_SSE | SAVE_AVX);
}

static uint64_t written(const struct save *s, uint64_t bv)
{
	return s->form == FORM_XSAVE ? save_rfbm(s) : save_rfbm(s) & bv;
}

static void want_image(const struct save *s, const uint8_t *got, uint64_t bv)
{
	uint64_t saved = written(s, bv);

	memcpy(want, before, area_span(s));
	oracle_put64(want + ORACLE_BV, bv);
	if (form_compacted(s->form))
		oracle_put64(want + ORACLE_CB, ORACLE_COMPACT | save_rfbm(s));
	if (writes_mxcsr(s, bv)) {
		memcpy(want + ORACLE_MXCSR, &save_regs.mxcsr, 4);
		memcpy(want + ORACLE_MASK, &facts.mxcsr_mask, 4);
	}
	for (unsigned int i = 0; saved >> i; i++) {
		if (!has(saved, i))
			continue;
		want_component(s, got, i);
		accept_open(s, got, i);
	}
}

/* Where the manuals put a component of the compacted format, and why there: first, behind something
 * that ends elsewhere than at a multiple of 64, behind something that is not in use, behind others.
 */
static const char *place_rule(const struct save *s, unsigned int bit, uint64_t bv)
{
	uint64_t lower = save_rfbm(s) & ((UINT64_C(1) << bit) - 4);

	if (!lower)
		return "L01";
	if (oracle_offset(layout(s), bit) != oracle_image_size(ORACLE_COMPACT | lower, 0))
		return "L03";
	return lower & ~bv ? "L05" : "L02";
}

static const char *skipped_rule(const struct save *s)
{
	static const char *const rules[FORMS] = {
		[FORM_XSAVEOPT] = "O06", [FORM_XSAVEC] = "O07", [FORM_XSAVES] = "O08"
	};

	return rules[s->form];
}

/* Of a component that must be written, and is not as it should be. */
static const char *data_rule(const struct save *s, const uint8_t *got, unsigned int bit,
			     uint64_t bv)
{
	bool skipped = unwritten(s, got, bit);

	if (skipped && form_compacted(s->form) && bit >= 2)
		return place_rule(s, bit, bv);
	if (!has(s->dirty, bit))
		return "V08";
	if (skipped && skipped_rule(s))
		return skipped_rule(s);
	if (s->efer_flip)
		return "V15";
	switch (bit) {
	case 0:
		return "V05";
	case 1:
		return "V06";
	case 4:
		return "V11";
	case 9:
		return "V10";
	default:
		return "R05";
	}
}

static const char *component_rule(const struct save *s, const uint8_t *got, unsigned int bit,
				  uint64_t bv)
{
	if (has(written(s, bv), bit))
		return data_rule(s, got, bit, bv);
	if (has(save_rfbm(s), bit))
		return "O05";
	return save_rfbm(s) || !s->mask ? "V04" : "V14";
}

static enum save_rule mxcsr_rule(const struct save *s)
{
	if (form_compacted(s->form))
		return SAVE_M02;
	if (!(save_rfbm(s) & SAVE_SSE))
		return SAVE_M01;
	if (s->form == FORM_XSAVEOPT && (!(s->dirty & SAVE_SSE) || s->may_skip & SAVE_SSE))
		return SAVE_O09;
	return (s->dirty & SAVE_SSE) ? SAVE_M01 : SAVE_M03;
}

/* Judges bytes @from to @to alone, and takes them out of what is left to judge. */
static void judge(const struct save *s, uint8_t *got, uint32_t from, uint32_t to, const char *rule,
		  const char *what)
{
	if (!memcmp(got + from, want + from, to - from))
		return;
	memcpy(shown, want, area_span(s));
	memcpy(shown + from, got + from, to - from);
	expect_bytes(shown, want, area_span(s), rule, "%s %s", save_where(s), what);
	memcpy(got + from, want + from, to - from);
}

/* The x87 pointers of a state that is in use have rules of their own. */
static void judge_pointers(const struct save *s, uint8_t *got, uint64_t bv)
{
	if (!(written(s, bv) & s->dirty & SAVE_X87) || unwritten(s, got, 0))
		return;
	judge(s, got, FOP, FIP, "F03", "FOP");
	judge(s, got, FIP, ORACLE_MXCSR, s->rex_w ? "F04" : "F05", "FIP and FDP");
}

static void judge_component(const struct save *s, uint8_t *got, unsigned int bit, uint64_t bv)
{
	struct oracle_part parts[2];
	unsigned int count;
	const char *rule;

	if (bit >= 2 && layout(s) && !has(layout(s), bit))
		return; /* has no place */
	if (bit >= 2 && !layout(s) && !has(s->xcr0, bit))
		return;
	count = oracle_parts(bit, layout(s), parts);
	rule = component_rule(s, got, bit, bv);
	for (unsigned int n = 0; n < count; n++)
		judge(s, got, parts[n].offset, parts[n].offset + parts[n].size, rule, "component");
}

static void take_apart(const struct save *s, uint8_t *got, uint64_t bv)
{
	const char *header = form_compacted(s->form) ? "V03" : "V02";

	judge(s, got, ORACLE_CB, ORACLE_CB + 8, header, "XCOMP_BV");
	judge(s, got, ORACLE_CB + 8, ORACLE_EXTENDED, header, "header");
	judge(s, got, LEGACY, ORACLE_BV, "V07", "end of the legacy region");
	judge(s, got, ORACLE_MXCSR, MXCSR_END, save_rule_name(mxcsr_rule(s)), "MXCSR");
	judge_pointers(s, got, bv);
	for (unsigned int i = 0; i < 63; i++) {
		if (has(save_known(s->xcr0 | s->xss) | 3, i))
			judge_component(s, got, i, bv);
	}
	judge(s, got, 0, area_span(s), "V04", "outside of all components");
}

/* The places of a compacted image were judged if something in use lay there. */
static void count_places(const struct save *s, uint64_t bv)
{
	uint64_t extended = save_rfbm(s) & s->dirty & ~UINT64_C(3);

	if (!form_compacted(s->form) || !extended)
		return;
	save_count(SAVE_L01);
	if (extended & (extended - 1))
		save_count(SAVE_L02);
	if (extended & SAVE_AMX)
		save_count(SAVE_L03);
	if (save_rfbm(s) & ~bv & ((extended & -extended) - 1) & ~UINT64_C(3))
		save_count(SAVE_L05);
}

static void count_checks(const struct save *s, uint64_t bv)
{
	uint64_t rfbm = save_rfbm(s), in_use = rfbm & s->dirty;

	save_count(SAVE_V07);
	save_count(SAVE_V04);
	save_count(form_compacted(s->form) ? SAVE_V03 : SAVE_V02);
	if (in_use & SAVE_X87)
		save_count(SAVE_V05);
	if (in_use & SAVE_X87 && xregs_cpu.pointers) {
		save_count(SAVE_F03);
		save_count(s->rex_w ? SAVE_F04 : SAVE_F05);
	}
	if (in_use & SAVE_SSE)
		save_count(SAVE_V06);
	if (has(in_use, 9))
		save_count(SAVE_V10);
	if (has(in_use, 4))
		save_count(SAVE_V11);
	if (in_use >> 2)
		save_count(SAVE_R05);
	if (rfbm & ~bv && s->form != FORM_XSAVE)
		save_count(SAVE_O05);
	if (rfbm & ~s->dirty && s->form == FORM_XSAVE)
		save_count(SAVE_V08);
	if (s->form == FORM_XSAVEC && in_use)
		save_count(SAVE_O07);
	save_count(mxcsr_rule(s));
	count_places(s, bv);
}

bool area_judge(const struct save *s, uint64_t bv)
{
	uint32_t span = area_span(s);

	want_image(s, s->area, bv);
	if (memcmp(s->area, want, span)) {
		take_apart(s, s->area, bv);
		return false;
	}
	count_checks(s, bv);
	return true;
}
