# SPDX-License-Identifier: MIT
"""JUnit XML as Jenkins and GitLab read it: a suite for each run, a case for each test.

GitLab tells cases apart by classname and name, and shows what is inside <failure>; Jenkins cuts the
classname at its last dot into package and class. What is known not to work is no failure there, but
skipped with its reason.
"""

import shlex
import xml.etree.ElementTree as ET

from ..screen import name_of
from .sentences import again, of_failure, plain, reason, run_is_bad
from .verdicts import STATUSES, test_status

ELEMENTS = {"skip": "skipped", "known": "skipped", "error": "error"}
PROPERTIES = ("platform", "engine", "engine_version", "cpu", "boot", "log", "xcr0_supported")


def add_outcome(case, test):
    """What a case that did not simply pass has in it."""
    status = test_status(test)
    if status == "pass":
        return
    element = ET.SubElement(case, ELEMENTS.get(status, "failure"))
    element.set("type", STATUSES[status].word)
    element.set("message", reason(test))
    lines = [of_failure(failure) for failure in test["failures"]]
    lines += [f"again: {command}" for command in again(test)]
    element.text = "\n".join(lines) or None


def add_cases(suite, run):
    seen = {}
    for test in run["tests"]:
        seen[test["name"]] = turn = seen.get(test["name"], 0) + 1
        group, _, name = test["name"].rpartition("/")
        case = ET.SubElement(suite, "testcase")
        case.set("classname", plain(f"{name_of(run)}.{group}"))
        case.set("name", plain(name) + (f" #{turn}" if turn > 1 else ""))
        add_outcome(case, test)
    bad = run_is_bad(run)
    if bad:
        case = ET.SubElement(suite, "testcase", classname=plain(name_of(run)), name="run")
        ET.SubElement(case, "error", type=bad.partition(":")[0], message=bad)


def count(suite):
    cases = suite.findall("testcase")
    for name, found in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(found) is not None for case in cases)))
    suite.set("tests", str(len(cases)))


def add_run(suites, run):
    suite = ET.SubElement(suites, "testsuite", name=plain(name_of(run)))
    suite.set("time", f"{run['wall_s']:.3f}")
    properties = ET.SubElement(suite, "properties")
    values = {name: run[name] for name in PROPERTIES}
    values.update(words=" ".join(run["words"]), command=shlex.join(run["command"]))
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=plain(value))
    add_cases(suite, run)
    count(suite)


def text(runs):
    suites = ET.Element("testsuites", name="xtk")
    for run in runs:
        add_run(suites, run)
    for name in ("tests", "failures", "errors"):
        suites.set(name, str(sum(int(suite.get(name)) for suite in suites)))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, "unicode") + "\n"
