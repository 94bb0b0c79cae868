# SPDX-License-Identifier: MIT
"""A matrix that is ended halfway: nothing measured is lost, --resume goes on, nothing runs on."""

import io
import json
import os
import shutil
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import host
from xtklib import matrix, process
from xtklib.progress import Progress

FAST = {"a/one": "pass"}
# The first two platforms are done at once; the third one hangs.
HALF = {"a/one": {"c": "hang", "": "pass"}, "b/two": "pass"}
DISK_FULL = """
mount -t tmpfs -o size=1m none "$1" || exit 77
shift
"$@" -p one; echo "first: $?"
dd if=/dev/zero of={0}/fill bs=1k count={1} 2>/dev/null
"$@" --resume; echo "second: $?"
cp {0}/out/result.json {2}
"""


class Resume(host.Case):
    def start(self, tests, *arguments, cpus="abcd"):
        known = self.platforms(self.fake_kernel(tests), *cpus)
        command, env = self.matrix_command(known, "-j", "1", *arguments)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        child = subprocess.Popen(command, env=env, text=True, **pipes)
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        return child

    def wait_for(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.05)

    def started(self, count):
        """Wait for so many boots."""
        path = self.path("plan.json.boots")
        self.wait_for(lambda: os.path.exists(path) and len(self.boots()) >= count)

    def resume(self, status=0, cpus="abcd"):
        self.write("plan.json", json.dumps(FAST))
        done = self.matrix_of(self.path("platforms.json"), "--resume", "-j", "1")
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual("".join(self.runs()), cpus)
        return done

    def emulators(self):
        """The fake emulators that are still running."""
        return host.call("pgrep", "-f", self.path("plan.json")).stdout.split()

    def test_killed_halfway(self):
        child = self.start(HALF)
        self.started(3)
        child.kill()
        child.wait()
        self.assertEqual(list(self.runs()), ["a", "b"])
        self.wait_for(lambda: not self.emulators())
        self.resume()
        self.assertEqual([boot[0] for boot in self.boots()], ["a", "b", "c", "c", "d"])
        self.assertTrue(os.path.exists(self.path("out", "logs", "c.log.cut1")))

    def interrupted_by(self, number):
        child = self.start(HALF)
        self.started(3)
        child.send_signal(number)
        said = "".join(child.communicate(timeout=20))
        self.assertEqual(child.returncode, 130, said)
        self.assertIn("interrupted, 2 to go", said)
        self.assertIn("--resume", said)
        self.assertRegex(said, r"total +4 ")
        self.assertEqual(list(self.runs()), ["a", "b"])
        self.assertEqual(self.emulators(), [])
        self.resume()
        self.assertEqual([boot[0] for boot in self.boots()], ["a", "b", "c", "c", "d"])

    def test_ctrl_c(self):
        self.interrupted_by(signal.SIGINT)

    def test_sigterm(self):
        self.interrupted_by(signal.SIGTERM)

    def test_with_several_at_a_time(self):
        child = self.start({"a/one": "hang"}, "-j", "3")
        self.started(3)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
        self.assertEqual((child.returncode, self.emulators(), self.runs()), (130, [], {}))
        self.assertEqual(len(self.boots()), 3)

    def test_of_a_whole_one_nothing_runs_again(self):
        tests = {"a/one": {"a": "fail", "": "pass"}}
        self.matrix(tests, cpus="abcd")
        boots = self.boots()
        done = self.resume(status=1)
        self.assertIn("a: unexpected failure: a/one", done.stdout)
        self.assertEqual(self.boots(), boots)

    def statuses(self, job):
        (test,) = self.runs()[job]["tests"]
        return test["status"], bool(test["expect"])

    def test_what_is_known_is_known_afresh(self):
        self.matrix({"a/one": {"a": "fail", "": "pass"}}, cpus="ab")
        self.assertEqual((self.statuses("a"), self.statuses("b")), (("fail", 0), ("pass", 0)))
        for name in "ab":
            self.write(name + ".txt", "a/one | * | expires 2999-01-01 | why | bug 1\n")
        done = self.resume(status=1, cpus="ab")
        self.assertEqual((self.statuses("a"), self.statuses("b")), (("known", 1), ("pass", 1)))
        self.assertIn("unexpected pass: a/one", done.stdout)
        os.unlink(self.path("b.txt"))
        self.resume(status=0, cpus="ab")
        self.assertEqual((self.statuses("a"), self.statuses("b")), (("known", 1), ("pass", 0)))
        os.unlink(self.path("a.txt"))
        self.resume(status=1, cpus="ab")
        self.assertEqual(self.statuses("a"), ("fail", 0))

    def test_what_is_known_of_platforms_that_were_not_asked_for_again(self):
        self.write("a.txt", "a/one | * | expires 2999-01-01 | why | bug 1\n")
        self.matrix({"a/one": {"a": "fail", "": "pass"}}, "-p", "a", cpus="ab")
        done = self.matrix_of(self.path("platforms.json"), "--resume", "-p", "b")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.statuses("a"), ("known", 1))

    def test_of_another_build(self):
        self.matrix(FAST)
        later = time.time() + 10
        known = self.path("platforms.json")
        command, env = self.matrix_command(known, "--resume")
        os.utime(self.path("xtk.elf"), (later, later))
        done = host.call(*command, env=env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("xtk.elf is newer", done.stderr)

    def test_of_other_options(self):
        self.matrix(FAST)
        rows = json.dumps({"name": "one", "engine": "qemu", "boot": "kernel", "smp": 2})
        known = self.write("smp.json", f'{{"version": 1, "platforms": [{rows}]}}')
        for arguments in ([known], [self.path("platforms.json"), "--", "seed=2"]):
            done = self.matrix_of(arguments[0], "--resume", *arguments[1:])
            self.assertEqual(done.returncode, 2)
            self.assertIn("was another job", done.stderr)


class AtTheStart(host.Case):
    def test_ctrl_c_while_jobs_are_handed_out(self):
        """It must not wait for those that have begun, nor leave them running."""
        self.addCleanup(process.go)
        handed = []

        def submit(pool, work, job):
            handed.append(job)
            if len(handed) == 2:
                raise KeyboardInterrupt
            return real(pool, work, job)

        def work(_job):
            process.stopping.wait(20)
            raise KeyboardInterrupt

        real = ThreadPoolExecutor.submit
        session = matrix.Session(self.dir)
        progress = Progress(io.StringIO(), 3)
        with mock.patch.object(ThreadPoolExecutor, "submit", submit):
            matrix.carry_out("abc", 1, work, session, progress)
        self.assertEqual((session.interrupted, handed), (True, ["a", "b"]))
        self.assertTrue(process.stopping.is_set())


class OneDirectory(host.Case):
    def test_two_runs_one_after_the_other(self):
        self.assertEqual(self.matrix(FAST).returncode, 0)
        before = self.runs()
        done = self.matrix(FAST)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, self.path("out"), "another run", "--resume")
        self.assertEqual(self.runs(), before)

    def test_two_runs_at_a_time(self):
        known = self.platforms(self.fake_kernel({"a/hang": "hang"}), "one")
        command, env = self.matrix_command(known)
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=env, **silent) as first:
            while not os.path.exists(self.path("plan.json.boots")):
                time.sleep(0.05)
            for more in ([], ["--resume"]):
                done = self.matrix_of(known, *more)
                self.assertEqual(done.returncode, 2)
                self.assert_one_line(done.stderr, "another run is writing there")
            first.send_signal(signal.SIGINT)
        self.assertEqual(first.returncode, 130)

    def test_the_default_one_is_replaced(self):
        known = self.platforms(self.fake_kernel(FAST), "one", "two")
        command, env = self.matrix_command(known)
        at = command.index("-o")
        del command[at : at + 2]
        for arguments, names in ((["-p", "one"], ["one"]), (["-p", "two"], ["two"])):
            self.assertEqual(host.call(*command, *arguments, env=env).returncode, 0)
            self.assertEqual(list(self.runs("matrix")), names)
            self.assertEqual(os.listdir(self.path("matrix", "logs")), [names[0] + ".log"])


class DiskFull(host.Case):
    def fill(self, kilobytes):
        """A matrix whose second half meets a full disk: (what it said, the runs that are kept)."""
        if not shutil.which("unshare"):
            self.skipTest("unshare is not installed")
        disk = self.path("disk")
        os.mkdir(disk)
        known = self.platforms(self.fake_kernel(FAST), "one", "two")
        command, env = self.matrix_command(known)
        command[command.index("-o") + 1] = disk + "/out"
        script = DISK_FULL.format(disk, kilobytes, self.path("result.json"))
        done = host.call("unshare", "-rm", "sh", "-c", script, "sh", disk, *command, env=env)
        if "first:" not in done.stdout:
            self.skipTest("no tmpfs can be mounted here: " + done.stderr)
        self.assertIn("first: 0", done.stdout)
        self.assertIn("second: 2", done.stdout)
        self.assertIn("--resume", done.stderr.splitlines()[-1])
        with open(self.path("result.json"), encoding="utf-8") as file:
            kept = [run["platform"] for run in json.load(file)["runs"]]
        self.assertEqual(kept, ["one"])
        return done.stderr.splitlines()[-1]

    def test_no_room_for_the_result(self):
        self.assertIn("No space left on device", self.fill(2000))

    def test_a_log_that_may_be_cut(self):
        self.assertIn("the disk is full", self.fill(970))


if __name__ == "__main__":
    unittest.main()
