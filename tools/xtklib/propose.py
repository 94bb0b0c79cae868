# SPDX-License-Identifier: MIT
"""What runs say about the files in tests/expect/: the lines that are missing, and those to go."""

import datetime
import difflib
import os
from dataclasses import dataclass, field

from . import expect, result, summary

DAYS = 180  # until a line is to be looked at again
HEAD = ["# Known failures, in lines as the head of qemu-tcg.txt describes them.", ""]


@dataclass
class Proposal:
    """A file of tests/expect/, and what runs of its platforms say about it."""

    path: str
    today: datetime.date
    lines: list = field(default_factory=list)
    runs: list = field(default_factory=list)  # (platform, tests, comparison, selective)
    news: dict = field(default_factory=dict)  # {(test, rule): new line}

    def add(self, run, known, new):
        """@known: the lines of this file and of the platform's others. @new: new lines go here."""
        tests = result.tests(run)
        selective = summary.is_selective(run["words"]) or run["status"] != "done"
        comparison = expect.compare(tests, known, selective, self.today)
        self.runs.append((run["platform"], tests, comparison, selective))
        expires = f"expires {self.today + datetime.timedelta(DAYS)}"
        for test in comparison.failed if new else []:
            for line in sorted(news_of(test, known, expires)):
                self.news.setdefault(tuple(line.split(" | ")[:2]), line)


def needs(line, tests):
    return any(test.status == "fail" and line.covers(test) for test in tests)


def is_of_no_test(proposal, line):
    """Whether no complete run has a test that the line matches."""
    complete = [comparison for _, _, comparison, selective in proposal.runs if not selective]
    return bool(complete) and all(line in comparison.unmatched for comparison in complete)


def to_go(proposal):
    """The lines that nothing needs any more."""
    for line in proposal.lines:
        passes = any(line in comparison.unexpected_passes for _, _, comparison, _ in proposal.runs)
        needed = any(needs(line, tests) for _, tests, _, _ in proposal.runs)
        if (passes and not needed) or is_of_no_test(proposal, line):
            yield line


def conflicts(proposal):
    """One line of text for each line that some of its platforms need and others deny."""
    for line in proposal.lines:
        need = [name for name, tests, _, _ in proposal.runs if needs(line, tests)]
        deny = [name for name, _, found, _ in proposal.runs if line in found.unexpected_passes]
        if need and deny:
            what = f"{need[0]} needs it, {deny[0]} passes"
            yield f"{summary.place(line)}: {what}: give them files of their own (platforms.json)"


def news_of(test, lines, expires):
    """The lines that would make a failing test known, for a person to complete."""
    shown = [failure for failure in test.failures if not failure.is_count()]
    unknown = [f for f in shown if not any(line.knows(test, f) for line in lines)]
    if not shown or any(failure.rule == "?" for failure in unknown):
        return {f"{test.name} | * | {expires} | {expect.OPEN} | {expect.OPEN}"}
    seen = {}
    for failure in unknown:
        said = f"expected {failure.expected}, got {failure.got}".replace("|", "/")
        seen.setdefault(failure.rule, f"{expect.OPEN} {said}")
    heads = {f"{test.name} | {rule} | {expires}": why for rule, why in seen.items()}
    return {f"{head} | {why} | {expect.OPEN}" for head, why in heads.items()}


def changed(text, proposal):
    """The file's lines as they would be."""
    lines = {int(line.place.rpartition(":")[2]): line for line in proposal.lines}
    gone = list(to_go(proposal))
    renewed = str(proposal.today + datetime.timedelta(DAYS))
    for number, old in enumerate(text, 1):
        line = lines.get(number)
        if line in gone:
            continue
        if line and line.expires < proposal.today:
            old = old.replace(f"expires {line.expires}", f"expires {renewed}")
        yield old
    yield from (proposal.news[key] for key in sorted(proposal.news))


def diff(proposal):
    """A unified diff of the file, as `patch -p1` takes it; empty if nothing is to change."""
    there = os.path.isfile(proposal.path)
    text = []
    if there:
        with open(proposal.path, encoding="utf-8") as file:
            text = file.read().splitlines()
    new = list(changed(text, proposal))
    if not there and new:
        new = HEAD + new
    name = os.path.relpath(proposal.path)
    old_name = "a/" + name if there else "/dev/null"
    return list(difflib.unified_diff(text, new, old_name, "b/" + name, lineterm=""))
