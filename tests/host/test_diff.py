# SPDX-License-Identifier: MIT
"""xtk diff: what is saved is compared, and nothing that differs is kept back."""

import contextlib
import io
import json
import os
import unittest

import host
from fake_results import FAILURE, run_of, test_of

from xtklib import diff

BASELINE = """# xtk baseline 1: outcomes by platform and test, made by 'xtk diff --save'

[a]
run done
x/fails fail V07
x/passes pass

[b]
run crash
x/passes pass
"""


def runs():
    fails = test_of("x/fails", "fail", failures=[FAILURE])
    return [
        run_of("a", test_of("x/passes"), fails),
        run_of("b", test_of("x/passes"), status="crash"),
    ]


class Diff(host.Case):
    def results(self, name, *some):
        os.makedirs(self.path(name), exist_ok=True)
        self.write(os.path.join(name, "result.json"), json.dumps({"version": 1, "runs": some}))
        return self.path(name)

    def compare(self, *some, baseline=BASELINE):
        """(status, lines) against the baseline."""
        path = self.write("baseline.txt", baseline)
        status, said, _ = self.diff(path, self.results("new", *some))
        return status, said.splitlines()

    def diff(self, *arguments):
        """(status, stdout, stderr)."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status, complaints = host.xtk("diff", *arguments)
        return status, said.getvalue(), complaints

    def test_what_is_saved(self):
        done = self.diff("--save", self.path("saved.txt"), self.results("new", *reversed(runs())))
        self.assertEqual(done, (0, "", ""))
        with open(self.path("saved.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), BASELINE)
        self.assertEqual(sorted(os.listdir(self.dir)), ["new", "saved.txt"])

    def test_the_same(self):
        self.assertEqual(self.compare(*runs()), (0, []))

    def test_another_status_rule_or_end(self):
        for change, line in (
            (lambda a: a["tests"][0].update(status="error"), "a: x/passes: was pass, is error"),
            (
                lambda a: a["tests"][1].update(status="known"),
                "a: x/fails: was fail V07, is known V07",
            ),
            (
                lambda a: a["tests"][1].update(failures=[{**FAILURE, "rule": "V08"}, FAILURE]),
                "a: x/fails: was fail V07, is fail V07 V08",
            ),
            (lambda a: a["tests"][1].update(failures=[]), "a: x/fails: was fail V07, is fail"),
            (lambda a: a["tests"].pop(), "a: x/fails: was fail V07, is no result"),
            (lambda a: a["tests"].append(test_of("x/z")), "a: x/z: was no result, is pass"),
            (lambda a: a.update(status="timeout"), "a: run: was done, is timeout"),
        ):
            with self.subTest(line):
                a, b = runs()
                change(a)
                end = "outcomes that differ: 1, platforms new: 0, gone: 0"
                self.assertEqual(self.compare(a, b), (1, [line, end]))

    def test_platforms_come_and_go(self):
        a, _ = runs()
        status, lines = self.compare(a, run_of("c", test_of("x/y")))
        self.assertEqual(status, 1)
        self.assertEqual(lines[0], "c: is not in the baseline")
        self.assertEqual(lines[1], "b: only in the baseline")
        self.assertEqual(lines[2], "outcomes that differ: 0, platforms new: 1, gone: 1")

    def test_of_a_repeated_test_the_worst_counts(self):
        a, b = runs()
        a["tests"].append(test_of("x/passes", "fail", failures=[{**FAILURE, "rule": "V09"}]))
        a["tests"].append(test_of("x/passes"))
        self.assertEqual(self.compare(a, b)[1][0], "a: x/passes: was pass, is fail V09")

    def test_what_is_not_an_outcome_does_not_matter(self):
        a, b = runs()
        a.update(wall_s=99, engine_version="9", words=["seed=8"])
        a["tests"][1].update(failures=[{**FAILURE, "got": "0x3", "seed": "8"}], probes=1)
        self.assertEqual(self.compare(a, b)[0], 0)

    def test_two_directories(self):
        a, b = runs()
        old = self.results("old", a, b)
        self.assertEqual(self.diff(old, self.results("new", a, b))[0], 0)
        shards = self.results("one", a), self.results("two", b)
        self.assertEqual(self.diff(old, *shards)[0], 0)
        self.assertEqual(self.diff(old, shards[0])[0], 1)

    def test_trouble(self):
        new = self.results("new", *runs())
        for baseline, part in (
            ("", ":1: does not begin with"),
            ("[a]\nx pass\n", ":1: does not begin with"),
            (BASELINE.replace("baseline 1", "baseline 2"), ":1: does not begin with"),
            (BASELINE.replace("[a]\n", ""), ":3: 'run done' is no"),
            (BASELINE.replace("x/passes pass", "x/passes", 1), ":6: 'x/passes' is no"),
            (BASELINE.replace("x/fails fail", "x/passes fail"), ":6: 'x/passes pass' is no"),
        ):
            with self.subTest(part):
                status, _, said = self.diff(self.write("baseline.txt", baseline), new)
                self.assertEqual(status, 2)
                self.assert_one_line(said, "baseline.txt" + part, "xtk diff --save")
        for arguments, part in (
            (["/no/such.txt", new], "/no/such.txt: No such file or directory: name a"),
            ([self.write("b.txt", BASELINE), self.dir], "result.json"),
            (["--save", "/no/such/b.txt", new], "/no/such/b.txt: No such file or directory"),
            (["--save", self.path("new"), new], "new: Is a directory: name a file"),
            (["b.txt"], "DIR"),
        ):
            with self.subTest(arguments):
                status, _, said = self.diff(*arguments)
                self.assertEqual(status, 2)
                self.assert_one_line(said, part)

    def test_names_of_any_kind_survive(self):
        jobs = {"a b]": {"run": "done", "x": "pass"}, "[": {"run": "done"}}
        text = diff.text_of(jobs)
        self.assertEqual(diff.parse("x", text.splitlines()), jobs)


if __name__ == "__main__":
    unittest.main()
