/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a file for xstate: raw images, ELF cores, text dumps, and each verb on them.
 *
 * The input: a byte that picks the verb, 2 bytes of options, a thread id, then the file.
 */
#include "fuzz.h"
#include "xstate.h"

/* A file may be called like this. */
#define NAME "a\"b\\c\n\x1b[31m\x7f"

typedef int verb(const char *name, const uint8_t *data, size_t size,
		 const struct xstate_options *options, FILE *out, FILE *err);

/* struct said - what a verb came to */
struct said {
	int status;
	char *out, *err;
	size_t out_size, err_size;
};

static void forget(struct said *said)
{
	free(said->out);
	free(said->err);
}

/* Trouble is told on one line, and nothing is printed half. */
static void require_manners(const struct said *said)
{
	require(said->status >= XSTATE_SAME && said->status <= XSTATE_TROUBLE);
	require(!said->err_size || said->err[said->err_size - 1] == '\n');
	require(said->status != XSTATE_TROUBLE || (said->err_size && !said->out_size));
	for (size_t i = 0; i < said->err_size; i++)
		require(said->err[i] == '\n' || (said->err[i] >= ' ' && said->err[i] < 0x7f));
}

/* The streams write to what @said points to, also while they are closed. */
static void listen(struct said *said, FILE **out, FILE **err)
{
	*said = (struct said){ .status = -1 };
	*out = open_memstream(&said->out, &said->out_size);
	*err = open_memstream(&said->err, &said->err_size);
	require(*out && *err);
}

static void heard(struct said *said, FILE *out, FILE *err)
{
	fclose(out);
	fclose(err);
	require_manners(said);
}

static struct said run(verb *verb, const uint8_t *data, size_t size,
		       const struct xstate_options *options)
{
	struct said said;
	FILE *out, *err;

	listen(&said, &out, &err);
	said.status = verb(NAME, data, size, options, out, err);
	heard(&said, out, err);
	return said;
}

/* Text for a terminal: escapes only when colours were asked for, beyond ASCII only for UTF-8. */
static void require_text(const struct said *said, const struct xstate_options *options)
{
	require(said->status == XSTATE_TROUBLE || said->out_size);
	for (size_t i = 0; i < said->out_size; i++) {
		unsigned char c = (unsigned char)said->out[i];

		require(c == '\n' || (c == 0x1b && options->colour) || (c >= ' ' && c < 0x7f) ||
			(c >= 0x80 && options->utf8));
	}
}

/* JSON, a line each object: brackets match, and strings hold no control character. */
static void require_json(const struct said *said)
{
	bool string = false;
	int depth = 0;

	for (size_t i = 0; i < said->out_size; i++) {
		char c = said->out[i];

		require((unsigned char)c >= ' ' || (c == '\n' && !string && depth == 0));
		if (string && c == '\\')
			i++;
		else if (c == '"')
			string = !string;
		else if (!string)
			depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		require(depth >= 0);
	}
	require(!string && depth == 0);
}

static void try_show(const uint8_t *data, size_t size, struct xstate_options options)
{
	struct said text, json;

	options.json = false;
	text = run(xstate_show_buffer, data, size, &options);
	require(text.status != XSTATE_DIFFERENT);
	require_text(&text, &options);
	options.json = true;
	json = run(xstate_show_buffer, data, size, &options);
	require(json.status == text.status);
	require_json(&json);
	forget(&text);
	forget(&json);
}

static void try_texts(const uint8_t *data, size_t size, const struct xstate_options *options)
{
	struct said valid = run(xstate_validate_buffer, data, size, options);
	struct said drawn = run(xstate_layout_buffer, data, size, options);

	require(drawn.status != XSTATE_DIFFERENT);
	require_text(&valid, options);
	require_text(&drawn, options);
	forget(&valid);
	forget(&drawn);
}

static int diff(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
		const struct xstate_options *options)
{
	struct xstate_file one = { NAME, a, a_size }, other = { NAME, b, b_size };
	struct said said;
	FILE *out, *err;

	listen(&said, &out, &err);
	said.status = xstate_diff_buffers(&one, &other, options, out, err);
	heard(&said, out, err);
	require((said.status == XSTATE_DIFFERENT) == (said.out_size != 0));
	forget(&said);
	return said.status;
}

/* A file is the same as itself; of two, the order does not matter. */
static void try_diff(const uint8_t *data, size_t size, const struct xstate_options *options)
{
	static const uint8_t initial[XSAVE_EXTENDED] = { 0x7f, 3, [24] = 0x80, 0x1f };

	require(diff(data, size, data, size, options) != XSTATE_DIFFERENT);
	require(diff(data, size, initial, sizeof(initial), options) ==
		diff(initial, sizeof(initial), data, size, options));
}

/* What convert writes, it reads; converted once more the registers stay the same. */
static void try_convert(const uint8_t *data, size_t size, const struct xstate_options *options)
{
	struct said once = run(xstate_convert_buffer, data, size, options), again;
	struct xstate_options same = *options;

	require(once.status != XSTATE_DIFFERENT);
	same.has_thread = false;
	same.from = options->to;
	if (once.status == XSTATE_SAME) {
		again = run(xstate_convert_buffer, (uint8_t *)once.out, once.out_size, &same);
		require(again.status == XSTATE_SAME);
		require(diff((uint8_t *)once.out, once.out_size, (uint8_t *)again.out,
			     again.out_size, &same) == XSTATE_SAME);
		forget(&again);
	}
	forget(&once);
}

static struct xstate_options take_options(struct fuzz_input *in)
{
	static const struct xstate_layout layouts[] = {
		{ NULL, NULL },
		{ "intel", &xsave_layout_intel },
		{ "amd", &xsave_layout_amd },
	};
	uint64_t bits = fuzz_number(in, 2);

	return (struct xstate_options){
		.all = bits & 1,
		.colour = bits & 2,
		.utf8 = bits & 4,
		.has_thread = bits & 8,
		.from = layouts[(bits >> 4 & 3) % 3],
		.to = layouts[(bits >> 6 & 1) + 1],
		.format = (enum xsave_format)((bits >> 8 & 3) % XSAVE_FORMAT_COMPACTED + 1),
		.thread = (long)fuzz_number(in, 4),
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint64_t verb = fuzz_number(&in, 1);
	struct xstate_options options = take_options(&in);
	uint8_t *file = fuzz_copy(in.data, in.size, 0);

	if (verb % 4 == 0)
		try_show(file, in.size, options);
	else if (verb % 4 == 1)
		try_texts(file, in.size, &options);
	else if (verb % 4 == 2)
		try_convert(file, in.size, &options);
	else
		try_diff(file, in.size, &options);
	free(file);
	return 0;
}
