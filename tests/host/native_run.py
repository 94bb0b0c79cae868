#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The C tests of the library on the CPU at hand, told as the kernel tells its own: a log.

usage: tests/host/native_run.py DIR [WORD...]      builds in DIR; the log goes to standard output

WORDs are the kernel's tests= and list. A test is native/NAME, after NAME_test.c, for all whose name
begins with lib (the library) or silicon (the library and the CPU). Status: 0, or 2 when nothing
can be built; docs/protocol.md says how a log becomes a verdict.
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys

import ctests

SUBJECTS = ("lib", "silicon")
SHOWN = 8  # failed checks of a test, as the kernel shows
CHECK = re.compile(r"not ok [0-9]+ (.*)\n(?:# line ([0-9]+): (?:expected (\S+), got (\S+)|(.*)))?")
SKIP = re.compile(r"(?m)^ok (.*) # SKIP (.*)")


def say(*words):
    print(*words, flush=True)


def name_of(path):
    return "native/" + os.path.basename(path)[: -len("_test.c")]


def compiler():
    found = next((name for name in ("gcc", "clang") if shutil.which(name)), None)
    return found or sys.exit("native_run.py: gcc is missing: run 'make deps test'")


def choose(tests, globs):
    """{name: path} of those that GLOB[,GLOB][,-GLOB] names; a string: why there are none."""
    for glob in globs:
        if not fnmatch.filter(tests, glob.lstrip("-")):
            return f"tests=: '{glob.lstrip('-')}' matches no test: see the word list"
    wanted = [glob for glob in globs if glob[0] != "-"] or ["*"]
    spared = [glob[1:] for glob in globs if glob[0] == "-"]

    def named(name, some):
        return any(fnmatch.fnmatchcase(name, glob) for glob in some)

    return {x: y for x, y in tests.items() if named(x, wanted) and not named(x, spared)}


def asked(words):
    """(tests, whether to list them only); tests is a string when the words are wrong."""
    tests = {name_of(path): path for some in SUBJECTS for path in ctests.find(some + "*")}
    listing = False
    for word in words:
        key, _, value = word.partition("=")
        if key == "tests" and all(glob.strip("-") for glob in value.split(",")):
            tests = choose(tests, value.split(","))
        elif word == "list":
            listing = True
        else:
            tests = f"unknown word '{word}': natively there are tests= and list"
        if isinstance(tests, str):
            break
    return tests, listing


def header(cc, directory, words):
    """The log's first lines. Raises ctests.Broken."""
    program = ctests.build(cc, os.path.join(ctests.HERE, "native_header.c"), directory)
    makefile = ctests.read(os.path.join(ctests.ROOT, "Makefile"))
    version = re.search(r"(?m)^VERSION := (\S+)", makefile)[1]
    said = subprocess.run([program, version, " ".join(words)], stdout=subprocess.PIPE, check=True)
    return said.stdout.decode()


def failures(name, path, output):
    """The # fail: lines of a test."""
    where, found = os.path.basename(path), list(CHECK.finditer(output))
    for check in found[:SHOWN]:
        what, line, expected, got, text = check.groups()
        say(
            f"# fail: test={name} rule=- expected={expected or text or 'true'}"
            f" got={got or 'false'} where={where}:{line or '?'} {what}"
        )
    if len(found) > SHOWN:
        say(f"# fail: test={name} {len(found) - SHOWN} more failed checks, not shown")


def judge(name, path, done):
    """The words behind the number of a result, and what comes before the line."""
    last = ctests.LAST.fullmatch((done.stdout.splitlines() or [""])[-1])
    passed, failed, skipped = map(int, last.groups()) if last else (0, 0, 0)
    skips = SKIP.findall(done.stdout)
    failures(name, path, done.stdout)
    for what, why in skips:
        say(f"# skipped: {what}: {why}")
    say(f"# checks: test={name} {passed + failed}")
    if not last:
        end = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        say(f"# fail: test={name} rule=- expected=a last line got={end} where={path}")
        return "not ok", name
    if failed or (done.returncode and passed):
        return "not ok", name
    if skipped and not passed:
        return "ok", f"{name} # SKIP {skips[0][1] if skips else 'everything'}"
    return ("ok", name) if passed else ("not ok", f"{name} # ERROR no check was executed")


def run_one(cc, directory, name, path):
    """(ok or not ok, what follows the number)."""
    say(f"# rules {name}: {' '.join(ctests.rules(path)) or '-'}")
    try:
        program = ctests.build(cc, path, directory)
    except ctests.Broken as broken:
        say("# " + str(broken).replace("\n", "\n# "))
        return "not ok", f"{name} # ERROR cannot be built"
    done = subprocess.run(
        [program], cwd=ctests.ROOT, stdout=subprocess.PIPE, errors="replace", check=False
    )
    return judge(name, os.path.relpath(path, ctests.ROOT), done)


def run_all(cc, directory, tests):
    say(f"1..{len(tests)}")
    count = dict.fromkeys(("passed", "failed", "errors", "skipped"), 0)
    for number, (name, path) in enumerate(tests.items(), 1):
        ok, rest = run_one(cc, directory, name, path)
        say(ok, number, rest)
        bad = "errors" if "# ERROR" in rest else "failed"
        good = "skipped" if "# SKIP" in rest else "passed"
        count[good if ok == "ok" else bad] += 1
    say("xtk: " + ", ".join(f"{number} {what}" for what, number in count.items()))


def main(directory, *words):
    cc = compiler()
    tests, listing = asked(words)
    say("KTAP version 1")
    try:
        print(header(cc, directory, words), end="")
    except ctests.Broken as broken:
        sys.exit(f"native_run.py: the library cannot be built: {broken}")
    if isinstance(tests, str):
        say("xtk: usage: " + tests)
        return
    if listing:
        for name, path in tests.items():
            say(f"# test: {name} rules: {' '.join(ctests.rules(path))}")
    run_all(cc, directory, {} if listing else tests)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: native_run.py DIR [WORD...]")
    sys.dont_write_bytecode = True
    main(*sys.argv[1:])
