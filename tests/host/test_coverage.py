# SPDX-License-Identifier: MIT
"""The arithmetic of `make coverage`, on made-up figures; the run itself is that command."""

import unittest

import coverage
import host


def file(lines, branches):
    return {"lines": dict(enumerate(lines, 1)), "branches": dict(enumerate(branches))}


class Figures(host.Case):
    def test_a_total_is_of_all_files(self):
        found = {"a.c": file([True] * 95, [True] * 9), "b.c": file([False] * 5, [False])}
        self.assertEqual(list(coverage.too_low(found)), [])
        total = list(coverage.table(found))[-1].split()
        self.assertEqual(total, ["lib/", "95/100", "95.0", "%", "9/10", "90.0", "%"])

    def test_each_bound(self):
        for lines, branches, word in ((94, 100, "lines"), (100, 89, "branches")):
            parts = ([i < part for i in range(100)] for part in (lines, branches))
            (said,) = coverage.too_low({"a.c": file(*parts)})
            self.assertIn(word, said)

    def test_lines_not_reached_are_named(self):
        found = {"a.c": file([True, False, False, True, False], [True])}
        self.assertTrue(list(coverage.table(found))[1].endswith("  2-3 5"))

    def test_bad_input(self):
        done = host.call(host.tree("tests", "host", "coverage.py"), "lib")
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "usage")


class Measured(host.Case):
    def test_a_line_that_ran_and_one_that_did_not(self):
        lines = ("int main(int c, char **v)", "{", "if (c > 1 && v)", "return 1;", "return 0;", "}")
        source = self.write("a.c", "\n".join(lines))
        host.call("gcc", "-O0", "--coverage", "-c", "-o", self.path("a.o"), source)
        host.call("gcc", "--coverage", "-o", self.path("a"), self.path("a.o"))
        self.assertEqual(host.call(self.path("a")).returncode, 0)
        found = coverage.measure(self.dir, source, {source: self.path("a.o")})
        self.assertEqual({n for n, hit in found["lines"].items() if not hit}, {4})
        self.assertEqual(sorted(found["branches"].values()), [False, False, False, True])


if __name__ == "__main__":
    unittest.main()
