#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pretends to be an emulator with the laboratory in it, that is the tests ist/pairs, ist/triples.

usage: fake_lab.py PLAN.json QEMU-OPTION...

PLAN.json is {POSITION: WHAT}: the cases that end their boot. WHAT is crash (a panic), hang, or once
(a crash, in the first boot that runs it). Each boot adds its words as a line to PLAN.json.boots.
The designs: plain fails as it claims; safe survives; wrong claims more than it does.
"""

import json
import os
import sys
import time

HEADER = '# xtk 0.1.0 boot=pvh cpu="fake" xcr0=0x7 xss=0x0 words="{}"'
STEPS = (("entry", 2), ("push_gprs", 3), ("handler", 1), ("iret", 1))
TESTS = {"ist/pairs": ("NMI>DB",), "ist/triples": ("NMI>DB>NMI", "NMI>MC>NMI")}
CLAIMS = {  # of the triples; and where they fail
    "plain": ("*", {"entry", "push_gprs", "handler", "iret"}),
    "safe": ("survives", set()),
    "wrong": ("iret", {"iret", "entry"}),
}
BLOCK = 8  # cases between two lines that say where it is


def boundaries(design, vector):
    """[(step, SYMBOL+OFFSET, address)...] of an entry."""
    base = 0x101000 + 0x100 * (sorted(CLAIMS).index(design) * 3 + ("NMI", "DB", "MC").index(vector))
    found = []
    for step, count in STEPS:
        label = f"{design}_{vector.lower()}" + ("" if step == "entry" else "." + step)
        found += [(step, f"{label}+{i:#x}", base + len(found) + i) for i in range(count)]
    return found


def cases(design, pattern):
    """The places of the second event, and the third."""
    events = pattern.split(">")
    second = boundaries(design, events[0])
    if len(events) == 2:
        return [(one,) for one in second]
    return [(one, other) for one in second for other in boundaries(design, events[1])]


class Case:
    def __init__(self, design, pattern, rearm, number, places):
        self.part, self.number, self.places = (design, pattern, rearm), number, places
        self.position = "/".join([*self.part, str(number)])
        self.id = "/".join([*self.part, *(at + ".0" for _, at, _ in places)])
        self.fails = len(places) > 1 and places[0][0] in CLAIMS[design][1]


def all_cases(designs, patterns):
    for design in designs:
        for pattern in patterns:
            for rearm in ("late", "early"):
                for number, places in enumerate(cases(design, pattern)):
                    yield Case(design, pattern, rearm, number, places)


def say(*lines):
    print(*lines, sep="\n", flush=True)


def value(words, name, default):
    return next((word[len(name) + 1 :] for word in words if word.startswith(name + "=")), default)


def chosen(found, words):
    """What from=, to= and shard= leave; a position behind the last case of its pattern is one."""
    order = {}
    for i, case in enumerate(found):
        order[case.position] = i
        order.setdefault("/".join([*case.part, str(case.number + 1)]), i + 1)
    first, last = order.get(value(words, "from", ""), 0), order.get(value(words, "to", ""))
    i, n = map(int, value(words, "shard", "1/1").split("/"))
    return [case for case in found[first:last] if case.number % n == i - 1]


def end_if_fatal(plan, case):
    with open(plan, encoding="utf-8") as file:
        what = json.load(file).get(case.position)
    if what == "once":
        marker = plan + ".once"
        what = None if os.path.exists(marker) else "crash"
        with open(marker, "w", encoding="utf-8"):
            pass
    if what == "crash":
        say("# panic: a case on purpose")
        sys.exit(1)
    if what == "hang":
        time.sleep(600)


def tally(some):
    return f"cases={len(some)} failed={sum(case.fails for case in some)}"


def group(some, key):
    found = {}
    for case in some:
        found.setdefault(key(case), []).append(case)
    return found.items()


def report(part, some):
    """The lines of a pattern."""
    where = "design={} pattern={} rearm={}".format(*part)
    say(f"# ist: {where} {tally(some)} na=0")
    for event in range(2, 2 + len(some[0].places)):
        for step, those in group(some, lambda case: case.places[event - 2][0]):
            say(f"# ist-step: {where} event={event} step={step} {tally(those)}")
        for (_, at, rip), those in group(some, lambda case: case.places[event - 2]):
            say(f"# ist-at: {where} event={event} at={at} rip={rip:#x} {tally(those)}")
    for case in [case for case in some if case.fails][:2]:
        say(f"# ist-fail: case={case.id} what=livelock ran=9 delivered=3")


def claim(design, pattern, rearm):
    if pattern.count(">") < 2:
        say(f"# ist-claim: design={design} pattern={pattern} claim=none verdict=unclaimed")
        return
    text, fails = CLAIMS[design]
    claimed = {step for step, _ in STEPS} if text == "*" else {text} - {"survives"}
    verdict = "worse" if fails - claimed else "better" if claimed - fails else "as_claimed"
    steps = ",".join(sorted(fails ^ claimed)) or "-"
    where = f"design={design} pattern={pattern} rearm={rearm}"
    say(f"# ist-claim: {where} claim={text} verdict={verdict} steps={steps}")


def run(plan, name, designs, words):
    """The cases of one test: whether there was any."""
    some = chosen(list(all_cases(designs, TESTS[name])), words)
    block = 1 if "each" in words else BLOCK
    for i, case in enumerate(some):
        if not i % block:
            say(f"# ist-at-case: {case.position}" + (f" case={case.id}" if block == 1 else ""))
        end_if_fatal(plan, case)
    for part, those in group(some, lambda case: case.part):
        report(part, those)
        claim(*part)
    for design in designs:
        those = [case for case in some if case.part[0] == design]
        say(f"# ist-total: design={design} {tally(those)} ticks={len(those)}")
    return bool(some)


def boot(plan, words):
    names = value(words, "tests", ",".join(TESTS)).replace("ist/*", ",".join(TESTS)).split(",")
    designs = value(words, "ist", "plain").split(",")
    say("KTAP version 1", HEADER.format(" ".join(words)))
    if "list" in words:
        say(*(f"# test: {name} rules:" for name in names), "1..0")
        names = []
    else:
        say(f"1..{len(names)}")
    passed = 0
    for number, name in enumerate(names, 1):
        there = run(plan, name, designs, words)
        say(f"# checks: test={name} 3")
        said = f"ok {number} {name}"
        say(said if there else f"not {said} # ERROR no check was executed")
        passed += there
    say(f"xtk: {passed} passed, 0 failed, {len(names) - passed} errors, 0 skipped")


def main():
    if "--version" in sys.argv:
        say("QEMU emulator version 9.9 (fake)")
        return
    plan, options = sys.argv[1], sys.argv[2:]
    words = options[options.index("-append") + 1].split() if "-append" in options else []
    with open(plan + ".boots", "a", encoding="utf-8") as file:
        file.write(" ".join(words) + "\n")
    boot(plan, words)


if __name__ == "__main__":
    main()
