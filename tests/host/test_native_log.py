# SPDX-License-Identifier: MIT
"""The log that tools/xtklib/native_log.py makes of two programs, here two that only say a text."""

import sys
import unittest
from unittest import mock

import host
from xtklib import ktap, native_log

HEAD = 'KTAP version 1\n# xtk 0.1.0 boot=native cpu="x" xcr0=0x7 xss=0x0 words=""\n'
LIBRARY = HEAD + """# component: bit=2 size=256 offset=576 align=0
1..2
# rules native/a: X02
# checks: test=native/a 3
ok 1 native/a
# fail: test=native/b rule=- expected=1 got=2 where=b.c:1
not ok 2 native/b
xtk: 1 passed, 1 failed, 0 errors, 0 skipped
"""
TABLES = HEAD + """# component: bit=2 size=256 offset=576 align=0
1..3
# checks: test=save/a 3
# judged: test=save/a V03=3
ok 1 save/a
  KTAP version 1
  1..1
  ok 1 case
# checks: test=save/b 3
ok 2 save/b
ok 3 save/c # SKIP CPL 0
xtk: 2 passed, 0 failed, 0 errors, 1 skipped
"""
SAY = "import sys; sys.stdout.write(open({!r}).read()); sys.exit({})"


class Joined(host.Case):
    def join(self, *texts, words=(), status=0):
        """(status, log) of programs that say these texts."""
        programs = []
        for number, text in enumerate(texts):
            path = self.write(f"{number}.log", text)
            command = [sys.executable, "-c", SAY.format(path, status)]
            programs.append(native_log.Program(command))
        said = []
        with mock.patch.object(native_log, "say", lambda *w: said.append(" ".join(w))):
            status = native_log.join(programs, words)
        for program in programs:
            program.end()
        return status, ktap.read_log(self.write("log", "\n".join(said)))

    def test_two_logs_are_one(self):
        status, log = self.join(LIBRARY, TABLES, words=["seed=7", "depth=quick"])
        self.assertEqual((status, log.status), (0, ktap.FAILED), log.reason)
        self.assertEqual(
            [(test.name, test.status, test.probes) for test in log.tests],
            [
                ("native/a", "pass", 3),
                ("native/b", "fail", 0),
                ("save/a", "pass", 3),
                ("save/b", "pass", 3),
                ("save/c", "skip", 0),
            ],
        )
        self.assertEqual(log.tests[2].observed, {"judged": {"V03": 3}})
        self.assertEqual(log.header["words"], "seed=7 depth=quick")
        self.assertEqual(len(log.components), 1)

    def test_what_either_lacks_the_whole_lacks(self):
        for old, new in (
            ("xtk: 2 passed, 0 failed, 0 errors, 1 skipped\n", ""),
            ("xtk: 2", "xtk: 3"),
            ("ok 2 save/b\n", ""),
            ("ok 2 save/b", "ok 3 save/b"),
            ("1..3", "1..4"),
            ("1 skipped\n", "1 skipped\nmore\n"),
            ("# checks: test=save/b 3", "# panic: no more"),
            ("xtk: 2 passed,", "xtk: two passed,"),
            ("  ok 1 case", "  not ok 1 case"),
        ):
            self.assertIn(old, TABLES)
            broken = TABLES.replace(old, new, 1)
            for texts in ((LIBRARY, broken), (broken, LIBRARY), (broken,)):
                _, log = self.join(*texts)
                self.assertEqual(log.status, ktap.CRASH, (new, log.reason))

    def test_lists(self):
        one = HEAD + "# test: native/a rules: X02\n1..0\n"
        two = HEAD + "# component: bit=5\n# test: save/a rules: V03\n1..0\n"
        end = "xtk: 0 passed, 0 failed, 0 errors, 0 skipped\n"
        _, log = self.join(one + end, two + end)
        self.assertEqual(log.status, ktap.PASSED, log.reason)
        self.assertEqual(log.listed, [("native/a", ["X02"]), ("save/a", ["V03"])])
        self.assertEqual(log.components, [])

    def test_a_refused_word_ends_it(self):
        for texts in ((LIBRARY, HEAD + "xtk: usage: seed=x\n"), (HEAD + "xtk: usage: x\n", TABLES)):
            status, log = self.join(*texts)
            self.assertEqual((status, log.status, log.tests), (0, ktap.USAGE, []))

    def test_a_program_that_cannot_be_built(self):
        for texts in ((LIBRARY, ""), ("KTAP version 1\n", TABLES)):
            status, log = self.join(*texts, status=2)
            self.assertEqual((status, log.tests, log.header), (2, [], {}))


class Words(unittest.TestCase):
    def test_who_gets_what(self):
        for words, library, tables in (
            ([], [], []),
            (["list", "seed=7"], ["list"], ["list", "seed=7"]),
            (["tests=native/lib_*"], ["tests=native/lib_*"], None),
            (["tests=save/*,-save/x", "seed=7"], None, ["tests=save/*,-save/x", "seed=7"]),
            (["tests=*,-native/lib_*"], ["tests=*,-native/lib_*"], ["tests=*"]),
            (["tests=-native/lib_*"], ["tests=-native/lib_*"], []),
            (["tests=save/*,native/lib_*"], ["tests=native/lib_*"], ["tests=save/*"]),
            (["case=save:3"], None, ["case=save:3"]),
        ):
            found = list(native_log.commands("/h/native_run.py", "DIR", words))
            wanted = [] if library is None else [["/h/native_run.py", "DIR", *library]]
            wanted += [] if tables is None else [["/h/rules/run.py", "native", *tables]]
            self.assertEqual(found, wanted, words)


if __name__ == "__main__":
    unittest.main()
