# SPDX-License-Identifier: MIT
"""Known failures: tests/expect/NAME.txt and NAME@VERSION.txt. The head of qemu-tcg.txt says what a
line is. What is called version here is a function: an emulator is asked only where it matters.
"""

import datetime
import fnmatch
import os
import re
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

    tests: list = field(default_factory=list)  # all of the run
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


def unknown():
    """The version of an emulator of which there is only a log."""
    return ""


def versions_of(directory, name):
    """The VERSIONs of the files NAME@VERSION.txt in --expect DIR. Raises Usage."""
    directory = directory or DIRECTORY
    if not os.path.isdir(directory):
        raise Usage(f"--expect {directory}: no such directory: name one, or none")
    found = (re.fullmatch(re.escape(name) + "@(.+)[.]txt", file) for file in os.listdir(directory))
    return sorted(file[1] for file in found if file)


def paths_of(directory, names, version=unknown):
    """The files that @names, a platform's "expect", stand for; NAME.txt need not exist.

    For each: NAME.txt, and NAME@VERSION.txt for every VERSION that @version begins with. It ends at
    the end of a number: 7.2 begins 7.2.19 and not 7.20. Raises Usage.
    """
    paths = []
    for name in names:
        versions = versions_of(directory, name)
        said = version() if versions else ""
        own = [one for one in versions if re.match(re.escape(one) + "(?![0-9])", said)]
        files = [name, *(f"{name}@{one}" for one in own)]
        paths += [os.path.join(directory or DIRECTORY, file + ".txt") for file in files]
    return paths


def of_files(directory, names, version=unknown):
    """The lines of these files; nothing is known without one, nor with --expect none."""
    if directory == "none":
        return []
    paths = paths_of(directory, names, version)
    return [line for path in paths if os.path.isfile(path) for line in read(path)]


def of_platform(directory, name, version=unknown):
    """The lines for what -p names: a platform of platforms.json, or a file. Raises Usage."""
    platform_files = {platform.name: platform.expect for platform in platforms.read()}
    names = platform_files.get(name, [name])
    if not name or directory == "none":
        return []
    versions = sorted({one for each in names for one in versions_of(directory, each)})
    if versions and version is unknown:
        remedy = " or ".join(f"-p {name}@{one}" for one in versions)
        raise Usage(f"-p {name}: of which version? Some failures are known of one: {remedy}")
    there = any(map(os.path.isfile, paths_of(directory, names, version)))
    if name not in platform_files and not there:
        raise Usage(f"-p {name}: unknown platform; known: {' '.join(platform_files)}")
    return of_files(directory, names, version)


def known_by(test, lines):
    """The lines that together know every failure of a test, or [] when one of them is news.

    What was only counted is not: of each rule that broke, at least one failure is there in full.
    """
    used = []
    for failure in [one for one in test.failures if not one.is_count()]:
        knowing = [line for line in lines if line.knows(test, failure)]
        if not knowing:
            return []
        used += [line for line in knowing if line not in used]
    # Without a detail only a line for all rules can know it.
    return used or [line for line in lines if line.covers(test) and line.rule == "*"]


def compare(tests, lines, selective=False, today=None):
    """Compare results with what is known; @selective: the run chose tests by words."""
    today = today or datetime.date.today()
    result = Comparison(tests)
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
