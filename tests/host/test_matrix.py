# SPDX-License-Identifier: MIT
"""xtk matrix: jobs and shards, isolation, what a crash hides, retries, statuses, the screen."""

import copy
import json
import os
import re
import unittest

import host
from fake_results import FAILURE, run_of, test_of

from xtklib import job, result, screen
from xtklib.platforms import Platform

GOOD = {"a/one": "pass", "a/two": "pass", "b/three": "skip"}


def statuses(run):
    return {test["name"]: test["status"] for test in run["tests"]}


class Jobs(unittest.TestCase):
    ALL = [Platform(name, "qemu", boot="kernel") for name in "abcdefg"]

    def names(self, *arguments, **options):
        return [one.name for one in job.plan(*arguments, **options)]

    def test_the_axes(self):
        axes = [["xcr0=3"], ["save=xsave"]]
        jobs = job.plan(self.ALL[:1], ["kernel", "uefi"], axes, ["seed=1"])
        names = [one.name for one in jobs]
        wanted = ["a+save=xsave", "a+uefi+save=xsave", "a+uefi+xcr0=3", "a+xcr0=3"]
        self.assertEqual(names, wanted)
        self.assertEqual(jobs[0].words, ["save=xsave", "seed=1"])

    def test_repeat(self):
        self.assertEqual(self.names(self.ALL[:1], [], [], [], repeat=3), ["a", "a.r2", "a.r3"])

    def test_a_boot_path_that_the_engine_has_not(self):
        bochs = Platform("b", "bochs", boot="iso")
        self.assertEqual(self.names([bochs], ["kernel"], [], []), [])
        self.assertEqual(self.names([bochs], ["kernel", "iso"], [], []), ["b"])

    def test_names_are_files_and_differ(self):
        words = ["tests=a/*", "tests=a/?", "tests=a/b c", "x" * 300, "x" * 301]
        names = [job.name_of("p", [word]) for word in words]
        self.assertEqual(len(set(names)), len(words))
        for name in names:
            self.assertRegex(name, r"^[A-Za-z0-9._+=-]{1,140}$")

    def test_the_name_of_a_run(self):
        for log, name in (("logs/a.b.log", "a.b"), ("console.txt", "console.txt"), ("x", "x")):
            self.assertEqual(screen.name_of({"log": log}), name)

    def test_shards_are_a_partition(self):
        jobs = job.plan(self.ALL, [], [], [])
        for n in range(1, len(jobs) + 1):
            shards = [job.shard(jobs, f"{i}/{n}") for i in range(1, n + 1)]
            together = sorted(one.name for shard in shards for one in shard)
            self.assertEqual(together, [one.name for one in jobs])
            self.assertLessEqual(max(map(len, shards)) - min(map(len, shards)), 1)


class Matrix(host.Case):
    def check(self, status, done):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_two_platforms_of_which_one_fails(self):
        tests = {**GOOD, "b/four": {"two": "fail", "": "pass"}}
        said = self.check(1, self.matrix(tests, cpus=("one", "two")))
        self.assertIn("two: unexpected failure: b/four: V03", said)
        self.assertNotIn("one: unexpected", said)
        self.assertRegex(said, r"total +5 +1 +\. +\. +2 +\. +\.")
        self.assertIn("2 runs, 1 not as expected, 0 not run here", said)
        run = self.runs()["two"]
        self.assertEqual(statuses(run)["b/four"], "fail")
        self.assertEqual((run["engine"], run["engine_version"]), ("qemu", "9.9 (fake)"))
        self.assertEqual((run["boot"], run["cpu"], run["smp"]), ("kernel", "two", 1))
        component = {"bit": 2, "size": 256, "offset": 576, "align": 0}
        self.assertEqual(run["components"], [component], "the damaged line counted")
        self.assertEqual(run["log"], "logs/two.log")
        self.assertTrue(os.path.exists(self.path("out", run["log"])))

    def test_repro_is_a_command_for_this_case_alone(self):
        tests = {**GOOD, "b/four": "fail"}
        self.matrix(tests, "--", "seed=7", "shuffle=1", "tests=b/*")
        (run,) = self.runs().values()
        failure = run["tests"][1]["failures"][0]
        self.assertEqual((failure["rule"], failure["seed"]), ("V03", "7"))
        words = ["seed=7", "tests=b/four", "case=mask:0x7/save:xsave"]
        self.assertTrue(failure["repro"].endswith("-- " + " ".join(words)), failure["repro"])
        env = {**os.environ, "XTK_BUILD": self.dir}
        again = host.call("sh", "-c", failure["repro"], env=env)
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertEqual(self.boots()[-1], "one: " + " ".join(words))

    def test_jobs_run_at_a_time(self):
        tests = {"a/slow": "slow"}
        done = {n: self.matrix(tests, "-j", n, "-o", self.path(n), cpus="abcd") for n in "14"}
        wall = {n: os.path.getmtime(self.path(n, "result.json")) for n in "14"}
        for n in "14":
            self.check(0, done[n])
            wall[n] -= os.path.getmtime(self.path(n, "logs", "a.log")) - 0.5
        self.assertGreater(wall["1"], 2)
        self.assertLess(wall["4"], 1.9)

    def test_merged_shards_are_the_whole(self):
        tests = {**GOOD, "b/four": {"c": "fail", "d": "crash", "": "pass"}}
        cpus, axes = "bcd", ["--words", "xcr0=3", "--words", "xcr0=7"]
        self.check(3, self.matrix(tests, *axes, cpus=cpus))
        places = [self.path(f"s{i}") for i in (1, 2)]
        for i, place in enumerate(places, 1):
            self.matrix(tests, *axes, "--shard", f"{i}/2", "-o", place, cpus=cpus)
        whole = [run for _, run in result.merge([self.path("out")])]
        merged = [run for _, run in result.merge(places)]
        self.assertEqual(len(whole), 6)
        for run in whole + merged:
            run["wall_s"] = 0
        self.assertEqual(merged, whole)

    def test_the_same_job_twice_is_not_merged(self):
        for place in ("s1", "s2"):
            self.matrix(GOOD, "-o", self.path(place))
        with self.assertRaisesRegex(result.Usage, "logs/one.log"):
            result.merge([self.path("s1"), self.path("s2")])

    def test_isolate(self):
        tests = {**GOOD, "c/crash": "crash", "d/fail": "fail", "e/last": "pass"}
        self.check(3, self.matrix(tests, "--isolate", "--", "seed=2"))
        run = self.runs()["one"]
        wanted = ["pass", "pass", "skip", "error", "fail", "pass"]
        self.assertEqual(list(statuses(run).items()), list(zip(tests, wanted)))
        self.assertEqual(run["status"], "crash")
        self.assertEqual(run["words"], ["seed=2"])
        alone = [f"one: seed=2 tests={name}" for name in tests]
        self.assertEqual(self.boots(), ["one: seed=2 list", *alone])

    def test_isolated_and_all_skipped_is_no_pass(self):
        self.check(5, self.matrix({"a/one": "skip", "a/two": "skip"}, "--isolate"))

    def test_a_crash_hides_nothing(self):
        tests = {"a/one": "pass", "b/crash": "crash", "c/fail": "fail", "d/hang": "hang"}
        tests.update({"e/skip": "skip", "f/last": "pass"})
        said = self.check(3, self.matrix(tests, "--silence", "1"))
        run = self.runs()["one"]
        wanted = ["pass", "error", "fail", "error", "skip", "pass"]
        self.assertEqual(list(statuses(run).items()), list(zip(tests, wanted)))
        reasons = {test["name"]: test["reason"] for test in run["tests"]}
        self.assertIn("panic", reasons["b/crash"])
        self.assertIn("silent for 1 s", reasons["d/hang"])
        self.assertEqual(run["status"], "crash")
        self.assertIn("one: error: b/crash: crash: panic", said)
        self.assertEqual(self.boots()[2], "one: tests=c/fail,d/hang,e/skip,f/last")
        self.assertEqual(len(self.boots()), 4)

    def test_a_crash_before_the_first_test_blames_none(self):
        boots = self.path("boots")
        fake = self.fake_qemu("echo 'KTAP version 1'", f"echo boot >>{boots}")
        self.check(3, self.matrix_of(self.platforms(fake, "one")))
        self.assertEqual(self.runs()["one"]["tests"], [])
        with open(boots, encoding="utf-8") as file:
            self.assertEqual(file.read(), "boot\n", "nothing was there to be listed")

    def test_a_long_list_of_hidden_tests_takes_several_boots(self):
        names = [f"long/{'x' * 50}{number:03}" for number in range(80)]
        tests = {"a/crash": "crash", **dict.fromkeys(names, "pass")}
        self.check(3, self.matrix(tests))
        self.assertEqual(list(statuses(self.runs()["one"]).values()), ["error"] + ["pass"] * 80)
        self.assertEqual(len(self.boots()), 2 + 5)
        with open(host.tree("kernel", "include", "xtk", "bootinfo.h"), encoding="utf-8") as file:
            room = int(re.search(r"char cmdline\[([0-9]+)\]", file.read())[1])
        for boot in self.boots():
            self.assertLess(len(boot.partition(": ")[2]), room)

    def test_flaky(self):
        tests = {"a/one": "pass", "b/once": "once", "c/fail": "fail"}
        said = self.check(1, self.matrix(tests, "--retry", "2"))
        self.assertEqual(list(statuses(self.runs()["one"]).values()), ["pass", "flaky", "fail"])
        self.assertIn("one: flaky: b/once: failed; passed on retry 1\n", said)
        self.assertEqual(len(self.boots()), 3)

    def test_flaky_alone_is_no_pass(self):
        said = self.check(1, self.matrix({"a/one": "pass", "b/once": "once"}, "--retry", "1"))
        self.assertRegex(said, r"one +1 +\. +\. +1 ")

    def test_without_retry_it_failed(self):
        self.check(1, self.matrix({"a/one": "pass", "b/once": "once"}))
        self.assertEqual(statuses(self.runs()["one"])["b/once"], "fail")

    def test_repeat(self):
        self.check(1, self.matrix({"a/one": "pass", "b/once": "once"}, "--repeat", "3", "-j", "1"))
        seen = [statuses(run)["b/once"] for run in self.runs().values()]
        self.assertEqual(seen, ["fail", "pass", "pass"])

    def test_timeout(self):
        said = self.check(4, self.matrix({"a/hang": "hang"}, "--timeout", "1"))
        self.assertEqual(self.runs()["one"]["status"], "timeout")
        self.assertIn("a/hang: timeout: 1 s", said)

    def test_of_several_the_worst_wins(self):
        tests = {"a/one": {"f": "fail", "e": "error", "c": "crash", "": "pass"}, "b/two": "pass"}
        for cpus, status in (("p", 0), ("pf", 1), ("pfe", 5), ("pfec", 3)):
            done = self.matrix(tests, "-o", self.path(cpus), cpus=cpus)
            self.check(status, done)


class Real(host.Case):
    """The quick matrix with a test that cannot fail: every one of its platforms boots."""

    def test_quick(self):
        out = ["-o", self.path("out"), "--", "tests=selftest/pass"]
        done = host.call(host.tree("tools", "xtk"), "matrix", "--quick", "--expect", "none", *out)
        said = done.stdout + done.stderr
        self.assertIn(" 0 not as expected", said)
        self.assertEqual(done.returncode, 0, said)
        runs = self.runs()
        self.assertGreaterEqual(len(runs), 5)
        for run in runs.values():
            if run["engine"] not in ("native", "savevm"):  # these choose for themselves
                self.assertEqual(statuses(run), {"selftest/pass": "pass"}, run["log"])
        self.assertLessEqual({"kernel", "iso"}, {run["boot"] for run in runs.values()})


class Known(host.Case):
    TESTS = {"a/one": "pass", "b/two": "fail"}

    def judge(self, line, *arguments, tests=None):
        self.write("one.txt", line + "\n")
        return self.matrix(tests or self.TESTS, *arguments)

    def test_a_known_failure(self):
        done = self.judge("b/two | V03 | expires 2999-01-01 | why | bug 1", "--retry", "1")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"one +1 +\. +1 ")
        self.assertEqual(len(self.boots()), 1, "what is known is not tried again")
        self.assertEqual(self.runs()["one"]["tests"][1]["expect"]["reference"], "bug 1")

    def test_an_expired_line(self):
        done = self.judge("b/two | V03 | expires 2001-01-01 | why | bug 1")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("expired on 2001-01-01", done.stdout)

    def test_an_unexpected_pass(self):
        done = self.judge("a/one | * | expires 2999-01-01 | why | bug 1", tests={"a/one": "pass"})
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("unexpected pass: a/one", done.stdout)
        (test,) = self.runs()["one"]["tests"]
        self.assertEqual((test["status"], test["expect"]["reference"]), ("pass", "bug 1"))

    def test_of_another_version(self):
        """The fake emulator is 9.9."""
        line = "b/two | V03 | expires 2999-01-01 | why | bug 1\n"
        for name, status in (("one@9.9.txt", 0), ("one@9.90.txt", 1), ("one@8.txt", 1)):
            self.write(name, line)
            done = self.matrix(self.TESTS, "-o", self.path(name + ".out"))
            self.assertEqual(done.returncode, status, done.stdout)
            seen = statuses(self.runs(name + ".out")["one"])["b/two"]
            self.assertEqual(seen, "fail" if status else "known")
            os.unlink(self.path(name))

    def test_a_line_for_no_test(self):
        done = self.judge("a/oen | * | expires 2999-01-01 | why | bug 1", tests={"a/one": "pass"})
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("'a/oen' matches no test", done.stdout)
        done = self.matrix({"a/one": "pass"}, "-o", self.path("few"), "--", "tests=a/one")
        self.assertEqual(done.returncode, 0, "not all tests were to run")


class BadInput(host.Case):
    def test_options(self):
        known = self.platforms(self.fake_kernel(GOOD), "one")
        for part, arguments in (
            ("-p vax", ["-p", "vax"]),
            ("--boot floppy", ["--boot", "kernel,floppy"]),
            ("--shard 0/2", ["--shard", "0/2"]),
            ("--shard 3/2", ["--shard", "3/2"]),
            ("--shard 1", ["--shard", "1"]),
            ("--shard 2/9", ["--shard", "2/9"]),
            ("-j 0", ["-j", "0"]),
            ("-p '': empty", ["-p", "one", ""]),
            ("--shard '': empty", ["--shard="]),
            ("--boot '': empty", ["--boot", ""]),
            ("--timeout x", ["--timeout", "x"]),
            ("no job is left", ["--quick"]),
            ("/no/such", ["--expect", "/no/such"]),
            ("/no/such.json", ["--platforms", "/no/such.json"]),
            ("/dev/null/x", ["-o", "/dev/null/x"]),
        ):
            with self.subTest(part):
                fixed = ["--platforms", known, "--expect", "none", "-o", self.path("out")]
                status, said = host.xtk("matrix", *fixed, *arguments)
                self.assertEqual(status, 2)
                self.assert_one_line(said, "xtk matrix: ", part)
                self.assertFalse(os.path.exists(self.path("out", "result.json")))

    def test_words(self):
        """Said once, before anything boots."""
        for words in (["--words", "a'b"], ["--", "a'b"]):
            done = self.matrix(GOOD, *words, cpus=("one", "two"))
            self.assertEqual(done.returncode, 2)
            self.assert_one_line(done.stderr, "a'b", "a word is printable ASCII")
            self.assertFalse(os.path.exists(self.path("out")))

    def test_a_boot_path_that_an_engine_has_not(self):
        rows = [
            {"name": "q", "engine": "qemu", "path": self.fake_kernel(GOOD)},
            {"name": "b", "engine": "bochs"},
            {"name": "n", "engine": "native"},
        ]
        known = self.write("p.json", json.dumps({"version": 1, "platforms": rows}))
        done = self.matrix_of(known, "--boot", "kernel")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in "bn":
            self.assertIn(f"not run: {name}: does not boot by kernel\n", done.stdout)
        self.assertEqual(list(self.runs()), ["q+kernel"])
        done = self.matrix_of(known, "-p", "b", "--boot", "kernel", "--shard", "1/2")
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "nothing can run here: b: does not boot by kernel")

    def test_nothing_can_run_here(self):
        known = self.platforms("/no/such/qemu", "one")
        done = self.matrix_of(known)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "nothing can run here", "/no/such/qemu")

    def test_an_emulator_that_is_missing_is_listed(self):
        good = self.fake_kernel(GOOD)
        rows = [
            {"name": name, "engine": "qemu", "path": path, "boot": "kernel"}
            for name, path in (("good", good), ("gone", "/no/such/qemu"))
        ]
        known = self.write("two.json", json.dumps({"version": 1, "platforms": rows}))
        done = self.matrix_of(known)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not run: gone: /no/such/qemu", done.stdout)
        self.assertIn("1 runs, 0 not as expected, 1 not run here", done.stdout)
        self.assertEqual(list(self.runs()), ["good"])

    def test_an_emulator_that_dies_at_the_start(self):
        dying = self.fake_qemu("echo no such thing >&2; exit 1")
        done = self.matrix_of(self.platforms(dying, "one"))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("not run: one:", done.stdout)
        self.assertIn("no such thing", done.stdout)
        self.assertEqual(self.runs(), {})

    def test_results_that_cannot_be_read(self):
        run = run_of("x", test_of("a/b", "fail", failures=[FAILURE]))

        def spoiled(change):
            other = copy.deepcopy(run)
            change(other, other["tests"][0])
            return json.dumps({"version": 1, "runs": [run, other]})

        for name, text, part in (
            ("ended", spoiled(lambda run, _: run.update(status="x")), "logs/x.log has the .* 'x'"),
            ("status", spoiled(lambda _, test: test.update(status="x")), "a/b of .* status 'x'"),
            ("failure", spoiled(lambda _, test: test["failures"][0].pop("seed")), "has no 'seed'"),
            ("no failure", spoiled(lambda _, test: test.update(failures=["V07"])), "is no object"),
            ("known", spoiled(lambda _, test: test.update(expect={"line": "x:1"})), "'reference'"),
            ("no test", spoiled(lambda run, _: run.update(tests=["a/b"])), "is no object"),
            ("tests", spoiled(lambda run, _: run.update(tests=1)), "a run has no 'tests', or"),
            ("number", spoiled(lambda run, _: run.update(smp="1")), "a run has no 'smp', or"),
            ("none", None, "No such file"),
            ("bad", '{"version": 1,\n "runs": [}', "result.json:2:11: not JSON"),
            ("old", '{"version": 0, "runs": []}', "version 0"),
            ("other", "[]", "no object"),
            ("run", '{"version": 1, "runs": [{}]}', "has no 'platform'"),
            ("bytes", "\udcff", "not UTF-8"),
        ):
            with self.subTest(name):
                os.makedirs(self.path(name))
                if text is not None:
                    with open(self.path(name, "result.json"), "wb") as file:
                        file.write(text.encode("utf-8", "surrogateescape"))
                with self.assertRaisesRegex(result.Usage, part):
                    result.read(self.path(name))


if __name__ == "__main__":
    unittest.main()
