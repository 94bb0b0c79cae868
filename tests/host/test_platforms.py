# SPDX-License-Identifier: MIT
"""platforms.json: ours is right, and what is wrong in another is said with file and line."""

import json
import os
import shutil
import unittest
import unittest.mock

import host
from xtklib import engines, platforms
from xtklib.usage import Usage

ROW = '{"name": "one", "engine": "qemu"}'


def whole(*rows):
    """A file whose rows stand in lines 2, 3…"""
    return '{"version": 1, "platforms": [\n' + ",\n".join(rows) + "\n]}\n"


class Ours(unittest.TestCase):
    def setUp(self):
        self.all = {platform.name: platform for platform in platforms.read()}

    def test_the_default_and_the_quick_ones(self):
        self.assertIn("qemu-tcg", self.all)
        quick = [x for x in self.all.values() if "quick" in x.tags]
        models = {x.cpu for x in quick if x.engine == "qemu"}
        plain = {"max", "Skylake-Client", "Denverton", "EPYC", "qemu64"}
        self.assertEqual(models, plain | {"max,-avx", "max,-xsave"})
        self.assertEqual({x.engine for x in quick}, {"qemu", "bochs", "native", "savevm"})
        self.assertFalse([x.name for x in quick if x.suite], "the quick matrix needs no suite")

    def test_enough_of_them(self):
        models = {x.cpu for x in self.all.values() if x.engine == "qemu" and not x.suite}
        self.assertGreaterEqual(len(models), 20)
        versions = {(x.engine, x.suite) for x in self.all.values()}
        self.assertGreaterEqual(len(versions), 6, "QEMU and Bochs of three suites, and native")

    def test_no_kvm_unasked(self):
        self.assertEqual({x.accel for x in self.all.values()}, {""})

    def test_the_models_exist(self):
        """In the emulators that are here; a name that nobody knows would be no column."""
        for kind, option in (("qemu", ["-cpu", "help"]), ("bochs", ["--help", "cpu"])):
            program = engines.module(kind).default_path
            if not shutil.which(program):
                continue
            done = host.call(program, *option)
            known = (done.stdout + done.stderr).split()
            own = [x for x in self.all.values() if x.engine == kind and not (x.suite or x.path)]
            with self.subTest(kind):
                self.assertTrue(own)
                self.assertEqual([x.cpu for x in own if x.cpu.partition(",")[0] not in known], [])


class Reading(host.Case):
    def read(self, text):
        return platforms.read(self.write("p.json", text))

    def refused(self, text, place, *parts):
        with self.assertRaises(Usage) as caught:
            self.read(text)
        said = str(caught.exception)
        self.assertTrue(said.startswith(f"{self.path('p.json')}{place}: "), said)
        self.assert_one_line(said + "\n", *parts)

    def test_a_row_and_its_defaults(self):
        (one,) = self.read(whole(ROW))
        self.assertEqual((one.boot, one.expect, one.path, one.smp), ("iso", ["one"], "", 1))
        self.assertEqual(one.to_boot().platform, "one")

    def test_every_key_reaches_the_boot(self):
        row = {
            "name": "one", "engine": "qemu", "path": "/q", "cpu": "EPYC", "machine": "pc",
            "accel": "kvm", "boot": "uefi", "smp": 2, "words": ["seed=1"],
        }  # fmt: skip
        (one,) = self.read(whole(json.dumps({**row, "expect": ["x", "y"], "tags": ["quick"]})))
        boot = one.to_boot()
        self.assertEqual(boot.platform, row.pop("name"))
        self.assertEqual({key: getattr(boot, key) for key in row}, row)
        self.assertEqual((one.expect, one.tags), (["x", "y", "one"], ["quick"]))

    def test_a_boots_words_are_its_own(self):
        (one,) = self.read(whole('{"name": "one", "engine": "qemu", "words": ["seed=1"]}'))
        one.to_boot().words.append("list")
        self.assertEqual(one.words, ["seed=1"])

    def test_models_in_one_row(self):
        found = self.read(whole('{"name": "q-{cpu}", "engine": "qemu", "cpus": ["A", "B"]}', ROW))
        names = [(x.name, x.cpu) for x in found]
        self.assertEqual(names, [("q-A", "A"), ("q-B", "B"), ("one", "")])

    def test_models_that_name_their_file(self):
        row = '{"name": "q-{cpu}", "engine": "qemu", "cpus": ["A"], "expect": ["x", "p-{cpu}"]}'
        model, other = self.read(whole(row, ROW))
        self.assertEqual((model.expect, other.expect), (["x", "p-A", "q-A"], ["one"]))

    def test_a_suite(self):
        rows = [f'{{"name": "{x}", "engine": "{x}", "suite": "s"}}' for x in ("qemu", "bochs")]
        for one, program in zip(self.read(whole(*rows)), ("qemu-system-x86_64", "bochs-bin")):
            self.assertTrue(one.path.endswith(f"/emulators/s/bin/{program}"), one.path)
            self.assertEqual(platforms.why_not(one), "s is not unpacked: run 'make emulators'")

    def test_syntax(self):
        self.refused("", ":1:1", "Expecting value")
        self.refused(whole(ROW, "{'name'}"), ":3:2", "double quotes")
        self.refused(whole(ROW, ROW[:-1]), ":4:1")
        self.refused(whole(ROW) + "x", ":4:1", "Extra data")

    def test_shape(self):
        for text in ("[]", "1", '{"platforms": []}', '{"version": 2, "platforms": []}'):
            self.refused(text, ":1", '"version": 1')
        self.refused('{"version": 1, "platforms": {}}', ":1", "platforms")
        self.refused('{"version": 1, "platforms": []}', "", "no platform")

    def test_rows(self):
        for row, *parts in (
            ('"one"', "an object"),
            ('{"engine": "qemu"}', "'name' is missing"),
            ('{"name": "two"}', "'engine' is missing"),
            ('{"name": "two", "engine": "vmware"}', "unknown engine 'vmware'", "bochs native qemu"),
            ('{"name": "two", "engine": "qemu", "cpuu": "x"}', "unknown key 'cpuu'", "cpus"),
            ('{"name": "two", "engine": "qemu", "cpu": 1}', "'cpu' must be a string"),
            ('{"name": "two", "engine": "qemu", "cpu": ""}', "'cpu' must be a string"),
            ('{"name": "two", "engine": "qemu", "smp": 0}', "'smp' must be a number"),
            ('{"name": "two", "engine": "qemu", "smp": true}', "'smp' must be a number"),
            ('{"name": "two", "engine": "qemu", "words": "x"}', "'words' must be an array"),
            ('{"name": "two", "engine": "qemu", "boot": "floppy"}', "'floppy'", "iso"),
            ('{"name": "two", "engine": "bochs", "boot": "kernel"}', "'kernel'", "iso"),
            ('{"name": "two", "engine": "qemu", "cpus": ["x"]}', "{cpu}"),
            ('{"name": "{cpu}", "engine": "qemu", "cpu": "y", "cpus": ["x"]}', "'cpu'"),
            ('{"name": "a/b", "engine": "qemu"}', "'a/b'", "letters"),
            ('{"name": "x{cpu}", "engine": "qemu", "cpus": ["max,-avx"]}', "'xmax,-avx'"),
            (ROW, "a second platform 'one'"),
        ):
            with self.subTest(row):
                self.refused(whole(ROW, row), ":3", *parts)

    def test_the_line_of_a_row_behind_long_ones(self):
        long = '{"name": "two",\n "engine": "qemu", "words": ["a]}", "platforms"]}'
        self.refused(whole(long, ROW, '{"name": "x"}'), ":5", "'engine'")

    def test_no_file(self):
        for path, part in ((self.path("none"), "No such file"), (self.dir, "directory")):
            with self.assertRaises(Usage) as caught:
                platforms.read(path)
            self.assert_one_line(f"{caught.exception}\n", path, part, "--platforms")

    def test_bytes_that_are_no_text(self):
        with open(self.path("p.json"), "wb") as file:
            file.write(b"\xff\xfe")
        with self.assertRaises(Usage) as caught:
            platforms.read(self.path("p.json"))
        self.assert_one_line(f"{caught.exception}\n", self.path("p.json"), "not UTF-8")


class Choosing(unittest.TestCase):
    ALL = [platforms.Platform(name, "qemu") for name in ("q-a", "q-b", "b-a", "[x]")]

    def chosen(self, *patterns):
        return [x.name for x in platforms.choose(self.ALL, patterns)]

    def test_names_and_globs(self):
        self.assertEqual(self.chosen("q-b"), ["q-b"])
        self.assertEqual(self.chosen("*-a"), ["q-a", "b-a"])
        self.assertEqual(self.chosen("b-*", "q-a", "q-a"), ["q-a", "b-a"])

    def test_unknown(self):
        for pattern in ("q", "Q-A", "z*", ""):
            with self.subTest(pattern), self.assertRaises(Usage) as caught:
                self.chosen("q-a", pattern)
            self.assertIn(f"-p {pattern}: ", str(caught.exception))
            self.assertIn("q-a q-b b-a", str(caught.exception))


class CannotRun(host.Case):
    def why_not(self, engine="qemu", **more):
        return platforms.why_not(platforms.Platform("x", engine, **more))

    def test_a_program_that_is_missing(self):
        for engine in ("qemu", "bochs"):
            self.assertIn("no-such-program", self.why_not(engine, path="no-such-program"))
            self.assertIn(self.dir, self.why_not(engine, path=self.dir))
            self.assertIn("text", self.why_not(engine, path=self.write("text", "")))

    def test_one_that_is_there(self):
        program = self.script("emulator", "exit 0")
        for engine in ("qemu", "bochs"):
            self.assertEqual(self.why_not(engine, path=program), "")

    def test_native_without_its_sources(self):
        self.assertIn("release", self.why_not("native", path=self.path("native_run.py")))
        self.assertEqual(self.why_not("native"), "")

    def test_native_without_a_compiler(self):
        with unittest.mock.patch.dict(os.environ, PATH=self.dir):
            self.assertIn("gcc", self.why_not("native"))


if __name__ == "__main__":
    unittest.main()
