# SPDX-License-Identifier: MIT
"""What tools/xtklib reads of a test besides its verdict: probes, checks by rule, what was seen."""

import unittest

import host
from xtklib import effort, ktap, result

LOG = """KTAP version 1
# xtk 0.1.0 boot=pvh cpu="x" xcr0=0x7 xss=0x0 words=""
1..2
# rules a/b: V01 V02
{}
ok 1 a/b
# checks: test=c/d 7
ok 2 c/d
xtk: 2 passed, 0 failed, 0 errors, 0 skipped
"""
LINES = (
    "# table: one cases=2 depth=quick seed=1",
    "# probes: table=one cases=2 probes=40 bytes=1000",
    "# table: two cases=1 depth=quick seed=1",
    "# probes: table=two cases=1 probes=2 bytes=24",
    "# observed: O10 VZEROUPPER clears XINUSE 0x4",
    "# observed: O10 NOP clears XINUSE 0x0",
    "# observed: O10 NOP clears XINUSE 0x0",
    "# observed: N04 512 bytes",
    "# xcr0: value=0x7 outcome=ok want=ok d0=832 d1=840 ud=opmask,evex",
    "# xcr0: value=0x1 outcome=ok want=ok d0=576 d1=576 ud=none",
    "# xcr0: value=0x5 outcome=#GP(0x0) want=X03",
    "# checks: test=a/b 99",
    "# judged: test=a/b V01=60 -=3 V02=36",
)
WHOLE = {
    "O10": ["VZEROUPPER clears XINUSE 0x4", "NOP clears XINUSE 0x0"],
    "N04": ["512 bytes"],
    "judged": {"V01": 60, "-": 3, "V02": 36},
    "bytes": 1024,
    "xcr0": [
        {
            "value": "0x7",
            "outcome": "ok",
            "want": "ok",
            "d0": 832,
            "d1": 840,
            "ud": ["opmask", "evex"],
        },
        {"value": "0x1", "outcome": "ok", "want": "ok", "d0": 576, "d1": 576, "ud": []},
        {"value": "0x5", "outcome": "#GP(0x0)", "want": "X03"},
    ],
}


class Observed(host.Case):
    def read(self, *lines):
        log = ktap.read_log(self.write("log", LOG.format("\n".join(lines))))
        self.assertEqual(log.status, ktap.PASSED, log.reason)
        return log.tests

    def seen(self, *lines):
        return result.observed_json(self.read(*lines)[0].observed)

    def test_all_of_it(self):
        first, second = self.read(*LINES)
        self.assertEqual(result.observed_json(first.observed), WHOLE)
        self.assertEqual((first.probes, second.probes), (42, 7))
        self.assertEqual(second.observed, {})

    def test_without_a_table_checks_are_counted(self):
        self.assertEqual(self.read("# checks: test=a/b 99")[0].probes, 99)
        table = "# probes: table=one cases=0 probes=0 bytes=0"
        test = self.read(table, "# checks: test=a/b 99")[0]
        self.assertEqual((test.probes, test.observed), (0, {"bytes": 0}))

    def test_damaged_lines_say_nothing(self):
        for line in (
            "# probes: table=one cases=2 probes=4? bytes=1000",
            "# probes: table=one cases=2 probes=40",
            "# probes: table=one cases=2 probes=40 bytes=1000 0",
            "# observed: ",
            "# observed: judged everything",
            "# observed: O1 half an id",
            "# xcr0: value=0x7 outcome=ok want=ok",
            "# xcr0: value=0x7 outcome=#GP(0x0) want=X02 d0=1 d1=2 ud=none",
            "# xcr0: value=7 outcome=#GP(0x0) want=X02",
            "# xcr0: value=0x7 outcome=ok want=ok d0=8?2 d1=832 ud=none",
        ):
            seen = self.seen(line, "# checks: test=a/b 99")
            self.assertEqual(seen, {}, line)
            self.assertEqual(self.read(line, "# checks: test=a/b 99")[0].probes, 99, line)

    def test_of_a_damaged_line_of_rules_the_whole_words_count(self):
        seen = self.seen("# judged: test=a/b V01=6x0 V02=36 V0?=1 V03")
        self.assertEqual(seen, {"judged": {"V02": 36}})
        self.assertEqual(self.seen("# judged: test"), {"judged": {}})

    def test_what_is_kept_is_bounded(self):
        many = [f"# observed: O10 number {number}" for number in range(100)]
        self.assertEqual(len(self.seen(*many)["O10"]), ktap.SHOWN)
        row = "# xcr0: value={:#x} outcome=#GP(0x0) want=X02"
        many = [row.format(number) for number in range(ktap.MOST_XCR0 + 10)]
        self.assertEqual(len(self.seen(*many)["xcr0"]), ktap.MOST_XCR0)


class Results(host.Case):
    def run_of(self, *lines):
        """What `xtk parse` makes of a log, and what it said."""
        log = self.write("log", LOG.format("\n".join(lines)))
        status, said = host.xtk("parse", "--expect", "none", "-o", self.path("out"), log)
        self.assertEqual(status, 0, said)
        return result.read(self.path("out"))[0], said

    def test_they_come_back_from_the_file(self):
        run, said = self.run_of(*LINES)
        self.assertEqual(run["tests"][0]["observed"], WHOLE)
        self.assertIn("\n42 probes, 1,024 bytes compared\n", said)
        run["wall_s"] = 0.5
        words = effort.in_words(effort.of_run(run))
        self.assertEqual(words, "42 probes, 1,024 bytes compared, 84 probes/s")

    def test_without_a_probe_there_is_nothing_to_say(self):
        self.assertNotIn("probes", self.run_of("# checks: test=a/b 99")[1])

    def test_a_result_of_another_shape_is_refused(self):
        run, _ = self.run_of(*LINES)
        for change, part in (
            ({"judged": []}, "no 'judged'"),
            ({"bytes": "1"}, "no 'bytes'"),
            ({"xcr0": {}}, "no 'xcr0'"),
            ({"xcr0": [{"value": "0x7", "want": "ok"}]}, "no 'outcome'"),
            ({"xcr0": [{"value": "0x7", "outcome": "ok", "want": "ok"}]}, "no 'd0'"),
        ):
            run["tests"][0]["observed"] = change
            self.assertIn(part, result.wrong_with({"version": 1, "runs": [run]}))


if __name__ == "__main__":
    unittest.main()
