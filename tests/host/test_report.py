# SPDX-License-Identifier: MIT
"""The reports that are text: each made from result.json alone, and readable by its readers."""

import copy
import os
import re
import shutil
import unittest
import xml.etree.ElementTree as ET

import host
from fake_results import FAILURE, run_of, test_of

from xtklib import result
from xtklib.report import annotations, junit, ktap, sentences

NASTY = "<&>\"'%,:\x00\x1b[31m\r\n::error::x\u2028\ud800\uffff]]>"


def one_of_each():
    known = {"line": "tests/expect/qemu-tcg.txt:20", "reference": "https://example.org/1"}
    return run_of(
        "qemu-tcg",
        test_of("boot/entry"),
        test_of("xsave/init", "fail", failures=[FAILURE]),
        test_of("xsave/more", "fail", failures=[{**FAILURE, "rule": "?", "where": "9 more"}]),
        test_of("xsave/bare", "fail"),
        test_of("xsave/known", "known", failures=[FAILURE], expect=known),
        test_of("xsave/mended", expect=known),
        test_of("xss/write", "skip", reason="CPUID.1:ECX[26] XSAVE"),
        test_of("nmi/all", "error", reason="no APIC"),
        test_of("nmi/some", "flaky", reason="failed; passed on retry 1"),
    )


RED = ("xsave/init", "xsave/more", "xsave/bare", "xsave/mended", "nmi/all", "nmi/some")


class WhatIsRed(unittest.TestCase):
    def test_tests(self):
        red = [test["name"] for test in one_of_each()["tests"] if sentences.is_red(test)]
        self.assertEqual(sorted(red), sorted(RED))

    def test_runs(self):
        skipped = test_of("a/b", "skip")
        for run, bad in (
            (run_of("x", test_of("a/b")), ""),
            (run_of("x", test_of("a/b"), skipped), ""),
            (run_of("x", skipped), "no check was executed"),
            (run_of("x"), "no check was executed"),
            (run_of("x", words=["list"]), ""),
            (run_of("x", test_of("a/b"), status="crash"), "crash: see logs/x.log"),
            (run_of("x", test_of("a/b"), status="timeout"), "timeout: see logs/x.log"),
            (run_of("x", status="usage"), "usage: see logs/x.log"),
        ):
            self.assertEqual(sentences.run_is_bad(run), bad, run)
            self.assertEqual(sentences.run_is_red(run), bool(bad), run)
        self.assertTrue(sentences.run_is_red(one_of_each()))


class Ktap(host.Case):
    def results(self, runs):
        """{name: line} of the results, and the names in the order of the text."""
        found = {}
        for line in ktap.text(runs).splitlines():
            match = re.match(r" *(?:not )?ok \d+ (\S+)", line)
            if match:
                found[match[1]] = line.strip()
        return found

    def test_each_status(self):
        self.assertEqual(
            self.results([one_of_each()]),
            {
                "boot/entry": "ok 1 boot/entry",
                "xsave/init": "not ok 2 xsave/init",
                "xsave/more": "not ok 3 xsave/more",
                "xsave/bare": "not ok 4 xsave/bare",
                "xsave/known": "not ok 5 xsave/known # TODO known failure: https://example.org/1",
                "xsave/mended": "not ok 6 xsave/mended # passed unexpectedly: remove"
                " tests/expect/qemu-tcg.txt:20",
                "xss/write": "ok 7 xss/write # SKIP CPUID.1:ECX[26] XSAVE",
                "nmi/all": "not ok 8 nmi/all # ERROR no APIC",
                "nmi/some": "not ok 9 nmi/some # failed; passed on retry 1",
                "qemu-tcg": "not ok 1 qemu-tcg",
            },
        )

    def test_details_and_plans(self):
        lines = ktap.text([run_of("a", test_of("x/y", "fail", failures=[FAILURE]))]).splitlines()
        self.assertEqual(lines[:4], ["KTAP version 1", "1..1", "  KTAP version 1", "  1..1"])
        said = "expected 0x1, got 0x2, at xcr0:0x7/save:xsave byte=3"
        self.assertEqual(lines[4], f"  # V07: {said}")
        self.assertEqual(lines[5], f"  # again: {FAILURE['repro']}")

    def test_runs(self):
        good = run_of("a", test_of("x/y"), test_of("x/z", "skip"))
        runs = [good, run_of("b", test_of("x/y"), status="crash"), run_of("c")]
        found = self.results(runs)
        self.assertEqual(found["a"], "ok 1 a")
        self.assertEqual(found["b"], "not ok 2 b # ERROR crash: see logs/b.log")
        self.assertEqual(found["c"], "not ok 3 c # ERROR no check was executed")

    def test_no_text_makes_a_line(self):
        failure = {**FAILURE, "got": "\nok 99 forged"}
        test = test_of("x/y", "error", reason="\nok 98 forged", failures=[failure])
        for line in ktap.text([run_of("a", test)]).splitlines():
            self.assertNotRegex(line, "^ *ok 9")

    @unittest.skipUnless(shutil.which("prove"), "prove is missing: install perl")
    def test_prove_reads_it(self):
        good = run_of("a", test_of("x/y"), one_of_each()["tests"][4])
        for runs, status in (([good], 0), ([good, one_of_each()], 1)):
            done = host.call("prove", "-e", "cat", self.write("results.ktap", ktap.text(runs)))
            self.assertEqual(done.returncode, status, done.stdout)


class Junit(host.Case):
    failed = test_of("x/y", "fail", failures=[FAILURE])

    def tree(self, *runs):
        return ET.fromstring(junit.text(runs))

    def test_each_status(self):
        found = {}
        for case in self.tree(one_of_each()).iter("testcase"):
            found[case.get("name")] = [(e.tag, e.get("type"), e.get("message")) for e in case]
        said = "V07: expected 0x1, got 0x2, at xcr0:0x7/save:xsave byte=3"
        self.assertEqual(
            found,
            {
                "entry": [],
                "init": [("failure", "failed", said)],
                "more": [("failure", "failed", "9 more")],
                "bare": [("failure", "failed", "failed without detail")],
                "known": [("skipped", "known failure", "known failure: https://example.org/1")],
                "mended": [
                    (
                        "failure",
                        "passed unexpectedly",
                        "passed unexpectedly: remove tests/expect/qemu-tcg.txt:20",
                    )
                ],
                "write": [("skipped", "skipped", "CPUID.1:ECX[26] XSAVE")],
                "all": [("error", "error", "no APIC")],
                "some": [("failure", "flaky", "failed; passed on retry 1")],
            },
        )

    def test_counts(self):
        runs = one_of_each(), run_of("b", test_of("x/y"), status="crash")
        root = self.tree(*runs)
        for element, counts in ((root, "11 5 2 None"), (root[0], "9 5 1 2"), (root[1], "2 0 1 0")):
            seen = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
            self.assertEqual(" ".join(map(str, seen)), counts)

    def test_the_details_and_how_to_see_them_again(self):
        (failure,) = self.tree(run_of("a", self.failed)).iter("failure")
        self.assertIn("expected 0x1, got 0x2, at xcr0:0x7/save:xsave byte=3", failure.text)
        self.assertIn("again: ./run-qemu.sh -- tests=xsave/init", failure.text)

    def test_a_case_has_a_name_of_its_own(self):
        runs = [run_of(name, test_of("x/y"), test_of("x/y"), status="crash") for name in ("a", "b")]
        names = [(c.get("classname"), c.get("name")) for c in self.tree(*runs).iter("testcase")]
        self.assertEqual(names[:3], [("a.x", "y"), ("a.x", "y #2"), ("a", "run")])
        self.assertEqual(len(set(names)), 6)

    def validate(self, text):
        if not shutil.which("xmllint"):
            self.skipTest("xmllint is missing: install libxml2-utils")
        path = self.write("junit.xml", text)
        schema = host.tree("tests", "host", "junit.xsd")
        return host.call("xmllint", "--noout", "--schema", schema, path)

    def test_the_schema(self):
        runs = [one_of_each(), run_of("b", status="timeout"), run_of("c", words=["list"])]
        for some in ([], runs[:1], runs):
            done = self.validate(junit.text(some))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_schema_refuses(self):
        good = junit.text([one_of_each(), run_of("b", test_of("x/y"))])
        for old, new in (
            (' classname="b.x"', ""),
            ("<failure", "<failed"),
            ('errors="1"', 'errors="-1"'),
            ('time="0.250"', 'time="soon"'),
            ("<properties>", "<skipped/><properties>"),
            ('name="more"', 'name="init"'),
        ):
            with self.subTest(new):
                self.assertIn(old, good)
                self.assertNotEqual(self.validate(good.replace(old, new)).returncode, 0)

    def test_text_of_any_kind(self):
        failure = dict.fromkeys(FAILURE, NASTY)
        test = test_of("x/" + NASTY, "fail", reason=NASTY, failures=[failure])
        error = test_of("x/z", "error", reason=NASTY)
        run = run_of("a", test, error, words=[NASTY], command=[NASTY], cpu=NASTY, platform=NASTY)
        done = self.validate(junit.text([run]))
        self.assertEqual(done.returncode, 0, done.stderr)


class Annotations(unittest.TestCase):
    def test_one_line_for_what_runs_have_in_common(self):
        bad = test_of("x/y", "fail", failures=[FAILURE])
        other = test_of("x/y", "fail", failures=[{**FAILURE, "rule": "V08"}])
        runs = [run_of("a", bad), run_of("b", bad), run_of("c", other), run_of("d", test_of("x/y"))]
        first, second = annotations.lines(runs)
        title = "::error title=x/y%3A failed::"
        self.assertTrue(first.startswith(title + "on 2 of 4 runs (a, b): V07: "), first)
        self.assertIn("; again: ./run-qemu.sh -- tests=xsave/init", first)
        self.assertTrue(second.startswith(title + "on 1 of 4 runs (c): V08: "), second)

    def test_nothing_red_is_no_line(self):
        line = {"line": "f:1", "reference": "r"}
        known = test_of("x/k", "known", failures=[FAILURE], expect=line)
        self.assertEqual(annotations.lines([run_of("a", test_of("x/y"), known)]), [])

    def test_everything_red_has_one(self):
        lines = annotations.lines([one_of_each()])
        self.assertEqual(len(lines), len(RED))
        for name in RED:
            self.assertEqual(sum(f"title={name}%3A" in line for line in lines), 1, name)

    def test_a_crash_comes_first(self):
        failed = test_of("x/y", "fail", failures=[FAILURE])
        runs = [run_of("a", failed), run_of("b", status="crash")]
        self.assertEqual(annotations.lines(runs)[0], "::error title=b::crash: see logs/b.log")

    def test_a_line_to_remove_is_pointed_at(self):
        known = {"line": os.path.abspath("tests/expect/qemu-tcg.txt") + ":20", "reference": "r"}
        (line,) = annotations.lines([run_of("a", test_of("x/y", expect=known))])
        self.assertRegex(line, "^::error file=tests/expect/qemu-tcg.txt,line=20,title=")

    def test_github_shows_ten(self):
        for count, shown, last in ((10, 10, "t/9"), (11, 10, "2 more"), (99, 10, "90 more")):
            tests = [test_of(f"t/{i}", "fail", failures=[FAILURE]) for i in range(count)]
            lines = annotations.lines([run_of("a", *tests)])
            self.assertEqual(len(lines), shown)
            self.assertIn(last, lines[-1])

    def test_escapes(self):
        failure = {**FAILURE, "got": NASTY}
        test = test_of("x/a,b:c%", "fail", failures=[failure])
        (line,) = annotations.lines([run_of("a", test)])
        self.assertTrue(line.startswith("::error title=x/a%2Cb%3Ac%25%3A failed::"), line)
        self.assertEqual(len(line.splitlines()), 1)
        self.assertIn("'%25,:", line)


class FromTheJson(host.Case):
    def test_reports_of_real_logs(self):
        """What the writers are given is what result.json holds, of runs that ended in every way."""
        logs = [host.log_path(name) for _, name in host.verdicts()]
        host.xtk("parse", "-o", self.path("out"), *logs)
        runs = result.read(self.path("out"))
        before = copy.deepcopy(runs)
        bad = {name for status, name in host.verdicts() if status}
        red = re.findall(r"^not ok \d+ (\S+)", ktap.text(runs), re.M)
        self.assertEqual(set(red), bad)
        suites = ET.fromstring(junit.text(runs))
        red = {s.get("name") for s in suites if s.get("failures") + s.get("errors") != "00"}
        self.assertEqual(red, bad)
        self.assertEqual(runs, before)


if __name__ == "__main__":
    unittest.main()
