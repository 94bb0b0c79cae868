# SPDX-License-Identifier: MIT
"""Known failures: tests/expect/PLATFORM.txt. The head of qemu-tcg.txt says what a line is."""

import datetime
import fnmatch
import os
from dataclasses import dataclass, field

from . import platforms
from .boot import ROOT
from .usage import Usage

DIRECTORY = os.path.join(ROOT, "tests", "expect")
FIELDS = "test-or-glob | rule | expires YYYY-MM-DD | reason | reference"
OPEN = "?"  # how a reason or reference begins that a person has yet to write


class Malformed(Exception):
    """One line of text: file:line, what is wrong, how to mend it."""


@dataclass
class Line:
    place: str  # file:line
    test: str
    rule: str
    expires: datetime.date
    reason: str
    reference: str

    def covers(self, test):
        return fnmatch.fnmatchcase(test.name, self.test)

    def knows(self, test, failure):
        return self.covers(test) and self.rule in ("*", failure.rule)


@dataclass
class Comparison:
    """What a run was, measured by what was known of its platform."""

    known: list = field(default_factory=list)  # (test, lines)
    failed: list = field(default_factory=list)  # tests with a failure that no line knows
    unexpected_passes: list = field(default_factory=list)  # lines whose tests ran and passed
    surprises: list = field(default_factory=list)  # (test, lines): the passes that these deny
    unmatched: list = field(default_factory=list)  # lines that match no test
    expired: list = field(default_factory=list)  # lines that are past their date

    def red(self):
        return bool(self.failed or self.unexpected_passes or self.unmatched)


def parse_line(place, text):
    fields = [part.strip() for part in text.split("|")]
    if len(fields) != 5 or not all(fields):
        raise Malformed(f"{place}: not five fields: write '{FIELDS}'")
    test, rule, expires, reason, reference = fields
    word, _, date = expires.partition(" ")
    try:
        if word != "expires":
            raise ValueError
        day = datetime.datetime.strptime(date, "%Y-%m-%d").date()
    except ValueError:
        raise Malformed(f"{place}: '{expires}': write 'expires YYYY-MM-DD'") from None
    if reason.startswith(OPEN) or reference.startswith(OPEN):
        raise Malformed(f"{place}: '{OPEN}': say what the engine does, and where it is reported")
    return Line(place, test, rule, day, reason, reference)


def read(path):
    """The lines of one file. Raises Malformed, OSError."""
    lines = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                text = text.strip()
                if text and not text.startswith("#"):
                    lines.append(parse_line(f"{path}:{number}", text))
    except UnicodeDecodeError:
        raise Malformed(f"{path}: not UTF-8: save it as that") from None
    return lines


def add_option(parser):
    """--expect, of every verb that judges."""
    parser.add_argument(
        "--expect", metavar="DIR", help="known failures, or none (default: tests/expect)"
    )


def path_of(directory, name):
    """The file NAME.txt of --expect DIR. Raises Usage."""
    directory = directory or DIRECTORY
    if not os.path.isdir(directory):
        raise Usage(f"--expect {directory}: no such directory: name one, or none")
    return os.path.join(directory, name + ".txt")


def of_file(directory, name):
    """The lines of NAME.txt; without that file, or with --expect none, nothing is known."""
    if directory == "none" or not name:
        return []
    path = path_of(directory, name)
    return read(path) if os.path.isfile(path) else []


def of_platform(directory, name):
    """The same for what -p names: a platform of platforms.json, or a file's. Raises Usage."""
    files = {platform.name: platform.expect for platform in platforms.read()}
    if name and directory != "none" and name not in files:
        if not os.path.isfile(path_of(directory, name)):
            raise Usage(f"-p {name}: unknown platform; known: {' '.join(files)}")
    return of_file(directory, files.get(name, name))


def known_by(test, lines):
    """The lines that together know every failure of a test, or [] when one of them is news."""
    used = []
    for failure in test.failures:
        knowing = [line for line in lines if line.knows(test, failure)]
        if not knowing:
            return []
        used += [line for line in knowing if line not in used]
    # Without a detail only a line for all rules can know it.
    return used or [line for line in lines if line.covers(test) and line.rule == "*"]


def compare(tests, lines, selective=False, today=None):
    """Compare results with what is known; @selective: the run chose tests by words."""
    today = today or datetime.date.today()
    result = Comparison()
    used = []
    for test in tests:
        if test.status != "fail":
            continue
        knowing = known_by(test, lines)
        used += knowing
        if knowing:
            result.known.append((test, knowing))
        else:
            result.failed.append(test)
            used += [line for f in test.failures for line in lines if line.knows(test, f)]
    for line in lines:
        covered = [test for test in tests if line.covers(test)]
        if not covered and not selective:
            result.unmatched.append(line)
        if line not in used and any(test.status in ("pass", "fail") for test in covered):
            result.unexpected_passes.append(line)
            result.surprises += [(test, [line]) for test in covered if test.status == "pass"]
        if line.expires < today:
            result.expired.append(line)
    return result
