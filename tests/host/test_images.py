# SPDX-License-Identifier: MIT
"""The test images: each is what its recipe makes, has its row, and what it needs beside it."""

import os
import sys
import unittest

import host

IMAGES = host.tree("tests", "host", "images")
MAKE = os.path.join(IMAGES, "make.py")
OTHERS = {"README.md", "make.py", "save.c"}
LIMIT = 300_000  # bytes of the whole directory


def names(directory):
    return {name for name in os.listdir(directory) if not name.startswith("__")}


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


class Images(host.Case):
    def setUp(self):
        super().setUp()
        self.made = self.path("made")
        os.mkdir(self.made)
        done = host.call(sys.executable, MAKE, self.made)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_is_what_its_recipe_makes(self):
        self.assertGreater(len(names(self.made)), 80)
        for name in sorted(names(self.made)):
            with self.subTest(name):
                self.assertEqual(read(self.made, name), read(IMAGES, name))

    def test_each_has_a_recipe_or_was_saved(self):
        rest = names(IMAGES) - names(self.made) - OTHERS
        self.assertEqual({name for name in rest if not name.startswith("cpu-")}, set())
        self.assertTrue(all(name.endswith(".bin") for name in rest))

    def test_each_has_a_row_and_a_list(self):
        text = read(IMAGES, "README.md").decode()
        for name in sorted(names(IMAGES)):
            if name.endswith(".bin"):
                with self.subTest(name):
                    self.assertEqual(text.count(f"| {name} | {len(read(IMAGES, name))} |"), 1)
                    listed = os.path.exists(os.path.join(IMAGES, name[:-4] + ".txt"))
                    self.assertEqual(listed, not name.startswith("bad-"))

    def test_they_are_small(self):
        self.assertLess(sum(len(read(IMAGES, name)) for name in names(IMAGES)), LIMIT)

    def test_bad_usage(self):
        for arguments in ([], [self.path("nowhere")], [self.made, self.made]):
            with self.subTest(str(arguments)):
                done = host.call(sys.executable, MAKE, *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(len(done.stderr.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
