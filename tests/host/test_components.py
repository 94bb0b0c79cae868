# SPDX-License-Identifier: MIT
"""The `# component:` lines of a boot, and what result.json makes of them."""

import unittest

import host
from xtklib import platforms

# What TCG has, as SDM vol. 1, "Extended Region of an XSAVE Area", and CPUID place it.
AVX = {"bit": 2, "size": 256, "offset": 576, "align": 0}
BNDREGS = {"bit": 3, "size": 64, "offset": 960, "align": 0}
BNDCSR = {"bit": 4, "size": 64, "offset": 1024, "align": 0}
PKRU = {"bit": 9, "size": 8, "offset": 2688, "align": 0}
CET_U = {"bit": 11, "size": 16, "offset": 0, "align": 0}
BOCHS = "bochs-3.0-arrow_lake"


class Components(host.Case):
    def components(self, *platform):
        command = [host.tree("tools", "xtk"), "run", "-o", self.path("out"), *platform]
        done = host.call(*command, "--expect", "none", "--", "tests=selftest/pass")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (run,) = self.runs().values()
        with open(self.path("out", run["log"]), encoding="utf-8") as file:
            self.check_places(file.read().splitlines())
        return run["components"]

    def of_qemu(self, cpu):
        return self.components("--qemu", "qemu-system-x86_64", "--kernel", "--cpu", cpu)

    def check_places(self, log):
        """Between the header and the plan, whatever a reader does with them."""
        kinds = [" ".join(line.split()[:2]) for line in log]
        header, plan = kinds.index("# xtk"), next(i for i, x in enumerate(log) if x[:3] == "1..")
        at = [i for i, kind in enumerate(kinds) if kind == "# component:"]
        self.assertTrue(all(header < i < plan for i in at), log[:10])

    def test_all_of_them(self):
        self.assertEqual(self.of_qemu("max"), [AVX, BNDREGS, BNDCSR, PKRU])

    def test_without_avx(self):
        self.assertEqual(self.of_qemu("max,-avx"), [BNDREGS, BNDCSR, PKRU])

    def test_none_without_xsave(self):
        self.assertEqual(self.of_qemu("qemu64"), [])

    def test_supervisor_components(self):
        (one,) = platforms.choose(platforms.read(), [BOCHS])
        if platforms.why_not(one):
            self.skipTest(platforms.why_not(one))
        found = self.components("-p", BOCHS)
        self.assertEqual([c for c in found if c["bit"] in (2, 11)], [AVX, CET_U])


if __name__ == "__main__":
    unittest.main()
