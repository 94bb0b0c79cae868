# SPDX-License-Identifier: MIT
"""tools/gdb/xtk.py: gdb in batch mode, QEMU at its other end, from the first instruction on."""

import contextlib
import glob
import os
import re
import shutil
import unittest

import host

ELF = os.path.join(host.BUILD, "xtk.elf")
SCRIPT = host.tree("tools", "gdb", "xtk.py")
XSTATE = os.path.join(host.BUILD, "xstate")
IMAGES = host.tree("tests", "host", "images")
LARGE = 12288  # bytes of struct xsave_large
WRONG = ("12+", "0", "1.5", "nobody", "")


def gdb(*commands, elf=ELF, **options):
    """What gdb says to each command, in their order, errors included."""
    each = [part for text in commands for part in ("-ex", "echo \\n(gdb)\\n", "-ex", text)]
    command = ["gdb", "-nx", "-batch", "-x", SCRIPT, "-ex", "set pagination off", *each, elf]
    done = host.call("sh", "-c", 'exec "$@" 2>&1', "sh", *command, timeout=60, **options)
    return [said.strip() for said in done.stdout.split("\n(gdb)\n")[1:]]


def shown(text):
    """Without its first line, which names the source."""
    return text.partition("\n")[2]


@unittest.skipUnless(shutil.which("gdb"), "gdb is missing: run 'make deps test'")
class Entry(unittest.TestCase):
    """Code is shown in the mode in which it runs, whatever mode the CPU is in."""

    @classmethod
    def setUpClass(cls):
        commands = ["xtk-boot --cpu EPYC -- tests=selftest/pass", "x/i $pc", "x/2i start_pvh"]
        commands += ["tbreak start_pvh", "tbreak kmain", "continue", "x/7i $pc", "x/2i long_mode"]
        commands += ["x/i kmain", "stepi", "stepi"]
        commands += ["continue", "x/2i start_pvh", "x/i $pc", "continue"]
        cls.said = gdb(*commands)

    def test_the_first_instruction(self):
        self.assertIn("16 bits, real mode", self.said[0])
        self.assertRegex(self.said[1], r"^=> 0xfff0:\s+l?jmp ")

    def test_the_entry_is_32_bit_code(self):
        for said in (self.said[2], self.said[6], self.said[12]):
            self.assertRegex(said, r"0x[0-9a-f]+ <start_pvh>:\s+mov +\$0x336ec578,%eax\n")
        self.assertRegex(self.said[6], r"mov +\$0x[0-9a-f]+,%esp\n.*mov +%eax,%ebp\n.*call ")

    def test_steps_from_there(self):
        for said in self.said[9:11]:
            self.assertIn("in start ()\nxtk: 32 bits, no paging", said)

    def test_the_kernel_is_64_bit_code(self):
        self.assertRegex(self.said[7], r"long_mode>:\s+xor +%eax,%eax\n")
        for said in (self.said[8], self.said[13]):
            self.assertRegex(said, r"kmain>:\s+push +%rbp")
        self.assertIn("kmain (magic=", self.said[11])
        self.assertNotIn("bits", self.said[11])

    def test_the_serial_text_is_seen(self):
        self.assertIn("ok 1 selftest/pass\n", self.said[-1])
        self.assertIn("xtk: 1 passed", self.said[-1])


@unittest.skipUnless(shutil.which("gdb"), "gdb is missing: run 'make deps test'")
class Areas(host.Case):
    """An image in the guest's memory is shown as xstate shows it from its file."""

    KNOWN = ("intel-avx512-pkru", "intel-amx-compacted", "intel-dirty", "amd-avx512-pkru")

    @classmethod
    def setUpClass(cls):
        commands = ["xtk-boot", "tbreak tests_run", "continue"]
        for name in cls.KNOWN:
            pkru = 0x980 if name.startswith("amd") else 0xA80
            commands += [f"set var boot_xsave_cpu.layout.offset[9] = {pkru}"]
            commands += [f"restore {IMAGES}/{name}.bin binary &threads[1].state[0]"]
            area = "threads[1].state[0]"
            commands += [f"xtk-xsave {area}", f"xtk-xsave &{area}", f"print {area}"]
        commands += [f"xtk-xsave {wrong}".strip() for wrong in WRONG]
        cls.said = gdb(*commands, "kill")[3:-1]

    def test_as_xstate_shows_the_file(self):
        for i, name in enumerate(self.KNOWN):
            shutil.copy(f"{IMAGES}/{name}.bin", self.path("image"))
            os.truncate(self.path("image"), LARGE)
            layout = name.partition("-")[0]
            done = host.call(XSTATE, "show", "--layout", layout, self.path("image"))
            wanted = shown(done.stdout.strip())
            self.assertIn("in use ", wanted)
            command, pointer, printed = self.said[5 * i + 2 : 5 * i + 5]
            with self.subTest(name):
                self.assertEqual(shown(command), wanted)
                self.assertEqual(pointer, command)
                self.assertEqual(printed.partition("\n")[2], command)

    def test_wrong_input_is_one_line(self):
        for wrong, said in zip(WRONG, self.said[-len(WRONG) :]):
            with self.subTest(wrong):
                self.assertTrue(said)
                self.assertNotIn("\n", said)
                self.assertNotIn("Python", said)
        self.assertIn("4096 bytes from 0x0 on", self.said[-len(WRONG) + WRONG.index("0")])


@unittest.skipUnless(shutil.which("gdb"), "gdb is missing: run 'make deps test'")
class Ends(host.Case):
    def test_boot(self):
        wrong = ("--foo", "--cpu no-such", f"--qemu {self.path('none')}", "--smp 0")
        for said, text in zip(gdb(*(f"xtk-boot {text}" for text in wrong)), wrong):
            with self.subTest(text):
                self.assertIn(text.split()[-1], said)
                self.assertNotIn("Python", said)

    def test_quitting_ends_qemu(self):
        """It runs on otherwise, and gdb waits for it."""
        mark = f"seed={os.getpid()}"
        said = gdb(f"xtk-boot -- {mark}", "tbreak kmain", "continue")
        self.assertIn("kmain (magic=", said[2])
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                self.assertNotIn(mark, file.read().split("\0"))

    def test_no_xstate_beside_the_elf(self):
        shutil.copy(ELF, self.path("xtk.elf"))
        said = gdb("xtk-xsave &threads[1].state[0]", elf=self.path("xtk.elf"))[0]
        self.assertIn(self.path("xstate"), said)
        self.assertIn("make xstate", said)


if __name__ == "__main__":
    unittest.main()
