# SPDX-License-Identifier: MIT
"""tests/judged.txt: what judges each rule, and what runs say about that.

A platform judges a rule where one of its tests printed checks of it (`# judged:`). A line that a
program of tests/host/rules/ has told, run on this CPU or on a software model, is no engine's.
"""

import difflib
import os
from dataclasses import dataclass

from . import platforms, rules
from .boot import ROOT
from .usage import Usage

PATH = os.path.join(ROOT, "tests", "judged.txt")
STATES = ("engine", "native", "model", "never")  # the best first
OPEN = "?"  # stands for what a person has to write
HEAD = """# What judges each rule of docs/rules.md, ID | STATE | BY; `xtk list --rules` shows it.
#
# STATE  engine: the platform BY of tools/platforms.json; native: a build machine's CPU at CPL 3;
#        model: the software model alone; never: nothing. Of these two BY says why, and what would.
#
# `xtk list --rules --check DIR` compares this with runs, and `--update DIR` proposes lines.
"""


@dataclass
class Line:
    rule: str
    state: str
    by: str
    place: str = ""

    def text(self):
        return f"{self.rule} | {self.state} | {self.by}"

    def platform(self):
        """The platform that judges the rule; "" if none does."""
        return {"engine": self.by, "native": "native", "model": "model"}.get(self.state, "")


def line_of(text, place):
    """Raises Usage."""
    fields = [field.strip() for field in text.split("|")]
    if len(fields) != 3 or fields[1] not in STATES or not fields[2]:
        raise Usage(f"{place}: write ID | {' or '.join(STATES)} | by what or why")
    if fields[2].startswith(OPEN):
        raise Usage(f"{place}: write in the place of the '{OPEN}' why, and what would judge it")
    return Line(*fields, place)


def lines_in(path):
    """(line number, text) of the lines that say something. Raises Usage."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                if text.strip() and not text.startswith("#"):
                    yield number, text
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}: it comes with the source tree") from None


def read(path=None):
    """{rule: Line} of every rule, in the order of docs/rules.md. Raises Usage."""
    path = path or PATH
    found, known = {}, [rule.id for rule in rules.read()]
    for number, text in lines_in(path):
        line = line_of(text, f"{os.path.relpath(path)}:{number}")
        if line.rule not in known or line.rule in found:
            which = "a second line of" if line.rule in found else "docs/rules.md has no"
            raise Usage(f"{line.place}: {which} '{line.rule}': remove it")
        found[line.rule] = line
    lacking = [rule for rule in known if rule not in found]
    if lacking:
        raise Usage(f"{os.path.relpath(path)}: no line of {' '.join(lacking)}: add it")
    return {rule: found[rule] for rule in known}


def state_of(run):
    return run["boot"] if run["boot"] in STATES else "engine"


def rules_of(run):
    """The rules of which checks were executed in a run, in tests that are not in error."""
    found = set()
    for test in run["tests"]:
        counts = test["observed"].get("judged", {}) if test["status"] != "error" else {}
        found |= {rule for rule, checks in counts.items() if checks}
    return found


def seen_in(runs):
    """{state: {platform: rules}} of what runs have judged, in the order of platforms.json.

    Raises Usage.
    """
    order = {one.name: place for place, one in enumerate(platforms.read())}

    def place(run):
        return order.get(run["platform"], len(order)), run["platform"]

    seen = {state: {} for state in STATES}
    for run in sorted(runs, key=place):
        state = state_of(run)
        name = run["platform"] if state == "engine" else state
        if not name:
            remedy = "make it again with 'xtk parse -p PLATFORM'"
            raise Usage(f"{run['log']}: is of no platform: {remedy}")
        seen[state].setdefault(name, set()).update(rules_of(run))
    return seen


def best(rule, seen):
    """(state, platform) of the best that has judged a rule; ("never", "")."""
    for state in STATES:
        for name, judged in seen[state].items():
            if rule in judged:
                return state, name
    return "never", ""


def wrong(lines, runs):
    """A line of text for each rule of which the file does not say what runs show. Raises Usage."""
    seen = seen_in(runs)
    there = {name: judged for some in seen.values() for name, judged in some.items()}
    if not any(line.platform() in there for line in lines.values()):
        raise Usage("no run is of a platform that tests/judged.txt names: run 'xtk matrix --quick'")
    for rule, line in lines.items():
        state, name = best(rule, seen)
        if line.platform() in there and rule not in there[line.platform()]:
            yield f"{line.place}: {rule}: {line.platform()} did not judge it"
        elif STATES.index(state) < STATES.index(line.state):
            yield f"{line.place}: {rule}: is '{line.state}' here, but {name} judged it"


def renewed(rule, line, seen):
    """The text of a rule's line as it would be."""
    state, name = best(rule, seen)
    line = line or Line(rule, "never", OPEN)
    there = {name: judged for some in seen.values() for name, judged in some.items()}
    holds = line.platform() not in there or rule in there[line.platform()]
    if holds and STATES.index(line.state) <= STATES.index(state):
        return line.text()
    by = name if state == "engine" else "this CPU at CPL 3" if state == "native" else OPEN
    return Line(rule, state, by).text()


def proposal(path, runs):
    """A unified diff of the file, as `patch -p1` takes it; empty if nothing is to change."""
    seen, there, old, head = seen_in(runs), os.path.exists(path), [], HEAD.splitlines()
    if there:
        with open(path, encoding="utf-8") as file:
            old = file.read().splitlines()
        head = [text for text in old if not text.strip() or text.startswith("#")]
    fields = ([field.strip() for field in text.split("|")] for text in old if "|" in text)
    lines = {row[0]: Line(*row) for row in fields if len(row) == 3 and row[1] in STATES}
    new = head + [renewed(rule.id, lines.get(rule.id), seen) for rule in rules.read()]
    name = os.path.relpath(path, ROOT)
    return list(difflib.unified_diff(old, new, "a/" + name, "b/" + name, lineterm=""))
