# SPDX-License-Identifier: MIT
"""Results in words, for the reports that are text: KTAP, JUnit, GitHub's annotations."""

from .verdicts import STATUSES, test_status


def plain(text):
    """@text in one line, without what XML forbids or a terminal obeys; a log may hold any byte."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(text))


def is_red(test):
    return STATUSES[test_status(test)].red


def run_is_bad(run):
    """Why a run is red whatever its tests say, in a line; "" if it isn't."""
    if run["status"] != "done":
        return plain(f"{run['status']}: see {run['log']}")
    executed = any(test["status"] != "skip" for test in run["tests"])
    return "" if executed or "list" in run["words"] else "no check was executed"


def run_is_red(run):
    """Whether anything in a run is not as it should be."""
    return bool(run_is_bad(run)) or any(map(is_red, run["tests"]))


def of_failure(failure):
    if failure["rule"] == "?":
        return plain(failure["where"])
    said = f"expected {failure['expected']}, got {failure['got']}, at {failure['where']}"
    return plain(f"{failure['rule']}: {said}")


def again(test):
    """The commands that run the failed cases again."""
    return [plain(text) for text in dict.fromkeys(one["repro"] for one in test["failures"]) if text]


def reason(test):
    """Why a test's status is what it is, in a line."""
    status, known = test_status(test), test["expect"] or {}
    if status == "known":
        return plain(f"known failure: {known.get('reference', '')}")
    if status == "surprise":
        return plain(f"passed unexpectedly: remove {known.get('line', '')}")
    if status == "fail":
        return of_failure(test["failures"][0]) if test["failures"] else "failed without detail"
    return plain(test["reason"])
