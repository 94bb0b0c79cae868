# SPDX-License-Identifier: MIT
"""lib/ in other people's programs: copied into a project, or installed by `make lib`."""

import filecmp
import glob
import os
import re
import shutil
import unittest

import host

PROGRAM = """
#include <stdio.h>
#include "xsave.h"
#include "xsave/image.h"
#include "xsave/reg.h"

static struct xsave area;

int main(void)
{
	static const struct xsave initial = XSAVE_DEFAULT;
	struct xsave_image image = { &area, sizeof(area), &xsave_layout_common };

	xsave_load(&initial);
	xsave_save(&area);
	printf("%x\\n", xsave_image_mxcsr(&image));
	return !xsave_reg(0);
}
"""

# What a debugger in C++ needs: the portable half, without the areas and the instructions.
CPLUSPLUS = """
extern "C" {
#include <xsave/image.h>
#include <xsave/linux.h>
#include <xsave/reg.h>
#include <xsave/xcr0.h>
}
#include <cstdio>

int main()
{
	static unsigned char legacy[512] = { 0x7f, 3 };
	xsave_image image = { legacy, sizeof(legacy), &xsave_layout_intel };

	xsave_for_each_bit (bit, xsave_image_components(&image))
		std::printf("%s ", xsave_component(bit)->name);
	std::printf("%s\\n", xsave_xcr0_rule(xsave_xcr0_check(2, 7)));
	return 0;
}
"""

STRICT = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow"]
# What a compiler may call whatever the source says (gcc manual, "Standards").
COMPILER_CALLS = {"memcpy", "memset", "memmove", "memcmp"}
# A row of `objdump -t` for something in memory that stays writable after relocation.
WRITABLE = re.compile(r"^\S+ .{7} \.(?:data|bss|tbss|tdata)(?!\.rel\.ro)\S*\s\S+ (\w+)$", re.M)


class Package(host.Case):
    def run_here(self, *command, **options):
        done = host.call(*command, **{"cwd": self.dir, **options})
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self, name, *words, tree=host.ROOT):
        """`make lib` into a directory of ours."""
        build = self.path(name)
        self.run_here("make", "--no-print-directory", "-C", tree, "lib", f"BUILD={build}", *words)
        return build

    def vendor(self):
        """lib/ copied as its README says."""
        shutil.copytree(host.tree("lib"), self.path("project"))
        return self.path("project")


class Vendored(Package):
    def test_plain_cc(self):
        project = self.vendor()
        self.write("project/main.c", PROGRAM)
        for compiler in ("gcc", "clang"):
            with self.subTest(compiler):
                self.run_here(f"{compiler} {' '.join(STRICT)} *.c", cwd=project, shell=True)
                self.assertEqual(self.run_here("./a.out", cwd=project), "1f80\n")

    def test_freestanding_without_a_c_library(self):
        project = self.vendor()
        for compiler in ("gcc", "clang"):
            flags = ("-ffreestanding", "-nostdinc", "-mgeneral-regs-only", "-mno-red-zone")
            own = self.run_here(compiler, "-print-file-name=include").strip()
            with self.subTest(compiler):
                self.run_here(
                    f"{compiler} {' '.join((*STRICT, *flags))} -isystem {own} -c *.c",
                    cwd=project,
                    shell=True,
                )


class Library(Package):
    def test_pkg_config_finds_it_wherever_it_lies(self):
        main = self.write("main.c", PROGRAM)
        for compiler in ("gcc", "clang"):
            with self.subTest(compiler):
                os.rename(self.make(f"{compiler}-build", f"CC={compiler}"), self.path(compiler))
                environment = {**os.environ, "PKG_CONFIG_PATH": self.path(compiler)}
                say = self.run_here("pkg-config", "--cflags", "--libs", "xsave", env=environment)
                self.run_here(compiler, "-Werror", main, *say.split(), "-o", "main")
                self.assertEqual(self.run_here("./main"), "1f80\n")
                version = self.run_here("pkg-config", "--modversion", "xsave", env=environment)
                with open(host.tree("Makefile"), encoding="utf-8") as file:
                    self.assertIn(f"VERSION := {version}", file.read())

    def test_the_same_bytes_from_two_directories(self):
        trees = []
        for name in ("one", "two"):
            trees.append(self.path(name))
            os.mkdir(self.path(name))
            shutil.copy(host.tree("Makefile"), self.path(name))
            shutil.copytree(host.tree("lib"), self.path(name, "lib"))
        first, second = (self.make(f"build-{os.path.basename(t)}", tree=t) for t in trees)
        files = sorted(
            os.path.relpath(path, first)
            for pattern in ("*.a", "*.pc", "include/**/*.h")
            for path in glob.glob(os.path.join(first, pattern), recursive=True)
        )
        self.assertGreater(len(files), 8)
        for name in files:
            same = filecmp.cmp(os.path.join(first, name), os.path.join(second, name), shallow=False)
            self.assertTrue(same, name)

    def test_it_needs_nothing_and_claims_only_its_own_names(self):
        library = os.path.join(self.make("build"), "libxsave.a")
        rows = re.findall(r"(\w) (\w+)$", self.run_here("nm", "-g", library), re.M)
        undefined = {name for kind, name in rows if kind in "Uw"}
        defined = {name for kind, name in rows if kind not in "Uw"}
        self.assertGreater(len(defined), 40)
        self.assertEqual(undefined - defined - COMPILER_CALLS - {"_GLOBAL_OFFSET_TABLE_"}, set())
        self.assertEqual({name for name in defined if not name.startswith("xsave_")}, set())

    def test_one_variable_and_no_other(self):
        library = os.path.join(self.make("build"), "libxsave.a")
        found = WRITABLE.findall(self.run_here("objdump", "-t", library))
        self.assertEqual(found, ["xsave_in_use"])

    def test_from_cplusplus(self):
        build = self.make("build")
        source = self.write("main.cc", CPLUSPLUS)
        for compiler in ("g++", "clang++"):
            for standard in ("c++11", "c++20"):
                with self.subTest(compiler=compiler, standard=standard):
                    flags = (f"-std={standard}", *STRICT[:3], f"-I{build}/include", "-o", "main")
                    self.run_here(compiler, *flags, source, f"{build}/libxsave.a")
                    self.assertEqual(self.run_here("./main"), "x87 SSE X02\n")


if __name__ == "__main__":
    unittest.main()
