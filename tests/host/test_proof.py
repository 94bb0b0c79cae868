# SPDX-License-Identifier: MIT
"""tests/proof: its tables name what is there; what finds components and what judges is proven here.

`make prove` proves all of it, in some minutes. Without cbmc, and without a way to get Debian's, the
proofs are skipped.
"""

import glob
import os
import re
import sys
import unittest

import host

sys.path.insert(0, host.tree("tests", "proof"))

import run as proof  # noqa: E402


def read(*names):
    with open(host.tree(*names), encoding="utf-8") as file:
        return file.read()


class Tables(unittest.TestCase):
    def test_every_harness_is_in_the_table(self):
        there = set()
        for path in glob.glob(host.tree("tests", "proof", "*_proof.c")):
            group = os.path.basename(path)[: -len("_proof.c")]
            text = read("tests", "proof", f"{group}_proof.c")
            names = re.findall(r"^void prove_(\w+)\(void\)", text, re.M)
            there |= {f"{group}/{name}" for name in names}
        self.assertTrue(there)
        self.assertEqual({harness.title for harness in proof.read_harnesses()}, there)

    def test_every_harness_has_a_seed_that_fits(self):
        seeds = [proof.Seed(*cells) for cells in proof.rows("seeds.txt", 4)]
        self.assertEqual({s.title for s in seeds}, {h.title for h in proof.read_harnesses()})
        self.assertEqual(len(seeds), len({(s.title, s.new) for s in seeds}), "a line twice")
        for seed in seeds:
            self.assertEqual(read("lib", seed.file).count(seed.old), 1, seed)

    def test_a_verdict_wants_what_must_fail_and_nothing_else(self):
        said = "[f.1] line 3 inside: {}\n[f.2] line 4 reached: the end: {}\n** VERIFICATION FAILED\n"
        self.assertEqual(proof.judge(said.format("SUCCESS", "FAILURE")), ("", 2))
        self.assertEqual(proof.judge(said.format("FAILURE", "FAILURE"))[0], "inside")
        self.assertEqual(proof.judge(said.format("SUCCESS", "SUCCESS"))[0], "reached: the end")
        self.assertEqual(proof.judge(said.format("UNKNOWN", "FAILURE"))[0], "inside")
        self.assertTrue(proof.judge("[f.1] line 3 inside: SUCCESS\nVERIFICATION SUCCESSFUL\n")[0])
        self.assertEqual(proof.judge("no answer within 900 s\n"), ("no answer within 900 s", 0))


class Proofs(unittest.TestCase):
    def setUp(self):
        try:
            proof.find_tools()
        except proof.Trouble as error:
            self.skipTest(str(error))

    def test_components_are_found_inside_and_images_judged(self):
        for group in ("image/", "validate/"):
            done = host.call(host.tree("tests", "proof", "run.py"), group)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("proven", done.stdout)


if __name__ == "__main__":
    unittest.main()
