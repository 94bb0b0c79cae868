# SPDX-License-Identifier: MIT
"""Both programs that run tests on the CPU at hand, told as one log: the library's C tests
(tests/host/native_run.py) and then the rule tables (tests/host/rules/run.py native).

usage: native_log.py NATIVE_RUN DIR [WORD...]      NATIVE_RUN builds in DIR

Of tests=, what begins with native/ is for the library, with a * for both, all else for the tables.
The word list is for both, every other word for the tables, and with case= only these run. What
either log lacks, the joined one lacks, too: numbers are shifted, counts added, and without both
last lines there is none. Status: 0, or 2 when something cannot be built.
"""

import os
import re
import subprocess
import sys

PLAN = re.compile(r"1\.\.([0-9]{1,9})")
RESULT = re.compile(r"((?:not )?ok )([0-9]{1,9})( .*)?")
LAST = re.compile(r"xtk: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) errors, ([0-9]+) skipped")
WORDS = re.compile(r' words="[^"]*"')
FOR_LIBRARY, FOR_TABLES = re.compile(r"-?(native/|\*)"), re.compile("(?!-?native/)")


class Program:
    """One of them, running."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.lines = (raw.decode("utf-8", "replace").rstrip("\r\n") for raw in self.process.stdout)
        self.counts = None  # of a last line that was the last

    def preamble(self):
        """(lines, plan) of what comes before the results; plan is None if that is missing."""
        before = []
        for line in self.lines:
            plan = PLAN.fullmatch(line)
            if plan:
                return before, int(plan[1])
            before.append(line)
        return before, None

    def results(self, offset):
        """What follows the plan, its numbers shifted, without the last line."""
        for line in self.lines:
            last, result = LAST.fullmatch(line), RESULT.fullmatch(line)
            if self.counts is not None and line.strip():
                self.counts = None
                yield "xtk: text after a last line"
                return
            if last:
                self.counts = [int(count) for count in last.groups()]
            elif result:
                yield f"{result[1]}{offset + int(result[2])}{result[3] or ''}"
            else:
                yield line

    def end(self):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()


def chosen(words, mine):
    """The word tests= of one program, in a list, empty for all; None if it has none to run."""
    globs = [glob for word in words if word.startswith("tests=") for glob in word[6:].split(",")]
    own = [glob for glob in globs if mine.match(glob)]

    def names_some(some):
        return any(not glob.startswith("-") for glob in some)

    if names_some(globs) and not names_some(own):
        return None
    return ["tests=" + ",".join(own)] if own else []


def commands(native_run, directory, words):
    """The command lines of what is to run."""
    library, tables = chosen(words, FOR_LIBRARY), chosen(words, FOR_TABLES)
    rest = [word for word in words if not word.startswith("tests=")]
    if library is not None and not any(word.startswith("case=") for word in words):
        yield [native_run, directory, *library, *(word for word in rest if word == "list")]
    if tables is not None:
        run = os.path.join(os.path.dirname(native_run), "rules", "run.py")
        yield [run, "native", *tables, *rest]


def say(*words):
    print(*words, flush=True)


def beginnings(preambles, words):
    """The lines before the plan: the first program's, and what the others list."""
    for number, before in enumerate(preambles):
        for line in before:
            if line.startswith("# xtk "):
                line = WORDS.sub(lambda _: f' words="{" ".join(words)}"', line)
            if line and (not number or line.startswith(("# test: ", "xtk: "))):
                yield line


def join(programs, words):
    """Status 0 if all had a plan, or said why not."""
    befores, plans = zip(*[program.preamble() for program in programs])
    said = list(beginnings(befores, words))
    usage = any(line.startswith("xtk: usage: ") for line in said)
    if None in plans and not usage:
        return 2
    for line in said:
        say(line)
        if line.startswith("xtk: "):
            return 0
    say(f"1..{sum(plans)}")
    for number, program in enumerate(programs):
        for line in program.results(sum(plans[:number])):
            say(line)
        if program.counts is None:
            return 0  # and no last line
    totals = map(sum, zip(*(program.counts for program in programs)))
    say("xtk: {} passed, {} failed, {} errors, {} skipped".format(*totals))
    return 0


def main(native_run, directory, *words):
    programs = [Program([sys.executable, *one]) for one in commands(native_run, directory, words)]
    try:
        return join(programs, words)
    finally:
        for program in programs:
            program.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
