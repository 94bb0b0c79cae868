# SPDX-License-Identifier: MIT
"""Compilers can't spoil a save or a load, whatever flags the user of the library chooses.

spoil/spoil.c is a program full of vector code. It is built with the library in every way, by every
compiler, at every level, and must hold. Then one thing at a time is spoilt, and every check must be
seen to fail with some way of building: so they are known to be able to.
"""

import itertools
import os
import platform
import shutil
import unittest
from concurrent.futures import ThreadPoolExecutor

import host

COMPILERS = ["gcc", "clang"]
LEVELS = ["-O0", "-O1", "-O2", "-O3"]
TARGETS = [[], ["-march=native"]]
# separately compiled; all in one unit; optimised when linking
SHAPES = [("spoil.c", []), ("unity.c", []), ("spoil.c", ["-flto"])]
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Ilib"]
# what the library's xsave.c calls
REST = [f"lib/{name}.c" for name in ("claim", "component", "cpu", "layout", "leaf0d", "xcr0")]
XSAVE = os.path.join("lib", "xsave.c")
# what is spoilt, by another file in the place of lib/xsave.c or by a macro; which checks find it
SPOILT = [
    (os.path.join("tests", "host", "spoil", "spoilt_header.c"), [], "header"),
    (os.path.join("tests", "host", "spoil", "spoilt_live.c"), [], "live"),
    (XSAVE, ["-DSPOILT_RED_ZONE"], "red zone"),
    (XSAVE, ["-DSPOILT_RESET"], "reset"),
]
CHECKS = 11


@unittest.skipUnless(platform.machine() == "x86_64", "needs an x86-64 machine")
class Spoil(host.Case):
    def ways(self):
        found = [name for name in COMPILERS if shutil.which(name)]
        missing = sorted(set(COMPILERS) - set(found))
        if missing:
            self.skipTest(f"{' '.join(missing)} is missing: run 'make deps test'")
        return list(itertools.product(found, LEVELS, TARGETS, SHAPES))

    def run_way(self, number, way, xsave=XSAVE, macros=()):
        """Returns the way as text and the lines of the checks."""
        compiler, level, target, (main, more) = way
        program = self.path(f"spoil{number}")
        library = [xsave, *REST] if main == "spoil.c" else [f'-DXSAVE_C="{os.path.abspath(xsave)}"']
        flags = [*FLAGS, level, *target, *more, *macros]
        main = os.path.join("tests", "host", "spoil", main)
        command = [compiler, *flags, "-o", program, main, *library]
        text = " ".join([compiler, level, *target, *more, os.path.basename(main)])
        built = host.call(*command, cwd=host.ROOT)
        self.assertEqual(built.returncode, 0, f"{text}: {built.stderr}")
        done = host.call(program)
        lines = done.stdout.splitlines()
        self.assertIn(done.returncode, (0, 1), f"{text}: {done.returncode} {done.stdout}")
        return text, lines

    def each_way(self, ways, **spoilt):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(self.run_way, i, way, **spoilt) for i, way in enumerate(ways)]
            return [job.result() for job in jobs]

    def test_holds(self):
        for text, lines in self.each_way(self.ways()):
            with self.subTest(text):
                if " # SKIP " in lines[0]:
                    self.skipTest(lines[0])
                self.assertEqual(lines[-1], f"{CHECKS} passed, 0 failed, 0 skipped", lines)

    def fails_somewhere(self, check, **spoilt):
        """Builds until a check fails; the first line of the last program when none does."""
        lines = []
        for way in self.ways()[::-1]:
            if way[1] == "-O2":
                lines = self.run_way(0, way, **spoilt)[1]
                if any(x.startswith("not ok") and f" {check}: " in x for x in lines):
                    return None
        return lines[0]

    def test_every_check_can_fail(self):
        for xsave, macros, check in SPOILT:
            with self.subTest(check):
                held = self.fails_somewhere(check, xsave=xsave, macros=macros)
                if held and " # SKIP " in held:
                    self.skipTest(held)
                self.assertIsNone(held, "no way of building spoils it")


if __name__ == "__main__":
    unittest.main()
