# SPDX-License-Identifier: MIT
"""A baseline: the outcome of every test on every platform, as a text that lives well in git.

One section for each job, `[JOB]`, and in it one line for each test, `TEST STATUS RULE…` with the
rules that failed, all sorted. The test `run` is the job itself: done, crash, timeout or usage.
"""

import contextlib
import os

from . import result
from .report.verdicts import WORST
from .screen import name_of
from .usage import Usage

HEAD = "# xtk baseline 1"
AGAIN = "make it again with 'xtk diff --save'"
NOTHING = "no result"


def outcome(tests):
    """One outcome of the results of a test, more than one when it ran repeatedly: the worst."""
    status = min((test["status"] for test in tests), key=WORST.index)
    rules = {failure["rule"] for test in tests for failure in test["failures"]}
    return " ".join([status, *sorted(rules)])


def of_run(run):
    """{test: outcome}."""
    tests = {}
    for test in run["tests"]:
        tests.setdefault(test["name"], []).append(test)
    return {"run": run["status"], **{name: outcome(same) for name, same in tests.items()}}


def of_runs(runs):
    """{job: {test: outcome}}."""
    return {name_of(run): of_run(run) for run in runs}


def text_of(jobs):
    lines = [f"{HEAD}: outcomes by platform and test, made by 'xtk diff --save'"]
    for job in sorted(jobs):
        lines += ["", f"[{job}]"]
        lines += [f"{test} {jobs[job][test]}" for test in sorted(jobs[job])]
    return "\n".join(lines) + "\n"


def parse(path, lines):
    """{job: {test: outcome}} of a baseline's text. Raises Usage."""
    if not (lines and lines[0].startswith(HEAD)):
        raise Usage(f"{path}:1: does not begin with '{HEAD}': {AGAIN}")
    jobs, tests = {}, None
    for number, line in enumerate(lines[1:], 2):
        test, _, said = line.partition(" ")
        if line.startswith("[") and line.endswith("]"):
            tests = jobs.setdefault(line[1:-1], {})
        elif line and (tests is None or not said or test in tests):
            raise Usage(f"{path}:{number}: '{line}' is no 'TEST STATUS RULE…': {AGAIN}")
        elif line:
            tests[test] = said
    return jobs


def read(path):
    """A baseline, or the results in a directory that xtk has written. Raises Usage."""
    if os.path.isdir(path):
        return of_runs(result.read(path))
    try:
        with open(path, encoding="utf-8") as file:
            return parse(path, file.read().splitlines())
    except OSError as error:
        remedy = "name a baseline, or a directory of results"
        raise Usage(f"{path}: {error.strerror}: {remedy}") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not UTF-8: {AGAIN}") from None


def write(path, jobs):
    """Whole or not at all. Raises Usage."""
    try:
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            file.write(text_of(jobs))
        os.replace(path + ".tmp", path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(path + ".tmp")
        raise Usage(f"{path}: {error.strerror}: name a file that can be written") from None


def changes(then, now):
    """(job, test, was, is) of every outcome that differs, of the jobs that both have."""
    for job in sorted(set(then) & set(now)):
        for test in sorted(set(then[job]) | set(now[job])):
            was, now_is = (jobs[job].get(test, NOTHING) for jobs in (then, now))
            if was != now_is:
                yield job, test, was, now_is


def lines_of(then, now):
    """What differs, line by line; nothing when nothing does."""
    found = list(changes(then, now))
    new, gone = sorted(set(now) - set(then)), sorted(set(then) - set(now))
    for job, test, was, now_is in found:
        yield f"{job}: {test}: was {was}, is {now_is}"
    yield from (f"{job}: is not in the baseline" for job in new)
    yield from (f"{job}: only in the baseline" for job in gone)
    if found or new or gone:
        counts = f"platforms new: {len(new)}, gone: {len(gone)}"
        yield f"outcomes that differ: {len(found)}, {counts}"
