# SPDX-License-Identifier: MIT
"""tools/bench.py: it prints figures, so what must be sure is that each is of what it says."""

import json
import os
import unittest

import host

BENCH = host.tree("tools", "bench.py")
ROW = "# bench: save=xsave switch=eager xcr0=0x7 step=switch instructions={} family=2 ticks={}"
DONE = ["ok 1 bench/thread_switch", "xtk: 1 passed, 0 failed, 0 errors, 0 skipped"]
BEGIN = ["KTAP version 1", '# xtk 0 boot=pvh cpu="x" xcr0=0x7 xss=0x0', "1..1"]


class Bench(host.Case):
    def call(self, *arguments, build=host.BUILD):
        return host.call(BENCH, *arguments, env={**os.environ, "XTK_BUILD": build})

    def refused(self, status, *parts, arguments=(), build=host.BUILD):
        done = self.call(*arguments, build=build)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        self.assert_one_line(done.stderr, *parts)

    def guest(self, status, part, *lines):
        """An emulator whose guest prints these lines."""
        os.makedirs(self.path("build"), exist_ok=True)
        self.write("build/xtk.elf", "")
        qemu = self.fake_qemu("cat <<'EOF'", *lines, "EOF")
        self.refused(status, part, arguments=["--qemu", qemu], build=self.path("build"))

    def test_bad_input(self):
        for bad in (["-n", "0"], ["-n", "1x"], ["-n"], ["-x"], ["stray"], ["--qemu", "no-such"]):
            with self.subTest(bad):
                self.refused(2, bad[-1], arguments=bad)
        self.refused(2, "/no/such/file", arguments=["-o", "/no/such/file"])
        self.refused(2, "make all", build=self.dir)

    def test_counts_that_disagree(self):
        self.guest(1, "111 steps, but 112 ticks", *BEGIN, ROW.format(111, 112), *DONE)

    def test_no_figures(self):
        self.guest(1, "no '# bench:' line", *BEGIN, *DONE)

    def test_a_crash_has_no_figures(self):
        self.guest(1, "no last line", *BEGIN, ROW.format(111, 111))

    def test_an_emulator_that_dies_is_no_floor(self):
        """The switch's figures are good; then the floor kernel does not end as only it does."""
        self.guest(1, "the floor kernel: status 0", *BEGIN, ROW.format(111, 111), *DONE)

    def test_one_run_of_each(self):
        done = self.call("-n", "1", "-o", self.path("figures.json"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        with open(self.path("figures.json"), encoding="utf-8") as file:
            figures = json.load(file)
        self.assertEqual([row["boot"] for row in figures["boot"]], ["kernel", "iso"])
        for row in figures["boot"]:
            self.assertLess(0, row["first_line_s"])
            self.assertLess(row["first_line_s"], row["exit_s"])
            self.assertAlmostEqual(row["ratio"], row["exit_s"] / row["floor_s"], 3)
        found = {(row["save"], row["switch"], row["step"]) for row in figures["switch"]}
        for save in ("fxsave", "xsave", "xsaveopt"):
            for what in (("eager", "switch"), ("lazy", "switch"), ("lazy", "first-use")):
                self.assertIn((save, *what), found)
        for row in figures["switch"]:
            self.assertEqual(row["ours"] + row["family"], row["instructions"])
            # One save and one load, but for FXSAVE: all that it moves is lazy.
            none = row["save"] == "fxsave" and (row["switch"], row["step"]) == ("lazy", "switch")
            self.assertEqual(row["family"], 0 if none else 2, row)


if __name__ == "__main__":
    unittest.main()
