# SPDX-License-Identifier: MIT
"""xtk run: the serial text streams, the status is the verdict, bad input is one line."""

import contextlib
import os
import signal
import subprocess
import time
import unittest

import host
from xtklib import process


class Run(host.Case):
    def command(self, *arguments):
        return [host.tree("tools", "xtk"), "run", "-o", self.path("out"), *arguments]

    def run_lines(self, *lines, options=(), words=()):
        """Run an emulator that does what its lines of shell say."""
        options = ["--image", self.write("fake.elf", ""), "--kernel", *options]
        words = ["--", *words] if words else []
        return host.call(*self.command("--qemu", self.fake_qemu(*lines), *options, *words))

    def test_every_status(self):
        one_of_each = dict(reversed(host.verdicts()))  # test_logs.py has them all
        self.assertEqual(set(one_of_each), {0, 1, 2, 3, 5})
        for status, name in one_of_each.items():
            with self.subTest(name):
                out = ["-o", self.path(name)]
                done = self.run_lines(f"cat {host.log_path(name)}", options=out)
                self.assertEqual(done.returncode, status, done.stderr)

    def test_the_text_and_what_is_kept(self):
        done = self.run_lines(f"cat {host.log_path('pass')}", words=["seed=3"])
        with open(host.log_path("pass"), encoding="utf-8") as log:
            text = log.read()
        self.assertEqual(done.stdout, text)
        (run,) = self.runs().values()
        self.assertEqual((run["platform"], run["engine"]), ("fake-qemu", "qemu"))
        self.assertEqual((run["words"], run["boot"], run["status"]), (["seed=3"], "kernel", "done"))
        self.assertEqual(run["command"][0], host.RUN_QEMU)
        self.assertEqual(run["command"][-2:], ["--", "seed=3"])
        with open(self.path("out", run["log"]), encoding="utf-8") as log:
            self.assertEqual(log.read(), text)

    def test_it_streams(self):
        image = self.write("fake.elf", "")
        wait = f"until [ -e {self.dir}/go ]; do sleep 0.02; done"
        fake = self.fake_qemu("echo KTAP version 1", wait)
        command = self.command("--qemu", fake, "--kernel", "--image", image)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=env, **pipes) as child:
            self.assertEqual(child.stdout.readline(), b"KTAP version 1\n")
            self.assertIsNone(child.poll())
            self.write("go", "")
        self.assertEqual(child.returncode, 3)

    def test_a_reader_that_leaves_early(self):
        fake = f"cat {host.log_path('pass')}; sleep 0.2; cat {host.log_path('pass')}"
        image = self.write("fake.elf", "")
        command = self.command("--qemu", self.fake_qemu(fake), "--kernel", "--image", image)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            child.stdout.close()
            said = child.stderr.read().decode()
        self.assertEqual(child.returncode, 3)
        self.assertIn("text after the last line", said)
        self.assertNotIn("Traceback", said)

    def test_nobody_listens_at_all(self):
        image = self.write("fake.elf", "")
        command = self.command("--qemu", self.fake_qemu("sleep 0.2"), "--kernel", "--image", image)
        ours, theirs = os.pipe()
        os.close(ours)
        with subprocess.Popen(command, stdout=theirs, stderr=theirs) as child:
            os.close(theirs)
        self.assertEqual(child.returncode, 128 + signal.SIGPIPE)

    def test_timeouts_of_both_kinds(self):
        for option, reason in (("--timeout", "timeout: 1 s"), ("--silence", "silent for 1 s")):
            with self.subTest(option):
                out = ["-o", self.path(option), option, "1"]
                done = self.run_lines("echo KTAP version 1; sleep 60", options=out)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(reason, done.stderr)

    def test_no_byte_of_a_large_log_is_lost(self):
        done = self.run_lines("head -c 5000000 /dev/zero | tr '\\000' x")
        self.assertEqual(done.stdout, "x" * 5000000)

    def test_endless_output(self):
        done = self.run_lines(f"exec yes '# {'and so on ' * 400}'")
        self.assertEqual(done.returncode, 3)
        self.assertIn("endless output", done.stderr)

    def test_the_emulator_is_heard(self):
        done = self.run_lines("echo a warning >&2", f"cat {host.log_path('pass')}")
        self.assertEqual(done.returncode, 0)
        self.assertIn("a warning\n", done.stderr)

    def test_ctrl_c_and_sigterm(self):
        image = self.write("fake.elf", "")
        fake = self.fake_qemu("echo $$; sleep 60")
        for number in (signal.SIGINT, signal.SIGTERM):
            out = ["-o", self.path(str(number))]
            command = self.command("--qemu", fake, "--kernel", "--image", image, *out)
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                emulator = int(child.stdout.readline())
                child.send_signal(number)
                said = child.stderr.read().decode()
            self.assertEqual((child.returncode, said), (130, "xtk run: interrupted\n"))
            time.sleep(0.05)
            self.assertFalse(os.path.exists(f"/proc/{emulator}"))

    def test_after_a_session_that_was_stopped(self):
        """In one process, as these tests call it."""
        process.stop()
        self.addCleanup(process.go)
        fake = self.fake_qemu("sleep 0.2", f"cat {host.log_path('pass')}")
        options = ["--qemu", fake, "--kernel", "--image", self.write("fake.elf", "")]
        with open(os.devnull, "w", encoding="utf-8") as null, contextlib.redirect_stdout(null):
            self.assertEqual(host.xtk("run", "-o", self.path("here"), *options)[0], 0)

    def test_names_that_are_no_text(self):
        strange = os.fsencode(self.dir) + b"/qemu\xff"
        os.rename(self.fake_qemu(f"cat {host.log_path('pass')}"), strange)
        options = ["--kernel", "--image", self.write("fake.elf", "")]
        for out in (self.path("out"), os.fsencode(self.dir) + b"/out\xff"):
            done = host.call(*self.command("--qemu", strange, *options, "-o", out))
            self.assertEqual((done.returncode, done.stderr.count("\n")), (0, 1), done.stderr)
        (run,) = self.runs().values()
        self.assertEqual(os.fsencode(run["platform"]), b"qemu\xff")
        report = host.call(host.tree("tools", "xtk"), "report", "-o", out, out)
        self.assertEqual((report.returncode, report.stderr), (0, ""))
        self.assertEqual(report.stdout.count("\n"), 3)

    def test_the_log_is_named_by_what_was_asked(self):
        self.run_lines("true", options=["--cpu", "max", "--smp", "2"], words=["seed=3"])
        (name,) = os.listdir(self.path("out", "logs"))
        self.assertRegex(name, r"^fake-qemu\+boot=kernel\+.*cpu=max\+smp=2\+seed=3.*\.log$")


class BadInput(host.Case):
    def refused(self, *arguments, parts):
        status, said = host.xtk("run", "-o", self.path("out"), *arguments)
        self.assertEqual(status, 2, said)
        self.assert_one_line(said, "xtk run: ", *parts)
        self.assertFalse(os.path.exists(self.path("out", "result.json")))

    def test_one_line(self):
        image = self.write("fake.iso", "")
        fake = ["--qemu", self.fake_qemu("true"), "--image", image]
        dying = ["--qemu", self.script("dying", "echo no such model >&2; exit 1"), "--image", image]
        for arguments, *parts in (
            (["-p", "vax"], "-p vax", "unknown platform", "qemu-tcg"),
            (["-p", "qemu-*"], "-p qemu-*", "matches", "xtk matrix"),
            (["--cpux"], "--cpux"),
            (["--qemu", ""], "--qemu '': empty"),
            (["-o", ""], "-o '': empty"),
            (["--timeout", "x"], "--timeout x", "not a number"),
            (["--smp", "0"], "--smp 0"),
            (["--qemu", "/no/such"], "/no/such"),
            (["--image", "/no/such.iso"], "/no/such.iso"),
            (["--platforms", "/no/such.json"], "/no/such.json"),
            (["--expect", "/no/such"], "/no/such"),
            (["-o", "/dev/null/x", *fake], "/dev/null/x"),
            ([*dying], "no such model"),
            ([*fake, "--", "a'b"], "a'b"),
        ):
            with self.subTest(arguments):
                self.refused(*arguments, parts=parts)

    def test_a_directory_with_a_result(self):
        self.write("result.json", "{}")
        fake = ["--qemu", self.fake_qemu("true"), "--image", self.write("fake.iso", "")]
        status, said = host.xtk("run", "-o", self.dir, *fake)
        self.assertEqual(status, 2)
        self.assert_one_line(said, self.dir, "another run")


class Verbs(unittest.TestCase):
    def test_each_verb_has_help_with_an_example(self):
        xtk = host.tree("tools", "xtk")
        listed = host.call(xtk, "--help").stdout
        for verb in ("run", "matrix", "parse"):
            self.assertRegex(listed, rf"\n    {verb} ")
            text = host.call(xtk, verb, "--help").stdout
            self.assertIn(f"example: xtk {verb}", text)
            self.assertIn("Status", text)

    def test_words_where_no_kernel_boots(self):
        for verb in ("diff", "expect", "list", "parse", "report", "symbolise"):
            arguments = {"diff": ["a", "b"], "expect": ["--update", "a"]}.get(verb, ["a"])
            status, said = host.xtk(verb, *arguments, "--", "seed=1")
            self.assertEqual((status, said.count("\n")), (2, 1))
            self.assertIn("--: nothing follows it", said)

    def test_no_verb_and_an_unknown_one(self):
        for arguments, part in (((), "VERB"), (("fly",), "fly")):
            status, said = host.xtk(*arguments)
            self.assertEqual(status, 2)
            self.assertEqual(said.count("\n"), 1)
            self.assertIn(part, said)


if __name__ == "__main__":
    unittest.main()
