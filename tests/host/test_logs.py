# SPDX-License-Identifier: MIT
"""The golden logs: run-qemu.sh and tools/xtk must both read them as verdicts.txt says."""

import os
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


class Timeouts(host.Case):
    """What was printed before the kill decides between timeout and crash."""

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
