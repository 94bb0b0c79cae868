/* SPDX-License-Identifier: MIT */
/*
 * The layout note and the software bytes, which Linux adds to images.
 */
#include "xsave/linux.h"

#include "bytes.h"
#include "claim.h"

/* struct x86_xfeat_component: four words, of which the last (flags) is reserved. */
#define ENTRY_SIZE   16
#define ENTRY_TYPE   0
#define ENTRY_BYTES  4
#define ENTRY_OFFSET 8

/* No image comes near; so nobody reserves gigabytes because a note says so. */
#define TOTAL_LIMIT (UINT32_C(1) << 20)

#define SOFTWARE	   464 /* the software bytes of the legacy region */
#define SOFTWARE_XFEATURES (SOFTWARE + 8)
#define FP_XSTATE_MAGIC1   UINT32_C(0x46505853)

/*
 * The note is about user components, and does not tell whether one is aligned in the compacted
 * format: that is known of those in the table only.
 */
static struct xsave_claim claim_of(const uint8_t *entry, unsigned int bit)
{
	return (struct xsave_claim){
		.bit = bit,
		.size = xsave_bytes_get32(entry + ENTRY_BYTES),
		.offset = xsave_bytes_get32(entry + ENTRY_OFFSET),
		.align64 = XSAVE_ALIGN64_MASK >> bit & 1,
	};
}

/* x87 and SSE may be listed where they are. */
static enum xsave_error check_legacy(const struct xsave_claim *claim)
{
	if (claim->size != xsave_claim_none.size[claim->bit])
		return XSAVE_ERR_SIZE;
	return claim->offset == xsave_claim_none.offset[claim->bit] ? XSAVE_OK : XSAVE_ERR_OFFSET;
}

static enum xsave_error add_entry(struct xsave_layout *layout, uint64_t *seen, const uint8_t *entry)
{
	uint32_t bit = xsave_bytes_get32(entry + ENTRY_TYPE);
	struct xsave_claim claim;

	if (bit >= XSAVE_BITS || *seen & XSAVE_MASK(bit))
		return XSAVE_ERR_NOTE;
	*seen |= XSAVE_MASK(bit);
	claim = claim_of(entry, bit);
	if (XSAVE_MASK(bit) & XSAVE_LEGACY_MASK)
		return check_legacy(&claim);
	return xsave_claim_add(layout, &claim, TOTAL_LIMIT);
}

/* Without an entry it is the note of a CPU that has only x87 and SSE. */
enum xsave_error xsave_linux_layout(struct xsave_layout *layout, const void *note, size_t size)
{
	struct xsave_layout found = xsave_claim_none;
	const uint8_t *entry = note;
	enum xsave_error err;
	uint64_t seen = 0;

	/* Each number may come once. */
	if (size % ENTRY_SIZE || size / ENTRY_SIZE > XSAVE_BITS)
		return XSAVE_ERR_NOTE;
	for (size_t at = 0; at < size; at += ENTRY_SIZE) {
		err = add_entry(&found, &seen, entry + at);
		if (err)
			return err;
	}
	err = xsave_claim_overlap(&found);
	if (!err)
		*layout = found;
	return err;
}

uint64_t xsave_linux_xcr0(const struct xsave_image *image)
{
	const uint8_t *data = image->data;
	uint64_t xcr0;

	if (xsave_image_format(image) != XSAVE_FORMAT_STANDARD)
		return 0;
	xcr0 = xsave_bytes_get64(data + SOFTWARE);
	if (xsave_bytes_get32(data + SOFTWARE) == FP_XSTATE_MAGIC1)
		xcr0 = xsave_bytes_get64(data + SOFTWARE_XFEATURES);
	return xcr0 & XSAVE_MASK(XSAVE_X87) ? xcr0 : 0; /* X02 */
}
