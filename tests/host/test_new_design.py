# SPDX-License-Identifier: MIT
"""`xtk new-design`: what it writes builds, boots and does what it claims; what it refuses."""

import contextlib
import io
import os
import unittest

import host
from xtklib.verbs import new_design

TESTS = "nmi/*,ist/singles,ist/pairs"


class Verb(host.Case):
    def new(self, name, directory=None):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status, errors = host.xtk("new-design", name, directory or self.dir)
        return status, said.getvalue(), errors

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def test_both_files_are_written_and_named(self):
        status, said, errors = self.new("my-design")
        files = [self.path("my-design" + kind) for kind in (".asm", ".c")]
        self.assertEqual((status, said.splitlines(), errors), (0, files, ""))
        self.assertEqual(sorted(os.listdir(self.dir)), ["my-design.asm", "my-design.c"])
        assembly, text = self.read("my-design.asm"), self.read("my-design.c")
        self.assertIn("my_design_nmi, VEC_NMI", assembly)
        for part in ("IST_DESIGN(my_design,", '.name = "my-design"', "my_design_stack_nmi"):
            self.assertIn(part, text)
        self.assertNotIn("plain_", assembly + text)
        longest = max(map(len, text.splitlines()))
        self.assertLessEqual(longest, 100 + len("my_design") - len("plain"))

    def assert_refused(self, name, *parts, directory=None):
        before = sorted(os.listdir(self.dir))
        status, said, errors = self.new(name, directory)
        self.assertEqual((status, said), (2, ""), name)
        self.assert_one_line(errors, "xtk new-design: ", *parts)
        self.assertEqual(sorted(os.listdir(self.dir)), before)

    def test_bad_names(self):
        for name in ("Foo", "a--b", "a-", "-a", "7a", "a_b", "a/b", "../a", "a b", "a.c", "x" * 25):
            if not name.startswith("-"):
                self.assert_refused(name, name, "small letters")
        self.assert_refused("all", "all")
        self.assert_refused("", "empty")

    def test_taken_names(self):
        for name in ("plain", "ist-shift", "atomic"):
            self.assert_refused(name, name, "kernel/ist", "choose another")
        self.assertEqual(self.new("mine")[0], 0)
        self.assert_refused("mine", "mine.asm")
        os.unlink(self.path("mine.asm"))
        self.assert_refused("mine", "mine.c")
        self.write("other.c", 'IST_DESIGN(x, .name = "yours",')
        self.assert_refused("yours", "other.c")

    def test_a_directory_that_is_not_there(self):
        self.assert_refused("mine", "nowhere", directory=self.path("nowhere"))

    def test_nothing_half_is_written(self):
        good = self.path("good")
        with self.assertRaises(OSError):
            new_design.write({good: "text", self.path("nowhere", "bad"): "text"})
        self.assertEqual(os.listdir(self.dir), [])
        taken = self.write("taken", "precious")
        with self.assertRaises(OSError):
            new_design.write({good: "text", taken: "text"})
        self.assertEqual((os.listdir(self.dir), self.read("taken")), (["taken"], "precious"))


class Kernel(host.Case):
    def build(self):
        """The kernel with the design in @self.dir, from the objects of the one that is built."""
        build = self.path("build")
        os.mkdir(build)
        for name in os.listdir(host.BUILD):
            if os.path.isfile(os.path.join(host.BUILD, name)) or name in ("kernel", "lib", "tests"):
                host.call("cp", "-a", os.path.join(host.BUILD, name), build)
        arguments = ("DESIGNS=" + self.path("designs"), "BUILD=" + build)
        done = host.call("make", "-C", host.ROOT, "all", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return os.path.join(build, "xtk.elf")

    def test_it_boots_and_does_what_it_claims(self):
        os.mkdir(self.path("designs"))
        self.assertEqual(Verb.new(self, "my-design", self.path("designs"))[0], 0)
        image = self.build()
        words = ("--", "ist=my-design", "tests=" + TESTS)
        done = host.call(host.RUN_QEMU, "--kernel", "--image", image, *words)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
        self.assertRegex(done.stdout, "(?m)^ok [0-9]+ nmi/")
        where = "design=my-design pattern="
        self.assertRegex(done.stdout, f"# ist-at: {where}NMI>DB .*at=my_design_nmi")
        self.assertIn(f"# ist-claim: {where}DB>DB rearm=late claim=* verdict=as_", done.stdout)


if __name__ == "__main__":
    unittest.main()
