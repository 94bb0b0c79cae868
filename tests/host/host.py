# SPDX-License-Identifier: MIT
"""What the host tests share: the tree, its tools, and emulators that only pretend."""

import contextlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XTK_BUILD") or os.path.join(ROOT, "build")
LOGS = os.path.join(ROOT, "tests", "host", "logs")
RUN_QEMU = os.path.join(ROOT, "run-qemu.sh")

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))

from xtklib import cli  # noqa: E402


def tree(*names):
    return os.path.join(ROOT, *names)


def log_path(name):
    return os.path.join(LOGS, name + ".log")


def verdicts():
    """(status, name) of each golden log."""
    with open(os.path.join(LOGS, "verdicts.txt"), encoding="utf-8") as file:
        rows = [line.split(maxsplit=2) for line in file if not line.startswith("#")]
    return [(int(status), name) for status, name, _ in rows]


def call(*command, **options):
    """Run a program; CompletedProcess with text of any bytes."""
    options = {"text": True, "errors": "replace", "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(command, capture_output=True, check=False, **options)


def xtk(*arguments):
    """(status, stderr) of one call of tools/xtk, without the cost of a process."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        status = cli.main(list(arguments))
    return status, said.getvalue()


def xtk_run(*arguments):
    """(status, all it said) of a real `xtk run`, its files in a directory that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="xtk-test-") as directory:
        done = call(tree("tools", "xtk"), "run", "-o", directory, *arguments)
        return done.returncode, done.stdout + done.stderr


class Case(unittest.TestCase):
    """A test with a directory of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="xtk-test-")
        self.addCleanup(shutil.rmtree, self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def script(self, name, *lines):
        path = self.write(name, "\n".join(["#!/bin/sh", *lines, ""]))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def fake_qemu(self, *lines):
        """A program that does what its lines of shell say instead of emulating."""
        return self.script("fake-qemu", '[ "$1" != --version ] || exit 0', *lines)

    def fake_kernel(self, tests):
        """Such a program with a kernel of these tests in it: see fake_kernel.py."""
        self.write("plan.json", json.dumps(tests))
        kernel = tree("tests", "host", "fake_kernel.py")
        plan = self.path("plan.json")
        return self.script("fake-kernel", f'exec {sys.executable} {kernel} {plan} "$@"')

    def boots(self):
        """The words of each boot of the fake kernel so far, behind its CPU model."""
        with open(self.path("plan.json.boots"), encoding="utf-8") as file:
            return file.read().splitlines()

    def platforms(self, emulator, *cpus):
        """A platforms.json of one platform for each model, named like it."""
        row = {"name": "{cpu}", "engine": "qemu", "path": emulator, "boot": "kernel", "cpus": cpus}
        return self.write("platforms.json", json.dumps({"version": 1, "platforms": [row]}))

    def matrix_command(self, known, *arguments):
        """(command, environment) of a matrix of the platforms in @known; results go to out/."""
        if not os.path.exists(self.path("xtk.elf")):  # --resume compares its time
            self.write("xtk.elf", "")
        command = [tree("tools", "xtk"), "matrix", "--platforms", known, "--expect", self.dir]
        command += ["-o", self.path("out"), *arguments]
        return command, {**os.environ, "XTK_BUILD": self.dir}

    def matrix_of(self, known, *arguments):
        """Run it: CompletedProcess."""
        command, env = self.matrix_command(known, *arguments)
        return call(*command, env=env)

    def matrix(self, tests, *arguments, cpus=("one",)):
        """A matrix of the fake kernel with these tests, a platform for each CPU model."""
        return self.matrix_of(self.platforms(self.fake_kernel(tests), *cpus), *arguments)

    def runs(self, *out):
        """What a run has written, by the name of the job."""
        with open(self.path(*(out or ["out"]), "result.json"), encoding="utf-8") as file:
            whole = json.load(file)
        return {os.path.basename(run["log"])[:-4]: run for run in whole["runs"]}

    def image_with_an_elf(self):
        """An image that is never read, and beside it an ELF, not ours, to look symbols up in."""
        os.symlink("/bin/sh", self.path("fake.elf"))
        return self.write("fake.iso", "")

    def run_fake(self, *lines, options=(), words=()):
        """run-qemu.sh with such an emulator and an image that it never reads."""
        image = self.write("fake.iso", "")
        command = [RUN_QEMU, "--image", image, "--qemu", self.fake_qemu(*lines)]
        command += ["--log", self.path("log"), *options]
        return call(*command, *(["--", *words] if words else []))

    def assert_one_line(self, text, *parts):
        """One line that names every part."""
        self.assertEqual(text.count("\n"), 1, text)
        for part in parts:
            self.assertIn(part, text)
