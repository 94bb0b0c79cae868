# SPDX-License-Identifier: MIT
"""tools/mkiso.sh: the same bytes wherever it runs, and an ISO whole or not at all."""

import filecmp
import os
import shutil
import time
import unittest

import host

EPOCH = "1700000000"


class Iso(host.Case):
    def tree(self, name):
        """A copy of what mkiso.sh reads, with a kernel of any bytes."""
        os.makedirs(self.path(name, "tools"))
        os.mkdir(self.path(name, "boot"))
        shutil.copy(host.tree("tools", "mkiso.sh"), self.path(name, "tools"))
        shutil.copy(host.tree("boot", "grub.cfg"), self.path(name, "boot"))
        kernel = self.write(os.path.join(name, "kernel"), "not really a kernel")
        os.chmod(kernel, 0o755 if "/" in name else 0o600)

    def make(self, name="a", out="out.iso", kernel="kernel", epoch=EPOCH, **environment):
        command = ["tools/mkiso.sh", out, kernel, epoch]
        return host.call(*command, cwd=self.path(name), env={**os.environ, **environment})

    def test_two_builds_are_identical(self):
        for name, umask, zone in (("a", 0o077, "Asia/Tokyo"), ("a/deeper", 0o000, "UTC")):
            before = os.umask(umask)
            try:
                self.tree(name)
                self.assertEqual(self.make(name, TZ=zone).returncode, 0)
            finally:
                os.umask(before)
            time.sleep(2.1)  # longer than the resolution of FAT's times
        images = self.path("a", "out.iso"), self.path("a/deeper", "out.iso")
        self.assertTrue(filecmp.cmp(*images, shallow=False))

    def test_it_has_one_sector_for_words(self):
        self.tree("a")
        self.make()
        with open(self.path("a", "out.iso"), "rb") as file:
            parts = file.read().split(b"#xtk-words-v1\n")
        self.assertEqual(len(parts), 2)
        self.assertEqual(len(parts[0]) % 2048, 0)
        self.assertEqual(parts[1][: 2048 - 14].strip(), b"set words=''")
        self.assertNotEqual(parts[1][2048 - 14 :][:1], b" ", "it is more than one sector")

    def refused(self, *parts, **how):
        done = self.make(**how)
        self.assertEqual(done.returncode, 2, done)
        self.assert_one_line(done.stderr, *parts)
        left = [name for name in os.listdir(self.path("a")) if ".iso" in name]
        self.assertEqual(left, [])

    def test_bad_input(self):
        self.tree("a")
        self.refused("no-kernel", kernel="no-kernel")
        self.refused("yesterday", epoch="yesterday")

    def test_missing_tools(self):
        self.tree("a")
        os.mkdir(self.path("bin"))
        tools = ("bash", "dirname", "mktemp", "mkdir", "cp", "find", "touch", "chmod", "date", "rm")
        for tool in (*tools, "tail", "grub-mkrescue", "xorriso", "mformat"):
            os.symlink(shutil.which(tool), self.path("bin", tool))
        for tool in ("grub-mkrescue", "xorriso", "mformat"):
            with self.subTest(tool):
                os.rename(self.path("bin", tool), self.path("hidden"))
                self.refused(f"{tool} is missing", "make deps iso", PATH=self.path("bin"))
                os.rename(self.path("hidden"), self.path("bin", tool))

    def test_a_failing_grub_mkrescue_leaves_nothing(self):
        self.tree("a")
        os.mkdir(self.path("bin"))
        fail = 'for o; do case $o in --output=*) : >"${o#*=}";; esac; done; echo no room; exit 1'
        os.rename(self.script("grub-mkrescue", fail), self.path("bin", "grub-mkrescue"))
        self.write("a/out.iso", "an older one")
        self.refused("no room", PATH=f"{self.path('bin')}:{os.environ['PATH']}")


if __name__ == "__main__":
    unittest.main()
