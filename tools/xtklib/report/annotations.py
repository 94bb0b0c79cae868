# SPDX-License-Identifier: MIT
"""GitHub's annotations: workflow commands that a job prints and GitHub shows beside the change.

GitHub shows ten errors of a step. So what several platforms have in common is one line, the worst
and commonest come first, and the last line counts what is left out.
"""

import os

from ..screen import name_of
from .sentences import again, is_red, plain, reason, run_is_bad
from .verdicts import STATUSES, WORST, test_status

MOST = 10


def escaped(text):
    """The text of a command; GitHub decodes these."""
    return plain(text).replace("%", "%25")


def command(title, message, **where):
    """One annotation. In a property, what separates properties is escaped, too."""
    properties = {**where, "title": title}
    said = [f"{key}={escaped(text)}" for key, text in properties.items()]
    said = [text.replace(":", "%3A").replace(",", "%2C") for text in said]
    return f"::error {','.join(said)}::{escaped(message)}"


def of_tests(found, total):
    """One annotation for a test, its status and rules; @found: its [(job, test)...]."""
    job, test = found[0]
    status = test_status(test)
    jobs = ", ".join(dict.fromkeys(job for job, _ in found))
    message = f"on {len(found)} of {total} runs ({jobs}): {reason(test)}"
    message += "".join(f"; again: {text}" for text in again(test)[:1])
    where = {}
    if status == "surprise":
        file, _, line = test["expect"]["line"].rpartition(":")
        where = {"file": os.path.relpath(file), "line": line}
    return command(f"{test['name']}: {STATUSES[status].word}", message, **where)


def every(runs):
    """All annotations, however many."""
    for run in runs:
        bad = run_is_bad(run)
        if bad:
            yield command(name_of(run), bad)
    found = {}
    for run in runs:
        for test in filter(is_red, run["tests"]):
            rules = " ".join(sorted({failure["rule"] for failure in test["failures"]}))
            key = test_status(test), test["name"], rules
            found.setdefault(key, []).append((name_of(run), test))
    for key in sorted(found, key=lambda key: (WORST.index(key[0]), -len(found[key]), key)):
        yield of_tests(found[key], len(runs))


def lines(runs):
    """At most MOST annotations."""
    said = list(every(runs))
    if len(said) <= MOST:
        return said
    left_out = len(said) - MOST + 1
    return said[: MOST - 1] + [command(f"{left_out} more", "the report has them all")]
