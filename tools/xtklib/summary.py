# SPDX-License-Identifier: MIT
"""The words and the status that end `xtk run` and `xtk parse`."""

import os
import sys

from . import effort, expect, ktap

SEVERITY = (ktap.CRASH, ktap.TIMEOUT, ktap.ERROR, ktap.USAGE, ktap.FAILED, ktap.PASSED)


def is_selective(words):
    """Whether a run with these words is not one of all tests."""
    return any(word == "list" or word.startswith(("tests=", "case=")) for word in words)


def compare(log, lines, words):
    """The comparison of one log; a run that was cut or chose tests cannot miss a line's test."""
    cut = log.status in (ktap.CRASH, ktap.TIMEOUT, ktap.USAGE)
    return expect.compare(log.tests, lines, selective=cut or is_selective(words))


def status(log, comparison):
    """The status of one run, known failures forgiven."""
    if log.status in (ktap.PASSED, ktap.FAILED):
        return ktap.FAILED if comparison.red() else ktap.PASSED
    return log.status


def worst(statuses):
    return min(statuses, key=SEVERITY.index)


def place(line):
    file, _, number = line.place.rpartition(":")
    return os.path.relpath(file) + ":" + number


def rules(test):
    """Those that broke; ? where nothing but a count or a damaged line is left."""
    names = dict.fromkeys(failure.rule for failure in test.failures)
    return ", ".join(name for name in names if name != "?" or len(names) == 1) or "no detail"


def lines_of(log, comparison):
    """The summary, line by line."""
    for test, lines in comparison.known:
        why = "; ".join(dict.fromkeys(f"{line.reason} ({line.reference})" for line in lines))
        yield f"known: {test.name}: {rules(test)}: {why}"
    for test in comparison.failed:
        yield f"unexpected failure: {test.name}: {rules(test)}"
    for test in log.tests:
        if test.status == "error":
            yield f"error: {test.name}: {test.reason}"
    for line in comparison.unexpected_passes:
        yield f"unexpected pass: {line.test} | {line.rule}: remove {place(line)}"
    for line in comparison.unmatched:
        yield f"{place(line)}: '{line.test}' matches no test: correct or remove the line"
    for line in comparison.expired:
        yield f"warning: {place(line)}: expired on {line.expires}: look at it again"
    count = {kind: 0 for kind in ("pass", "fail", "error", "skip")}
    for test in log.tests:
        count[test.status] += 1
    known = len(comparison.known)
    total = f"{count['pass']} passed, {count['fail'] - known} failed, {count['error']} errors, "
    total += f"{count['skip']} skipped, {known} known"
    # The raw reason is news only when the counts do not tell it.
    yield total + (f"; {log.reason}" if log.status not in (ktap.PASSED, ktap.FAILED) else "")


def show(log, comparison):
    """To stderr, so that stdout stays the serial text and can be parsed again."""
    sys.stdout.flush()
    for line in lines_of(log, comparison):
        print(line, file=sys.stderr)


def judge(log, lines, words):
    """Compare, show, and give the (comparison, status)."""
    comparison = compare(log, lines, words)
    show(log, comparison)
    return comparison, status(log, comparison)


def show_effort(run):
    """How much the tables of a run did, if it has any."""
    said = effort.in_words(effort.of_run(run))
    if said:
        print(said, file=sys.stderr)
