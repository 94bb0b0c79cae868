#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the software model one fault at a time, and looks which rule table notices.

usage: tests/host/mutants.py [--into DIR] [--json FILE] [FAULT...]

The faults are the rows of tests/host/model/faults.h. Each runs against the tests that check its
rule, the one that checks the fewest others first, until one fails under that rule; if none does,
against all tests. What the unbroken model fails too catches nothing. A crash, a timeout and an error
of a test are no catch. Objects are kept in DIR, else in rules/ of $XTK_BUILD, else of build/.

Status: 0 every fault is caught; 1 one is not, or the unbroken model fails; 2 usage, or the model
cannot be built.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "rules")]

import build  # noqa: E402
import ctests  # noqa: E402

AT_ONCE = 2
TIMEOUT = 120
ROW = re.compile(r'^\tX\((\w+), (\w+), "([^"]*)",[\s\\]+"([^"]*)"\)', re.MULTILINE)
CPU = re.compile(r'^\t\{ "([^"]+)",', re.MULTILINE)
LISTED = re.compile(r"^# test: (\S+) rules: (.*)$", re.MULTILINE)
FAIL = re.compile(
    r"^# fail: test=(\S+) rule=(\S+) .* where=(?:([a-z0-9_]+):[0-9]+ )?", re.MULTILINE
)
MORE = re.compile(r"^# fail: test=(\S+) ([0-9]+) more failed checks", re.MULTILINE)
RESULT = re.compile(r"^(?:not )?ok [0-9]+ (\S+)(.*)$", re.MULTILINE)
RULE = re.compile(r"^- `([A-Z][0-9]{2})`(.*)$", re.MULTILINE)
LAST = re.compile(r"^xtk: [0-9]+ passed,", re.MULTILINE)


@dataclass
class Fault:
    name: str
    rule: str
    cpu: str
    text: str
    status: str = ""  # caught, elsewhere, survived, crash, timeout
    checks: int = 0  # that failed
    tables: list = field(default_factory=list)  # that failed under the rule, or at all
    rules: list = field(default_factory=list)  # that failed


@dataclass
class Run:
    """What one run of the model said."""

    status: str  # done, crash, timeout
    failures: list = field(default_factory=list)  # (test, rule, table)
    more: dict = field(default_factory=dict)  # test: failed checks beyond those
    failed: set = field(default_factory=set)  # tests


def model_path(*names):
    return os.path.join(HERE, "model", *names)


def cpus():
    """The models of machine.c, the default one first."""
    text = ctests.read(model_path("machine.c"))
    table = text[text.index("configs[] = {") : text.index("{ 0 },")]
    return CPU.findall(table)


def faults():
    default = cpus()[0]
    rows = ROW.findall(ctests.read(model_path("faults.h")))
    return [Fault(name, rule, cpu or default, text) for name, rule, cpu, text in rows]


def run(program, *words):
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, errors="replace", timeout=TIMEOUT,
            stdin=subprocess.DEVNULL, check=False,
        )
    except subprocess.TimeoutExpired:
        return Run("timeout")
    log = done.stdout
    if not LAST.search(log):
        return Run("crash")
    more = {test: int(count) for test, count in MORE.findall(log)}
    failures = FAIL.findall(log)
    errors = {name for name, rest in RESULT.findall(log) if " # ERROR " in rest}
    return Run("done", failures, more, {test for test, _, _ in failures} | errors)


def tests_of(program):
    """Each test's rules."""
    log = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
    return {name: rules.split() for name, rules in LISTED.findall(log)}


def take(fault, said, known):
    """What a run says of a fault, without the tests that fail anyway; whether its rule fell."""
    failures = [(test, rule, table) for test, rule, table in said.failures if test not in known]
    own = [failure for failure in failures if failure[1] == fault.rule]
    fault.rules = sorted({rule for _, rule, _ in failures})
    fault.tables = sorted({table or test for test, _, table in own or failures})
    caught = {test for test, _, _ in failures}
    fault.checks = len(failures) + sum(n for test, n in said.more.items() if test in caught)
    fault.status = "caught" if own else "elsewhere" if failures else "survived"
    return bool(own)


def break_model(program, fault, tests, known):
    """Runs the tests of the rule, and all of them if those see nothing."""
    words = [f"cpu={fault.cpu}", f"fault={fault.name}"]
    mine = [name for name, rules in tests.items() if fault.rule in rules]
    for name in sorted(mine, key=lambda name: len(tests[name])):
        if take(fault, run(program, *words, f"tests={name}"), known):
            return fault
    said = run(program, *words)
    take(fault, said, known)
    if fault.status == "survived" and said.status != "done":
        fault.status = said.status
    return fault


def show(fault, number, count):
    where = " ".join(fault.tables[:3]) + (" …" if len(fault.tables) > 3 else "")
    other = "" if fault.status != "elsewhere" else f" under {' '.join(fault.rules)}"
    print(f"{number:3}/{count} {fault.status:9} {fault.rule} {fault.name}: {where}{other}", end="")
    print(f" ({fault.checks} checks)" if fault.checks else "", flush=True)


def controls(program):
    """By CPU, the tests that the unbroken model fails; a run that did not end counts as a name."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda cpu: run(program, f"cpu={cpu}"), cpus())
        return {
            cpu: said.failed | (set() if said.status == "done" else {said.status})
            for cpu, said in zip(cpus(), runs)
        }


def all_rules():
    """The ids that can fail."""
    found = RULE.findall(ctests.read(os.path.join(ctests.ROOT, "docs", "rules.md")))
    return [rule for rule, text in found if "*informative*" not in text]


def section(title, lines):
    if lines:
        print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")


def summary(done, known):
    """Prints it; the exit status."""
    caught = [fault for fault in done if fault.status in ("caught", "elsewhere")]
    survived = [fault for fault in done if fault not in caught]
    used = {rule for fault in caught for rule in fault.rules}
    section(
        "the unbroken model fails",
        [f"cpu={cpu}: {' '.join(sorted(names))}" for cpu, names in known.items() if names],
    )
    section(
        "caught, but not under its rule",
        [f"{f.name} {f.rule}: {' '.join(f.rules)}" for f in done if f.status == "elsewhere"],
    )
    section(
        "not caught",
        [f"{f.name} {f.rule} cpu={f.cpu}: {f.text} ({f.status})" for f in survived],
    )
    section("rules that catch nothing", [" ".join(r for r in all_rules() if r not in used)])
    print(f"\n{len(caught)}/{len(done)} caught")
    return 1 if survived or any(known.values()) else 0


def chosen(names):
    """The faults of these names, all without one. Raises SystemExit."""
    every = faults()
    unknown = set(names) - {fault.name for fault in every}
    if unknown:
        print(f"mutants.py: no fault {min(unknown)}: see model/faults.h", file=sys.stderr)
        sys.exit(2)
    return [fault for fault in every if not names or fault.name in names]


def break_all(program, some, known):
    tests, done = tests_of(program), []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = (
            pool.submit(break_model, program, fault, tests, known[fault.cpu]) for fault in some
        )
        for number, job in enumerate(list(jobs), 1):
            done.append(job.result())
            show(done[-1], number, len(some))
    return done


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[3].partition(": ")[2])
    parser.add_argument("--into", default=os.path.join(ctests.BUILD, "rules"))
    parser.add_argument("--json")
    parser.add_argument("faults", nargs="*")
    options = parser.parse_args(arguments)
    some, start = chosen(options.faults), time.monotonic()
    try:
        program = build.build("model", options.into)
    except (ctests.Broken, OSError) as broken:
        print(f"mutants.py: the model cannot be built: {broken}", file=sys.stderr)
        return 2
    known = controls(program)
    done = break_all(program, some, known)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump([dataclasses.asdict(fault) for fault in done], file, indent=1)
    status = summary(done, known)
    print(f"{time.monotonic() - start:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
