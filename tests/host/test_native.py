# SPDX-License-Identifier: MIT
"""The C tests beside this file: each *_test.c is built with every compiler and run.

What is tested is compiled as in the kernel, with -mgeneral-regs-only; a test is when it says so.
A line "Links: FILE…" in its head names what it is linked with; without one that is the library
and kernel/SUBJECT*, SUBJECT being the first word of its name. It ends with `N passed, N failed,
N skipped`; what it skipped is printed here.
"""

import glob
import os
import re
import shutil
import unittest

import host

FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]
FLAGS += ["-Ilib", "-Ikernel/include", "-Ikernel", "-Itests/host"]
GENERAL = ["-mgeneral-regs-only", "-fno-jump-tables"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# These map fixed low memory, or count on registers that the sanitizers' code uses.
UNSANITIZED = re.compile("low_memory.h|xregs_load|sys/mman.h")
LAST = re.compile(r"([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped")


def tests():
    return sorted(glob.glob(host.tree("tests", "host", "*_test.c")))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def links(path):
    named = re.search(r"Links:((?:\s+\*?\s*\S+/\S+\.(?:c|asm))+)", read(path))
    if named:
        return [name for name in named[1].split() if name != "*"]
    subject = os.path.basename(path).split("_")[0]
    patterns = ("lib/*.c", f"kernel/{subject}*.c", f"kernel/{subject}*.asm")
    found = (glob.glob(host.tree(*pattern.split("/"))) for pattern in patterns)
    return sorted(os.path.relpath(name, host.ROOT) for names in found for name in names)


class Native(host.Case):
    def run_here(self, *command):
        done = host.call(*command, cwd=host.ROOT)
        said = done.stdout[-3000:] + done.stderr
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{said}")
        return done.stdout

    def assemble(self, source):
        out = self.path(os.path.basename(source) + ".o")
        include = ["-Ikernel/", f"-I{os.path.abspath(host.BUILD)}/"]
        self.run_here("nasm", "-f", "elf64", *include, "-o", out, source)
        return out

    def build(self, compiler, path, flags):
        program = self.path(os.path.basename(path)[:-2])
        own = GENERAL if GENERAL[0] in read(path) else []
        self.run_here(compiler, *FLAGS, *own, *flags, "-c", "-o", program + ".o", path)
        inputs = [self.assemble(x) if x.endswith(".asm") else x for x in links(path)]
        inputs.append(program + ".o")
        self.run_here(compiler, *FLAGS, *GENERAL, *flags, "-no-pie", "-o", program, *inputs)
        return program

    def check(self, compiler, path, *flags):
        output = self.run_here(self.build(compiler, path, flags))
        last = LAST.fullmatch(output.splitlines()[-1])
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
        for path in tests():
            if choose(read(path)):
                with self.subTest(os.path.basename(path)):
                    self.check(compiler, path, *flags)

    def test_there_are_some(self):
        self.assertTrue(tests())

    def test_gcc(self):
        self.each("gcc")

    def test_clang(self):
        self.each("clang")

    def test_sanitizers(self):
        self.each("gcc", *SANITIZE, choose=lambda text: not UNSANITIZED.search(text))


if __name__ == "__main__":
    unittest.main()
