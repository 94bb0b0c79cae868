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
ID = re.compile("[A-Z][0-9]{2}")
WORST = list(STATUSES)
ENGINES = {"qemu": "QEMU", "savevm": "QEMU", "bochs": "Bochs"}
TABLES = "table/"
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
        engine = self.run["engine"]
        return f"{ENGINES.get(engine, engine)} {version}".strip()


@dataclass
class Matrix:
    columns: list
    pictures: list  # runs of nothing but tables that went well: they have no column
    rows: list
    numbers: dict  # test name -> number, the same in all columns

    def status(self, row, column):
        statuses = [rule_status(test, row.key) for test in results(row, column)]
        return min(statuses, key=WORST.index, default="none")

    def checks(self, row, column):
        """How many checks of a row's rule a run executed; 0 where nothing is known of it."""
        return sum(checks_of(test, row.key) or 0 for test in results(row, column))


def results(row, column):
    return [test for name in row.tests for test in column.tests.get(name, [])]


def test_status(test):
    """That of result.json; a pass that a line of tests/expect/ denies is a surprise."""
    if test["status"] == "pass" and test["expect"]:
        return "surprise"
    return test["status"] if test["status"] in STATUSES else "error"


def judged_of(test):
    return test["observed"].get("judged", {})


def checks_of(test, key):
    """How many checks of a rule the test executed; None if it does not say, or has no rule."""
    judged = test["observed"].get("judged")
    return None if judged is None or key == test["name"] else judged.get(key, 0)


def rule_status(test, key):
    """What a result says about one of the test's rules.

    The first failure of each rule is always shown, so a rule without one held. But a failure of
    something that is no rule of the test leaves nothing in it to rely on. And a rule of which the
    test says that it executed no check was not judged here, whatever the test's own status.
    """
    status = test_status(test)
    if status in ("fail", "known") and test["rules"]:
        failed = {failure["rule"] for failure in test["failures"]} - {"?"}
        trusted = failed and failed <= {*test["rules"], *filter(ID.fullmatch, judged_of(test))}
        status = "pass" if trusted and key not in failed else status
    return "skip" if status == "pass" and checks_of(test, key) == 0 else status


def in_order(name):
    """A key that puts 7.2 before 10.0."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split("([0-9]+)", name)]


def column_of(directory, run):
    tests = {}
    for test in run["tests"]:
        tests.setdefault(test["name"], []).append(test)
    return Column(name_of(run), run, directory, tests)


def keys_of(test, known):
    """The rules that a test names, and those of docs/rules.md that it has checked besides."""
    judged = judged_of(test)
    return [*test["rules"], *(rule for rule in judged if rule in known - set(test["rules"]))]


def rows_of(columns, rules):
    """The rows that at least one run judges: rules in the order of docs/rules.md, then tests."""
    tests_of, titles, known = {}, {}, {rule.id for rule in rules}
    for column in columns:
        for name, tests in column.tests.items():
            for key in keys_of(tests[0], known) or [name]:
                tests_of.setdefault(key, {})[name] = None
                titles[key] = UNKNOWN if tests[0]["rules"] else OTHER
    rows = [Row(rule.id, rule.section, rule.text) for rule in rules if rule.id in tests_of]
    rest = sorted(set(tests_of) - known, key=lambda key: (titles[key], key))
    rows += [Row(key, titles[key], "") for key in rest]
    for row in rows:
        row.tests = sorted(tests_of[row.key])
    return rows


def is_picture(run):
    """Whether a run is there for its tables alone, as those of `xtk xcr0`, and says no more."""
    tests = run["tests"]
    plain = run["status"] == "done" and all(test_status(test) == "pass" for test in tests)
    return bool(tests) and plain and all(test["name"].startswith(TABLES) for test in tests)


def matrix_of(found, rules):
    """The matrix of [(directory, run)...], columns of the same engine and version side by side."""
    columns = [column_of(directory, run) for directory, run in found]
    columns.sort(key=lambda column: (in_order(column.engine()), in_order(column.name)))
    pictures = [column for column in columns if is_picture(column.run)]
    pictures = pictures if len(pictures) < len(columns) else []
    columns = [column for column in columns if column not in pictures]
    names = sorted({name for column in columns for name in column.tests})
    numbers = {name: number for number, name in enumerate(names)}
    return Matrix(columns, pictures, rows_of(columns, rules), numbers)


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
        test.update(name=name, observed={})
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
