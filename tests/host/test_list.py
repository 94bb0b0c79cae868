# SPDX-License-Identifier: MIT
"""xtk list: what it reads from the ELF is what the kernel itself lists; the rules of docs/."""

import glob
import json
import os
import random
import re
import shutil
import unittest
from collections import Counter
from unittest import mock

import host
from xtklib import judged, platforms, rules, usage
from xtklib.elf import Elf
from xtklib.engines import native
from xtklib.verbs import list as verb

ELF = os.path.join(host.BUILD, "xtk.elf")
LISTED = re.compile(r"^# test: (\S+) rules: ?(.*)$", re.MULTILINE)
ID = re.compile(r"^- `([A-Z][0-9]{2})` ", re.MULTILINE)


def listing(*arguments):
    return host.call(host.tree("tools", "xtk"), "list", "--elf", ELF, *arguments)


def rows(*arguments):
    return json.loads(listing("--json", *arguments).stdout)


def groups():
    """Those of all tests in the sources; some of them run only when they are named."""
    found = set()
    for folder in ("", "rules", "ist"):
        for path in glob.glob(host.tree("tests", folder, "*.c")):
            with open(path, encoding="utf-8") as file:
                found |= set(re.findall(r"(?m)^XTEST\((\w+),", file.read()))
    return sorted(found)


class Tests(unittest.TestCase):
    def test_the_kernel_lists_the_same(self):
        ours = [(row["name"], row["rules"]) for row in rows()]
        words = ["list", "tests=" + ",".join(group + "/*" for group in groups())]
        done = host.call(host.RUN_QEMU, "--kernel", "--log", "/dev/null", "--", *words)
        theirs = [(name, ids.split()) for name, ids in LISTED.findall(done.stdout)]
        self.assertGreater(len(theirs), 20)
        self.assertEqual(ours, theirs)

    def test_as_text(self):
        done = listing("nmi/reports_*", "selftest/pass")
        self.assertEqual(done.stdout, "nmi/reports_the_state  I01\nselftest/pass\n")

    def test_only_what_a_glob_names(self):
        names = [row["name"] for row in rows("boot/*", "cpuid/*")]
        self.assertEqual({name.split("/")[0] for name in names}, {"boot", "cpuid"})


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows, cls.tests = rows("--rules"), rows()

    def test_each_rule_once_with_its_section(self):
        with open(rules.PATH, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual([row["rule"] for row in self.rows], ID.findall(text))
        self.assertGreater(len(self.rows), 100)
        headings = re.findall(r"^## [A-Z]\. (.*)$", text, re.MULTILINE)
        self.assertEqual(list(dict.fromkeys(row["section"] for row in self.rows)), headings)

    def test_the_tests_of_a_rule(self):
        guest = {test["name"]: test["rules"] for test in self.tests}
        for row in self.rows:
            named = [name for name in guest if row["rule"] in guest[name]]
            self.assertEqual([name for name in row["tests"] if name in guest], named)
            for name in row["tests"]:
                self.assertTrue(name in guest or name.startswith("native/"), row)
        self.assertIn("native/lib_xcr0", next(r for r in self.rows if r["rule"] == "X03")["tests"])

    def test_states_are_those_of_the_file(self):
        lines = judged.read()
        self.assertEqual([row["rule"] for row in self.rows], list(lines))
        for row in self.rows:
            line = lines[row["rule"]]
            self.assertEqual((row["judged"], row["by"]), (line.state, line.by))

    def test_an_engine_of_the_file_is_a_platform(self):
        known = {one.name for one in platforms.read()}
        named = {rule for test in self.tests for rule in test["rules"]}
        for line in judged.read().values():
            if line.state == "engine":
                self.assertIn(line.by, known, line.place)
                self.assertIn(line.rule, named, line.place)

    def test_only_engines_and_this_cpu_count(self):
        said = listing("--rules").stdout.splitlines()[0]
        count = Counter(row["judged"] for row in self.rows)
        first = count["engine"] + count["native"]
        self.assertEqual(
            said,
            f"{first} of {len(self.rows)} judged ({count['engine']} engine, {count['native']} "
            f"native); {count['model']} on the model only, {count['never']} never",
        )

    def test_only_what_a_glob_names(self):
        self.assertEqual([row["rule"] for row in rows("--rules", "X0[23]")], ["X02", "X03"])

    def test_a_release_has_no_sources(self):
        with mock.patch.object(native, "default_path", "/no/such/native_run.py"):
            with mock.patch("sys.stderr") as said:
                self.assertEqual(verb.native_tests(), [])
        self.assertIn("/no/such", said.write.call_args_list[0][0][0])


class BadInput(host.Case):
    def refused(self, *parts, arguments):
        status, said = host.xtk("list", *arguments)
        self.assertEqual(status, 2, said)
        self.assert_one_line(said, *parts)

    def test_files(self):
        shutil.copy(ELF, self.path("cut"))
        os.truncate(self.path("cut"), 5000)
        for name, part in (
            (self.path("none"), "No such file"),
            (self.dir, "Is a directory"),
            (self.write("text", "x" * 100), "no 64-bit ELF"),
            (os.path.join(host.BUILD, "xtk.elf32"), "no 64-bit ELF"),
            (self.path("cut"), "cut off"),
            (shutil.which("true"), ""),
        ):
            with self.subTest(name):
                self.refused(name, part, "--elf", arguments=["--elf", name])

    def test_an_elf_without_tests(self):
        source = self.write("a.c", "int main(void) { return 0; }\n")
        self.assertEqual(host.call("gcc", "-o", self.path("a"), source).returncode, 0)
        self.refused("no set of tests", arguments=["--elf", self.path("a")])

    def test_a_glob_that_matches_nothing(self):
        self.refused("no/such", "xtk list", arguments=["--elf", ELF, "boot/*", "no/such"])
        self.refused("Q99", arguments=["--elf", ELF, "--rules", "Q99"])

    def test_damaged_files(self):
        """Whatever is in the file: tests, or one line; never a traceback."""
        with open(ELF, "rb") as file:
            whole = file.read()
        draw = random.Random(1)
        table = int.from_bytes(whole[0x28:0x30], "little")  # the section headers
        refused = 0
        for turn in range(200):
            copy = bytearray(whole)
            start, end = ((0, 64), (table, len(copy)))[turn % 2]
            for _ in range(3):
                copy[draw.randrange(start, end)] = draw.randrange(256)
            with open(self.path("elf"), "wb") as file:
                file.write(copy)
            try:
                self.assertTrue(Elf(self.path("elf")).tests())
            except usage.Usage:
                refused += 1
        self.assertGreater(refused, 50)


if __name__ == "__main__":
    unittest.main()
