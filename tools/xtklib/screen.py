# SPDX-License-Identifier: MIT
"""What `xtk matrix` says at its end, all of it from result.json and from what is known."""

from dataclasses import dataclass

from . import effort, expect, ktap, result, summary

COLUMNS = ("pass", "fail", "known", "flaky", "skip", "error", "crash")
ENDED_BADLY = {"crash": ktap.CRASH, "timeout": ktap.TIMEOUT, "usage": ktap.USAGE}


@dataclass
class Judged:
    """A run measured by what is known of its platform."""

    run: dict
    comparison: expect.Comparison
    status: int


def status_of(run, comparison):
    """The status of one run of the matrix, where an expired line and a flaky test are red."""
    seen = {test["status"] for test in run["tests"]}
    if run["status"] in ENDED_BADLY:
        return ENDED_BADLY[run["status"]]
    if "error" in seen or not (seen - {"skip"} or "list" in run["words"]):
        return ktap.ERROR
    red = comparison.red() or comparison.expired or "flaky" in seen
    return ktap.FAILED if red else ktap.PASSED


def judge(run, lines):
    """The same for a run just made and for one that --resume found."""
    selective = summary.is_selective(run["words"]) or run["status"] != "done"
    comparison = expect.compare(result.tests(run), lines, selective=selective)
    return Judged(run, comparison, status_of(run, comparison))


def counts(run):
    """How many tests of each status, and whether the run was cut."""
    seen = [test["status"] for test in run["tests"]]
    return [seen.count(status) for status in COLUMNS[:-1]] + [int(run["status"] in ENDED_BADLY)]


def in_words(run):
    """The counts of a run in a line."""
    row = dict(zip(COLUMNS, counts(run)))
    names = {"pass": "passed", "fail": "failed", "skip": "skipped", "error": "errors"}
    said = [f"{row[key]} {names.get(key, key)}" for key in COLUMNS[:-1] if row[key]]
    if run["status"] != "done":
        said.insert(0, run["status"])
    return ", ".join(said or ["no test"]) + f"  {run['wall_s']:.1f} s"


def unexpected(judged):
    """One line for each thing that makes a run red."""
    run, comparison = judged.run, judged.comparison
    if run["status"] != "done":
        yield f"{run['status']}: see {run['log']}"
    for test in comparison.failed:
        yield f"unexpected failure: {test.name}: {summary.rules(test)}"
    for test in run["tests"]:
        if test["status"] in ("error", "flaky"):
            yield f"{test['status']}: {test['name']}: {test['reason']}"
    for line in comparison.unexpected_passes:
        yield f"unexpected pass: {line.test} | {line.rule}: remove {summary.place(line)}"
    for line in comparison.unmatched:
        yield f"{summary.place(line)}: '{line.test}' matches no test: correct or remove the line"
    for line in comparison.expired:
        yield f"{summary.place(line)}: expired on {line.expires}: look at it again"


def name_of(run):
    return run["log"].rpartition("/")[2].removesuffix(".log")


def table(runs):
    """A row for each run, zeros as dots, and the totals."""
    rows = [[name_of(run), *counts(run)] for run in runs]
    totals = [sum(row[column] for row in rows) for column in range(1, len(COLUMNS) + 1)]
    width = max([len("platform")] + [len(row[0]) for row in rows])
    head = "".join(f"{title:>7}" for title in COLUMNS)
    yield f"{'platform':{width}}{head}"
    for name, *cells in [*rows, ["total", *totals]]:
        yield f"{name:{width}}" + "".join(f"{cell or '.':>7}" for cell in cells)


def lines_of(judged, left_out):
    """The final screen. @left_out: [(name, why)...] of what could not run here."""
    yield from table([one.run for one in judged])
    for one in judged:
        for text in unexpected(one):
            yield f"{name_of(one.run)}: {text}"
    for name, why in left_out:
        yield f"not run: {name}: {why}"
    red = sum(one.status != ktap.PASSED for one in judged)
    total = effort.in_words(effort.of_runs(one.run for one in judged))
    if total:
        yield total
    yield f"{len(judged)} runs, {red} not as expected, {len(left_out)} not run here"
