#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lines and branches of lib/ that the native tests reach on the CPU at hand.

usage: tests/host/coverage.py

lib/ is built once with gcc --coverage and linked to every *_test.c of the library; each runs once.
Prints a row a file, the lines that were not reached, and what the tests skipped on this CPU.
Status: 0, 1 below 95 % of the lines or 90 % of the branches, 2 when a tool or a test fails.
"""

import glob
import json
import os
import re
import shutil
import sys

import host
import ctests

WANTED = {"lines": 95, "branches": 90}
# Unoptimised, so that a branch of the source is one of the program.
FLAGS = [*ctests.FLAGS, "-O0"]


class Trouble(Exception):
    """One line for the user."""


def run(*command):
    if not shutil.which(command[0]):
        raise Trouble(f"{command[0]} is missing: run 'make deps coverage'")
    done = host.call(*command, cwd=host.ROOT)
    if done.returncode:
        sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
        raise Trouble(f"{' '.join(command[:1] + command[-2:])} failed: see above")
    return done.stdout


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = re.findall(r"^model name\s*: (.*)$", file.read(), re.M)
    return names[0] if names else "an unnamed CPU"


def build_library(folder):
    """{source: object}; each leaves its .gcno beside the object."""
    objects = {}
    for path in sorted(glob.glob(host.tree("lib", "*.c"))):
        source = os.path.relpath(path, host.ROOT)
        objects[source] = os.path.join(folder, os.path.basename(source)[:-2] + ".o")
        flags = [*FLAGS, *ctests.GENERAL, "--coverage"]
        run("gcc", *flags, "-c", "-o", objects[source], source)
    return objects


def run_tests(folder, objects):
    """Run every test of the library; what they skipped."""
    skipped = []
    for path in ctests.find():
        linked = ctests.links(path)
        if any(name.startswith("kernel/") for name in linked):
            continue
        name = os.path.basename(path)[:-2]
        program = os.path.join(folder, name)
        own = ctests.GENERAL if ctests.GENERAL[0] in ctests.read(path) else []
        run("gcc", *FLAGS, *own, "-c", "-o", program + ".test.o", path)
        inputs = [objects.get(source, source) for source in linked]
        run("gcc", *FLAGS, "--coverage", "-no-pie", "-o", program, program + ".test.o", *inputs)
        said = run(program)
        skipped += [f"{name}: {row}" for row in said.splitlines() if " # SKIP " in row]
    return skipped


def measure(folder, source, objects):
    """{"lines": {number: reached}, "branches": {place: reached}} of one file, from gcov's JSON."""
    said = json.loads(run("gcov", "-b", "-j", "-t", "-o", folder, objects[source]))
    lines, branches = {}, {}
    for file in said["files"]:
        if file["file"] != source:
            continue
        for row in file["lines"]:
            number = row["line_number"]
            lines[number] = lines.get(number, False) or row["count"] > 0
            for i, branch in enumerate(row["branches"]):
                place = number, row.get("function_name"), i
                branches[place] = branches.get(place, False) or branch["count"] > 0
    if not lines:
        raise Trouble(f"{source}: gcov says nothing of it")
    return {"lines": lines, "branches": branches}


def percent(part):
    return 100 * sum(part.values()) / len(part) if part else 100


def ranges(numbers):
    """[1, 2, 3, 7] as "1-3 7"."""
    text, start = [], None
    for number, following in zip(numbers, [*numbers[1:], None]):
        start = number if start is None else start
        if following != number + 1:
            text.append(f"{start}-{number}" if start != number else str(number))
            start = None
    return " ".join(text)


def whole(found):
    """The same for all files at once."""
    return {
        kind: {(name, at): hit for name, file in found.items() for at, hit in file[kind].items()}
        for kind in WANTED
    }


def row(name, file):
    cells = "".join(
        f"{sum(file[kind].values()):6}/{len(file[kind]):<5}{percent(file[kind]):5.1f} %"
        for kind in WANTED
    )
    return f"{name:18}{cells}"


def table(found):
    """The rows: each file with its lines that were not reached, then all."""
    yield f"{'file':20}{'lines':>14}{'branches':>19}      lines not reached"
    for name, file in sorted(found.items()):
        missed = ranges(sorted(number for number, hit in file["lines"].items() if not hit))
        yield f"{row(name, file)}  {missed}".rstrip()
    yield row("lib/", whole(found))


def too_low(found):
    """What of WANTED is not met, a line each."""
    total = whole(found)
    for kind, wanted in WANTED.items():
        if percent(total[kind]) < wanted:
            yield f"coverage: lib/: {percent(total[kind]):.2f} % of the {kind}, wanted {wanted} %"


def main(arguments):
    if arguments:
        raise Trouble("usage: tests/host/coverage.py, without arguments")
    folder = os.path.join(os.path.abspath(host.BUILD), "coverage")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    objects = build_library(folder)
    skipped = run_tests(folder, objects)
    found = {source: measure(folder, source, objects) for source in objects}
    print("\n".join(table(found)))
    print(f"on {cpu_name()}")
    for line in skipped:
        print(f"skipped here: {line}")
    wrong = list(too_low(found))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(f"coverage: {trouble}", file=sys.stderr)
        sys.exit(2)
