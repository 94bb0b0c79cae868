# SPDX-License-Identifier: MIT
"""tests/fuzz/: half a minute of each target, and that each of them can find something."""

import glob
import os
import re
import shutil
import unittest

import host

SECONDS = 30
TARGETS = ("image", "layout", "xstate")
# One off, in what every image and every compacted layout goes through.
BUGS = (
    ("lib/bytes.c", r"i < n;", "i <= n;"),
    ("lib/layout.c", r"\(end \+ 63\) &", "(end + 64) &"),
)


def run(*arguments, tree=host.ROOT, **environment):
    command = os.path.join(tree, "tests", "fuzz", "run.py")
    return host.call(command, *arguments, env={**os.environ, **environment})


class Fuzz(host.Case):
    def test_nothing_is_found(self):
        done = run(str(SECONDS))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for target in TARGETS:
            self.assertRegex(done.stdout, rf"fuzz: {target}: [1-9][0-9]* runs, [1-9]")
        print(f"\n{done.stdout}", end="")

    def test_a_seeded_bug_is_found_by_each_target_and_can_be_repeated(self):
        for folder in ("lib", "tests/fuzz", "tools/xstate"):
            shutil.copytree(host.tree(folder), self.path("tree", folder))
        for name, old, new in BUGS:
            with open(self.path("tree", name), "r+", encoding="utf-8") as file:
                text, count = re.subn(old, new, file.read())
                self.assertGreater(count, 0, f"{name}: there is no {old}")
                file.seek(0)
                file.write(text)
        done = run("0", tree=self.path("tree"), XTK_BUILD=self.path("build"))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        commands = dict(re.findall(r"^fuzz: (\w+): FAILED; repeat it: (.*)$", done.stdout, re.M))
        self.assertEqual(sorted(commands), sorted(TARGETS), done.stdout)
        for target, command in commands.items():
            again = host.call("sh", "-c", command)
            self.assertNotEqual(again.returncode, 0, target)
            self.assertRegex(again.stderr, "AddressSanitizer|does not hold")

    def test_every_target_is_known_here(self):
        names = glob.glob("*.c", root_dir=host.tree("tests", "fuzz"))
        self.assertEqual({name[:-2] for name in names}, set(TARGETS))

    def test_bad_input(self):
        for arguments in (["-1"], ["ten"], ["1", "2"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assert_one_line(done.stderr, "usage")

    def test_without_clang(self):
        os.mkdir(self.path("bin"))
        for tool in ("python3", "env"):
            os.symlink(shutil.which(tool), self.path("bin", tool))
        done = run("1", PATH=self.path("bin"))
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "clang", "make deps fuzz")


if __name__ == "__main__":
    unittest.main()
