# SPDX-License-Identifier: MIT
"""The rule tables of tests/rules/ on the CPU at hand, at CPL 3, and the frame that runs them there.

rules/build.py says what the program is made of. What was skipped is printed here.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
import unittest

import ctests
import host

sys.path.insert(0, host.tree("tests", "host", "rules"))

import build  # noqa: E402

TIMEOUT = 300  # seconds; a run takes a few
LEAST = 4  # tests that pass on any CPU: those of rules/ops.c
RESULT = re.compile(r"(?m)^(?:not )?ok [0-9]+ (\S+).*$")
SKIP = re.compile(r"(?m)^ok [0-9]+ (\S+) # SKIP (.*)$")
LAST = re.compile(r"xtk: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) errors, ([0-9]+) skipped\n\Z")


def has_lost(compiler):
    """Why there is nothing to run with, or None."""
    if os.uname().machine != "x86_64":
        return f"this CPU is no x86: {os.uname().machine}"
    return None if shutil.which(compiler) else f"{compiler} is missing: run 'make deps test'"


@functools.lru_cache(maxsize=None)
def program(compiler):
    """Built once for all tests; its objects stay in the build directory."""
    return build.build("native", os.path.join(host.BUILD, "rules", compiler), compiler)


def failures(log):
    """What tells why a run did not end as it should."""
    wanted = [line for line in log.splitlines() if re.match("# (fail|error|panic)|not ok|xtk:", line)]
    return "\n".join(wanted[:40]) + "\n"


class Case(host.Case):
    compiler = "gcc"

    def setUp(self):
        super().setUp()
        lost = has_lost(self.compiler)
        if lost:
            self.skipTest(lost)

    def run_words(self, *words, status):
        """The log of a run, which must end with @status; a reader of logs must say the same."""
        try:
            done = host.call(program(self.compiler), *words, timeout=TIMEOUT)
        except (ctests.Broken, subprocess.TimeoutExpired) as broken:
            self.fail(str(broken)[-3000:])
        self.assertEqual(done.returncode, status, failures(done.stdout) + done.stderr)
        read, said = host.xtk("parse", "--expect", "none", self.write("log", done.stdout))
        self.assertEqual(read, status, said)
        return done.stdout


class Native(Case):
    """All tests, once. What silicon confirmed is green here."""

    def test_all(self):
        log = self.run_words(status=0)
        passed, failed, errors, skipped = map(int, LAST.search(log).groups())
        self.assertGreaterEqual(passed, LEAST)
        self.assertEqual(failed + errors, 0)
        skips = SKIP.findall(log)
        self.assertEqual(len(skips), skipped)
        for name, why in skips:
            self.assertTrue(why, name)
            print(f"\nskipped: {name}: {why}", end="")

        listed = re.findall(r"(?m)^# test: (\S+) rules:", self.run_words("list", status=0))
        self.assertEqual(listed, RESULT.findall(log))


class NativeClang(Native):
    compiler = "clang"


class Frame(Case):
    """What it makes of tests that go wrong on purpose: rules/planted.c."""

    ENDS = {
        "pass": (0, r"^ok 1 selftest/pass$"),
        "fail": (1, r"rule=probe expected=0x1 got=0x2 where=on purpose$"),
        "error": (5, r"^not ok 1 selftest/error # ERROR on purpose$"),
        "skip": (5, r"# ERROR no check was executed; skipped for want of nothing$"),
        "empty": (5, r"# ERROR the test executed no check$"),
        "fault": (1, r"got=#PF\(0x4\) where=unexpected exception at rip=0x[0-9a-f]+$"),
        "fault_in_a_part": (1, r"where=this part unexpected (.|\n)* where=unexpected "),
        "panic": (3, r"^# panic: on purpose$"),
        "short_table": (5, r"# ERROR table selftest_short has 2 cases, not the 3"),
        "table": (1, r"where=selftest_table:3 "),
        "leaves_xcr0": (5, "skipped for want of CPL 0$"),
        "impossible_probe": (3, r"^# panic: a probe that needs virtual-8086 mode$"),
    }

    def test_every_end(self):
        for name, (status, line) in self.ENDS.items():
            with self.subTest(name):
                log = self.run_words("tests=selftest/" + name, status=status)
                self.assertRegex(log, "(?m)" + line)

    def test_all_planted_are_here(self):
        listed = self.run_words("list", "tests=selftest/*", status=0)
        names = re.findall(r"(?m)^# test: selftest/(\S+) ", listed)
        self.assertEqual(sorted(names), sorted(self.ENDS))

    def test_a_fault_ends_one_test_only(self):
        words = "tests=selftest/fault,selftest/pass"
        log = self.run_words(words, status=1)
        self.assertIn("xtk: 1 passed, 1 failed, 0 errors, 0 skipped", log)

    def test_they_do_not_run_unasked(self):
        self.assertNotIn("selftest/", self.run_words("list", status=0))

    def test_one_case(self):
        def failures(*words):
            log = self.run_words("tests=selftest/table", *words, status=1)
            return re.findall(r"(?m)^# fail: .*$", log)

        among_others = failures()
        self.assertEqual(len(among_others), 1)
        self.assertEqual(failures("case=selftest_table:3"), among_others)
        self.assertNotEqual(failures("case=selftest_table:3", "seed=2"), among_others)
        self.run_words("tests=selftest/table", "case=selftest_table:2", status=0)
        self.run_words("tests=selftest/table", "case=selftest_table:6", status=5)

    WRONG = ("tets=1", "tests=no/such", "seed=x", "case=", "depth=deep", "repeat=0", "xcr0=7")

    def test_wrong_words(self):
        for word in self.WRONG:
            with self.subTest(word):
                log = self.run_words(word, status=2)
                self.assertRegex(log, rf"(?m)^xtk: usage: .*{word.partition('=')[0]}")
                self.assertNotRegex(log, RESULT)

    def test_a_command_line_too_long(self):
        log = self.run_words("tests=" + "x" * 3000, status=2)
        self.assertIn("the command line is longer than", log)


class Build(Case):
    def test_a_newer_header_makes_objects_stale(self):
        header = self.write("a.h", "")
        target, listed = self.write("a.o", ""), self.write("a.o.d", f"a.o: \\\n {header}\n")
        self.assertFalse(build.is_stale(target, listed))
        os.utime(header, (2**31, 2**31))
        self.assertTrue(build.is_stale(target, listed))
        os.remove(header)
        self.assertTrue(build.is_stale(target, listed))

    def test_what_cannot_be_built(self):
        command = host.tree("tests", "host", "rules", "run.py")
        done = host.call(sys.executable, command, "--into", self.dir, "--cc", "false", "native")
        self.assertEqual(done.returncode, 2)
        self.assertIn("run.py: native cannot be built: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
