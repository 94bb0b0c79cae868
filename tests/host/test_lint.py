# SPDX-License-Identifier: MIT
"""The project's own checks in tools/lint/: each goes red on what it is for."""

import os
import shutil
import unittest

import host

GOOD = {
    "lib/xsave.h": "#include <stdint.h>\n",
    "lib/xsave.c": '#include "xsave.h"\nint lib_f(void);\nint lib_f(void) { return 1; }\n',
    "kernel/include/xtk/test.h": "#include <stdbool.h>\n#include <xsave.h>\n",
    "kernel/include/xtk/frame.h": "",
    "kernel/private.h": "#include <xtk/test.h>\n",
    "kernel/main.c": '#include "private.h"\nint kernel_f(void) { return 1; }\n',
    "kernel/macros.inc": "",
    "kernel/entry.asm": '%include "macros.inc"\n%include "asm-offsets.inc"\n',
    "kernel/ist/plain.c": "#include <xtk/frame.h>\n",
    "tests/boot.c": "#include <xtk/test.h>\n#include <xsave.h>\nint test_f(void) { return 1; }\n",
    "tests/host/lib_test.c": '#include <stdio.h>\n#include "xsave.h"\n',
    "tests/fuzz/image.c": '#include <stdlib.h>\n#include "xsave.h"\n#include "xstate.h"\n',
    "tests/proof/image.c": '#include "xsave.h"\n',
    "tools/xstate/xstate.h": '#include <stdio.h>\n#include "xsave.h"\n',
}


class Directions(host.Case):
    def setUp(self):
        super().setUp()
        for name, text in GOOD.items():
            self.put(name, text)

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        self.write(name, text)

    def check(self, *arguments):
        return host.call(host.tree("tools", "lint", "directions.py"), *arguments, cwd=self.dir)

    def test_a_good_tree(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)

    def test_forbidden_includes(self):
        for name, include in (
            ("lib/xsave.h", "<xtk/test.h>"),
            ("lib/xsave.c", '"../kernel/private.h"'),
            ("lib/xsave.c", "<string.h>"),
            ("kernel/main.c", '"../tests/boot.c"'),
            ("kernel/main.c", '"ist/plain.c"'),
            ("kernel/main.c", "<stdio.h>"),
            ("kernel/include/xtk/test.h", '"private.h"'),
            ("kernel/ist/plain.c", '"private.h"'),
            ("kernel/ist/plain.c", "<xtk/test.h>"),
            ("tests/boot.c", '"private.h"'),
            ("tests/boot.c", '"../kernel/private.h"'),
            ("tests/boot.c", '"nowhere.h"'),
            ("tests/fuzz/image.c", '"private.h"'),
            ("tests/proof/image.c", '"xstate.h"'),
            ("tools/xstate/xstate.h", "<xtk/test.h>"),
        ):
            with self.subTest(name=name, include=include):
                self.put(name, f"\n#include {include}\n{GOOD[name]}")
                done = self.check()
                self.put(name, GOOD[name])
                self.assertEqual(done.returncode, 1)
                self.assert_one_line(done.stdout, f"{name}:2: ")

    def test_assembly(self):
        self.put("boot/start.asm", '%include "private.h"\n')
        self.assertEqual(self.check().returncode, 1)

    def compile(self, name, text):
        self.put(name, text)
        os.makedirs(os.path.dirname(self.path("build", name)), exist_ok=True)
        done = host.call("gcc", "-c", "-o", f"build/{name}.o", name, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done)

    def test_links_that_no_include_shows(self):
        names = {"lib/a.c": "lib_a", "kernel/a.c": "kernel_a", "tests/a.c": "test_a"}
        for user, target, red in (
            ("lib/a.c", "kernel_a", 1),
            ("lib/a.c", "test_a", 1),
            ("kernel/a.c", "test_a", 1),
            ("kernel/a.c", "lib_a", 0),
            ("tests/a.c", "kernel_a", 0),
            ("lib/a.c", "memcpy_of_nobody", 0),
        ):
            with self.subTest(user=user, target=target):
                for name, symbol in names.items():
                    body = f"int {target}(void);\n" if name == user else ""
                    call = f"{target}()" if name == user else "1"
                    self.compile(name, f"{body}int {symbol}(void) {{ return {call}; }}\n")
                self.assertEqual(self.check("build").returncode, red)

    def test_nothing_built(self):
        os.mkdir(self.path("build"))
        self.assertEqual(self.check("build").returncode, 1)


class Vectors(host.Case):
    CLEAN = 'void f(char *p) { __asm__("xsave64 (%0); ldmxcsr 24(%0); fninit" : : "r"(p)); }\n'

    def check(self, *objects):
        return host.call(host.tree("tools", "lint", "vectors.sh"), *objects)

    def compile(self, text):
        source, out = self.write("a.c", text), self.path("a.o")
        done = host.call("gcc", "-O2", "-c", "-mavx512f", "-mmpx", "-o", out, source)
        self.assertEqual(done.returncode, 0, done)
        return out

    def test_clean(self):
        done = self.check(self.compile(self.CLEAN))
        self.assertEqual((done.returncode, done.stdout), (0, ""), done)

    def test_each_register_file(self):
        for instruction in (
            "fld %st(1)", "movq %mm3, %mm4", "movaps %xmm0, %xmm15", "vmovaps %ymm1, %ymm2",
            "vmovaps %zmm16, %zmm31", "kmovw %k1, %k2", "bndmov %bnd0, %bnd1", "tilezero %tmm7",
        ):  # fmt: skip
            with self.subTest(instruction):
                done = self.check(self.compile(f'void f(void) {{ __asm__("{instruction}"); }}\n'))
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(instruction.split()[0], done.stdout)

    def test_code_that_the_compiler_makes(self):
        done = self.check(self.compile("double f(double a, double b) { return a * b; }\n"))
        self.assertEqual(done.returncode, 1, done)

    def test_only_the_self_test_may_and_only_in_two_functions(self):
        load = '{ __asm__("movaps %xmm0, %xmm1"); }\n'
        other = "void other(void) { }\n"
        os.mkdir(self.path("lib"))
        for place, text, status in (
            ("lib/selftest.c.o", f"void load_registers(void) {load}{other}", 0),
            ("lib/selftest.c.o", f"void store_registers(void) {load}{other}", 0),
            ("lib/selftest.c.o", f"void load_registers(void) {load}void other(void) {load}", 1),
            ("other.o", f"void load_registers(void) {load}{other}", 1),
        ):
            with self.subTest(place=place, text=text):
                os.rename(self.compile(text), self.path(place))
                self.assertEqual(self.check(self.path(place)).returncode, status)

    def test_bad_input(self):
        self.assertEqual(self.check().returncode, 2)
        self.assertEqual(self.check(self.path("missing.o")).returncode, 2)
        self.assertEqual(self.check(self.write("text.o", "text")).returncode, 2)


class Run(host.Case):
    def test_bad_input(self):
        done = host.call(host.tree("tools", "lint", "run.sh"), self.path("nowhere"), cwd=host.ROOT)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "usage")

    def test_without_a_tool(self):
        os.mkdir(self.path("bin"))
        for tool in ("bash", "find", "sort", "grep", "clang-format"):
            os.symlink(shutil.which(tool), self.path("bin", tool))
        command = (host.tree("tools", "lint", "run.sh"), self.dir)
        done = host.call(*command, cwd=host.ROOT, env={**os.environ, "PATH": self.path("bin")})
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "cppcheck", "make deps lint")


if __name__ == "__main__":
    unittest.main()
