# SPDX-License-Identifier: MIT
"""tools/emulators.sh, with suites that only pretend; and one boot in each emulator it unpacked."""

import os
import shutil
import unittest

import host
from xtklib import platforms

QEMU, BOCHS = "qemu-system-x86_64", "bochs-bin"
# In place of unpack-suite.sh. FAILS: a suite that cannot be had; MUTE: a program that is broken.
UNPACK = """#!/bin/bash
echo "$@" >>"$CALLS"
[ "$1" != "$FAILS" ] || { echo "unpack-suite.sh: no $1 today" >&2; exit 2; }
for name in bin/{qemu-system-x86_64,bochs-bin,perl} share/{qemu,seabios,bochs,vgabios,doc}/file \\
	lib/x/{qemu,bochs/plugins}/module; do
	mkdir -p "$(dirname "$2/root/usr/$name")"
	touch "$2/root/usr/$name"
done
cat >"$2/run" <<'END'
#!/bin/sh
[ "$1" != "$MUTE" ] || exit 127
echo "BXSHARE=$BXSHARE LTDL_LIBRARY_PATH=$LTDL_LIBRARY_PATH QEMU_MODULE_DIR=$QEMU_MODULE_DIR"
printf '%s|' "$@" && echo
echo "QEMU emulator version 99.1 (pretended)"
END
chmod +x "$2/run"
"""


class Unpacking(host.Case):
    def setUp(self):
        super().setUp()
        shutil.copy(host.tree("tools", "emulators.sh"), self.dir)
        os.chmod(self.write("unpack-suite.sh", UNPACK), 0o755)

    def emulators(self, fails="", mute=""):
        env = {"CALLS": self.path("calls"), "FAILS": fails, "MUTE": mute}
        where = self.path("a place")
        return host.call(self.path("emulators.sh"), where, env={**os.environ, **env})

    def read(self, *names):
        with open(self.path("a place", *names), encoding="utf-8") as file:
            return file.read()

    def start(self, suite, program, *arguments):
        """What a program was given: the environment, the arguments."""
        done = host.call(self.path("a place", suite, "bin", program), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()[:2]

    def test_versions_are_recorded(self):
        done = self.emulators()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        line = "QEMU emulator version 99.1 (pretended)\n"
        self.assertEqual(self.read("debian13", "versions"), line * 2)
        self.assertEqual(self.read("debian13-backports", "versions"), line)
        self.assertEqual(done.stdout.count("99.1"), 3)

    def test_a_program_finds_its_own_files(self):
        self.emulators()
        root = self.path("a place", "debian13", "root", "usr")
        environment, words = self.start("debian13", QEMU, "-cpu", "max,+x y")
        self.assertIn(f"QEMU_MODULE_DIR={root}/lib/x/qemu", environment)
        places = ("share/qemu", "share/seabios", "lib/ipxe/qemu")
        firmware = "".join(f"-L|{root}/{place}|" for place in places)
        self.assertEqual(words, f"{QEMU}|{firmware}-cpu|max,+x y|")
        environment, words = self.start("debian13", BOCHS, "-q")
        plugins = f"LTDL_LIBRARY_PATH={root}/lib/x/bochs/plugins "
        self.assertIn(f"BXSHARE={root}/share/bochs {plugins}", environment)
        self.assertEqual(words, f"{BOCHS}|-q|")

    def test_by_a_link(self):
        self.emulators()
        os.symlink(self.path("a place", "debian13", "bin", BOCHS), self.path("link"))
        self.assertEqual(host.call(self.path("link")).returncode, 0)

    def test_no_more_than_they_need(self):
        self.emulators()
        root = self.path("a place", "debian13", "root", "usr")
        self.assertEqual(set(os.listdir(os.path.join(root, "bin"))), {QEMU, BOCHS})
        share = set(os.listdir(os.path.join(root, "share")))
        self.assertEqual(share, {"qemu", "seabios", "bochs", "vgabios"})

    def test_one_suite_that_cannot_be_had(self):
        done = self.emulators(fails="trixie")
        self.assertEqual((done.returncode, done.stderr), (2, "unpack-suite.sh: no trixie today\n"))
        self.assertIn("99.1", self.read("debian13-backports", "versions"))
        self.assertFalse(os.path.exists(self.path("a place", "debian13")))

    def test_a_program_that_does_not_start(self):
        done = self.emulators(mute=BOCHS)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "emulators.sh: ", f"debian13/bin/{BOCHS} does not start")

    def test_make_clean_leaves_downloads(self):
        for name in ("emulators/debian13", "suites/trixie-cbmc", "kernel", "host", ".hidden"):
            os.makedirs(self.path("build", name))
        for _ in range(2):  # also of a directory that has nothing else, and of none
            done = host.call("make", "-C", host.ROOT, "clean", "BUILD=" + self.path("build"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(os.listdir(self.path("build"))), ["emulators", "suites"])
        shutil.rmtree(self.path("build"))
        done = host.call("make", "-C", host.ROOT, "clean", "BUILD=" + self.path("build"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_again_asks_for_the_same(self):
        for _ in range(2):
            self.assertEqual(self.emulators().returncode, 0)
        with open(self.path("calls"), encoding="utf-8") as file:
            calls = file.read().splitlines()
        self.assertEqual(calls[:2], calls[2:])


class Unpacked(host.Case):
    """The real ones, when they are there."""

    @classmethod
    def setUpClass(cls):
        cls.all = [one for one in platforms.read() if one.suite]
        cls.here = [one for one in cls.all if not platforms.why_not(one)]

    def test_the_list_names_what_is_unpacked(self):
        with open(host.tree("tools", "emulators.sh"), encoding="utf-8") as file:
            words = [line.split() for line in file if line.startswith("suite debian")]
        unpacked = {(line[1], word.split("=")[0]) for line in words for word in line if "=" in word}
        named = {(one.suite, os.path.basename(one.path)) for one in self.all}
        self.assertEqual(named, {pair for pair in unpacked if pair[1] != "status"})

    def first_of_each(self):
        """One platform for each program."""
        found = {one.path: one for one in reversed(self.here)}
        if not found:
            self.skipTest("no suite is unpacked: run 'make emulators'")
        return found.values()

    def test_a_boot_in_each(self):
        for one in self.first_of_each():
            with self.subTest(one.name):
                words = ("--expect", "none", "--", "tests=selftest/pass")
                status, said = host.xtk_run("-p", one.name, *words)
                self.assertEqual(status, 0, said)

    def test_the_recorded_versions(self):
        for one in self.first_of_each():
            versions = os.path.join(os.path.dirname(one.path), "..", "versions")
            with open(versions, encoding="utf-8") as file:
                recorded = file.read().splitlines()
            done = host.call(one.path, "--help")
            with self.subTest(one.path):
                said = done.stdout + done.stderr
                self.assertTrue([line for line in recorded if line in said], recorded)

    def test_their_models_exist(self):
        """A name that nobody knows would be no column."""
        for path in {one.path for one in self.first_of_each()}:
            option = ["--help", "cpu"] if path.endswith(BOCHS) else ["-cpu", "help"]
            done = host.call(path, *option)
            known = (done.stdout + done.stderr).split()
            with self.subTest(path):
                wanted = [one.cpu for one in self.here if one.path == path]
                self.assertEqual([cpu for cpu in wanted if cpu not in known], [])


if __name__ == "__main__":
    unittest.main()
