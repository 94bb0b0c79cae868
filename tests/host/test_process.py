# SPDX-License-Identifier: MIT
"""process.run(): where the output goes, what ends a program, and that nothing of it is left."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

import host
from xtklib import process

# All end by themselves, so that a watcher that fails here leaves neither processes nor a full disk.
DEAF = "trap '' TERM INT HUP"
WAIT = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done"
BABBLE = "for i in $(seq 500); do echo x; sleep 0.02; done"
FLOOD = "head -c 50000000 /dev/zero"


def lives(number):
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Case(host.Case):
    def setUp(self):
        super().setUp()
        process.go()
        self.addCleanup(process.go)

    def command(self, *lines, **more):
        """A Command of sh whose log is its standard output."""
        script = self.script("program", *lines)
        log, said = self.path("log"), self.path("said")
        return process.Command([script], log, log, said, **more)

    def run_it(self, *lines, **limits):
        return process.run(self.command(*lines), **{"timeout": 20, **limits})

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def sleeper(self):
        """The process that a program with the line "sleep … & echo $! >sleeper" left behind."""
        self.assertTrue(wait_for(lambda: os.path.exists(self.path("sleeper"))))
        self.assertTrue(wait_for(lambda: self.read("sleeper").strip()))
        return int(self.read("sleeper"))

    def assert_dead(self, number):
        """A moment may pass between the signal and the end."""
        self.assertTrue(wait_for(lambda: not lives(number), 2), f"{number} still runs")

    def assert_no_guard(self):
        """Not even one that has ended and was forgotten."""
        self.assertEqual(host.call("pgrep", "-P", str(os.getpid()), "-x", "sh").stdout, "")

    def start_sleeper(self):
        return f"sleep 10 & echo $! >{self.path('sleeper')}"


class Output(Case):
    def test_each_stream_has_its_file(self):
        done = self.run_it("echo serial", "echo words >&2", "exit 3")
        self.assertEqual((done.status, done.ended), (3, "exit"))
        self.assertEqual((self.read("log"), self.read("said")), ("serial\n", "words\n"))

    def test_both_streams_in_one_file(self):
        command = self.command("echo serial", "echo words >&2")
        command.said = command.output
        process.run(command)
        self.assertEqual(self.read("log"), "serial\nwords\n")

    def test_a_program_that_writes_the_log_itself(self):
        command = self.command(f"echo serial >{self.path('own')}", "echo banner")
        command.log = self.path("own")
        sizes = []
        process.run(command, tick=sizes.append)
        self.assertEqual((self.read("own"), self.read("log")), ("serial\n", "banner\n"))
        self.assertEqual(sizes[-1], len("serial\n"))

    def test_no_input(self):
        self.run_it("cat", "echo end")
        self.assertEqual(self.read("log"), "end\n")

    def test_working_directory(self):
        there = os.path.realpath(self.dir)
        process.run(self.command("pwd", cwd=there))
        self.assertEqual(self.read("log"), there + "\n")

    def test_the_log_can_be_followed(self):
        sizes = []
        self.run_it("echo 12345", "sleep 0.3", "echo 12345", tick=sizes.append)
        self.assertEqual(sorted(sizes), sizes)
        self.assertLessEqual({6, 12}, set(sizes))
        self.assertEqual(sizes[-1], 12)

    def test_what_is_said_without_end_is_kept_in_part(self):
        self.run_it(f"head -c {process.SAID_CAP * 2} /dev/zero | tr '\\0' '\\377' >&2")
        self.assertEqual(process.said(self.path("said")), "\ufffd" * process.SAID_CAP)


class Ends(Case):
    def test_a_signal(self):
        self.assertEqual(self.run_it("kill -ABRT $$").status, -signal.SIGABRT)

    def test_its_end_is_seen_at_once(self):
        begin = time.monotonic()
        done = self.run_it("sleep 0.3")
        self.assertLess(time.monotonic() - begin - 0.3, 0.25)
        self.assertLessEqual(0.3, done.wall_s)

    def test_timeout(self):
        done = self.run_it(BABBLE, timeout=0.4, silence=5)
        self.assertEqual(done.ended, "timeout")
        self.assertLess(done.wall_s, 2)

    def test_silence(self):
        done = self.run_it("echo x", "sleep 10", timeout=30, silence=0.3)
        self.assertEqual(done.ended, "silence")
        self.assertLess(done.wall_s, 5)

    def test_silence_from_the_start(self):
        self.assertEqual(self.run_it("sleep 10", silence=0.2).ended, "silence")

    def test_one_who_speaks_is_not_silent(self):
        done = self.run_it("for i in 1 2 3 4 5; do echo $i; sleep 0.2; done", silence=0.8)
        self.assertEqual(done.ended, "exit")

    def test_words_on_standard_error_are_no_output(self):
        done = self.run_it(f"{BABBLE} >&2", timeout=20, silence=0.4)
        self.assertEqual(done.ended, "silence")

    def test_flood(self):
        """Seen while it runs, not at its end."""
        done = self.run_it(FLOOD, WAIT, cap=100000)
        self.assertEqual(done.ended, "flood")
        self.assertLess(done.wall_s, 5)

    def test_a_flood_that_ended_by_itself(self):
        done = self.run_it("head -c 200000 /dev/zero", cap=100000)
        self.assertEqual(done.ended, "flood")

    def test_no_tick_beyond_the_cap(self):
        """Who follows the log may take long over it."""
        sizes = []
        lines = "echo x", "sleep 0.1", "head -c 200000 /dev/zero"
        self.run_it(*lines, cap=100000, tick=sizes.append)
        self.assertEqual([size for size in sizes if size > 100000], [])

    def test_exactly_the_cap(self):
        done = self.run_it("head -c 100000 /dev/zero", cap=100000)
        self.assertEqual(done.ended, "exit")

    def test_one_that_ignores_signals(self):
        done = self.run_it(DEAF, WAIT, silence=0.2)
        self.assertEqual((done.ended, done.status), ("silence", -signal.SIGKILL))
        self.assertLess(done.wall_s, process.GRACE_S + 3)

    def test_one_that_is_stopped(self):
        done = self.run_it("kill -STOP $$", silence=0.2)
        self.assertEqual(done.ended, "silence")

    def test_its_children_end_with_it(self):
        for how, line, limits in (
            ("exit", "exit 0", {}),
            ("silence", "wait", {"silence": 0.2}),
            ("silence", f"{DEAF}; sleep 10", {"silence": 0.2}),
        ):
            with self.subTest(line):
                done = self.run_it(self.start_sleeper(), line, **limits)
                self.assertEqual(done.ended, how)
                self.assert_dead(self.sleeper())
                os.unlink(self.path("sleeper"))


class Errors(Case):
    def test_no_such_program(self):
        missing = self.path("missing")
        command = process.Command([missing], self.path("log"), self.path("log"), self.path("said"))
        with self.assertRaises(FileNotFoundError) as caught:
            process.run(command)
        self.assertEqual(caught.exception.filename, missing)
        self.assert_no_guard()

    def test_a_log_that_cannot_be_written(self):
        command = self.command("exit 0")
        command.output = self.path("no", "such", "log")
        with self.assertRaises(FileNotFoundError) as caught:
            process.run(command)
        self.assertEqual(caught.exception.filename, command.output)


class Many(Case):
    def test_threads(self):
        """Each has its own files, limits and status; the slow do not hold up the quick."""
        done = {}

        def one(number):
            log, said = self.path(f"log{number}"), self.path(f"said{number}")
            line = f"echo {number}; sleep 0.{number}; exit {number}"
            command = process.Command(["/bin/sh", "-c", line], log, log, said)
            done[number] = process.run(command, timeout=20), self.read(f"log{number}")

        threads = [threading.Thread(target=one, args=[number]) for number in range(8)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLess(time.monotonic() - begin, 2)
        for number in range(8):
            outcome, text = done[number]
            self.assertEqual((outcome.status, outcome.ended, text), (number, "exit", f"{number}\n"))

    def test_stop_ends_all_and_those_to_come(self):
        outcomes = []

        def one(number):
            log, said = self.path(f"log{number}"), self.path(f"said{number}")
            command = process.Command(["/bin/sh", "-c", "sleep 10"], log, log, said)
            outcomes.append(process.run(command))

        threads = [threading.Thread(target=one, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        self.assertTrue(wait_for(lambda: os.path.exists(self.path("log3"))))
        process.stop()
        for thread in threads:
            thread.join(timeout=10)
        one(4)
        self.assertEqual([outcome.ended for outcome in outcomes], ["interrupted"] * 5)
        process.go()
        self.assertEqual(self.run_it("exit 0").ended, "exit")


class InterruptedAtBirth(Case):
    def test_ctrl_c_while_the_child_starts(self):
        """It may not get lost between its start and the moment in which somebody watches it."""
        born = []

        def popen(*arguments, **options):
            born.append(real(*arguments, **options))
            signal.raise_signal(signal.SIGINT)
            return born[-1]

        real = subprocess.Popen
        handler = signal.getsignal(signal.SIGINT)
        with mock.patch.object(subprocess, "Popen", popen), self.assertRaises(KeyboardInterrupt):
            self.run_it("sleep 10")
        guard, child = born
        self.assertEqual((guard.returncode, child.returncode), (0, -signal.SIGTERM))
        self.assertIs(signal.getsignal(signal.SIGINT), handler)


class Interrupted(Case):
    """Ctrl-C, as a terminal sends it: to our process alone, since the child has its own session."""

    CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from xtklib import process
try:
    process.run(process.Command(["/bin/sh", sys.argv[2]], *[sys.argv[3]] * 2, sys.argv[4]))
except KeyboardInterrupt:
    sys.exit(42)
"""

    def started(self, *lines):
        """(process, sleeper) of a program that has begun."""
        script = self.script("program", self.start_sleeper(), *lines)
        arguments = [host.tree("tools"), script, self.path("log"), self.path("said")]
        child = subprocess.Popen([sys.executable, "-c", self.CODE, *arguments])
        return child, self.sleeper()

    def interrupted(self, *lines):
        child, sleeper = self.started(*lines)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(timeout=10), 42)
        self.assert_dead(sleeper)

    def test_ctrl_c(self):
        self.interrupted("wait")

    def test_ctrl_c_and_a_deaf_program(self):
        self.interrupted(DEAF, WAIT)

    def test_who_is_killed_leaves_nothing_either(self):
        child, sleeper = self.started(DEAF, "echo $$", WAIT)
        self.assertTrue(wait_for(lambda: self.read("log").strip()))
        child.kill()
        child.wait(timeout=10)
        for number in (sleeper, int(self.read("log"))):
            self.assert_dead(number)

    def test_nothing_watches_what_has_ended(self):
        self.run_it("exit 0")
        self.assert_no_guard()


if __name__ == "__main__":
    unittest.main()
