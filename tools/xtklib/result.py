# SPDX-License-Identifier: MIT
"""DIR/result.json, the truth that every report is made from. docs/protocol.md has the schema."""

import contextlib
import json
import os
import re
import shlex

from . import engines, ktap, rules, xcr0
from .rundir import LOGS, RESULT
from .usage import Usage

VERSION = 1
RUN_STATUS = {ktap.CRASH: "crash", ktap.TIMEOUT: "timeout", ktap.USAGE: "usage"}
RUN_STATUSES = ("done", *RUN_STATUS.values())
TEST_STATUSES = ("pass", "fail", "error", "skip", "known", "flaky")
# The keys of each object, and of what type the values are.
NUMBER = (int, float)
RUN = {
    **dict.fromkeys("platform engine engine_version cpu boot log status".split(), str),
    **dict.fromkeys(("xcr0_supported", "xss_supported"), str),
    **dict.fromkeys(("words", "command", "components", "tests"), list),
    **{"smp": int, "wall_s": NUMBER},
}
TEST = {
    **dict.fromkeys(("name", "status", "reason"), str),
    **dict.fromkeys(("rules", "failures"), list),
    **{"probes": int, "observed": dict, "expect": (dict, type(None))},
}
OBSERVED = {"judged": dict, "bytes": int, "xcr0": list, "ist": list}  # those that are there
FAILURE = dict.fromkeys("rule section expected got where seed repro".split(), str)
EXPECT = dict.fromkeys(("line", "reference"), str)
COMPONENT_KEYS = "bit size offset align".split()
# The words that choose tests and cases, or run them otherwise than once in their order.
CHOICE = ("tests=", "case=", "list", "repeat=", "shuffle=")
CASE = re.compile(r"[a-z0-9_]+:[^ /]+(/[a-z0-9_]+:[^ /]+)*(?= |$)")


def seed_of(log, words):
    given = [word[5:] for word in words if word.startswith("seed=")]
    return given[-1] if given else log.header.get("seed", "")


def repro(boot, test, failure):
    """The command that runs this case alone; only its words where it is not known what booted."""
    words = [word for word in boot.words if not word.startswith(CHOICE)] + ["tests=" + test.name]
    case = CASE.match(failure.where)
    words += ["case=" + case[0]] if case else []
    return shlex.join(engines.again(boot, words) if boot.engine else words)


def failure_json(failure, test, log, boot):
    return {
        "rule": failure.rule,
        "section": rules.section(failure.rule),
        "expected": failure.expected,
        "got": failure.got,
        "where": failure.where,
        "seed": seed_of(log, boot.words),
        "repro": repro(boot, test, failure),
    }


def observed_json(observed):
    """The table of XCR0's values as rows; a damaged line is none."""
    rows = [row for row in map(xcr0.row_of, observed.get("xcr0", [])) if row]
    rest = {key: value for key, value in observed.items() if key != "xcr0"}
    return {**rest, "xcr0": rows} if rows else rest


def test_json(test, log, boot):
    return {
        "name": test.name,
        "rules": test.rules,
        "status": test.status,
        "probes": test.probes,
        "reason": test.reason,
        "expect": None,
        "observed": observed_json(test.observed),
        "failures": [failure_json(failure, test, log, boot) for failure in test.failures],
    }


def component_json(said):
    """A `# component:` line as numbers; None for one that was damaged on the way."""
    try:
        return {key: int(said[key], 0) for key in COMPONENT_KEYS}
    except (KeyError, ValueError):
        return None


def log_name(path):
    """Beside result.json, where it is in logs/; a log from elsewhere has but its name."""
    directory, name = os.path.split(path)
    return f"{LOGS}/{name}" if os.path.basename(directory) == LOGS else name


def run_json(boot, version, log, comparison):
    """One element of "runs"."""
    run = {
        "platform": boot.platform,
        "engine": boot.engine,
        "engine_version": version,
        "cpu": boot.cpu or log.header.get("cpu", ""),
        "boot": boot.boot or log.header.get("boot", ""),
        "smp": boot.smp,
        "words": boot.words,
        "command": boot.command,
        "log": log_name(boot.log),
        "status": RUN_STATUS.get(log.status, "done"),
        "wall_s": boot.wall_s,
        "xcr0_supported": log.header.get("xcr0", ""),
        "xss_supported": log.header.get("xss", ""),
        "components": [one for one in map(component_json, log.components) if one],
        "tests": [test_json(test, log, boot) for test in log.tests],
    }
    mark(run, comparison)
    return run


def mark(run, comparison):
    """Say of each test of a run what is known of it.

    A failure that lines know is `known`, a pass keeps the line that denies it. @comparison is of
    the run's tests(), or of the log's that they were made from.
    """
    lines = {id(test): some for test, some in [*comparison.surprises, *comparison.known]}
    for test, one in zip(run["tests"], comparison.tests):
        line = lines.get(id(one), [None])[0]
        test["expect"] = {"line": line.place, "reference": line.reference} if line else None
        test["status"] = "known" if line and one.status == "fail" else one.status


def write(directory, runs):
    """Write DIR/result.json whole or not at all. Raises OSError."""
    path = os.path.join(directory, RESULT)
    try:
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            json.dump({"version": VERSION, "runs": runs}, file, indent=1)
            file.write("\n")
        os.replace(path + ".tmp", path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path + ".tmp")
        raise


def wrong_with(whole):
    """What keeps a parsed file from being a result of this version; "" if nothing does."""
    if not isinstance(whole, dict) or not isinstance(whole.get("runs"), list):
        return "no object with \"runs\""
    if whole.get("version") != VERSION:
        return f"version {whole.get('version')} is not {VERSION}"
    return next(filter(None, map(wrong_with_run, whole["runs"])), "")


def wrong_with_keys(what, one, types):
    """What keeps @one from being such an object, of which @what is the name."""
    if not isinstance(one, dict):
        return f"{what} is no object"
    for key, kind in types.items():
        if key not in one or not isinstance(one[key], kind):
            return f"{what} has no '{key}', or one of another type"
    return ""


def wrong_with_run(run):
    wrong = wrong_with_keys("a run", run, RUN)
    if not wrong and run["status"] not in RUN_STATUSES:
        wrong = f"{run['log']} has the status '{run['status']}'"
    return wrong or next(filter(None, (wrong_with_test(run, test) for test in run["tests"])), "")


def wrong_with_test(run, test):
    wrong = wrong_with_keys(f"a test of {run['log']}", test, TEST)
    if wrong:
        return wrong
    name = f"{test['name']} of {run['log']}"
    if test["status"] not in TEST_STATUSES:
        return f"{name} has the status '{test['status']}'"
    seen = {key: kind for key, kind in OBSERVED.items() if key in test["observed"]}
    parts = [("'observed'", test["observed"], seen)]
    parts += [("failure", one, FAILURE) for one in test["failures"]]
    parts += [("row of 'xcr0'", one, xcr0.keys_of(one)) for one in test["observed"].get("xcr0", [])]
    parts += [("'expect'", test["expect"], EXPECT)] if test["expect"] is not None else []
    found = (wrong_with_keys(f"a {what} of {name}", one, types) for what, one, types in parts)
    return next(filter(None, found), "")


def read(directory):
    """The runs of DIR/result.json. Raises Usage."""
    path = os.path.join(directory, RESULT)
    try:
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}: name a directory that xtk has written") from None
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise Usage(f"{place}: not JSON: {error.msg}: make it again with 'xtk matrix'") from None
    except ValueError:
        raise Usage(f"{path}: not UTF-8: make it again with 'xtk matrix'") from None
    wrong = wrong_with(whole)
    if wrong:
        raise Usage(f"{path}: {wrong}: make it again with this version's 'xtk matrix'")
    return whole["runs"]


def merge(directories):
    """[(directory, run)...] of several directories, sorted by log. Raises Usage.

    The same job in two of them is refused: no reader could tell one from the other.
    """
    found = {}
    for directory in directories:
        for run in read(directory):
            if run["log"] in found:
                other = found[run["log"]][0]
                raise Usage(f"{directory}: {run['log']} is also in {other}: name one of the two")
            found[run["log"]] = directory, run
    return [found[log] for log in sorted(found)]


def failure_of(failure):
    return ktap.Failure(*(failure[key] for key in ("rule", "expected", "got", "where")))


def tests(run):
    """The tests of a run as ktap gave them, to be compared again with what is known."""
    return [
        ktap.Test(
            test["name"],
            "fail" if test["status"] == "known" else test["status"],
            test["reason"],
            test["rules"],
            test["probes"],
            [failure_of(failure) for failure in test["failures"]],
        )
        for test in run["tests"]
    ]
