# SPDX-License-Identifier: MIT
"""The golden logs: run-qemu.sh and tools/xtk must both read them as verdicts.txt says."""

import os
import resource
import subprocess
import sys
import unittest

import host

from xtklib import ktap


class GoldenLogs(host.Case):
    def test_the_table_names_every_log(self):
        names = {name for _, name in host.verdicts()}
        files = {name[:-4] for name in os.listdir(host.LOGS) if name.endswith(".log")}
        self.assertEqual(names, files)

    def test_run_qemu(self):
        for status, name in host.verdicts():
            with self.subTest(name):
                done = self.run_fake(f"exec cat {host.log_path(name)}")
                self.assertEqual(done.returncode, status, done.stderr)
                with open(self.path("log"), "rb") as kept, open(host.log_path(name), "rb") as log:
                    self.assertEqual(kept.read(), log.read(), "the kept log is not the serial text")

    def test_xtk_parse(self):
        for status, name in host.verdicts():
            with self.subTest(name):
                self.assertEqual(ktap.read_log(host.log_path(name)).status, status)
                self.assertEqual(host.xtk("parse", host.log_path(name))[0], status)

    def test_the_reasons_are_the_same(self):
        for _, name in host.verdicts():
            with self.subTest(name):
                said = self.run_fake(f"exec cat {host.log_path(name)}").stderr
                reason = said.replace("run-qemu.sh: ", "").strip()
                if not reason.startswith("failed"):  # where xtk gives counts instead
                    self.assertIn(reason, host.xtk("parse", host.log_path(name))[1])


class Cuts(host.Case):
    """A log that is cut anywhere is that of a crash, whatever its whole would be."""

    def test_every_byte_of_each_orderly_log(self):
        for status, name in host.verdicts():
            if status == 3:
                continue
            with open(host.log_path(name), "rb") as file:
                text = file.read().rstrip(b"\r\n")
            for size in range(len(text)):
                with open(self.path("cut.log"), "wb") as file:
                    file.write(text[:size])
                seen = ktap.read_log(self.path("cut.log")).status
                # The usage line is an end by itself, however much of it is left.
                orderly = b"xtk: usage: " in text[:size]
                self.assertEqual(seen, 2 if orderly else 3, f"{name} cut to {size} bytes")


class Large(host.Case):
    """Logs of any size are read in bounded memory and in seconds."""

    SIZE = 100 << 20  # bytes
    MEMORY = 160 << 20  # of the process, half of which Python itself maps
    AWK_MEMORY = 32 << 20

    def log_with(self, middle, size=SIZE, name="pass"):
        """A golden log with that many bytes of @middle before its results."""
        with open(host.log_path(name), "rb") as file:
            head, result, rest = file.read().partition(b"# checks: ")
        with open(self.path("large.log"), "wb") as file:
            file.write(head)
            piece = middle * (1 + (1 << 20) // len(middle))
            for _ in range(size // len(piece)):
                file.write(piece)
            file.write(result + rest)
        return self.path("large.log")

    def limited(self, memory, *command):
        """(status, stderr) of a program in little memory."""
        limits = (memory, memory)
        done = subprocess.run(
            command,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
        self.assertNotIn("Traceback", done.stderr)
        return done.returncode, done.stderr

    def parse(self, path):
        return self.limited(self.MEMORY, sys.executable, host.tree("tools", "xtk"), "parse", path)

    def awk(self, path):
        """By run-qemu.sh; without an ELF it does not look for addresses in the stream."""
        qemu = ["--qemu", self.fake_qemu(f"exec cat {path}"), "--log", self.path("log")]
        image = ["--image", self.write("fake.iso", "")]
        return self.limited(self.AWK_MEMORY, host.RUN_QEMU, *image, *qemu)

    def test_diagnostics(self):
        path = self.log_with(b"# ev t=123456 what=enter vec=2 ist=2 rsp=0x7f00 rip=0x1234\n")
        status, said = self.parse(path)
        self.assertEqual(status, 0, said)

    def test_details_of_one_test(self):
        line = b"# fail: test=switch/eager rule=V04 expected=0x37f got=0x40 where=thread 3\n"
        status, said = self.parse(self.log_with(line, self.SIZE // 2, "fail"))
        self.assertEqual(status, 1, said)

    def test_results_without_end(self):
        path = self.log_with(b"ok 1 boot/entry\n")
        status, said = self.parse(path)
        self.assertEqual(status, 3)
        self.assertIn("crash: result 2 is missing or out of order", said)

    def test_a_line_without_end(self):
        path = self.log_with(b"x")
        for reader in (self.parse, self.awk):
            status, said = reader(path)
            self.assertEqual(status, 3)
            self.assertIn("crash: a line of more than 65536 bytes", said)

    def test_the_longest_line(self):
        """Both readers take a line of that length, and none of one byte more."""
        for more, status in ((0, 0), (1, 3)):
            for end in (b"\n", b"\r\n"):
                line = b"x" * (65536 + more + 1 - len(end)) + end
                with open(host.log_path("pass"), "rb") as file:
                    self.write("long.log", line.decode() + file.read().decode())
                with open(self.path("long.log"), "rb") as file:
                    self.assertEqual(len(file.readline()), 65537 + more)
                for reader in (self.parse, self.awk):
                    seen, said = reader(self.path("long.log"))
                    self.assertEqual(seen, status, said)

    def test_numbers_that_no_machine_word_holds(self):
        with open(host.log_path("pass"), encoding="utf-8") as file:
            good = file.read()
        digits = "1" * 5000
        for old, new, status in (
            ("1..3", f"1..{digits}", 3),
            ("ok 2 ", f"ok {digits} ", 3),
            ("xtk: 2 ", f"xtk: {digits} ", 3),
            ("xtk: 2 ", f"xtk: {'0' * 5000}2 ", 0),
        ):
            path = self.write("digits.log", good.replace(old, new))
            for reader in (self.parse, self.awk):
                seen, said = reader(path)
                self.assertEqual(seen, status, said)


class Timeouts(host.Case):
    """What was printed before the kill decides between timeout and crash.

    Silence, the limit in all and endless output as `xtk run` sees them are in test_xtk_run.py.
    """

    def timed(self, name, *more):
        lines = [f"cat {host.log_path(name)}", *more, "exec sleep 60"]
        return self.run_fake(*lines, options=["--timeout", "1"]).returncode

    def test_silence(self):
        self.assertEqual(self.timed("empty"), 4)

    def test_after_a_truncated_log(self):
        self.assertEqual(self.timed("truncated"), 4)

    def test_after_an_orderly_end(self):
        self.assertEqual(self.timed("pass"), 4)

    def test_after_a_failure(self):
        self.assertEqual(self.timed("fail"), 4)

    def test_after_a_panic(self):
        self.assertEqual(self.timed("panic-in-test"), 3)

    def test_endless_output(self):
        done = self.run_fake(
            "while :; do echo '# still here'; sleep 0.01; done", options=["--timeout", "1"]
        )
        self.assertEqual(done.returncode, 4)

    def test_an_emulator_that_ignores_sigterm(self):
        done = self.run_fake("trap '' TERM", "sleep 60", options=["--timeout", "1"])
        self.assertEqual(done.returncode, 4)


if __name__ == "__main__":
    unittest.main()
