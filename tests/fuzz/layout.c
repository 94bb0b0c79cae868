/* SPDX-License-Identifier: MIT */
/*
 * What a CPU or a core file says of its layout: any CPUID content, any note, any XCR0.
 *
 * The input: one byte, XCR0, IA32_XSS and a mask, 8 bytes each, a size; then struct xsave_cpuid
 * where the byte is even, the note where it is odd.
 */
#include "fuzz.h"

/* No sum of what an accepted layout says may come near an overflow. */
#define SANE (UINT64_C(1) << 40)

/* X09 */
static bool may_overlap(uint64_t pair)
{
	uint64_t mpx = XSAVE_MASK(XSAVE_BNDREGS) | XSAVE_MASK(XSAVE_BNDCSR);

	return pair & mpx && pair & XSAVE_MASK(XSAVE_APX);
}

static void require_apart(const struct xsave_layout *layout, unsigned int a, unsigned int b)
{
	uint64_t end_a = (uint64_t)layout->offset[a] + layout->size[a];
	uint64_t end_b = (uint64_t)layout->offset[b] + layout->size[b];

	require(end_a <= layout->offset[b] || end_b <= layout->offset[a] ||
		may_overlap(XSAVE_MASK(a) | XSAVE_MASK(b)));
}

static void require_sound_row(const struct xsave_layout *layout, unsigned int bit)
{
	const struct xsave_component *row = xsave_component(bit);
	bool supervisor = layout->supervisor >> bit & 1;

	require(layout->size[bit] > 0);
	require(!row || (row->size == layout->size[bit] && row->supervisor == supervisor &&
			 row->align64 == (layout->align64 >> bit & 1)));
	require(bit <= XSAVE_SSE ||
		(supervisor ? layout->offset[bit] == 0 : layout->offset[bit] >= XSAVE_EXTENDED));
}

/* In the compacted format components lie behind each other, each at a multiple of 64 if it asks. */
static void require_packed(const struct xsave_layout *layout, uint64_t mask)
{
	size_t end = XSAVE_EXTENDED, at;

	require((mask & ~layout->mask) == 0);
	xsave_for_each_bit (bit, mask & ~XSAVE_LEGACY_MASK) {
		at = xsave_layout_compacted_offset(layout, mask, bit);
		require(at >= end && at - end < 64 &&
			at == xsave_offset(layout, mask | XSAVE_XCOMP_COMPACTED, bit));
		require(!(layout->align64 >> bit & 1) || at % 64 == 0);
		end = at + layout->size[bit];
	}
	require(xsave_layout_compacted_size(layout, mask) == end && end < SANE);
}

static void require_sound(const struct xsave_layout *layout)
{
	uint64_t user = layout->mask & ~layout->supervisor;
	size_t size = xsave_standard_size(layout, user);

	require((layout->mask & XSAVE_LEGACY_MASK) == XSAVE_LEGACY_MASK);
	require(!((layout->supervisor | layout->align64) & ~layout->mask));
	require(layout->mask >> XSAVE_BITS == 0 && size >= XSAVE_EXTENDED && size < SANE);
	xsave_for_each_bit (a, layout->mask) {
		require_sound_row(layout, a);
		require(!(user >> a & 1) || layout->offset[a] + layout->size[a] <= size);
		xsave_for_each_bit (b, user & (XSAVE_MASK(a) - 1) & ~XSAVE_LEGACY_MASK)
			if (user >> a & 1)
				require_apart(layout, a, b);
	}
}

static void require_sound_cpu(const struct xsave_cpu *cpu)
{
	uint64_t small = cpu->fit_small, large = cpu->fit_large;

	require(!(cpu->mask & ~cpu->enabled) && !(cpu->enabled & ~XSAVE_KNOWN_MASK));
	require(!(small & ~cpu->mask) && !(large & ~cpu->mask));
	require(cpu->insn < XSAVE_INSNS && cpu->insns >> cpu->insn & 1);
	require(xsave_compacted_size(small) <= sizeof(struct xsave));
	require(xsave_compacted_size(large) <= sizeof(struct xsave_large));
}

/* Also of the padding: after an error nothing was written at all. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

static void try_cpu(const struct xsave_cpuid *cpuid, uint64_t xcr0, uint64_t xss, uint64_t mask)
{
	struct xsave_cpu cpu, before;

	memset(&cpu, 0x5a, sizeof(cpu));
	memcpy(&before, &cpu, sizeof(cpu));
	if (xsave_cpu_init(&cpu, cpuid, xcr0, xss)) {
		require(same_bytes(&cpu, &before, sizeof(cpu)));
		return;
	}
	require_sound_cpu(&cpu);
	for (unsigned int insn = 0; insn <= XSAVE_INSNS; insn++) {
		memcpy(&before, &cpu, sizeof(cpu));
		if (xsave_cpu_restrict(&cpu, (enum xsave_insn)insn, mask & cpu.enabled))
			require(same_bytes(&cpu, &before, sizeof(cpu)));
		require_sound_cpu(&cpu);
	}
}

static void try_distrust(uint64_t xcr0)
{
	struct xsave_cpu cpu, before;

	memset(&cpu, 0x5a, sizeof(cpu));
	memcpy(&before, &cpu, sizeof(cpu));
	if (xsave_cpu_distrust(&cpu, xcr0))
		require(same_bytes(&cpu, &before, sizeof(cpu)));
	else
		require_sound_cpu(&cpu);
}

static void try_cpuid(struct fuzz_input *in, uint64_t xcr0, uint64_t xss, uint64_t mask)
{
	struct xsave_layout layout, before;
	struct xsave_cpuid cpuid;

	fuzz_fill(in, &cpuid, sizeof(cpuid));
	memset(&layout, 0x5a, sizeof(layout));
	before = layout;
	if (xsave_layout_from_cpuid(&layout, &cpuid)) {
		require(same_bytes(&layout, &before, sizeof(layout)));
	} else {
		require_sound(&layout);
		require_packed(&layout, mask & layout.mask);
		require(xsave_standard_size(&layout, layout.mask & ~layout.supervisor) <=
			(cpuid.leaf0d[0].ecx > XSAVE_EXTENDED ? cpuid.leaf0d[0].ecx
							      : XSAVE_EXTENDED));
		xsave_cpuid_check_ebx(&cpuid, &layout, xcr0, xss);
	}
	try_cpu(&cpuid, xcr0, xss, mask);
}

static void try_note(struct fuzz_input *in, uint64_t mask)
{
	uint8_t *note = fuzz_copy(in->data, in->size, 0);
	struct xsave_layout layout, before;

	memset(&layout, 0x5a, sizeof(layout));
	before = layout;
	if (xsave_linux_layout(&layout, note, in->size)) {
		require(same_bytes(&layout, &before, sizeof(layout)));
	} else {
		require_sound(&layout);
		require_packed(&layout, mask & layout.mask);
	}
	free(note);
}

/* What fits lies inside the area under every layout, packed or not. */
static void try_fit(uint64_t mask, size_t size)
{
	uint64_t standard = xsave_fit(false, mask, size), packed = xsave_fit(true, mask, size);
	static const struct xsave_layout *const vendors[] = { &xsave_layout_intel,
							      &xsave_layout_amd };

	require(!((standard | packed) & ~mask) && !((standard | packed) & ~XSAVE_KNOWN_MASK));
	require(size >= XSAVE_EXTENDED || !(standard | packed));
	require(!packed || xsave_compacted_size(packed) <= size);
	for (size_t i = 0; i < 2; i++)
		require(!standard ||
			xsave_standard_size(vendors[i], standard & vendors[i]->mask) <= size);
}

/* A guessed layout gives the size that it was guessed from. */
static void try_guess(uint64_t xcr0, size_t size)
{
	const struct xsave_layout *guess = xsave_layout_guess(xcr0, size);

	require(!guess || xsave_standard_size(guess, xcr0) == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	bool note = fuzz_number(&in, 1) & 1;
	uint64_t xcr0 = fuzz_number(&in, 8), xss = fuzz_number(&in, 8), mask = fuzz_number(&in, 8);
	size_t area = fuzz_number(&in, 2);

	try_distrust(xcr0);
	try_fit(mask, area);
	try_guess(xcr0, area);
	require(*xsave_xcr0_text(xsave_xcr0_check(xcr0, mask)) != 0);
	if (note)
		try_note(&in, mask);
	else
		try_cpuid(&in, xcr0, xss, mask);
	return 0;
}
