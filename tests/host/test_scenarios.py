# SPDX-License-Identifier: MIT
"""Scenarios: what a host does to a machine that runs. With the real kernel in the real emulator."""

import contextlib
import io
import json
import os
import shlex
import unittest

import host
from xtklib.scenarios import savevm

WORD = (1 << 64) - 1


def pattern_word(seed, place):
    """A 64-bit word of xregs_pattern(), by its place in struct xregs."""
    z = (seed << 12) + place + 1
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


XMM3 = pattern_word(1, (128 + 3 * 64) // 8)  # its lower half, with seed=1


def qemu_command():
    done = host.call(host.RUN_QEMU, "--kernel", "--print", "--", "tests=scenario/pause_keeps_all_state")
    return shlex.split(done.stdout)


class Savevm(host.Case):
    def run_platform(self, **keys):
        """(status, the run for result.json) of a platform with this engine."""
        row = {"name": "savevm", "engine": "savevm", **keys}
        known = self.write("platforms.json", json.dumps({"version": 1, "platforms": [row]}))
        common = ("--platforms", known, "-p", "savevm", "-o", self.path("out"), "--expect", "none")
        done = host.call(host.tree("tools", "xtk"), "run", *common)
        return done, self.runs() if os.path.exists(self.path("out", "result.json")) else {}

    def test_state_is_kept(self):
        done, runs = self.run_platform()
        self.assertEqual(done.returncode, 0, done)
        (run,) = runs.values()
        names = [(test["name"], test["status"]) for test in run["tests"]]
        self.assertEqual(names, [("scenario/pause_keeps_all_state", "pass")])
        self.assertEqual(done.stdout.count("KTAP version 1"), 1)

    def test_guest_that_never_waits(self):
        path = self.fake_qemu("echo no kernel; exit 0")
        done, runs = self.run_platform(path=path)
        self.assertIn(done.returncode, (2, 3), done)

    def halves(self, damage):
        """What the guest says when the state is damaged between the two halves."""
        state = self.path("state")
        command = qemu_command()
        said = io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(said):
            self.assertTrue(savevm.save(command, self.dir, state))
            damage(state)
            savevm.go_on(command, self.dir, state)
        return said.buffer.getvalue().decode()

    def test_a_lost_register_is_seen(self):
        def lose_xmm3(path):
            with open(path, "rb") as file:
                state = file.read()
            value = XMM3.to_bytes(8, "big")
            self.assertEqual(state.count(value), 1, "XMM3 in QEMU's format")
            with open(path, "wb") as file:
                file.write(state.replace(value, bytes(8)))

        said = self.halves(lose_xmm3)
        self.assertRegex(said, r"(?m)^# fail: .* rule=I07 .* register=xmm3")
        self.assertRegex(said, r"(?m)^not ok 1 scenario/pause_keeps_all_state")

    def test_state_that_cannot_be_loaded(self):
        def cut(path):
            os.truncate(path, os.path.getsize(path) // 2)

        with self.assertRaises((savevm.Stop, OSError)):
            self.halves(cut)


if __name__ == "__main__":
    unittest.main()
