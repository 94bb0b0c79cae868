# SPDX-License-Identifier: MIT
"""tests/judged.txt against runs: what it says too much or too little, and what is proposed."""

import contextlib
import io
import os
import subprocess
import unittest
from unittest import mock

import fake_results
import host
from xtklib import judged, result, rules, usage

IDS = ("X01", "X02", "X03", "X04", "X05")
WHY = "no engine has it; an engine with it"
TEXT = f"""# a head
X01 | engine | qemu-tcg
X02 | native | this CPU at CPL 3
X03 | model | {WHY}
X04 | never | {WHY}
X05 | engine | bochs-tigerlake
"""


def test_of(name, status="pass", **checks):
    return fake_results.test_of(name, status, rules=list(IDS), observed={"judged": checks})


def run_of(name, *tests, **more):
    return fake_results.run_of(name, *tests, **more)


class Case(host.Case):
    def setUp(self):
        super().setUp()
        fake = tuple(rule for rule in rules.read() if rule.id in IDS)
        self.file = self.write("judged.txt", TEXT)
        for what in (
            mock.patch.object(rules, "read", lambda: fake),
            mock.patch.object(judged, "PATH", self.file),
        ):
            what.start()
            self.addCleanup(what.stop)

    def wrong(self, *runs):
        return [line.partition(": ")[2] for line in judged.wrong(judged.read(self.file), runs)]


GOOD = (
    run_of("qemu-tcg", test_of("a/b", X01=3)),
    run_of("native", test_of("a/b", X02=1), boot="native"),
)


class Check(Case):
    def test_what_the_file_says(self):
        self.assertEqual(self.wrong(*GOOD), [])

    def test_a_rule_that_was_not_judged(self):
        for test in (
            test_of("a/b", X02=1),
            test_of("a/b", X01=0),
            test_of("a/b", "error", X01=3),
            fake_results.test_of("a/b", rules=list(IDS)),  # it names the rule, and says no more
        ):
            said = self.wrong(run_of("qemu-tcg", test), GOOD[1])
            self.assertEqual(said[0], "X01: qemu-tcg did not judge it", test)

    def test_a_rule_that_failed_was_judged(self):
        self.assertEqual(self.wrong(run_of("qemu-tcg", test_of("a/b", "fail", X01=3))), [])

    def test_any_test_and_run_of_the_platform_will_do(self):
        runs = run_of("qemu-tcg", test_of("a/b")), run_of("qemu-tcg", test_of("c/d", X01=3))
        self.assertEqual(self.wrong(*runs), [])
        self.assertEqual(self.wrong(*runs[::-1]), [])

    def test_the_native_program_counts_for_itself_alone(self):
        said = self.wrong(GOOD[0], run_of("native", test_of("a/b", X01=3), boot="native"))
        self.assertEqual(said, ["X02: native did not judge it"])

    def test_more_than_the_file_says(self):
        for rule, was in (("X02", "native"), ("X03", "model"), ("X04", "never")):
            said = self.wrong(*GOOD, run_of("qemu-tcg-EPYC", test_of("a/b", **{rule: 1})))
            self.assertEqual(said, [f"{rule}: is '{was}' here, but qemu-tcg-EPYC judged it"])
        model = run_of("", test_of("a/b", X03=1, X04=1), boot="model", log="logs/model.log")
        said = self.wrong(*GOOD, model)
        self.assertEqual(said, ["X04: is 'never' here, but model judged it"])

    def test_runs_that_cannot_show_anything(self):
        for runs, part in (
            ([], "no run is of a platform"),
            ([run_of("qemu-tcg-EPYC", test_of("a/b", X01=1))], "no run is of a platform"),
            ([run_of("", test_of("a/b", X01=1))], "is of no platform"),
        ):
            with self.assertRaisesRegex(usage.Usage, part):
                self.wrong(*runs)

    def test_as_a_verb(self):
        good, bad = self.path("good"), self.path("bad")
        for path, runs in ((good, GOOD), (bad, GOOD[1:] + (run_of("qemu-tcg", test_of("a/b")),))):
            os.mkdir(path)
            result.write(path, list(runs))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(host.xtk("list", "--rules", "--check", good), (0, ""))
            self.assertEqual(said.getvalue(), "")
            self.assertEqual(host.xtk("list", "--rules", "--check", bad), (1, ""))
        self.assert_one_line(said.getvalue(), "judged.txt:2: X01: qemu-tcg did not judge it")
        status, said = host.xtk("list", "--check", good)
        self.assertEqual(status, 2)
        self.assert_one_line(said, "--rules")


class File(Case):
    def test_bad_lines(self):
        for old, new, part in (
            ("X01 | engine | qemu-tcg", "X01 | engine", "bad.txt:2: write ID"),
            ("X01 | engine", "X01 | maybe", "bad.txt:2: write ID"),
            ("X01 |", "Q99 |", "docs/rules.md has no 'Q99'"),
            ("X02 |", "X01 |", "a second line of 'X01'"),
            ("X01 | engine | qemu-tcg\n", "", "no line of X01"),
            ("| no engine has it", "| ? no engine has it", "bad.txt:4: write in the place"),
        ):
            self.assertIn(old, TEXT)
            with self.assertRaisesRegex(usage.Usage, part):
                judged.read(self.write("bad.txt", TEXT.replace(old, new, 1)))
        with self.assertRaisesRegex(usage.Usage, "No such file"):
            judged.read(self.path("none"))


class Update(Case):
    def patched(self, *runs):
        """The file as it would be."""
        before = self.path("a.txt")
        with open(before, "w", encoding="utf-8") as file:
            file.write(TEXT)
        diff = "\n".join(judged.proposal(self.file, runs)) + "\n"
        command = ["patch", "-s", "-o", "-", before]
        return subprocess.run(command, input=diff, stdout=-1, text=True, check=True).stdout

    def test_nothing_to_say(self):
        self.assertEqual(judged.proposal(self.file, GOOD), [])

    def test_better_and_worse(self):
        runs = (
            run_of("qemu-tcg-EPYC", test_of("a/b", X03=1)),
            run_of("qemu-tcg", test_of("a/b", X04=1, X03=1)),
            GOOD[1],
        )
        new = TEXT.replace("X01 | engine | qemu-tcg", "X01 | never | ?")
        for line in (f"X03 | model | {WHY}", f"X04 | never | {WHY}"):
            new = new.replace(line, line[:6] + "engine | qemu-tcg")
        self.assertEqual(self.patched(*runs), new)

    def test_what_only_the_model_judges_wants_a_reason(self):
        model = run_of("", test_of("a/b", X04=1), boot="model", log="logs/model.log")
        new = TEXT.replace(f"X03 | model | {WHY}", "X03 | never | ?")
        new = new.replace(f"X04 | never | {WHY}", "X04 | model | ?")
        self.assertEqual(self.patched(model), new)

    def test_nothing_is_written(self):
        judged.proposal(self.file, [run_of("qemu-tcg", test_of("a/b", X04=1))])
        with open(self.file, encoding="utf-8") as file:
            self.assertEqual(file.read(), TEXT)

    def test_without_a_file_every_rule_gets_a_line(self):
        said = judged.proposal(self.path("new.txt"), GOOD)
        lines = [line[1:] for line in said if line[1:4] in IDS]
        self.assertEqual(len(lines), len(IDS))
        self.assertEqual(lines[0], "X01 | engine | qemu-tcg")


if __name__ == "__main__":
    unittest.main()
