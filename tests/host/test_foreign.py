# SPDX-License-Identifier: MIT
"""The library and xstate on machines that are not x86: one of them big-endian.

Both are built by the Makefile with a cross compiler, and run under qemu-user: the portable C tests,
and xstate on every image in images/, whose words must be those of the xstate of this machine.
"""

import concurrent.futures
import glob
import os
import shutil
import tempfile
import unittest

import host
import ctests

TESTS = ("layout", "xcr0", "image", "validate", "convert", "reg", "linux", "cpuid")
SHOW = ("show", "--json", "--all")
VERBS = (
    SHOW,
    ("show",),
    ("layout",),
    ("convert", "--to", "standard", "--layout", "intel"),
    ("convert", "--to", "standard", "--layout", "amd"),
    ("convert", "--to", "compacted"),
    ("convert", "--to", "fxsave"),
)
# Bytes, since convert writes them. A static program finds no locale of the system.
RAW = {"text": False, "errors": None, "env": {**os.environ, "LC_ALL": "C"}, "cwd": host.ROOT}


def images():
    found = glob.glob(host.tree("tests", "host", "images", "*.bin"))
    return sorted(os.path.relpath(path, host.ROOT) for path in found)


def commands():
    """Every verb on every good image; of the bad ones what shows that they are."""
    yield ("validate", *images())
    for image in images():
        bad = os.path.basename(image).startswith("bad-")
        yield from ((*verb, image) for verb in ((SHOW,) if bad else VERBS))


def emulator(machine):
    """qemu-user for a machine; its name depends on the release."""
    return shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")


class Foreign:
    """One machine; the classes below name it."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which(f"{cls.machine}-linux-gnu-gcc") or not emulator(cls.machine):
            raise unittest.SkipTest(f"no compiler or qemu for {cls.machine}: run 'make deps test'")
        cls.build = tempfile.mkdtemp(prefix="xtk-test-")
        cls.addClassCleanup(shutil.rmtree, cls.build)
        cls.made = cls.make(cls.build, "lib", "xstate", flags="-static")

    @classmethod
    def make(cls, build, *goals, flags):
        """The Makefile's goals, built for the machine; what make came to."""
        prefix = f"{cls.machine}-linux-gnu-"
        words = [f"CC={prefix}gcc {flags}", f"AR={prefix}ar", f"BUILD={build}", *goals]
        return host.call("make", "--no-print-directory", "-j2", *words, cwd=host.ROOT)

    def there(self, program, *arguments, **options):
        return host.call(emulator(self.machine), program, *arguments, **options)

    def assert_silent(self, made):
        """No warning: the Makefile makes errors of them."""
        self.assertEqual((made.returncode, made.stderr), (0, ""), made.stdout[-2000:])

    def test_no_warning(self):
        self.assert_silent(self.made)
        self.assert_silent(self.make(self.path("build"), "lib", flags="-ffreestanding"))

    def test_the_c_tests(self):
        library = os.path.join(self.build, "libxsave.a")
        for subject in TESTS:
            with self.subTest(subject):
                path = host.tree("tests", "host", f"lib_{subject}_test.c")
                program = self.path(subject)
                compiler = f"{self.machine}-linux-gnu-gcc"
                command = [compiler, *ctests.FLAGS, "-static", "-o", program, path, library]
                done = host.call(*command, cwd=host.ROOT)
                self.assertEqual(done.returncode, 0, done.stderr)
                done = self.there(program)
                self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
                last = ctests.LAST.fullmatch(done.stdout.splitlines()[-1])
                self.assertTrue(last and int(last[1]) and not int(last[2]), done.stdout[-500:])

    def differs(self, command):
        """The command, when its outcome there is not the one here."""
        here = host.call(os.path.join(host.BUILD, "xstate"), *command, **RAW)
        there = self.there(os.path.join(self.build, "xstate"), *command, **RAW)
        outcomes = [(done.returncode, done.stdout, done.stderr) for done in (here, there)]
        return " ".join(command) if outcomes[0] != outcomes[1] else None

    def test_xstate_says_the_same(self):
        self.assertGreater(len(images()), 20)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [command for command in pool.map(self.differs, commands()) if command]
        self.assertEqual(wrong, [], f"other words on {self.machine} than here")

    def test_no_cpu_to_show(self):
        done = self.there(os.path.join(self.build, "xstate"), "show-cpu")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assert_one_line(done.stderr, "x86")


class LittleEndian(Foreign, host.Case):
    machine = "aarch64"


class BigEndian(Foreign, host.Case):
    machine = "s390x"


if __name__ == "__main__":
    unittest.main()
