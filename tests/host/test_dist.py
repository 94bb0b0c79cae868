# SPDX-License-Identifier: MIT
"""tools/dist.sh: a release that is the same every time, and that runs with nothing of the build."""

import filecmp
import glob
import os
import re
import shutil
import stat
import time
import unittest

import host

EPOCH = "1700000000"
# What builds, and must not be wanted.
BUILDERS = "gcc cc clang nasm ld objcopy objdump make git grub-mkrescue xorriso".split()


def version():
    with open(host.tree("Makefile"), encoding="utf-8") as file:
        return re.search(r"(?m)^VERSION := (\S+)$", file.read())[1]


def dist(build, number=None, epoch=EPOCH, **environment):
    env = {**os.environ, **environment}
    return host.call(host.tree("tools", "dist.sh"), build, number or version(), epoch, env=env)


def copy_build(to):
    """What a release is made of."""
    os.makedirs(to)
    for name in ("xtk.iso", "xtk.elf", "xtk.elf32", "xstate", "libxsave.a", "xsave.pc"):
        shutil.copy(os.path.join(host.BUILD, name), to)
    shutil.copytree(os.path.join(host.BUILD, "include"), os.path.join(to, "include"))


class Release(host.Case):
    """Unpacked, as a person finds it."""

    @classmethod
    def setUpClass(cls):
        cls.holder = host.Case()
        cls.holder.setUp()
        cls.addClassCleanup(cls.holder.doCleanups)
        copy_build(cls.holder.path("build"))
        done = dist(cls.holder.path("build"))
        assert done.returncode == 0, done
        cls.out = cls.holder.path("build", "dist")
        archive = os.path.join(cls.out, f"xtk-{version()}.tar.gz")
        host.call("tar", "xzf", archive, "-C", cls.holder.dir)
        cls.root = cls.holder.path(f"xtk-{version()}")

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        for name in BUILDERS:
            script = self.script(name, f"echo {name} >>{self.path('wanted')}; exit 1")
            os.rename(script, self.path("bin", name))

    def run_here(self, *command):
        """A command of the release, on a machine that can build nothing."""
        env = {name: value for name, value in os.environ.items() if name != "XTK_BUILD"}
        env["PATH"] = f"{self.path('bin')}:{env['PATH']}"
        done = host.call(*command, cwd=self.root, env=env)
        self.assertFalse(os.path.exists(self.path("wanted")), "it wants what builds")
        return done

    def test_it_boots(self):
        for path in ("--iso", "--kernel"):
            with self.subTest(path):
                out = ["-o", self.path(path)]
                done = self.run_here("tools/xtk", "run", path, *out, "--", "tests=selftest/pass")
                self.assertEqual(done.returncode, 0, done)
                self.assertIn(f"# xtk {version()} ", done.stdout)

    def test_what_the_readme_says(self):
        with open(os.path.join(self.root, "README.md"), encoding="utf-8") as file:
            text = re.search(r"(?ms)^### From a release$.*?^```\n(.*?)^```$", file.read())[1]
        self.assertGreater(len(text.splitlines()), 3)
        for line in text.splitlines():
            with self.subTest(line):
                done = self.run_here("sh", "-c", line)
                self.assertEqual(done.returncode, 0, done)

    def test_every_link_leads_somewhere(self):
        links = []
        for path in glob.glob(os.path.join(self.root, "**", "*.md"), recursive=True):
            with open(path, encoding="utf-8") as file:
                found = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", file.read())
            links += [os.path.join(os.path.dirname(path), link) for link in found]
        self.assertGreater(len(links), 10)
        self.assertEqual([link for link in links if not os.path.exists(link)], [])

    def test_the_image_alone_by_name(self):
        image = os.path.join(self.out, f"xtk-{version()}.iso")
        done = self.run_here("./run-qemu.sh", "--image", image, "--log", "/dev/null", "--", "list")
        self.assertEqual(done.returncode, 0, done)

    def test_the_other_verbs(self):
        self.run_here("tools/xtk", "run", "--kernel", "-o", self.path("out"), "--", "tests=boot/*")
        log = self.path("out", "logs", os.listdir(self.path("out", "logs"))[0])
        for command in (
            ["tools/xtk", "list"],
            ["tools/xtk", "list", "--rules"],
            ["tools/xtk", "report", "-o", self.path("report"), self.path("out")],
            ["tools/xtk", "symbolise", log],
            ["build/xstate", "show", host.tree("tests", "host", "images", "intel-avx.bin")],
        ):
            with self.subTest(command):
                done = self.run_here(*command)
                self.assertEqual(done.returncode, 0, done)
                self.assertTrue(done.stdout)

    def test_the_library(self):
        text = "#include <xsave.h>\nint main(void) { return sizeof(struct xsave) != 4096; }\n"
        source = self.write("a.c", text)
        env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(self.root, "build")}
        flags = host.call("pkg-config", "--cflags", "--libs", "xsave", env=env).stdout.split()
        self.assertIn(f"-I{self.root}/build/include", [os.path.normpath(flag) for flag in flags])
        done = host.call("gcc", source, "-o", self.path("a"), *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(host.call(self.path("a")).returncode, 0)

    def test_checksums(self):
        for place in (self.out, self.root):
            names = {
                os.path.relpath(os.path.join(folder, name), place)
                for folder, _, files in os.walk(place)
                for name in files
            }
            with open(os.path.join(place, "SHA256SUMS"), encoding="utf-8") as file:
                listed = {line.split("  ", 1)[1].rstrip("\n") for line in file}
            # What the tests above have left there is none of the release.
            names = {n for n in names if not re.search("__pycache__|run-qemu.log|build/run/", n)}
            self.assertEqual(listed, names - {"SHA256SUMS"})
            done = host.call("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=place)
            self.assertEqual(done.returncode, 0, done)

    def test_nothing_of_this_machine(self):
        said = host.call("tar", "tvzf", os.path.join(self.out, f"xtk-{version()}.tar.gz")).stdout
        self.assertNotIn("__pycache__", said)
        for line in said.splitlines():
            self.assertRegex(line, r"^(d|-)rw[x-]r-[x-]r-[x-] 0/0 +[0-9]+ 2023-11-1[45] ")

    def test_programs_are_executable(self):
        for name in ("run-qemu.sh", "tools/xtk", "tools/iso-words.sh", "build/xstate"):
            self.assertTrue(os.stat(os.path.join(self.root, name)).st_mode & stat.S_IXOTH, name)


class Reproducible(host.Case):
    def test_two_are_the_same(self):
        made = []
        for name, umask, zone in (("a", 0o077, "Asia/Tokyo"), ("deeper/b", 0o002, "UTC")):
            before = os.umask(umask)
            try:
                copy_build(self.path(name))
                done = dist(self.path(name), TZ=zone, TMPDIR="/tmp")
            finally:
                os.umask(before)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            made.append(self.path(name, "dist"))
            time.sleep(1.1)
        names = sorted(os.listdir(made[0]))
        self.assertEqual(len(names), 3)
        self.assertEqual(filecmp.cmpfiles(*made, names, shallow=False), (names, [], []))

    def test_an_older_one_does_not_stay(self):
        copy_build(self.path("build"))
        for number in ("0.0.1", "0.0.2"):
            dist(self.path("build"), number)
        names = {"SHA256SUMS", "xtk-0.0.2.iso", "xtk-0.0.2.tar.gz"}
        self.assertEqual(set(os.listdir(self.path("build", "dist"))), names)


class BadInput(host.Case):
    def test_refused(self):
        for arguments, part in (
            ((self.dir, "0.1.0", EPOCH), "xtk.iso"),
            ((self.dir, "../x", EPOCH), "../x"),
            ((self.dir, "0.1.0", "today"), "today"),
            ((self.dir,), "usage"),
        ):
            with self.subTest(arguments):
                done = host.call(host.tree("tools", "dist.sh"), *arguments)
                self.assertEqual(done.returncode, 2)
                self.assert_one_line(done.stderr, part)
        self.assertEqual(os.listdir(self.dir), [])


if __name__ == "__main__":
    unittest.main()
