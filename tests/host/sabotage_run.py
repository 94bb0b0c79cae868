#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds, boots and judges sabotages: is each caught by what it names, there, and by nothing else?

usage: tests/host/sabotage_run.py [NAME...]     NAME as in tests/sabotage/NAME.c; after 'make all'

An image and its log stay in build/sabotage/NAME when something is wrong with them. Status: 0, 1
when a sabotage was not caught as it says, 2 usage.
"""

import glob
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import host
import sabotage as heads
from xtklib import ktap

TIMEOUT = "60"
AT_ONCE = 2
ON_REQUEST = re.compile(r"on_request\[\] = \{(.*?)\}", re.DOTALL)
XTEST = re.compile(r"^XTEST\((\w+),\s*(\w+)", re.MULTILINE)
PARTS = ("boot", "kernel", "lib", "tests")
# As the Makefile's, from another source.
RECIPES = {
    ".c": "$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<",
    ".asm": "$(NASM) $(NFLAGS) -o $@ $<",
}


def copy_objects(directory):
    """Copies, no links: what make builds anew must not change build/."""
    shutil.rmtree(directory, ignore_errors=True)
    for part in PARTS:
        source = os.path.join(host.BUILD, part)
        shutil.copytree(source, os.path.join(directory, part), ignore=shutil.ignore_patterns("*.d"))
    shutil.copy2(os.path.join(host.BUILD, "asm-offsets.inc"), directory)


def build(sabotage, directory):
    """The kernel linked anew, one object replaced; why it failed, or None."""
    target = os.path.join(directory, sabotage.replaces + ".o")
    if not os.path.isfile(os.path.join(host.BUILD, sabotage.replaces + ".o")):
        return f"no object of {sabotage.replaces} in {host.BUILD}: run 'make all'"
    copy_objects(directory)
    os.unlink(target)
    rule = f"{target}: {sabotage.path} ; {RECIPES[sabotage.kind]}"
    # A make above us shares its variables (CC=clang), but not its jobs and goals.
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "-C", host.ROOT, f"BUILD={directory}", f"--eval={rule}"]
    done = host.call(*command, os.path.join(directory, "xtk.elf"), env=environment)
    return done.stderr if done.returncode else None


def place(image, symbol):
    """An address as the tests print it."""
    rows = [line.split() for line in host.call("nm", image).stdout.splitlines()]
    code = {row[2]: int(row[0], 16) for row in rows if row[-2] in "tT"}
    if symbol not in code:
        return f"<{symbol}: no such symbol>"
    at = code[symbol]
    start, function = max((a, name) for name, a in code.items() if a <= at and "." not in name)
    return f"{function}+0x{at - start:x}"


def expand(image, expression):
    return re.sub("<([^<>]+)>", lambda found: re.escape(place(image, found[1])), expression)


def registered(sources="tests/*.c"):
    """The tests in these sources, but for the groups that run on request only."""
    with open(host.tree("kernel", "test.c"), encoding="utf-8") as file:
        request = tuple(re.findall(r'"(\w+/)"', ON_REQUEST.search(file.read())[1]))
    for path in glob.glob(host.tree(*sources.split("/"))):
        with open(path, encoding="utf-8") as file:
            names = ("/".join(found) for found in XTEST.findall(file.read()))
        yield from (name for name in names if not name.startswith(request))


def words():
    """What a sabotage breaks is the kernel's own; the rules of tests/rules/ judge the engine, and
    the laboratory has teeth of its own."""
    groups = {name.partition("/")[0] for name in registered("tests/rules/*.c")}
    groups -= {name.partition("/")[0] for name in registered()}
    return "tests=" + ",".join(f"-{group}/*" for group in sorted(groups | {"ist"}))


def seen_by(catcher, log):
    """What the first complaint of a catcher says; None when it has none."""
    if catcher == heads.LOG:
        return log.reason if log.status == ktap.CRASH else None
    if catcher == heads.LIST:
        lost = sorted(set(registered()) - {test.name for test in log.tests})
        return "; ".join(f"{name} did not run" for name in lost) or None
    for test in log.tests:
        if test.name == catcher and test.status in ("fail", "error"):
            return test.failures[0].where if test.failures else test.reason
    return None


def judge(sabotage, status, log, text, image):
    """Everything that is not as the sabotage says."""
    if status != sabotage.status:
        yield f"ended with status {status} ({log.reason}), not {sabotage.status}"
    named = [catcher for catcher, _ in sabotage.catchers]
    # Of a run that has crashed nobody knows what would have come.
    others = [heads.LOG] if log.status == ktap.CRASH else [heads.LIST]
    for other in others + [test.name for test in log.tests]:
        if other not in named and seen_by(other, log) is not None:
            yield f"caught by {other} too: {seen_by(other, log)}"
    for catcher, expression in sabotage.catchers:
        seen = seen_by(catcher, log)
        wanted = expand(image, expression)
        if seen is None:
            yield f"not caught by {catcher}"
        elif not re.search(wanted, seen + "\n" + text if catcher == heads.LOG else seen):
            yield f"caught by {catcher}, but not at '{wanted}': '{seen}'"


def run(sabotage, directory):
    """All that is wrong with one sabotage, as a list of lines."""
    failed = build(sabotage, directory)
    if failed:
        return [f"does not build: {failed}"]
    image, serial = (os.path.join(directory, name) for name in ("xtk.elf", "serial.log"))
    options = ("--kernel", "--image", image, "--timeout", TIMEOUT, "--log", serial)
    environment = dict(os.environ, XTK_BUILD=directory)
    done = host.call(host.RUN_QEMU, *options, "--", words(), env=environment)
    if done.returncode == ktap.USAGE:
        return [f"does not boot: {done.stderr}"]
    status = done.returncode
    with open(serial, encoding="utf-8", errors="replace") as file:
        text = file.read()
    log = ktap.read_log(serial, status == ktap.TIMEOUT)
    return list(judge(sabotage, status, log, text, image))


def run_all(sabotages):
    """(sabotage, what is wrong) of each. What went well leaves nothing behind."""

    def run_one(sabotage):
        directory = os.path.abspath(os.path.join(host.BUILD, "sabotage", sabotage.name))
        wrong = run(sabotage, directory)
        if not wrong:
            shutil.rmtree(directory)
        return sabotage, wrong

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(run_one, sabotages)


def main(names):
    try:
        known = {sabotage.name: sabotage for sabotage in map(heads.read, heads.paths())}
        chosen = [known[name] for name in names or known]
    except heads.Malformed as error:
        print(f"sabotage_run.py: {error}", file=sys.stderr)
        return 2
    except KeyError as error:
        print(f"sabotage_run.py: {error}: no such sabotage: see tests/sabotage/", file=sys.stderr)
        return 2
    red = False
    for sabotage, wrong in run_all(chosen):
        red = red or bool(wrong)
        print(f"{'RED' if wrong else 'ok '} {sabotage.name}", *wrong, sep="\n    ", flush=True)
    return int(red)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
