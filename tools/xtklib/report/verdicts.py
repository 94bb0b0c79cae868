# SPDX-License-Identifier: MIT
"""What the runs say about each rule: the rows, columns and cells of the verdict matrix."""

import re
from collections import Counter
from dataclasses import dataclass, field

from ..screen import name_of


@dataclass
class Status:
    """How a verdict looks and reads."""

    glyph: str
    word: str
    red: bool = False
    holds: bool = None  # what the machine did, if that is known: whether the rule held


# The worst first: a cell shows the worst of the tests behind it.
STATUSES = {
    "fail": Status("✗", "failed", red=True, holds=False),
    "error": Status("!", "error", red=True),
    "surprise": Status("↑", "passed unexpectedly", red=True, holds=True),
    "flaky": Status("~", "flaky", red=True),
    "known": Status("k", "known failure", holds=False),
    "pass": Status("✓", "passed", holds=True),
    "skip": Status("–", "skipped"),
    "none": Status("·", "no result"),
}
WORST = list(STATUSES)
OTHER = "Checks that no rule of the manuals asks for"
UNKNOWN = "Rules that docs/rules.md does not have"


@dataclass
class Row:
    """A rule with the tests behind it; a test that names no rule is a row of its own."""

    key: str
    section: str
    text: str
    tests: list = field(default_factory=list)


@dataclass
class Column:
    """One run."""

    name: str
    run: dict
    directory: str
    tests: dict  # name -> results, more than one when the test ran repeatedly

    def engine(self):
        version = self.run["engine_version"].partition(" ")[0]
        name = {"qemu": "QEMU", "bochs": "Bochs"}.get(self.run["engine"], self.run["engine"])
        return f"{name} {version}".strip()


@dataclass
class Matrix:
    columns: list
    rows: list
    numbers: dict  # test name -> number, the same in all columns

    def status(self, row, column):
        statuses = [rule_status(test, row.key) for test in results(row, column)]
        return min(statuses, key=WORST.index, default="none")


def results(row, column):
    return [test for name in row.tests for test in column.tests.get(name, [])]


def test_status(test):
    """That of result.json; a pass that a line of tests/expect/ denies is a surprise."""
    if test["status"] == "pass" and test["expect"]:
        return "surprise"
    return test["status"] if test["status"] in STATUSES else "error"


def rule_status(test, key):
    """What a result says about one of the test's rules.

    The first failure of each rule is always shown, so a rule without one held. But a failure of
    something that is no rule of the test leaves nothing in it to rely on.
    """
    status = test_status(test)
    if status not in ("fail", "known") or not test["rules"]:
        return status
    failed = {failure["rule"] for failure in test["failures"]} - {"?"}
    trusted = failed and failed <= set(test["rules"])
    return "pass" if trusted and key not in failed else status


def in_order(name):
    """A key that puts 7.2 before 10.0."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split("([0-9]+)", name)]


def column_of(directory, run):
    tests = {}
    for test in run["tests"]:
        tests.setdefault(test["name"], []).append(test)
    return Column(name_of(run), run, directory, tests)


def rows_of(columns, rules):
    """The rows that at least one run judges: rules in the order of docs/rules.md, then tests."""
    tests_of, titles = {}, {}
    for column in columns:
        for name, tests in column.tests.items():
            for key in tests[0]["rules"] or [name]:
                tests_of.setdefault(key, {})[name] = None
                titles[key] = UNKNOWN if tests[0]["rules"] else OTHER
    known = [Row(rule.id, rule.section, rule.text) for rule in rules if rule.id in tests_of]
    rest = sorted(set(tests_of) - {row.key for row in known}, key=lambda key: (titles[key], key))
    rows = known + [Row(key, titles[key], "") for key in rest]
    for row in rows:
        row.tests = sorted(tests_of[row.key])
    return rows


def matrix_of(found, rules):
    """The matrix of [(directory, run)...], columns of the same engine and version side by side."""
    columns = [column_of(directory, run) for directory, run in found]
    columns.sort(key=lambda column: (in_order(column.engine()), in_order(column.name)))
    names = sorted({name for column in columns for name in column.tests})
    return Matrix(columns, rows_of(columns, rules), {name: i for i, name in enumerate(names)})


def agreement(statuses):
    """(most, all): how many of the machines that showed what they do, do the same."""
    seen = Counter(STATUSES[status].holds for status in statuses)
    seen.pop(None, None)
    return max(seen.values(), default=0), sum(seen.values())


def status_then(row, outcomes, rules):
    """A row's status by the outcomes of a baseline, {test: "STATUS RULE..."}."""
    statuses = []
    for name in row.tests:
        status, *broken = outcomes.get(name, "none").split()
        failures = [{"rule": rule} for rule in broken]
        test = {"status": status, "expect": None, "rules": rules[name], "failures": failures}
        statuses.append(rule_status(test, row.key))
    return min(statuses, key=WORST.index)


def differences(matrix, then, now):
    """{(row key, column name): status of then} of the cells that are not as in the baseline.

    @then, @now: as diff.read() gives them. A column that the baseline lacks is new in all of it,
    so none of its cells is here.
    """
    rules = {name: t[0]["rules"] for column in matrix.columns for name, t in column.tests.items()}
    found = {}
    for row in matrix.rows:
        for name in (column.name for column in matrix.columns if column.name in then):
            was = status_then(row, then[name], rules)
            if was != status_then(row, now[name], rules):
                found[row.key, name] = was
    return found
