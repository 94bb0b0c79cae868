# SPDX-License-Identifier: MIT
"""tools/deps.sh against an apt and a dpkg that only pretend."""

import glob
import os
import re
import shutil
import unittest

import host

DPKG = 'for p; do case " $INSTALLED " in *" $p "*) echo installed;; esac; done'
# What tests look for and skip without, and the package that has it.
PACKAGES = {
    "bochs-bin": "bochs",
    "gdb": "gdb",
    "groff": "groff-base",
    "prove": "perl",
    "qemu-x86_64-static": "qemu-user-static",
    "shellcheck": "shellcheck",
    "xmllint": "libxml2-utils",
    "xxd": "xxd",
}
# What every Debian has, what this repository came by, and another name for one of the above.
THERE = {"dpkg-deb", "git", "python3", "qemu-x86_64", "true", "unshare"}
APT = ('echo apt-get "$@" >>"$CALLS"', '[ "$FAILS" != "$1" ] || exit 100', "exit 0")


class Deps(host.Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        for name, lines in (
            ("dpkg-query", [DPKG]),
            ("apt-get", APT),
            ("sudo", ['"$@"']),
            ("id", ["echo 1000"]),
            ("clang", ['echo "$FUZZER"']),
        ):
            os.rename(self.script(name, *lines), self.path("bin", name))

    def deps(self, *goals, installed="", fails="", path=None, **more):
        environment = {
            **{name: value for name, value in os.environ.items() if name != "CC"},
            "PATH": path or f"{self.path('bin')}:{os.environ['PATH']}",
            "INSTALLED": installed,
            "FAILS": fails,
            "CALLS": self.path("calls"),
            "FUZZER": "",
            **more,
        }
        return host.call(host.tree("tools", "deps.sh"), *goals, env=environment)

    def calls(self):
        if not os.path.exists(self.path("calls")):
            return []
        with open(self.path("calls"), encoding="utf-8") as file:
            return file.read().splitlines()

    def installed(self):
        """The packages of the last install."""
        return [c for c in self.calls() if "--yes" in c][-1].partition("recommends ")[2].split()

    def test_a_few_for_run_and_all_for_test(self):
        self.assertEqual(self.deps("run").returncode, 0)
        few = set(self.installed())
        self.assertLessEqual({"gcc", "nasm", "grub-pc-bin", "qemu-system-x86"}, few)
        self.assertNotIn("clang-tidy", few)
        self.deps("test")
        self.assertLess(few, set(self.installed()))
        self.assertLessEqual({"ovmf", "clang-tidy", "shellcheck"}, set(self.installed()))

    def test_what_each_goal_alone_needs(self):
        for goal, wanted, spared in (
            ("lib", "libc6-dev", "nasm"),
            ("xstate", "libc6-dev", "nasm"),
            ("coverage", "python3", "clang"),
            ("prove", "debootstrap", "clang"),
            ("fuzz", "clang", "gcc"),
            ("bench", "libc6-dev", "clang"),
            ("dist", "xorriso", "qemu-system-x86"),
            ("gdb", "gdb", "xorriso"),
            ("matrix", "bochsbios", "clang"),
            ("emulators", "debootstrap", "gcc"),
            ("emulators", "debian-archive-keyring", "gcc"),
            ("test", "libxml2-utils", None),
            ("test", "debootstrap", None),
            ("test", "gcc-s390x-linux-gnu", None),
        ):
            with self.subTest(goal):
                self.assertEqual(self.deps(goal).returncode, 0)
                self.assertIn(wanted, self.installed())
                self.assertNotIn(spared, self.installed())

    def test_what_the_tests_look_for(self):
        found = set()
        for path in glob.glob(host.tree("tests", "host", "*.py")):
            with open(path, encoding="utf-8") as file:
                found |= set(re.findall(r'which\("([\w.+-]+)"\)', file.read()))
        self.assertEqual(found - THERE, set(PACKAGES), "PACKAGES: name the package of each")
        self.deps("test")
        self.assertEqual(set(PACKAGES.values()) - set(self.installed()), set())

    def test_libfuzzer_where_it_is_a_package_and_where_it_is_part_of_clang(self):
        self.deps("fuzz")
        self.assertIn("?exact-name(libclang-rt-dev)", self.installed())
        os.unlink(self.path("calls"))
        self.deps("fuzz", installed="clang libc6-dev python3", FUZZER="/bin/sh")
        self.assertEqual(self.calls(), [])

    def test_a_package_that_a_release_may_lack(self):
        self.deps("test")
        self.assertIn("?exact-name(chromium)", self.installed())
        self.assertNotIn("chromium", self.installed())

    def test_every_goal_of_the_makefile_is_known(self):
        """A goal that is none of deps.sh's falls to what a single file needs."""
        with open(host.tree("tools", "deps.sh"), encoding="utf-8") as file:
            known = re.findall(r"(?m)^\t([a-z |]+)\)", file.read())
        with open(host.tree("Makefile"), encoding="utf-8") as file:
            goals = re.findall(r"(?m)^([a-z]+):.*## ", file.read())
        self.assertGreater(len(goals), 10)
        names = {name for row in known for name in row.split(" | ")}
        self.assertEqual(set(goals) - names, {"all"})
        self.assertEqual(names - set(goals), {"deps"})

    def test_no_goal_is_everything(self):
        self.deps("test")
        everything = self.installed()
        os.unlink(self.path("calls"))
        self.deps()
        self.assertEqual(self.installed(), everything)

    def test_nothing_is_done_when_all_is_there(self):
        done = self.deps("all", installed="gcc binutils nasm")
        self.assertEqual((done.returncode, done.stdout, self.calls()), (0, "", []))

    def test_only_what_lacks_is_installed(self):
        done = self.deps("all", installed="gcc binutils")
        self.assertEqual(self.installed(), ["nasm"])
        self.assertIn("nasm", done.stdout)

    def test_clang_when_it_is_the_compiler(self):
        self.deps("all", CC="clang-14")
        self.assertIn("clang", self.installed())
        self.deps("all", CC="gcc")
        self.assertNotIn("clang", self.installed())

    def test_lists_are_updated_only_when_needed(self):
        self.deps("all")
        self.assertNotIn("apt-get update", self.calls())
        self.deps("all", fails="install")
        self.assertIn("apt-get update", self.calls())

    def test_apt_fails(self):
        done = self.deps("all", fails="install")
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "could not install", "nasm")

    def bare(self, *tools):
        os.mkdir(self.path("bare"))
        for tool in ("bash", "tr", "sort", *tools):
            os.symlink(shutil.which(tool), self.path("bare", tool))
        return self.path("bare")

    def test_no_apt(self):
        done = self.deps("iso", path=self.bare())
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "no apt", "xorriso")

    def test_neither_root_nor_sudo(self):
        bare = self.bare()
        for name in ("apt-get", "dpkg-query", "id"):
            shutil.copy(self.path("bin", name), bare)
        os.symlink("/bin/sh", os.path.join(bare, "sh"))
        done = self.deps("all", path=bare)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "root", "sudo")
        self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main()
