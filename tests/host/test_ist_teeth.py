# SPDX-License-Identifier: MIT
"""The laboratory bites: each broken design of tests/ist/teeth/ fails where, and as what, the table
says, and the design that it is a copy of does not fail there.

XTK_TEETH_KEEP=1 judges the logs that are there, without a build and a boot.
"""

import concurrent.futures
import functools
import os
import unittest

import host
import ist_teeth

AT_ONCE = 2
LONG = ("ist/triples", "ist/pairs", "ist/contexts")


def tests_of(teeth):
    """The longest first, roughly."""
    tests = {test for tooth in teeth for test in tooth.tests}
    return sorted(tests, key=lambda test: (not test.startswith(LONG), len(test)))


def boot(teeth, test):
    """With all teeth that are to run in it, and their designs."""
    own = [tooth for tooth in teeth if test in tooth.tests]
    ist_teeth.boot(test, dict.fromkeys([*(t.base for t in own), *(t.name for t in own)]))


def boot_all(teeth):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(functools.partial(boot, teeth), tests_of(teeth)))


class Teeth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.teeth = ist_teeth.read_all()
        if not os.environ.get("XTK_TEETH_KEEP"):
            done = ist_teeth.make(ist_teeth.generate(cls.teeth))
            if done.returncode:
                raise RuntimeError(done.stdout[-2000:] + done.stderr[-4000:])
            boot_all(cls.teeth)
        cls.logs = {t: ist_teeth.Results(ist_teeth.log_of(t)) for t in tests_of(cls.teeth)}

    def for_each(self, key, check):
        for tooth in self.teeth:
            if getattr(tooth, key):
                with self.subTest(tooth.name, fault=tooth.fault):
                    check(tooth)

    def check_caught(self, tooth):
        test, pattern, step, what, *detail = tooth.caught.split()
        result = self.logs[test]
        self.assertIn(pattern, [name for name, _ in result.of(tooth.name)], "no result")
        own = [f for f in result.failures.get(tooth.name, []) if f.pattern == pattern]
        there = [f for f in own if f.step == step]
        self.assertTrue(there, f"{pattern}: no failure at {step}, but {own[:4]}")
        first = there[0]
        self.assertEqual(first.what, what, first)
        self.assertTrue(first.detail.startswith(" ".join(detail)), first)
        self.assertEqual(result.failed_at(tooth, first), 0, f"{tooth.base} fails there, too")
        verdict = result.verdicts[tooth.name, pattern, first.rearm]
        self.assertEqual(verdict, "worse", "what the kernel says of it")

    def check_sound(self, tooth):
        for test in tooth.tests:
            own, base = (self.logs[test].of(name) for name in (tooth.name, tooth.base))
            self.assertTrue(own, f"{test}: no result")
            failed = {key: count[1] for key, count in own.items()}
            self.assertEqual(failed, {key: 0 for key in base}, test)

    def check_hole(self, tooth):
        result = self.logs[tooth.tests[0]]
        own, base = (
            {key: count[1] for key, count in result.of(name).items()}
            for name in (tooth.name, tooth.base)
        )
        self.assertTrue(own, "no result")
        self.assertEqual(own, base, f"caught now: write 'caught: …' for 'hole: {tooth.hole}'")

    def test_each_is_caught(self):
        self.for_each("caught", self.check_caught)

    def test_a_sound_copy_survives_everything(self):
        self.for_each("survives", self.check_sound)

    def test_the_holes_are_still_there(self):
        self.for_each("hole", self.check_hole)


class Table(host.Case):
    """What the table may not say."""

    GOOD = (
        "tooth: t\nfrom: plain\nfault: f\ncaught: ist/singles NMI base lost\n"
        "edit: plain.asm\n-\tpush_gprs\n"
    )

    def refuses(self, text, *parts):
        with self.assertRaises(ist_teeth.Malformed) as caught:
            (tooth,) = ist_teeth.read(self.write("table.txt", text))
            with open(ist_teeth.design_file("plain", ".asm"), encoding="utf-8") as file:
                ist_teeth.changed(tooth, "plain.asm", file.read())
        for part in parts:
            self.assertIn(part, str(caught.exception))

    def test_a_tooth(self):
        (tooth,) = ist_teeth.read(self.write("table.txt", "# words\n\n" + self.GOOD))
        self.assertEqual((tooth.name, tooth.base, tooth.tests), ("t", "plain", ["ist/singles"]))
        with open(ist_teeth.design_file("plain", ".asm"), encoding="utf-8") as file:
            text = file.read()
        without = text.replace("\tpush_gprs\n", "")
        self.assertEqual(ist_teeth.changed(tooth, "plain.asm", text), without)

    def test_text_that_is_gone(self):
        gone = self.GOOD.replace("push_gprs", "push_all")
        self.refuses(gone, "t: '\tpush_all'", "0 times")

    def test_text_that_is_there_twice(self):
        self.refuses(self.GOOD.replace("-\tpush_gprs\n", "-;\n"), "times in plain.asm, not once")

    def test_what_is_missing(self):
        caught = "caught: ist/singles NMI base lost\n"
        self.refuses(self.GOOD.replace(caught, ""), "write one of 'caught")
        self.refuses(self.GOOD.replace(" base lost", ""), "write TEST PATTERN STEP WHAT")
        self.refuses(self.GOOD.replace("from: plain\n", ""), "no line 'from")

    def test_what_is_no_key(self):
        self.refuses(self.GOOD.replace("fault:", "faults:"), "faults: f", "one of the keys")
        self.refuses(self.GOOD.replace("tooth: t", "name: t"), "begins with 'tooth: NAME'")

    def test_a_generated_copy_has_its_own_symbols_and_the_stacks_of_its_design(self):
        text = "extern linux_nmi_handle, linux_nmi_stack_user\nlinux_nmi:\n; kernel/ist/linux-nmi.c"
        tooth = ist_teeth.Tooth("", "no-std", "linux-nmi")
        self.assertEqual(
            ist_teeth.renamed(tooth, text),
            "extern no_std_handle, linux_nmi_stack_user\nno_std:\n; kernel/ist/linux-nmi.c",
        )


if __name__ == "__main__":
    unittest.main()
