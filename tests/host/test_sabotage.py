# SPDX-License-Identifier: MIT
"""The kernel's own honesty: each file of tests/sabotage/ is caught by exactly what it names."""

import os
import unittest

import host
import sabotage as heads
import sabotage_run
from xtklib import ktap

WHO = "switch/every_bit_survives"
HEAD = ("sabotage: replaces kernel/lazy.c", f"caught-by: {WHO}", "at: register=FCW")
AT_LEAST = 12


def log_of(*failing, status=ktap.FAILED, reason="failed", lost=()):
    """A log in which all tests ran but those lost; failing: pairs of name and where."""
    tests = [ktap.Test(name, "pass") for name in sabotage_run.registered() if name not in lost]
    for test in tests:
        where = dict(failing).get(test.name)
        if where:
            test.status, test.failures = "fail", [ktap.Failure("R05", "1", "2", where)]
    return ktap.Log(tests=tests, status=status, reason=reason)


class Sabotages(unittest.TestCase):
    def test_caught_by_what_they_name(self):
        sabotages = [heads.read(path) for path in heads.paths()]
        self.assertGreaterEqual(len(sabotages), AT_LEAST)
        for sabotage, wrong in sabotage_run.run_all(sabotages):
            with self.subTest(sabotage.name):
                if wrong:
                    self.fail("\n".join(wrong))


class Files(host.Case):
    """What reads the head comments, and the control."""

    def file(self, *lines, name="x.c", code=""):
        text = "\n".join(["/*", *(f" * {line}" for line in lines), " */", code])
        return self.write(name, text)

    def test_an_unbroken_kernel_is_not_caught(self):
        code = f'#include "{host.tree("kernel", "lazy.c")}"\n'
        control = heads.read(self.file(*HEAD, code=code))
        wrong = sabotage_run.run(control, self.path("image"))
        self.assertEqual(wrong, ["ended with status 0 (passed), not 1", f"not caught by {WHO}"])

    def test_what_does_not_build(self):
        sabotage = heads.read(self.file(*HEAD, code="#error no\n"))
        wrong = sabotage_run.run(sabotage, self.path("image"))
        self.assertRegex("\n".join(wrong), r"^does not build: (.*\n)*.*#error no")

    def test_malformed_heads(self):
        for part, lines in {
            "no line 'sabotage: ": HEAD[1:],
            "who catches it?": HEAD[:1],
            "and then 'at: REGEX'": HEAD[:2],
            "behind its 'caught-by": (HEAD[0], HEAD[2]),
            "'caugth-by: x': write 'KEY: VALUE'": (*HEAD, "caugth-by: x"),
            "'at:': write 'KEY: VALUE'": (*HEAD[:2], "at:"),
            "write 'replaces FILE'": ("sabotage: replaces kernel/no.c", *HEAD[1:]),
            "'sabotage: kernel/lazy.c': write": ("sabotage: kernel/lazy.c", *HEAD[1:]),
            "can only replace another": ("sabotage: replaces kernel/lazy.asm", *HEAD[1:]),
            "no regular expression": (*HEAD[:2], "at: ("),
            "write one of 0, 1, 3, 5": (*HEAD, "status: 4"),
        }.items():
            with self.subTest(part), self.assertRaises(heads.Malformed) as raised:
                heads.read(self.file(*lines))
            self.assert_one_line(f"{raised.exception}\n", self.path("x.c"), part)


class Judgement(unittest.TestCase):
    def judge(self, log, text="", catchers=((WHO, "register=FCW"),), status=ktap.FAILED):
        sabotage = heads.Sabotage("x.c", "kernel/lazy.c", list(catchers), status)
        return list(sabotage_run.judge(sabotage, log.status, log, text, os.devnull))

    def test_as_named(self):
        self.assertEqual(self.judge(log_of((WHO, "xcr0:0x1 register=FCW byte=0"))), [])

    def test_elsewhere(self):
        (said,) = self.judge(log_of((WHO, "register=MXCSR")))
        self.assertIn("but not at 'register=FCW': 'register=MXCSR'", said)

    def test_by_another_too(self):
        said = self.judge(log_of((WHO, "register=FCW"), ("df/dead_stack", "here")))
        self.assertEqual(said, ["caught by df/dead_stack too: here"])

    def test_by_nobody(self):
        said = self.judge(log_of(status=ktap.PASSED, reason="passed"))
        self.assertEqual(said, ["ended with status 0 (passed), not 1", f"not caught by {WHO}"])

    def test_a_test_that_did_not_run(self):
        said = self.judge(log_of((WHO, "register=FCW"), lost=["df/dead_stack"]))
        self.assertEqual(said, ["caught by list too: df/dead_stack did not run"])

    def test_a_crash(self):
        log = log_of(status=ktap.CRASH, reason="crash: panic")
        by_log = {"catchers": [(heads.LOG, "(?m)^# panic: here")], "status": ktap.CRASH}
        self.assertEqual(self.judge(log, "# panic: here", **by_log), [])
        self.assertEqual(len(self.judge(log, "# panic: there", **by_log)), 1)
        self.assertIn("caught by log too: crash: panic", self.judge(log))

    def test_an_orderly_end_is_no_crash(self):
        log = log_of((WHO, "register=FCW"))
        said = self.judge(log, catchers=[(heads.LOG, ".")], status=ktap.CRASH)
        self.assertIn("not caught by log", said)


if __name__ == "__main__":
    unittest.main()
