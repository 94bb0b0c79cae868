#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pretends to be an emulator with the kernel in it: prints what a boot with these words would.

usage: fake_kernel.py PLAN.json QEMU-OPTION...

PLAN.json is {TEST: WHAT} in the kernel's order. WHAT is pass, fail, skip, error, crash (a panic),
hang, once (fails in the first boot that runs it), slow (half a second), or {CPU: WHAT, "": WHAT}
where it depends on the model. Each boot adds its words, and its CPU, as a line to PLAN.json.boots.
"""

import fnmatch
import json
import os
import sys
import time

HEADER = '# xtk 0.1.0 boot=pvh cpu="fake {}" xcr0=0x7 xss=0x0 words="{}"'


def value_of(option):
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else ""


def say(*lines):
    print(*lines, sep="\n", flush=True)


def chosen(tests, words):
    globs = [glob for word in words if word.startswith("tests=") for glob in word[6:].split(",")]
    names = [] if globs and not globs[0].startswith("-") else list(tests)
    for glob in globs:
        found = fnmatch.filter(tests, glob.lstrip("-"))
        if not found:
            say(f"xtk: usage: tests=: '{glob}' matches no test")
            sys.exit(5)
        names = [name for name in names if name not in found]
        names += [] if glob.startswith("-") else found
    return [name for name in tests if name in names]


def first_time(plan, name):
    marker = f"{plan}.{name.replace('/', '.')}"
    if os.path.exists(marker):
        return False
    with open(marker, "w", encoding="utf-8"):
        return True


def run(number, name, what):
    """The status of a test whose lines are printed."""
    if what == "crash":
        say(f"# panic: {name} on purpose")
        sys.exit(1)
    if what == "hang":
        time.sleep(600)
    if what == "slow":
        time.sleep(0.5)
    if what in ("fail", "error"):
        if what == "fail":
            where = "mask:0x7/save:xsave byte=3"
            say(f"# fail: test={name} rule=V03 expected=0x1 got=0x2 where={where}")
        say(f"not ok {number} {name}" + (" # ERROR on purpose" if what == "error" else ""))
    else:
        why = " # SKIP no such bit" if what == "skip" else ""
        say(f"# checks: test={name} 3", f"ok {number} {name}{why}")
    return what if what in ("fail", "error", "skip") else "pass"


def what_of(plan, tests, name, cpu):
    what = tests[name]
    what = what.get(cpu, what.get("", "pass")) if isinstance(what, dict) else what
    if what == "once":
        what = "fail" if first_time(plan, name) else "pass"
    return what


def boot(plan, tests, words, cpu):
    seen = []
    say("KTAP version 1", HEADER.format(cpu, " ".join(words)))
    say("# component: bit=2 size=256 offset=576 align=0", "# component: bit=5 size=6?")
    names = chosen(tests, words)
    if "list" in words:
        say(*[f"# test: {name} rules: V03" for name in names])
        names = []
    say(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        what = what_of(plan, tests, name, cpu)
        if what == "skip" and len(names) == 1:  # as the kernel does: that is no verdict
            why = "no check was executed; skipped for want of no such bit"
            say(f"not ok 1 {name} # ERROR {why}")
            seen.append("error")
        else:
            seen.append(run(number, name, what))
    count = [seen.count(kind) for kind in ("pass", "fail", "error", "skip")]
    say("xtk: {} passed, {} failed, {} errors, {} skipped".format(*count))


def main():
    plan = sys.argv[1]
    if "--version" in sys.argv:
        say("QEMU emulator version 9.9 (fake)")
        return
    with open(plan, encoding="utf-8") as file:
        tests = json.load(file)
    words, cpu = value_of("-append").split(), value_of("-cpu")
    with open(plan + ".boots", "a", encoding="utf-8") as file:
        file.write(f"{cpu}: {' '.join(words)}\n")
    boot(plan, tests, words, cpu)


main()
