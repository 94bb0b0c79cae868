# SPDX-License-Identifier: MIT
"""xtk symbolise: the addresses of a real log, and of logs that only look like one."""

import os
import re
import select
import shutil
import subprocess
import unittest

import host
from xtklib.elf import Elf

ELF = os.path.join(host.BUILD, "xtk.elf")
WORDS = ("tests=selftest/fault,nmi/reports_the_state,selftest/panic",)
ADDED = re.compile(r"^# at .*\n", re.MULTILINE)
BACKTRACE = re.compile(r"^(# bt 0x[0-9a-f]{16}) (\S+)\+0x[0-9a-f]+ (\S+):[0-9]+$", re.MULTILINE)


def symbolise(*arguments, text=None, **options):
    command = [host.tree("tools", "xtk"), "symbolise", "--elf", ELF, *arguments]
    return host.call(*command, stdin=None, input=text, **options)


def line_of(name, start, text):
    """FILE:LINE of the first line with a text, from the one with another text on."""
    with open(host.tree(name), encoding="utf-8") as file:
        lines = file.read().splitlines()
    begin = next(i for i, line in enumerate(lines) if start in line)
    return f"{name}:{next(i for i, line in enumerate(lines, 1) if i > begin and text in line)}"


class RealLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.log = os.path.join(host.BUILD, "symbolise-test.log")
        host.call(host.RUN_QEMU, "--kernel", "--log", cls.log, "--", *WORDS)
        cls.addClassCleanup(os.unlink, cls.log)
        with open(cls.log, encoding="ascii") as file:
            cls.before = file.read()
        cls.after = symbolise(cls.log).stdout

    def test_a_panic_down_to_the_entry(self):
        found = BACKTRACE.findall(self.after.partition("# panic")[2])
        names = [name for _, name, _ in found]
        self.assertEqual((names[0], names[-1]), ("selftest_panic", "long_mode"), self.after)
        self.assertEqual(found[0][2], "tests/selftest.c")
        self.assertEqual(found[-1][2], "boot/multiboot.asm")
        self.assertIn("kmain", names)

    def test_the_line_is_the_one_that_did_it(self):
        line = line_of("tests/selftest.c", "XTEST(selftest, panic", "panic(")
        self.assertIn(f" {line}\n", self.after)
        line = line_of("tests/selftest.c", "XTEST(selftest, fault", "ud2")
        place = rf"# at selftest_fault\+0x[0-9a-f]+ {re.escape(line)}"
        self.assertRegex(self.after, rf"(?m)^# exception #UD rip=\S+ .*\n{place}$")

    def test_lines_of_assembly(self):
        line = line_of("boot/multiboot.asm", "long_mode:", "call kmain")
        self.assertIn(f" {line}\n", self.after)

    def test_nothing_else_changes(self):
        plain = BACKTRACE.sub(r"\1", ADDED.sub("", self.after))
        self.assertEqual(plain, self.before)
        self.assertNotEqual(self.after, self.before)

    def test_once_more_changes_nothing_behind_bt(self):
        again = symbolise(text=ADDED.sub("", self.after)).stdout
        self.assertEqual(again, self.after)

    def test_by_the_standard_input(self):
        self.assertEqual(symbolise(text=self.before).stdout, self.after)

    def test_without_addr2line(self):
        """Functions, and lines of assembly, are in the ELF itself."""
        python = shutil.which("python3")
        done = subprocess.run(
            [python, host.tree("tools", "xtk"), "symbolise", "--elf", ELF, self.log],
            capture_output=True, text=True, check=False, env={"PATH": "/no/such"},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_one_line(done.stderr, "no addr2line", "binutils")
        self.assertRegex(done.stdout, r"(?m)^# bt \S+ selftest_panic\+0x[0-9a-f]+$")
        self.assertRegex(done.stdout, r"(?m)^# bt \S+ long_mode\+0x\S+ boot/multiboot.asm:[0-9]+$")

    assert_one_line = host.Case.assert_one_line


class Lines(host.Case):
    def becomes(self, line, *added):
        done = symbolise(text=line)
        self.assertEqual((done.returncode, done.stdout), (0, line + "".join(added)), done)

    def test_a_boundary(self):
        line = line_of("kernel/switch.asm", "thread_switch:", "\tpush")
        text = "# fail: test=a/b rule=R02 expected=0 got=1 where=thread_switch+0x0/1 register=RAX\n"
        self.becomes(text, f"# at thread_switch+0x0 {line}\n")

    def test_a_label_inside_a_function(self):
        symbols = {symbol.name: symbol.address for symbol in Elf(ELF).symbols}
        inside = symbols["thread_switch.done"]
        place = f"thread_switch+{inside - symbols['thread_switch']:#x}"
        self.assertIn(f" {place} kernel/switch.asm:", symbolise(text=f"# bt {inside:#x}\n").stdout)

    def test_two_of_one_place_and_two_places(self):
        done = symbolise(text="x kmain+0x0 kmain+0x0 thread_switch+0x0\n")
        self.assertEqual(done.stdout.count("\n# at "), 2, done.stdout)

    def test_what_is_no_address_of_ours(self):
        lines = (
            "# bt 0x0000000000000000\n",
            "# bt 0xffffffffffffffff\n",
            "# bt 0x10000000000000000\n",
            "# bt 0x101234 and more\n",
            "rip=0x0 rip=0xffffffffffffffff\n",
            "nobody+0x4 kmain+0x400 kmain+0xfffffff thread_switch+0xffffffffff\n",
            "xrip=0x1035b0\n",
            "#   MXCSR       +0x018 801f0000\n",
            "\n",
            "ok 1 a/b",
        )
        self.becomes("".join(lines))

    def test_line_ends(self):
        self.assertRegex(symbolise(text="kmain+0x0").stdout, r"^kmain\+0x0\n# at kmain\+0x0 \S+\n$")
        raw = symbolise_bytes(b"# bt 0x%x\r\nkmain+0x0\r\n" % address("kmain"))
        added = rb"kmain\+0x0 kernel/main.c:[0-9]+\r\n"
        self.assertRegex(raw, rb"^# bt \S+ " + added + rb"kmain\+0x0\r\n# at " + added + rb"$")

    def test_any_bytes_pass(self):
        raw = bytes(range(256)) * 3 + b"\nkmain+0x0\xff\n" + b"y" * 200000 + b" kmain+0x0\n"
        said = symbolise_bytes(raw)
        self.assertTrue(said.startswith(raw[:769]))
        self.assertIn(b"y" * 200000, said)

    def test_it_streams(self):
        """What it has read is there before the input ends."""
        child = subprocess.Popen(
            [host.tree("tools", "xtk"), "symbolise", "--elf", ELF],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )
        child.stdin.write(b"KTAP version 1\n# bt 0x%x\n" % address("kmain"))
        child.stdin.flush()
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.kill)
        self.assertTrue(select.select([child.stdout], [], [], 20)[0], "nothing yet")
        self.assertEqual(child.stdout.readline(), b"KTAP version 1\n")
        self.assertIn(b"kmain+0x0 kernel/main.c:", child.stdout.readline())
        self.assertEqual(child.communicate(timeout=20)[0], b"")
        self.assertEqual(child.returncode, 0)


def address(name):
    return Elf(ELF).address(name, 0)


def symbolise_bytes(raw):
    command = [host.tree("tools", "xtk"), "symbolise", "--elf", ELF]
    return subprocess.run(command, input=raw, capture_output=True, check=True).stdout


class BadInput(host.Case):
    def test_refused(self):
        for arguments, part in (
            (["--elf", self.path("none"), "x"], self.path("none")),
            (["--elf", ELF, self.path("log")], self.path("log")),
            (["--elf", ELF, self.dir], "Is a directory"),
        ):
            with self.subTest(arguments):
                status, said = host.xtk("symbolise", *arguments)
                self.assertEqual(status, 2)
                self.assert_one_line(said, part, "name")


if __name__ == "__main__":
    unittest.main()
