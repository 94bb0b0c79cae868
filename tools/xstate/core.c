/* SPDX-License-Identifier: MIT */
/*
 * The threads of an ELF core of x86-64 or i386: only headers and notes are looked at.
 *
 * Sources: System V ABI, "Object Files", "Program Header", "Note Section"; Linux,
 * include/uapi/linux/elf.h (note types), include/uapi/linux/elfcore.h (struct elf_prstatus),
 * fs/binfmt_elf.c (order of the notes: those after an NT_PRSTATUS are of the same thread).
 */
#include "xstate.h"

#include <inttypes.h>
#include <string.h>

#include "xsave/linux.h"

#define ELFDATA2LSB 1
#define ELFCLASS64  2
#define ET_CORE	    4
#define EM_386	    3
#define EM_X86_64   62
#define PT_NOTE	    4
#define PN_XNUM	    0xffff /* the number of program headers is in sh_info of section 0 */

#define NT_PRSTATUS	    1
#define NT_FPREGSET	    2
#define NT_PRXFPREG	    0x46e62b7f
#define NT_X86_XSTATE	    0x202
#define NT_X86_XSAVE_LAYOUT 0x205

/* Where the fields are that differ between the two classes. */
struct elf_class {
	size_t header, phoff, shoff, phentsize, phnum;
	size_t ph_size, ph_offset, ph_filesz;
	size_t sh_info;
	size_t pid; /* in NT_PRSTATUS */
	bool wide;
};

static const struct elf_class elf32 = { 52, 28, 32, 42, 44, 32, 4, 16, 28, 24, false };
static const struct elf_class elf64 = { 64, 32, 40, 54, 56, 56, 8, 32, 44, 32, true };

struct core {
	const uint8_t *data;
	size_t size;
	const struct elf_class *class;
};

struct note {
	uint32_t type;
	const char *name; /* with its NUL, when it has one */
	size_t name_size;
	const uint8_t *data;
	size_t size;
};

bool core_is(const uint8_t *data, size_t size)
{
	return size >= 4 && !memcmp(data, "\177ELF", 4);
}

/* The word of the class's size at @at. */
static uint64_t word(const struct core *core, size_t at)
{
	return core->class->wide ? le64(core->data + at) : le32(core->data + at);
}

static bool inside(uint64_t at, uint64_t length, uint64_t size)
{
	return at <= size && length <= size - at;
}

static const char *machine_name(unsigned int machine)
{
	static const struct {
		unsigned int machine;
		const char *name;
	} names[] = { { 2, "SPARC" },	   { 8, "MIPS" },	{ 20, "PowerPC" },
		      { 21, "PowerPC64" }, { 22, "S390" },	{ 40, "ARM" },
		      { 43, "SPARC V9" },  { 50, "IA-64" },	{ 183, "AArch64" },
		      { 243, "RISC-V" },   { 258, "LoongArch" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return "unknown machine";
}

static int check_header(struct input *in, struct core *core)
{
	const uint8_t *data = core->data;
	unsigned int machine;

	if (core->size < 20)
		return input_trouble(in,
				     "truncated: the ELF header is not whole: copy the core again");
	machine = data[5] == ELFDATA2LSB ? le16(data + 18) : (unsigned int)data[18] << 8 | data[19];
	if (machine != EM_X86_64 && machine != EM_386)
		return input_trouble(in, "an ELF file of %s (%u): give a core of x86-64 or i386",
				     machine_name(machine), machine);
	if (data[5] != ELFDATA2LSB)
		return input_trouble(in,
				     "a big-endian ELF file of x86: copy the core again as bytes");
	if (data[4] != 1 && data[4] != ELFCLASS64)
		return input_trouble(in, "an ELF file of class %u: copy the core again", data[4]);
	if (le16(data + 16) != ET_CORE)
		return input_trouble(in, "an ELF file, but not a core: give the core that it left");
	core->class = data[4] == ELFCLASS64 ? &elf64 : &elf32;
	if (core->size < core->class->header)
		return input_trouble(in,
				     "truncated: the ELF header is not whole: copy the core again");
	return XSTATE_SAME;
}

/* How many program headers; those that the file has no room for are left to the reader to miss. */
static uint64_t segments(const struct core *core)
{
	const struct elf_class *class = core->class;
	uint64_t section = word(core, class->shoff);
	uint64_t count = le16(core->data + class->phnum);

	if (count == PN_XNUM && inside(section, class->sh_info + 4, core->size))
		count = le32(core->data + section + class->sh_info);
	return count;
}

static bool is_named(const struct note *note, const char *name)
{
	size_t size = strlen(name);

	return (note->name_size == size || note->name_size == size + 1) &&
	       !memcmp(note->name, name, size);
}

static int start_thread(struct input *in, const struct core *core, const struct note *note)
{
	struct state *state;

	if (note->size < core->class->pid + 4)
		return input_trouble(in,
				     "NT_PRSTATUS has %zu bytes, too few for a thread: write the "
				     "core again",
				     note->size);
	state = input_add(in);
	if (!state)
		return XSTATE_TROUBLE;
	state->has_thread = true;
	state->thread = (int32_t)le32(note->data + core->class->pid);
	return XSTATE_SAME;
}

static int take_image(struct input *in, const struct note *note)
{
	struct state *state = in->count ? &in->states[in->count - 1] : input_add(in);

	if (!state)
		return XSTATE_TROUBLE;
	/* The same registers stand in up to three notes; only NT_X86_XSTATE has all of them. */
	if (note->type == NT_X86_XSTATE || !state->image.data) {
		state->image.data = note->data;
		state->image.size = note->size;
	}
	return XSTATE_SAME;
}

static int take_layout(struct input *in, const struct note *note)
{
	enum xsave_error error = xsave_linux_layout(&in->layout, note->data, note->size);

	if (error != XSAVE_OK)
		return input_trouble(in, "NT_X86_XSAVE_LAYOUT: %s: write the core again",
				     xsave_strerror(error));
	in->has_layout = true;
	return XSTATE_SAME;
}

/* An FXSAVE image: in x86-64 cores NT_FPREGSET; in i386 ones that is FSAVE's, of 108 bytes. */
static bool is_fxsave(const struct note *note)
{
	return note->size == XSAVE_LEGACY_SIZE &&
	       ((note->type == NT_FPREGSET && is_named(note, "CORE")) ||
		(note->type == NT_PRXFPREG && is_named(note, "LINUX")));
}

static int take_note(struct input *in, const struct core *core, const struct note *note)
{
	if (note->type == NT_PRSTATUS && is_named(note, "CORE"))
		return start_thread(in, core, note);
	if (note->type == NT_X86_XSTATE && is_named(note, "LINUX"))
		return take_image(in, note);
	if (note->type == NT_X86_XSAVE_LAYOUT && is_named(note, "LINUX"))
		return take_layout(in, note);
	return is_fxsave(note) ? take_image(in, note) : XSTATE_SAME;
}

static uint64_t padded(uint64_t size)
{
	return (size + 3) & ~UINT64_C(3);
}

/* One note at @at of a segment that ends at @end; *@next: where the next begins. */
static bool read_note(const struct core *core, uint64_t at, uint64_t end, struct note *note,
		      uint64_t *next)
{
	const uint8_t *head = core->data + at;
	uint64_t data;

	if (end - at < 12)
		return false;
	note->name_size = le32(head);
	note->size = le32(head + 4);
	note->type = le32(head + 8);
	data = at + 12 + padded(note->name_size);
	if (data > end || note->size > end - data)
		return false;
	note->name = (const char *)head + 12;
	note->data = core->data + data;
	*next = data + padded(note->size);
	return true;
}

static int read_notes(struct input *in, const struct core *core, uint64_t at, uint64_t size)
{
	uint64_t end = at + size;
	struct note note;

	if (!inside(at, size, core->size))
		return input_trouble(in,
				     "truncated: its notes end past the file: copy the core again");
	while (at < end) {
		if (!read_note(core, at, end, &note, &at))
			return input_trouble(in,
					     "a note ends past its segment: copy the core again");
		if (take_note(in, core, &note) != XSTATE_SAME)
			return XSTATE_TROUBLE;
	}
	return XSTATE_SAME;
}

static int read_segments(struct input *in, const struct core *core)
{
	const struct elf_class *class = core->class;
	uint64_t at = word(core, class->phoff), count = segments(core);
	size_t step = le16(core->data + class->phentsize);

	if (step < class->ph_size)
		return input_trouble(in, "program headers of %zu bytes: copy the core again", step);
	if (at > core->size || count > (core->size - at) / step)
		return input_trouble(in,
				     "truncated: its program headers end past the file: copy the "
				     "core again");
	for (; count > 0; count--, at += step) {
		if (le32(core->data + at) == PT_NOTE &&
		    read_notes(in, core, word(core, at + class->ph_offset),
			       word(core, at + class->ph_filesz)) != XSTATE_SAME)
			return XSTATE_TROUBLE;
	}
	return XSTATE_SAME;
}

/* Threads whose notes have no image are left out; one at least must have one. */
static int drop_empty(struct input *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (in->states[i].image.data)
			in->states[kept++] = in->states[i];
	}
	if (!kept)
		return input_trouble(in, "a core without NT_X86_XSTATE, NT_PRXFPREG or an FXSAVE "
					 "image in NT_FPREGSET: write it with the kernel or gdb");
	in->dropped = in->count - kept;
	in->count = kept;
	return XSTATE_SAME;
}

int core_read(struct input *in, const uint8_t *data, size_t size)
{
	struct core core = { .data = data, .size = size, .class = &elf64 };

	if (check_header(in, &core) != XSTATE_SAME || read_segments(in, &core) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	return drop_empty(in);
}
