# SPDX-License-Identifier: MIT
"""The laboratory of the entry designs driven from outside: scenarios/ist_boundaries.py.

With the real kernel in the real QEMU, on a small part of the boundaries.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import unittest
from unittest import mock

import host
from xtklib import platforms
from xtklib.elf import Elf
from xtklib.engines import qemu_ist as engine
from xtklib.scenarios import ist_boundaries, ist_guest
from xtklib.scenarios.ist_boundaries import Case, Section
from xtklib.scenarios.savevm import Stop

QEMU = engine.default_path
PLATFORM = "qemu-tcg-ist-boundaries"
ALL = re.compile(
    r"^# outside-all: design=(\S+) base=(\S+) pattern=(\S+) "
    r"cases=([0-9]+) failed=([0-9]+) differ=([0-9]+)$",
    re.M,
)
DIFFER = re.compile(r"^# outside-differs: case=(\S+) inside=(\S+) outside=(\S+)$", re.M)
NOT_OK = "\nnot ok 1 scenario/ist_boundaries"


def has_qemu():
    return not platforms.why_not(platforms.choose(platforms.read(), [PLATFORM])[0])


class Judgement(unittest.TestCase):
    """What agrees, and what a line must be."""

    def case(self, inside, outside):
        return Case("plain/NMI>MC/-/plain_nmi+0x0.0", [(1, 0)], inside, outside)

    def test_agreement(self):
        for inside, outside, agrees in (
            ("-", "-", True),
            ("livelock", "ran_again", True),
            ("livelock", "reset", True),
            ("-", "livelock", False),
            ("livelock", "-", False),
            ("livelock", "not_reached", False),
            ("livelock", "hang", False),
            ("-", "not_reached", False),
            ("-", "", False),
            ("livelock", "", False),
        ):
            with self.subTest(inside=inside, outside=outside):
                self.assertEqual(self.case(inside, outside).agrees(), agrees)

    def test_lines_of_a_section(self):
        cases = [self.case("-", "-")] * 3 + [self.case("-", "lost")] * 22
        lines = list(Section("plain", "kernel", cases).lines())
        self.assertTrue(lines[0].endswith("pattern=NMI>MC cases=25 failed=22 differ=22"), lines)
        self.assertEqual(len(DIFFER.findall("\n".join(lines))), ist_boundaries.SHOWN)
        self.assertIn("2 more", lines[-1])

    def listed(self, *lines):
        rest = iter(lines)
        return ist_boundaries.listed(lambda pattern: pattern.fullmatch(next(rest)))

    def test_list(self):
        one = "# inside: case=plain/user:NMI>MC/-/plain_nmi+0x2.1 at=0x1002.1 what=fault"
        (case,) = self.listed(one, "# inside-all: cases=1")
        self.assertEqual((case.places, case.inside), ([(0x1002, 1)], "fault"))
        self.assertEqual((case.pattern, case.vectors()), ("NMI>MC", [2, 18]))
        for bad in (
            [one, "# inside-all: cases=2"],
            [one, "# inside-all: cases=0"],
            [one.replace("at=0x1002.1 ", ""), "# inside-all: cases=1"],
            [one.replace("MC", "DB"), "# inside-all: cases=1"],
            [one.replace("/", "-"), "# inside-all: cases=1"],
        ):
            with self.subTest(lines=bad), self.assertRaises(Stop):
                self.listed(*bad)


@unittest.skipUnless(has_qemu(), f"{QEMU} cannot run here")
class Driven(host.Case):
    """Each boot takes a second or two."""

    def drive(self, *words):
        """A Drive of this kernel."""
        command = [host.RUN_QEMU, "--kernel", "--print", "--", engine.TESTS, *words]
        command = shlex.split(host.call(*command).stdout)
        return ist_boundaries.Drive(command, self.dir, Elf(command[command.index("-kernel") + 1]))

    def said(self, drive):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            drive.run()
        return out.getvalue()

    def few(self, design="atomic"):
        """The fewest cases there are: one second event for each pattern."""
        return self.drive(f"ist={design}", "shard=1/1000")

    def patched(self, name, function, target=ist_guest.Guest):
        """What is said when a method is another: function(original, self, *arguments)."""
        original = getattr(target, name)
        with mock.patch.object(target, name, lambda *rest: function(original, *rest)):
            return self.said(self.few())

    def differences(self, said, *ways):
        """That the run has failed for these symptoms, at places where the design survives; a first
        event that goes wrong may keep the second from its place."""
        self.assertIn(NOT_OK, said)
        self.assertRegex(said, r"(?m)^# fail: .* rule=ist .*driven from outside")
        found = {found[1:] for found in DIFFER.findall(said)}
        self.assertLessEqual({("-", way) for way in ways}, found, said)
        self.assertLessEqual(found, {("-", way) for way in (*ways, "not_reached")}, said)

    def test_both_ways_agree(self):
        words = ("--", "ist=plain,atomic", "shard=1/40")
        status, said = host.xtk_run("-p", PLATFORM, *words)
        self.assertEqual(status, 0, said)
        rows = {found[:3]: list(map(int, found[3:])) for found in ALL.findall(said)}
        self.assertEqual(len(rows), 2 * 2 * 5, said)
        for (design, _, pattern), (cases, failed, differ) in rows.items():
            fatal = design == "plain" and pattern == "NMI>MC>NMI"
            self.assertEqual((failed, differ), (cases if fatal else 0, 0), said)
            self.assertGreater(cases, 40 if pattern == "NMI>MC>NMI" else 0)
        total = sum(cases for cases, _, _ in rows.values())
        self.assertIn(f"# judged: test=scenario/ist_boundaries ist={total}\n", said)

    def test_loops_are_seen(self):
        self.assertIn("inside=livelock outside=livelock", self.said(self.few("plain")))

    def test_a_list_that_is_wrong(self):
        def wrong(original, find):
            cases = original(find)
            for case in cases:
                case.inside = "fault"
            return cases

        said = self.patched("listed", wrong, ist_boundaries)
        self.assertIn(NOT_OK, said)
        self.assertEqual({found[1:] for found in DIFFER.findall(said)}, {("fault", "-")})

    def test_an_event_that_does_not_come(self):
        for vector in ("inject-nmi", "human-monitor-command"):

            def swallow(original, monitor, command, vector=vector, **rest):
                return "" if command == vector else original(monitor, command, **rest)

            with self.subTest(event=vector):
                with mock.patch.object(ist_guest.Monitor, "do", swallow_of(swallow)):
                    said = self.said(self.few())
                self.differences(said, "lost")

    def test_an_event_that_nobody_tells(self):
        def silent(original, guest, vector):
            original(guest, vector)
            guest.remote.write(guest.told + ist_guest.COUNT_AT, bytes(8))

        self.differences(self.patched("raise_event", silent), "ran_again")

    def test_a_handler_that_gets_another_context(self):
        def other(original, guest, vector):
            guest.now = {**guest.now, "rax": 0}
            original(guest, vector)

        self.differences(self.patched("raise_event", other), "frame")

    def test_a_boundary_that_never_comes(self):
        def never(original, guest, address, passes=0):
            return original(guest, address, passes + 100 if address in guest.code else passes)

        self.differences(self.patched("run_to", never), "not_reached")

    def test_the_state_of_machine_checks(self):
        with mock.patch.object(ist_guest, "MCE", ist_guest.MCE.replace("0x5", "0x4")):
            said = self.said(self.few())
        self.differences(said, "mcg_status")

    def test_code_that_has_changed(self):
        def change(original, guest, base, *rest):
            guest.remote.write(base + 1, b"\xcc")
            original(guest, base, *rest)

        with self.assertRaisesRegex(Stop, "code"):
            self.patched("begin_case", change)

    def test_a_machine_that_resets(self):
        """A second #MC while the first one's MCIP is set; what follows runs in another boot."""
        raised = []

        def twice(original, guest, vector):
            original(guest, vector)
            raised.append(vector)
            if raised.count(ist_guest.MC) == 1 and vector == ist_guest.MC:
                with contextlib.suppress(Stop):
                    guest.monitor.do("human-monitor-command", **{"command-line": MCE_AGAIN})

        said = self.patched("raise_event", twice)
        self.differences(said, "reset")
        self.assertEqual(len(DIFFER.findall(said)), 1)
        self.assertEqual(said.count("KTAP version 1"), 1)

    def test_one_case(self):
        name = "plain/user:NMI>MC>NMI/-/plain_nmi+0x0.0/plain_nmi.iret+0x0.0"
        said = self.said(self.drive("ist=plain", "case=" + name))
        self.assertIn("base=user pattern=NMI>MC>NMI cases=1 failed=1 differ=0\n", said)
        self.assertIn("# judged: test=scenario/ist_boundaries ist=1\n", said)

    def test_nobody_drives(self):
        done = host.call(host.RUN_QEMU, "--kernel", "--log", self.path("log"), "--", engine.TESTS)
        self.assertEqual(done.returncode, 5, done)
        self.assertIn("nobody drives", done.stdout)

    def test_no_machine_checks(self):
        status, said = host.xtk_run("-p", PLATFORM, "--cpu", "max,-mce")
        self.assertEqual(status, 5, said)
        self.assertIn("CPUID.1:EDX[7] MCE", said)


MCE_AGAIN = ist_guest.MCE.replace("0xbd00", "0xbd80")  # AR: may not be ignored


def swallow_of(function):
    original = ist_guest.Monitor.do
    return lambda monitor, command, **rest: function(original, monitor, command, **rest)


if __name__ == "__main__":
    unittest.main()
