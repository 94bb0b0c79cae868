# SPDX-License-Identifier: MIT
"""tests/expect/: what a line covers, and every way in which the comparison turns red."""

import datetime
import glob
import json
import os
import unittest

import host

from xtklib import expect

HEAD = 'KTAP version 1\n# xtk 0.1.0 boot=pvh cpu="x" xcr0=0x7 xss=0x0\n1..3\n'
FAIL = "# fail: test={0} rule={1} expected=0x1 got=0x2 where=case 7\n"
FUTURE, PAST = "expires 2999-01-01", "expires 2001-01-01"


def log_of(*failing, more=""):
    """A log of three tests; @failing: (test, rule) of each failure."""
    text, failed = HEAD, {test for test, _ in failing}
    for number, name in enumerate(("boot/entry", "xsave/init", "switch/eager"), 1):
        text += "".join(FAIL.format(*f) for f in failing if f[0] == name)
        text += f"{more}not ok {number} {name}\n" if name in failed else f"ok {number} {name}\n"
    return text + f"xtk: {3 - len(failed)} passed, {len(failed)} failed, 0 errors, 0 skipped\n"


class Expect(host.Case):
    def judge(self, log, *lines, arguments=()):
        self.write("here.txt", "# a comment\n\n" + "".join(line + "\n" for line in lines))
        log = self.write("serial.log", log)
        return host.xtk("parse", "-p", "here", "--expect", self.dir, *arguments, log)

    def line(self, test, rule, expires=FUTURE):
        return f"{test} | {rule} | {expires} | the engine forgets it | bug 1"

    def test_a_failure_that_no_line_knows(self):
        status, said = self.judge(log_of(("xsave/init", "V07")))
        self.assertEqual(status, 1)
        self.assertIn("unexpected failure: xsave/init: V07", said)

    def test_a_known_failure(self):
        for line in (("xsave/init", "V07"), ("xsave/*", "V07"), ("*", "*"), ("xsave/init", "*")):
            with self.subTest(line):
                status, said = self.judge(log_of(("xsave/init", "V07")), self.line(*line))
                self.assertEqual(status, 0, said)
                self.assertIn("known: xsave/init: V07: the engine forgets it (bug 1)", said)
                self.assertIn("2 passed, 0 failed, 0 errors, 0 skipped, 1 known", said)

    def test_another_rule_of_the_same_test(self):
        both = log_of(("xsave/init", "V07"), ("xsave/init", "V08"))
        self.assertEqual(self.judge(both, self.line("xsave/init", "V07"))[0], 1)
        lines = [self.line("xsave/init", "V07"), self.line("xsave/init", "V08")]
        self.assertEqual(self.judge(both, *lines)[0], 0)

    def test_the_same_rule_of_another_test(self):
        log = log_of(("xsave/init", "V07"), ("switch/eager", "V07"))
        self.assertEqual(self.judge(log, self.line("xsave/init", "V07"))[0], 1)

    def test_failures_that_were_only_counted(self):
        more = "# fail: test=xsave/init 9 more failed checks, not shown\n"
        log = log_of(("xsave/init", "V07"), more=more)
        self.assertEqual(self.judge(log, self.line("xsave/init", "V07"))[0], 1)
        self.assertEqual(self.judge(log, self.line("xsave/init", "*"))[0], 0)

    def test_a_failure_without_detail(self):
        log = log_of(("xsave/init", "V07")).replace(FAIL.format("xsave/init", "V07"), "")
        self.assertEqual(self.judge(log, self.line("xsave/init", "V07"))[0], 1)
        self.assertEqual(self.judge(log, self.line("xsave/init", "*"))[0], 0)

    def test_an_unexpected_pass(self):
        status, said = self.judge(log_of(), self.line("xsave/init", "V07"))
        self.assertEqual(status, 1)
        self.assertIn("unexpected pass: xsave/init | V07: remove", said)
        self.assertIn("here.txt:3", said)

    def test_a_skipped_test_is_no_pass(self):
        log = log_of().replace("ok 2 xsave/init", "ok 2 xsave/init # SKIP CPUID.1:ECX[26] XSAVE")
        log = log.replace("3 passed, 0 failed, 0 errors, 0", "2 passed, 0 failed, 0 errors, 1")
        self.assertEqual(self.judge(log, self.line("xsave/init", "V07"))[0], 0)

    def test_a_line_that_matches_no_test(self):
        status, said = self.judge(log_of(), self.line("xsave/inti", "V07"))
        self.assertEqual(status, 1)
        self.assertIn("'xsave/inti' matches no test", said)

    def test_unless_the_run_chose_its_tests(self):
        log = log_of().replace("xss=0x0", 'xss=0x0 words="tests=boot/*"')
        self.assertEqual(self.judge(log, self.line("xsave/inti", "V07"))[0], 0)

    def test_an_expired_line_only_warns(self):
        status, said = self.judge(
            log_of(("xsave/init", "V07")), self.line("xsave/init", "V07", expires=PAST)
        )
        self.assertEqual(status, 0)
        self.assertIn("expired on 2001-01-01", said)

    def test_what_outranks_it(self):
        line = self.line("*", "*")
        log = log_of(("xsave/init", "V07"))
        self.assertEqual(self.judge(log[:-9], line)[0], 3)
        broken = log.replace("ok 3 switch/eager", "not ok 3 switch/eager # ERROR no APIC")
        broken = broken.replace("2 passed, 1 failed, 0 errors", "1 passed, 1 failed, 1 errors")
        self.assertEqual(self.judge(broken, line)[0], 5)

    def test_malformed_lines(self):
        for line, part in (
            ("xsave/init | V07", "five fields"),
            ("a | b | c | d | e | f", "five fields"),
            (f"xsave/init |  | {FUTURE} | why | where", "five fields"),
            ("xsave/init | V07 | 2999-01-01 | why | where", "expires YYYY-MM-DD"),
            ("xsave/init | V07 | expires 2999-02-30 | why | where", "expires YYYY-MM-DD"),
            ("xsave/init | V07 | until 2999-01-01 | why | where", "expires YYYY-MM-DD"),
            ("xsave/init | V07 | expires soon | why | where", "expires YYYY-MM-DD"),
        ):
            with self.subTest(line):
                status, said = self.judge(log_of(), line)
                self.assertEqual(status, 2)
                self.assert_one_line(said, "here.txt:3:", part)

    def test_json(self):
        log = log_of(("xsave/init", "V07"), ("switch/eager", "V09"))
        self.judge(log, self.line("xsave/*", "V07"), arguments=["-o", self.path("out")])
        with open(self.path("out", "result.json"), encoding="utf-8") as file:
            result = json.load(file)
        self.assertEqual(result["version"], 1)
        (run,) = result["runs"]
        self.assertEqual((run["platform"], run["status"], run["boot"]), ("here", "done", "pvh"))
        passed, known, failed = run["tests"]
        self.assertEqual([t["status"] for t in (passed, known, failed)], ["pass", "known", "fail"])
        self.assertEqual(known["expect"]["reference"], "bug 1")
        self.assertIsNone(failed["expect"])
        self.assertEqual(failed["failures"][0]["expected"], "0x1")
        self.assertEqual(failed["failures"][0]["where"], "case 7")
        self.assertEqual(failed["failures"][0]["repro"], "tests=switch/eager")


class TheFiles(unittest.TestCase):
    def test_each_is_well_formed(self):
        files = glob.glob(host.tree("tests", "expect", "*.txt"))
        self.assertTrue(files)
        for path in files:
            expect.read(path)

    def test_dates_are_compared_by_day(self):
        line = expect.parse_line("x:1", "a | b | expires 2026-05-01 | why | where")
        for day, expired in ((1, 0), (2, 1)):
            result = expect.compare([], [line], selective=True, today=datetime.date(2026, 5, day))
            self.assertEqual(len(result.expired), expired)


class CommandLine(host.Case):
    def test_usage(self):
        log = host.log_path("pass")
        for arguments, part in (
            ([], "VERB"),
            (["fly"], "fly"),
            (["run", "--cpux"], "--cpux"),
            (["run", "-p", "vax"], "vax"),
            (["run", "--expect", "/no/such"], "/no/such"),
            (["parse"], "LOG"),
            (["parse", "/no/such.log"], "/no/such.log"),
            (["parse", self.dir], self.dir),
            (["parse", "-o", "/dev/null/x", log], "/dev/null/x"),
        ):
            with self.subTest(arguments):
                status, said = host.xtk(*arguments)
                self.assertEqual(status, 2)
                self.assert_one_line(said, part)

    def test_of_several_logs_the_worst_wins(self):
        logs = [host.log_path(name) for name in ("pass", "error", "panic-in-test", "fail")]
        self.assertEqual(host.xtk("parse", *logs)[0], 3)

    def test_run(self):
        qemu = self.fake_qemu(f"cat {host.log_path('pass')}")
        image = self.write("fake.iso", "")
        options = ["--expect", "none", "--image", image, "--qemu", qemu, "-o", self.path("out")]
        done = host.call(host.tree("tools", "xtk"), "run", *options)
        self.assertEqual(done.returncode, 0, done)
        with open(host.log_path("pass"), encoding="utf-8") as log:
            self.assertEqual(done.stdout, log.read())
        with open(self.path("out", "result.json"), encoding="utf-8") as file:
            (run,) = json.load(file)["runs"]
        self.assertEqual(run["command"][0], host.RUN_QEMU)
        self.assertTrue(os.path.exists(self.path("out", run["log"])))

    def test_run_passes_on_what_run_qemu_refuses(self):
        done = host.call(host.tree("tools", "xtk"), "run", "--timeout", "x", "-o", self.path("out"))
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "--timeout x")
        self.assertFalse(os.path.exists(self.path("out", "result.json")))


if __name__ == "__main__":
    unittest.main()
