/* SPDX-License-Identifier: MIT */
/*
 * The command line: verbs, options, files.
 */
#include "xstate.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIN_MAX ((size_t)256 << 20) /* bytes that are read from a pipe */

#define STATUS "Status: 0 done, 2 trouble.\n"

/* Options, and the verbs that take them. */
enum option {
	OPTION_ALL = 1 << 0,
	OPTION_JSON = 1 << 1,
	OPTION_COLOR = 1 << 2,
	OPTION_THREAD = 1 << 3,
	OPTION_LAYOUT = 1 << 4,
	OPTION_FROM_LAYOUT = 1 << 5,
	OPTION_TO = 1 << 6,
	OPTION_OUT = 1 << 7,
};

/* struct command - the command line, read */
struct command {
	struct xstate_options options;
	const struct verb *verb;
	const char *color;
	const char *out;
	const char *const *files;
	size_t count;
	bool to_given;
	bool help;
};

struct verb {
	const char *name;
	unsigned int options;
	size_t least, most; /* files */
	int (*run)(const struct command *command, const struct xstate_file *files, FILE *out);
	const char *usage;
	const char *help;
};

static int run_show(const struct command *command, const struct xstate_file *files, FILE *out)
{
	return xstate_show_buffer(files->name, files->data, files->size, &command->options, out,
				  stderr);
}

static int run_diff(const struct command *command, const struct xstate_file *files, FILE *out)
{
	return xstate_diff_buffers(&files[0], &files[1], &command->options, out, stderr);
}

static int run_convert(const struct command *command, const struct xstate_file *files, FILE *out)
{
	return xstate_convert_buffer(files->name, files->data, files->size, &command->options, out,
				     stderr);
}

/* The worst of the files decides: trouble, then not valid. */
static int run_validate(const struct command *command, const struct xstate_file *files, FILE *out)
{
	int worst = XSTATE_SAME;

	for (size_t i = 0; i < command->count; i++) {
		int status = XSTATE_TROUBLE;

		if (files[i].name)
			status = xstate_validate_buffer(files[i].name, files[i].data, files[i].size,
							&command->options, out, stderr);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static int run_layout(const struct command *command, const struct xstate_file *files, FILE *out)
{
	if (!command->count)
		return xstate_layouts(&command->options, out);
	return xstate_layout_buffer(files->name, files->data, files->size, &command->options, out,
				    stderr);
}

static int run_cpu(const struct command *command, const struct xstate_file *files, FILE *out)
{
	(void)files;
	return xstate_show_cpu(&command->options, out, stderr);
}

#define INPUT_HELP                                                                                 \
	"  --thread TID    of a core's threads only this one\n"                                    \
	"  --layout NAME   where components of a standard image lie, if it does not say:\n"        \
	"                  intel, amd, or cpu, the one at hand\n"
#define COLOR_HELP "  --color=WHEN    auto, always or never; auto minds NO_COLOR\n"

static const struct verb verbs[] = {
	{ "show", OPTION_ALL | OPTION_JSON | OPTION_COLOR | OPTION_THREAD | OPTION_LAYOUT, 1, 1,
	  run_show, "[show] FILE|-",
	  "Prints the components and registers of each image in FILE.\n"
	  "  --all           components in their initial configuration too, every register\n"
	  "                  on its own line\n"
	  "  --json          a line with a JSON object for each image\n" INPUT_HELP COLOR_HELP
	  "Status: 0 shown, 2 trouble.\n"
	  "Example: xstate show --thread 4711 core\n" },
	{ "diff", OPTION_COLOR | OPTION_THREAD | OPTION_LAYOUT, 2, 2, run_diff, "diff A B",
	  "Compares registers, not bytes: format, layout and stale bytes do not matter.\n"
	  "Threads of cores are matched by TID.\n" INPUT_HELP COLOR_HELP
	  "Status: 0 same, 1 different, 2 trouble.\n"
	  "Example: xstate diff before.bin after.bin\n" },
	{ "convert", OPTION_TO | OPTION_OUT | OPTION_THREAD | OPTION_LAYOUT | OPTION_FROM_LAYOUT, 1,
	  1, run_convert, "convert --to standard|compacted|fxsave [-o OUT] FILE|-",
	  "Writes a raw image in another format, canonical: no byte of it is stale.\n"
	  "  --to FORMAT     standard, compacted or fxsave\n"
	  "  --layout NAME   the new image's, when it is standard: intel (default), amd,\n"
	  "                  or cpu, the one at hand\n"
	  "  --from-layout NAME\n"
	  "                  FILE's, when it is standard and does not say\n"
	  "  --thread TID    of a core's threads this one\n"
	  "  -o OUT          into this file, which changes only when all went well\n" STATUS
	  "Example: xstate convert --to compacted -o small.bin image.bin\n" },
	{ "validate", OPTION_COLOR | OPTION_THREAD | OPTION_LAYOUT, 1, (size_t)-1, run_validate,
	  "validate FILE...",
	  "Would a restore load the images, and as what they say? Names the rule that is\n"
	  "broken and what a restore does.\n" INPUT_HELP COLOR_HELP
	  "Status: 0 valid, 1 not valid, 2 trouble.\n"
	  "Example: xstate validate guest-*.bin\n" },
	{ "layout", OPTION_COLOR | OPTION_THREAD | OPTION_LAYOUT, 0, 1, run_layout,
	  "layout [FILE|-]",
	  "Draws where each component lies: in FILE, or in all formats that there are.\n" INPUT_HELP
		  COLOR_HELP STATUS "Example: xstate layout image.bin\n" },
	{ "show-cpu", OPTION_COLOR, 0, 0, run_cpu, "show-cpu",
	  "What this CPU offers, and what the library would use.\n" COLOR_HELP
	  "Status: 0 shown, 2 not an x86 CPU, or one that breaks the rules.\n"
	  "Example: xstate show-cpu\n" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int usage(const char *what, const char *remedy)
{
	return xstate_say(stderr, "usage", "%s: %s", what, remedy);
}

static int print_help(const struct verb *verb)
{
	if (verb) {
		printf("usage: xstate %s\n%s", verb->usage, verb->help);
		return XSTATE_SAME;
	}
	for (size_t i = 0; i < VERBS; i++)
		printf("%s xstate %s\n", i ? "      " : "usage:", verbs[i].usage);
	printf("Shows, compares, converts and checks extended processor state (XSAVE). FILE is a\n"
	       "raw image, an ELF core, or a dump as text of gdb, QEMU, hexdump -C or xxd; - is\n"
	       "standard input. 'xstate VERB --help' says more, 'man xstate' all.\n"
	       "Status: 0 same, valid or done; 1 different or not valid; 2 trouble.\n"
	       "Example: xstate core\n");
	return XSTATE_SAME;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

static int set_layout(struct xstate_layout *layout, const char *value)
{
	static const struct xstate_layout vendors[] = { { "intel", &xsave_layout_intel },
							{ "amd", &xsave_layout_amd } };

	for (size_t i = 0; i < 2; i++) {
		if (!strcmp(vendors[i].name, value)) {
			*layout = vendors[i];
			return XSTATE_SAME;
		}
	}
	if (strcmp(value, "cpu") != 0)
		return usage(value, "no such layout: give intel, amd or cpu");
	*layout = (struct xstate_layout){ "cpu", xstate_cpu_layout() };
	return layout->layout ? XSTATE_SAME
			      : usage("cpu", "this CPU tells no layout: give intel or amd");
}

static int set_thread(struct xstate_options *options, const char *value)
{
	char *end;

	errno = 0;
	options->thread = strtol(value, &end, 10);
	options->has_thread = true;
	if (errno || !*value || *end)
		return usage(value, "no thread id: give a decimal number");
	return XSTATE_SAME;
}

static int set_format(struct command *command, const char *value)
{
	command->to_given = true;
	for (enum xsave_format format = XSAVE_FORMAT_LEGACY; format <= XSAVE_FORMAT_COMPACTED;
	     format++) {
		if (!strcmp(format_name(format), value)) {
			command->options.format = format;
			return XSTATE_SAME;
		}
	}
	return usage(value, "no such format: give standard, compacted or fxsave");
}

static int set_color(struct command *command, const char *value)
{
	command->color = value;
	if (strcmp(value, "auto") != 0 && strcmp(value, "always") != 0 &&
	    strcmp(value, "never") != 0)
		return usage(value, "no such colour: give auto, always or never");
	return XSTATE_SAME;
}

static const struct {
	const char *name;
	enum option option;
	bool has_value;
} options[] = {
	{ "--all", OPTION_ALL, false },	     { "--json", OPTION_JSON, false },
	{ "--color", OPTION_COLOR, true },   { "--thread", OPTION_THREAD, true },
	{ "--layout", OPTION_LAYOUT, true }, { "--from-layout", OPTION_FROM_LAYOUT, true },
	{ "--to", OPTION_TO, true },	     { "-o", OPTION_OUT, true },
};

static int set_option(struct command *command, enum option option, const char *value)
{
	bool converts = command->verb->options & OPTION_TO;

	switch (option) {
	case OPTION_ALL:
		command->options.all = true;
		return XSTATE_SAME;
	case OPTION_JSON:
		command->options.json = true;
		return XSTATE_SAME;
	case OPTION_COLOR:
		return set_color(command, value);
	case OPTION_THREAD:
		return set_thread(&command->options, value);
	case OPTION_LAYOUT:
		return set_layout(converts ? &command->options.to : &command->options.from, value);
	case OPTION_FROM_LAYOUT:
		return set_layout(&command->options.from, value);
	case OPTION_TO:
		return set_format(command, value);
	case OPTION_OUT:
		command->out = value;
		return XSTATE_SAME;
	}
	return XSTATE_TROUBLE;
}

/* One option, "--name=value", "--name value" or "-o value"; *at moves over a value of its own. */
static int take_option(struct command *command, char **argv, int *at)
{
	const char *word = argv[*at], *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strlen(options[i].name) != length || memcmp(options[i].name, word, length) != 0)
			continue;
		if (!(command->verb->options & options[i].option))
			break;
		if (!options[i].has_value)
			return equals ? usage(word, "takes no value: leave out what follows '='")
				      : set_option(command, options[i].option, "");
		if (!equals && !argv[*at + 1])
			return usage(word, "wants a value: give one");
		return set_option(command, options[i].option, equals ? equals + 1 : argv[++*at]);
	}
	return xstate_say(stderr, "usage", "%s: no such option of %s: see 'xstate %s --help'", word,
			  command->verb->name, command->verb->name);
}

/* Options may stand before and behind files; what follows "--" is files. */
static int take_words(struct command *command, char **argv, int at)
{
	const char **files = (const char **)argv;
	bool only_files = false;

	for (; argv[at]; at++) {
		const char *word = argv[at];

		if (only_files || word[0] != '-' || !word[1]) {
			files[command->count++] = word;
		} else if (!strcmp(word, "--")) {
			only_files = true;
		} else if (!strcmp(word, "--help")) {
			command->help = true;
		} else if (take_option(command, argv, &at) != XSTATE_SAME) {
			return XSTATE_TROUBLE;
		}
	}
	command->files = files;
	return XSTATE_SAME;
}

static int check_words(const struct command *command)
{
	const struct verb *verb = command->verb;
	size_t stdins = 0;

	for (size_t i = 0; i < command->count; i++)
		stdins += !strcmp(command->files[i], "-");
	if (stdins > 1)
		return usage("-", "standard input can be read once: give a file");
	if (command->count < verb->least)
		return xstate_say(stderr, "usage", "no file: xstate %s", verb->usage);
	if (command->count > verb->most)
		return xstate_say(stderr, "usage", "%s: one file too many: xstate %s",
				  command->files[verb->most], verb->usage);
	if (verb->options & OPTION_TO && !command->to_given)
		return usage("convert", "no format: give --to standard, compacted or fxsave");
	return XSTATE_SAME;
}

static int no_file(const char *name, const char *remedy)
{
	return xstate_say(stderr, name, "%s: %s", strerror(errno), remedy);
}

/* A pipe: all of it into memory. */
static int read_stream(struct xstate_file *file, int fd)
{
	size_t room = 0;
	uint8_t *data = NULL, *more;
	ssize_t count;

	for (file->size = 0;; file->size += (size_t)count) {
		if (file->size == room) {
			room = room ? room * 2 : 65536;
			more = room <= STDIN_MAX ? realloc(data, room) : NULL;
			if (!more) {
				free(data);
				return xstate_say(stderr, file->name,
						  "more than %zu MiB from a pipe: give a file",
						  STDIN_MAX >> 20);
			}
			data = more;
		}
		count = read(fd, data + file->size, room - file->size);
		if (count <= 0)
			break;
	}
	file->data = file->heap = data;
	return count < 0 ? no_file(file->name, "give a file that can be read") : XSTATE_SAME;
}

/* A regular file is mapped: of a core of many gigabytes only headers and notes are read. */
static int read_file(struct xstate_file *file, int fd)
{
	struct stat stat;
	void *data;

	if (fstat(fd, &stat) != 0)
		return no_file(file->name, "give a file that can be read");
	if (!S_ISREG(stat.st_mode) || lseek(fd, 0, SEEK_CUR) != 0)
		return read_stream(file, fd);
	file->size = (size_t)stat.st_size;
	if (!file->size)
		return XSTATE_SAME;
	data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return no_file(file->name, "give a file that can be mapped");
	file->data = data;
	return XSTATE_SAME;
}

static int open_file(struct xstate_file *file, const char *name)
{
	bool is_stdin = !strcmp(name, "-");
	int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC), status;

	file->name = is_stdin ? "standard input" : name;
	if (fd < 0)
		return no_file(name, "give a file that can be read, or see 'xstate --help'");
	status = read_file(file, fd);
	if (!is_stdin)
		close(fd);
	return status;
}

static int finish(FILE *out, const char *name, int status)
{
	bool bad = ferror(out) != 0;

	if (fclose(out) != 0 || bad)
		return xstate_say(stderr, name,
				  "cannot be written: make room, or give another place");
	return status;
}

/* The file @name for writing, new, with the mode that any new file has; NULL: errno tells. */
static FILE *make_beside(char *name)
{
	mode_t mask = umask(0);
	int fd = mkstemp(name);
	FILE *out = NULL;

	umask(mask);
	if (fd >= 0 && fchmod(fd, 0666 & ~mask) == 0)
		out = fdopen(fd, "wb");
	if (fd >= 0 && !out) {
		unlink(name);
		close(fd);
	}
	return out;
}

/* Write @name, and let it take the place of OUT when all is in it. */
static int write_and_rename(const struct command *command, const struct xstate_file *files,
			    char *name)
{
	FILE *out = make_beside(name);
	int status;

	if (!out)
		return no_file(command->out, "give a place that can be written");
	status = finish(out, command->out, command->verb->run(command, files, out));
	if (status == XSTATE_SAME && rename(name, command->out) != 0)
		status = no_file(command->out, "give a place that can be written");
	if (status != XSTATE_SAME)
		unlink(name);
	return status;
}

static int run_into(const struct command *command, const struct xstate_file *files)
{
	size_t size = strlen(command->out) + sizeof(".XXXXXX");
	struct stat info;
	char *name;
	int status;

	if (stat(command->out, &info) == 0 && !S_ISREG(info.st_mode))
		return xstate_say(stderr, command->out, "not a regular file: leave out -o");
	name = malloc(size);
	if (!name)
		return usage("-o", "out of memory: give a shorter name");
	snprintf(name, size, "%s.XXXXXX", command->out);
	status = write_and_rename(command, files, name);
	free(name);
	return status;
}

static bool wants_colour(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when && strcmp(when, "auto") != 0)
		return !strcmp(when, "always");
	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* All files; validate, which takes many, goes on without those that cannot be read. */
static int open_files(const struct command *command, struct xstate_file *files)
{
	bool go_on = command->verb->most > 2;

	for (size_t i = 0; i < command->count; i++) {
		if (open_file(&files[i], command->files[i]) == XSTATE_SAME)
			continue;
		files[i].name = NULL;
		if (!go_on)
			return XSTATE_TROUBLE;
	}
	return XSTATE_SAME;
}

static int run_on(const struct command *command, const struct xstate_file *files)
{
	if (command->out)
		return run_into(command, files);
	if (command->verb->options & OPTION_TO && isatty(STDOUT_FILENO))
		return usage("convert", "a terminal takes no image: give -o OUT");
	return finish(stdout, "standard output", command->verb->run(command, files, stdout));
}

static int run(const struct command *command)
{
	struct xstate_file *files = calloc(command->count + 1, sizeof(*files));
	int status;

	if (!files)
		return usage("files", "out of memory: give fewer");
	status = open_files(command, files);
	if (status == XSTATE_SAME)
		status = run_on(command, files);
	for (size_t i = 0; i < command->count; i++)
		free(files[i].heap);
	free(files);
	return status;
}

int main(int argc, char **argv)
{
	struct command command = { .verb = &verbs[0] };
	int at = 1;

	setlocale(LC_CTYPE, "");
	command.options.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return print_help(NULL);
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("xstate %s\n", XTK_VERSION);
		return XSTATE_SAME;
	}
	if (argc > 1 && find_verb(argv[1]))
		command.verb = find_verb(argv[at++]);
	if (take_words(&command, argv, argc > 1 ? at : argc) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	if (command.help)
		return print_help(command.verb);
	if (check_words(&command) != XSTATE_SAME)
		return XSTATE_TROUBLE;
	command.options.colour = wants_colour(command.color);
	return run(&command);
}
