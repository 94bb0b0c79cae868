# SPDX-License-Identifier: MIT
"""The C tests beside this file, as ctests.py says: each is built with every compiler and run.

What it skipped is printed here.
"""

import os
import re
import shutil
import unittest

import ctests
import host

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# These map fixed low memory, or count on registers that the sanitizers' code uses.
UNSANITIZED = re.compile("low_memory.h|xregs_load|sys/mman.h")


class Native(host.Case):
    def check(self, compiler, path, *flags):
        try:
            output = ctests.run(ctests.build(compiler, path, self.dir, flags))
        except ctests.Broken as broken:
            self.fail(str(broken))
        last = ctests.LAST.fullmatch(output.splitlines()[-1])
        self.assertTrue(last, f"no last line in: {output[-500:]}")
        passed, failed, skipped = map(int, last.groups())
        self.assertTrue(passed and not failed, output[-2000:])
        skips = [line for line in output.splitlines() if " # SKIP " in line]
        self.assertEqual(skipped, len(skips))
        for line in skips:
            print(f"\nskipped: {os.path.basename(path)}: {line}", end="")

    def each(self, compiler, *flags, choose=lambda text: True):
        if not shutil.which(compiler):
            self.skipTest(f"{compiler} is missing: run 'make deps test'")
        for path in ctests.find():
            if choose(ctests.read(path)):
                with self.subTest(os.path.basename(path)):
                    self.check(compiler, path, *flags)

    def test_there_are_some(self):
        self.assertTrue(ctests.find())

    def test_gcc(self):
        self.each("gcc")

    def test_clang(self):
        self.each("clang")

    def test_sanitizers(self):
        self.each("gcc", *SANITIZE, choose=lambda text: not UNSANITIZED.search(text))


if __name__ == "__main__":
    unittest.main()
