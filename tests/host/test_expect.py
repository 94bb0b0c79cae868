# SPDX-License-Identifier: MIT
"""tests/expect/: what a line covers, and every way in which the comparison turns red."""

import contextlib
import datetime
import glob
import io
import json
import os
import shutil
import tempfile
import unittest
from unittest import mock

import host

from xtklib import expect, platforms, result

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
        """They are of rules that a failure in full has named, and known with these."""
        more = "# fail: test=xsave/init 9 more failed checks, not shown\n"
        v07, every = self.line("xsave/init", "V07"), self.line("xsave/init", "*")
        log = log_of(("xsave/init", "V07"), more=more)
        self.assertEqual(self.judge(log, v07)[0], 0)
        self.assertEqual(self.judge(log, every)[0], 0)
        both = log_of(("xsave/init", "V07"), ("xsave/init", "V08"), more=more)
        self.assertEqual(self.judge(both, v07)[0], 1)
        alone = log.replace(FAIL.format("xsave/init", "V07"), "")
        self.assertEqual(self.judge(alone, v07)[0], 1)
        self.assertEqual(self.judge(alone, every)[0], 0)
        endless = log.replace(more, FAIL.format("xsave/init", "V07") * 2000)
        self.assertEqual(self.judge(endless, v07)[0], 1, "what was not kept may be of any rule")

    def test_a_damaged_detail_is_not_known(self):
        log = log_of(("xsave/init", "V07"), ("xsave/init", "V08"))
        self.assertEqual(self.judge(log, self.line("xsave/init", "V07"))[0], 1)
        for old, new in ((" rule=V08", " rule V08"), ("V08 expected=", "V08 "), ("8 ", "8\0")):
            damaged = log.replace(old, new)
            self.assertNotEqual(damaged, log)
            self.assertEqual(self.judge(damaged, self.line("xsave/init", "V07"))[0], 1, damaged)

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
            (f"xsave/init | V07 | {FUTURE} | ? got 1 | where", "say what the engine does"),
            (f"xsave/init | V07 | {FUTURE} | why | ?", "where it is reported"),
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


class Versions(host.Case):
    """Files for the versions of an emulator."""

    LINE = f"xsave/init | V07 | {FUTURE} | why | bug 1\n"

    def files_for(self, version):
        """The files without .txt, in their order."""
        paths = expect.paths_of(self.dir, ["here", "there"], lambda: version)
        return " ".join(os.path.basename(path)[:-4] for path in paths)

    def test_which_files(self):
        for name in ("here@7.2.txt", "here@7.2.1.txt", "here@7.txt", "there@8.2.txt", "here@9.log"):
            self.write(name, "")
        for version, names in (
            ("7.2.19 (Debian 1:7.2+dfsg)", "here here@7 here@7.2 there"),
            ("7.2", "here here@7 here@7.2 there"),
            ("7.2.1-rc1", "here here@7 here@7.2 here@7.2.1 there"),
            ("7.20", "here here@7 there"),
            ("7.3", "here here@7 there"),
            ("70.2", "here there"),
            ("17.2", "here there"),
            ("8.2", "here there there@8.2"),
            ("9", "here there"),
            ("7x2", "here here@7 there"),
            ("", "here there"),
        ):
            self.assertEqual(self.files_for(version), names, version)

    def test_an_emulator_is_only_asked_where_it_matters(self):
        expect.paths_of(self.dir, ["here"], lambda: self.fail("asked"))

    def run_with(self, version):
        """xtk run of an emulator of that version with a failure of V07."""
        log = self.write("serial.log", log_of(("xsave/init", "V07")))
        says = f'[ "$1" = --version ] && echo "QEMU emulator version {version}" && exit'
        fake = self.script(f"qemu-{version}", says, f"exec cat {log}")
        options = ["--image", self.write("fake.iso", ""), "--expect", self.dir, "-p", "here"]
        return host.xtk_run("--qemu", fake, *options)

    def test_run(self):
        self.write("here@7.2.txt", self.LINE)
        self.write("here.txt", "")
        for version, status in (("7.2.19", 0), ("7.20", 1)):
            seen, said = self.run_with(version)
            self.assertEqual(seen, status, said)
            self.assertNotIn("matches no test", said)

    def test_a_log_does_not_say_its_version(self):
        log = self.write("serial.log", log_of(("xsave/init", "V07")))
        for version in ("7.2", "10.0"):
            self.write(f"here@{version}.txt", self.LINE)
        known = ["--expect", self.dir]
        status, said = host.xtk("parse", *known, "-p", "here", log)
        self.assertEqual(status, 2)
        self.assert_one_line(said, "-p here: of which", "-p here@10.0 or -p here@7.2")
        out = ["-o", self.path("out")]
        self.assertEqual(host.xtk("parse", *known, *out, "-p", "here@7.2", log)[0], 0)
        (run,) = result.read(self.path("out"))
        self.assertEqual((run["platform"], run["engine_version"]), ("here", "7.2"))
        status, said = host.xtk("parse", *known, "-p", "here@7.3", log)
        self.assertEqual(status, 2)
        self.assert_one_line(said, "-p here: unknown platform")
        self.write("here.txt", "")
        self.assertEqual(host.xtk("parse", *known, "-p", "here@7.3", log)[0], 1)


class Shared(host.Case):
    """Platforms that name another file than their own."""

    def platforms(self, expects):
        rows = [{"name": n, "engine": "qemu", "expect": [e]} for n, e in expects.items()]
        rows += [{"name": "alone", "engine": "qemu"}]
        path = self.write("platforms.json", json.dumps({"version": 1, "platforms": rows}))
        patch = mock.patch.object(platforms, "FILE", path)
        patch.start()
        self.addCleanup(patch.stop)

    def parse(self, platform):
        return host.xtk("parse", "-p", platform, "--expect", self.dir, self.path("serial.log"))

    def setUp(self):
        super().setUp()
        self.platforms({"one": "both", "two": "both"})
        self.write("both.txt", "xsave/init | V07 | " + FUTURE + " | why | bug 1\n")
        self.write("serial.log", log_of(("xsave/init", "V07")))

    def test_of_one_file(self):
        for platform, status in (("one", 0), ("two", 0), ("both", 0), ("alone", 1)):
            self.assertEqual(self.parse(platform)[0], status, platform)

    def test_what_is_neither_a_platform_nor_a_file(self):
        status, said = self.parse("three")
        self.assertEqual(status, 2)
        self.assert_one_line(said, "-p three: unknown platform; known: one two alone")


class Several(host.Case):
    """A platform that names several files: its lines are those of all."""

    def setUp(self):
        super().setUp()
        rows = [
            {"name": name, "engine": "qemu", "expect": files}
            for name, files in (("plain", ["all"]), ("avx", ["all"]))
        ]
        path = self.write("platforms.json", json.dumps({"version": 1, "platforms": rows}))
        patch = mock.patch.object(platforms, "FILE", path)
        patch.start()
        self.addCleanup(patch.stop)
        os.mkdir(self.path("expect"))
        self.known = ["--expect", self.path("expect")]
        self.write("expect/all.txt", f"xsave/init | V07 | {FUTURE} | why | bug 1\n")
        self.write("expect/avx.txt", f"switch/eager | V09 | {FUTURE} | why | bug 2\n")

    def parse(self, platform, *failing):
        log = self.write("serial.log", log_of(*failing))
        out = tempfile.mkdtemp(dir=self.dir)
        return host.xtk("parse", *self.known, "-o", out, "-p", platform, log)[0], out

    def test_the_lines_of_all(self):
        one, both = (("xsave/init", "V07"),), (("xsave/init", "V07"), ("switch/eager", "V09"))
        for platform, failing, status in (
            ("plain", one, 0), ("plain", both, 1), ("avx", both, 0), ("avx", one, 1),
        ):  # fmt: skip
            self.assertEqual(self.parse(platform, *failing)[0], status, (platform, failing))

    def proposed(self, platform, *failing):
        """{file: changes} of xtk expect."""
        _, out = self.parse(platform, *failing)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            host.xtk("expect", *self.known, "--update", out)
        found, file = {}, ""
        for line in said.getvalue().splitlines():
            if line.startswith("+++ "):
                file = os.path.basename(line)
            elif line[0] in "+-" and not line.startswith("--- "):
                found.setdefault(file, []).append(line[: line.index(" | ")])
        return found

    def test_proposals(self):
        every = ("xsave/init", "V07"), ("switch/eager", "V09")
        self.assertEqual(self.proposed("avx", *every), {})
        new = {"avx.txt": ["+boot/entry"]}
        self.assertEqual(self.proposed("avx", *every, ("boot/entry", "V01")), new)
        gone = {"all.txt": ["-xsave/init"], "avx.txt": ["-switch/eager"]}
        self.assertEqual(self.proposed("avx"), gone)


class Update(host.Case):
    """xtk expect --update: the diff that it prints, and that this is all it does."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("expect"))
        self.known = os.path.join("expect", "here.txt")
        self.today = datetime.date.today()
        self.expires = f"expires {self.today + datetime.timedelta(180)}"

    def line(self, test, rule="V07", expires=FUTURE):
        return f"{test} | {rule} | {expires} | why | bug 1"

    def update(self, *logs, lines=()):
        """(status, added and removed lines) proposed for a file of @lines, if any."""
        if lines:
            self.write(self.known, "# head\n\n" + "".join(line + "\n" for line in lines))
        out = tempfile.mkdtemp(dir=self.dir)
        paths = [self.write(f"{number}.log", log) for number, log in enumerate(logs)]
        host.xtk("parse", "-o", out, "-p", "here", "--expect", "none", *paths)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            arguments = ["--expect", self.path("expect"), "--update", out]
            status, self.notes = host.xtk("expect", *arguments)
        self.diff = said.getvalue()
        changes = [text for text in self.diff.splitlines() if text[:1] in "+-"]
        return status, [text for text in changes if not text.startswith(("+++", "---"))]

    def test_nothing_to_propose(self):
        status, said = self.update(log_of(("xsave/init", "V07")), lines=[self.line("xsave/init")])
        self.assertEqual((status, said, self.notes), (0, [], ""))

    def test_no_file_and_nothing_for_one(self):
        self.assertEqual((self.update(log_of()), self.diff), ((0, []), ""))

    def test_new_failures(self):
        log = log_of(("xsave/init", "V07"), ("xsave/init", "V08"), ("switch/eager", "V09"))
        status, said = self.update(log, lines=[self.line("xsave/init")])
        why = "? expected 0x1, got 0x2 | ?"
        self.assertEqual(status, 1)
        self.assertEqual(
            said,
            [
                f"+switch/eager | V09 | {self.expires} | {why}",
                f"+xsave/init | V08 | {self.expires} | {why}",
            ],
        )

    def test_failures_that_were_only_counted(self):
        log = log_of(("xsave/init", "V07"), more="# fail: test=xsave/init 9 more failed checks\n")
        why = "? expected 0x1, got 0x2 | ?"
        self.assertEqual(self.update(log)[1][-1], f"+xsave/init | V07 | {self.expires} | {why}")
        alone = log.replace(FAIL.format("xsave/init", "V07"), "")
        self.assertEqual(self.update(alone)[1][-1], f"+xsave/init | * | {self.expires} | ? | ?")

    def test_the_file_of_the_version(self):
        out = self.path("out")
        log = self.write("0.log", log_of(("xsave/init", "V07")))
        host.xtk("parse", "-o", out, "-p", "here", "--expect", "none", log)
        runs = result.read(out)
        runs[0]["engine_version"] = "7.2.19"
        result.write(out, runs)
        self.write(os.path.join("expect", "here@7.2.txt"), "# head\n")
        with contextlib.redirect_stdout(io.StringIO()) as said:
            host.xtk("expect", "--expect", self.path("expect"), "--update", out)
        self.assertIn("here@7.2.txt\n", said.getvalue().splitlines(keepends=True)[1])

    def test_failures_without_detail(self):
        log = log_of(("xsave/init", "V07")).replace(FAIL.format("xsave/init", "V07"), "")
        self.assertEqual(self.update(log)[1][-1], f"+xsave/init | * | {self.expires} | ? | ?")

    def test_several_runs_make_one_line(self):
        log = log_of(("xsave/init", "V07"))
        other = log.replace("got=0x2", "got=0x3")
        said = self.update(log, log, other)[1]
        self.assertEqual(len([text for text in said if "V07" in text]), 1)

    def test_lines_to_go(self):
        lines = [self.line("xsave/init"), self.line("xsave/inti"), self.line("switch/eager")]
        log = log_of(("switch/eager", "V07"))
        status, said = self.update(log, lines=lines)
        self.assertEqual((status, said), (1, ["-" + lines[0], "-" + lines[1]]))

    def test_a_run_of_few_tests_removes_no_line(self):
        log = log_of().replace("xss=0x0", 'xss=0x0 words="tests=boot/*"')
        self.assertEqual(self.update(log, lines=[self.line("xsave/inti")]), (0, []))
        self.assertEqual(self.update(log_of()[:-9], lines=[self.line("xsave/inti")]), (0, []))

    def test_an_expired_line_is_renewed(self):
        line = self.line("xsave/init", expires=PAST)
        status, said = self.update(log_of(("xsave/init", "V07")), lines=[line])
        self.assertEqual((status, said), (1, ["-" + line, "+" + line.replace(PAST, self.expires)]))

    def test_a_line_that_some_need_and_others_deny(self):
        status, said = self.update(
            log_of(("xsave/init", "V07")), log_of(), lines=[self.line("xsave/init")]
        )
        self.assertEqual((status, said), (1, []))
        self.assert_one_line(self.notes, "here.txt:3: here needs it, here passes")

    @unittest.skipUnless(shutil.which("git"), "git is missing")
    def test_the_diff_applies_and_must_be_completed(self):
        log = log_of(("xsave/init", "V07"))
        for lines in ([], [self.line("xsave/inti")]):
            with self.subTest(lines), mock.patch("os.getcwd", return_value=self.dir):
                self.update(log, lines=lines)
            self.assertIn("--- a/expect/here.txt" if lines else "--- /dev/null", self.diff)
            done = host.call("git", "apply", "-", cwd=self.dir, input=self.diff, stdin=None)
            self.assertEqual(done.returncode, 0, done.stderr + self.diff)
            judge = ["parse", "-p", "here", "--expect", self.path("expect"), self.path("0.log")]
            status, said = host.xtk(*judge)
            self.assertEqual((status, "say what the engine does" in said), (2, True), said)
            with open(self.path(self.known), encoding="utf-8") as file:
                text = file.read()
            self.write(self.known, text.replace("? expected", "expected").replace("| ?", "| bug 2"))
            self.assertEqual(host.xtk(*judge)[0], 0)

    def test_nothing_is_written(self):
        self.update(log_of(("xsave/init", "V07")))
        self.assertEqual(os.listdir(self.path("expect")), [])

    def test_usage(self):
        host.xtk("parse", "-o", self.path("out"), host.log_path("fail"))
        for arguments, part in (
            ([], "--update"),
            (["--update", self.dir], "result.json"),
            (["--update", self.path("out")], "logs/fail.log is of no platform"),
        ):
            status, said = host.xtk("expect", *arguments)
            self.assertEqual(status, 2)
            self.assert_one_line(said, part)


class Parse(host.Case):
    """What xtk parse -o leaves."""

    def test_the_directory_is_whole_by_itself(self):
        for name in ("a", "b"):
            os.mkdir(self.path(name))
        shutil.copyfile(host.log_path("pass"), self.path("a", "serial.log"))
        shutil.copyfile(host.log_path("fail"), self.path("b", "serial.log"))
        other = self.write("console.txt", log_of())
        paths = [self.path("a", "serial.log"), self.path("b", "serial.log"), other]
        self.assertEqual(host.xtk("parse", "-o", self.path("out"), *paths)[0], 1)
        runs = result.read(self.path("out"))
        self.assertEqual(len({run["log"] for run in runs}), 3)
        for path, run in zip(paths, runs):
            with open(path, "rb") as log, open(self.path("out", run["log"]), "rb") as copy:
                self.assertEqual(log.read(), copy.read())

    def test_a_result_is_not_overwritten(self):
        out = ["-o", self.path("out")]
        self.assertEqual(host.xtk("parse", *out, host.log_path("pass"))[0], 0)
        status, said = host.xtk("parse", *out, host.log_path("fail"))
        self.assertEqual(status, 2)
        self.assert_one_line(said, "has the result of another run")

    def test_the_logs_of_a_run_that_lost_its_result(self):
        host.xtk("parse", "-o", self.path("out"), host.log_path("pass"))
        before = result.read(self.path("out"))
        os.unlink(self.path("out", "result.json"))
        log = self.path("out", before[0]["log"])
        self.assertEqual(host.xtk("parse", "-o", self.path("out"), log)[0], 0)
        self.assertEqual(result.read(self.path("out")), before)
        self.assertEqual(os.listdir(self.path("out", "logs")), ["pass.log"])


class TheFiles(unittest.TestCase):
    def test_each_is_well_formed(self):
        files = glob.glob(host.tree("tests", "expect", "*.txt"))
        self.assertTrue(files)
        for path in files:
            expect.read(path)

    def test_each_is_of_a_platform(self):
        """A file that no platform names would be known to nobody."""
        named = {name for platform in platforms.read() for name in platform.expect}
        files = map(os.path.basename, glob.glob(host.tree("tests", "expect", "*.txt")))
        self.assertEqual({name[:-4].partition("@")[0] for name in files} - named, set())

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
            (["parse", "/no/such.log"], "/no/such.log: No such file or directory: name a log"),
            (["parse", "-o", self.path("new"), log, "/no/such.log"], "/no/such.log"),
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
