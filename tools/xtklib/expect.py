# SPDX-License-Identifier: MIT
"""Known failures: tests/expect/PLATFORM.txt, whose header describes a line."""

import datetime
import fnmatch
from dataclasses import dataclass, field

FIELDS = "test-or-glob | rule | expires YYYY-MM-DD | reason | reference"


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
    return Line(place, test, rule, day, reason, reference)


def read(path):
    """The lines of one file. Raises Malformed, OSError."""
    lines = []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            text = text.strip()
            if text and not text.startswith("#"):
                lines.append(parse_line(f"{path}:{number}", text))
    return lines


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
        if line.expires < today:
            result.expired.append(line)
    return result
