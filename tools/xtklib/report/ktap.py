# SPDX-License-Identifier: MIT
"""All runs as one KTAP document: a result for each run, those of its tests nested before it.

A known failure is "not ok … # TODO", which TAP's readers take for what it is: broken and not news.
"""

from ..screen import name_of
from .sentences import again, of_failure, plain, reason, run_is_bad, run_is_red
from .verdicts import test_status

DIRECTIVES = {"skip": "SKIP ", "known": "TODO ", "error": "ERROR "}
VERSION = "KTAP version 1"


def of_test(number, test):
    """The lines of one test."""
    status = test_status(test)
    yield from (f"# {of_failure(failure)}" for failure in test["failures"])
    yield from (f"# again: {command}" for command in again(test))
    ok = "ok" if status in ("pass", "skip") else "not ok"
    why = ""
    if status not in ("pass", "fail"):  # the details of a failure are above it
        why = f" # {DIRECTIVES.get(status, '')}{reason(test)}"
    yield f"{ok} {number} {plain(test['name'])}{why}"


def of_run(number, run):
    """The lines of one run."""
    yield f"  {VERSION}"
    yield f"  1..{len(run['tests'])}"
    for place, test in enumerate(run["tests"], 1):
        yield from ("  " + line for line in of_test(place, test))
    bad = run_is_bad(run)
    why = f" # ERROR {bad}" if bad else ""
    yield f"{'not ok' if run_is_red(run) else 'ok'} {number} {plain(name_of(run))}{why}"


def text(runs):
    lines = [VERSION, f"1..{len(runs)}"]
    for number, run in enumerate(runs, 1):
        lines += of_run(number, run)
    return "\n".join(lines) + "\n"
