# SPDX-License-Identifier: MIT
"""The real kernel in the real emulator: every way to boot it, every way in which a run can end."""

import re
import unittest

import host

PASSING = ("tests=selftest/pass",)
SELFTEST = re.compile(r"/\* status ([0-5])\b.*?\*/\s*XTEST\(selftest, (\w+)", re.DOTALL)


def boot(*options, words=PASSING):
    """One real boot; its log is thrown away, since tests of several trees may run at once."""
    return host.call(host.RUN_QEMU, "--log", "/dev/null", *options, "--", *words)


def header(done):
    """The key=value words of the header line."""
    line = next((x for x in done.stdout.splitlines() if x.startswith("# xtk ")), "")
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))


class BootPaths(unittest.TestCase):
    def booted(self, protocol, *options):
        done = boot(*options)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(header(done).get("boot"), protocol, done.stdout)

    def test_iso_by_bios(self):
        self.booted("multiboot2", "--iso")

    def test_iso_by_uefi(self):
        self.booted("multiboot2", "--uefi")

    def test_pvh_on_microvm(self):
        self.booted("pvh", "--kernel")

    def test_pvh_on_a_pc(self):
        self.booted("pvh", "--kernel", "--machine", "q35")

    def test_multiboot1(self):
        self.booted("multiboot1", "--image", f"{host.BUILD}/xtk.elf32")

    def test_multiboot1_on_old_pcs(self):
        for machine in ("pc", "isapc"):
            with self.subTest(machine):
                image = f"{host.BUILD}/xtk.elf32"
                self.booted("multiboot1", "--image", image, "--machine", machine)


class Outcomes(unittest.TestCase):
    """Every test of the group selftest ends as the comment above it says."""

    def test_selftests(self):
        with open(host.tree("tests", "selftest.c"), encoding="utf-8") as file:
            expected = SELFTEST.findall(file.read())
        self.assertGreaterEqual({status for status, _ in expected}, set("01345"))
        for status, name in expected:
            limit = ["--timeout", "5"] if status == "4" else []
            with self.subTest(name):
                done = boot("--kernel", *limit, words=[f"tests=selftest/{name}"])
                self.assertEqual(done.returncode, int(status), done)

    def test_outcomes_through_grub(self):
        for status, name in ((1, "fail"), (5, "error"), (3, "triple")):
            with self.subTest(name):
                done = boot("--iso", words=[f"tests=selftest/{name}"])
                self.assertEqual(done.returncode, status, done)

    def test_error_outranks_failure(self):
        done = boot("--kernel", words=["tests=selftest/fail,selftest/error"])
        self.assertEqual(done.returncode, 5, done)

    def test_a_boundary_left_out_is_noticed(self):
        """The control of nmi/every_boundary_of_the_switch: by the trace and by the disassembly."""
        done = boot("--kernel", words=["tests=selftest/nmi_gap"])
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stdout, r"(?m)^# fail: .* boundaries of the trace that got their NMI$")
        self.assertRegex(done.stdout, r"(?m)^# nmi: executed, but no NMI at thread_switch\+0x1$")
        covered, expected = re.search(r"nmi: disassembly (\d+)/(\d+)", done.stdout).groups()
        self.assertEqual(int(covered), int(expected) - 1)

    def test_a_panic_names_symbol_and_line(self):
        done = boot("--kernel", words=["tests=selftest/panic"])
        self.assertRegex(done.stdout, r"(?m)^# panic: on purpose$")
        self.assertRegex(done.stdout, r"(?m)^# bt 0x[0-9a-f]{16} \w+ \S+\.c:[0-9]+")

    def test_list(self):
        done = boot("--kernel", words=["list"])
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout, r"(?m)^# test: boot/\w+ rules:")
        self.assertNotIn("selftest/", done.stdout)


class GuestUsage(unittest.TestCase):
    """One line in the place of the last line, and nothing was run."""

    WRONG = {
        "tets=boot/*": "unknown word 'tets=boot/*'",
        "tests=no/such": "'no/such' matches no test",
        "tests=": "tests=",
        "tests": "unknown word 'tests'",
        "list=1": "unknown word 'list=1'",
        "seed=12x": "not a number",
        "seed=": "number",
        "seed=0x": "number",
        "seed=18446744073709551616": "64 bits",
        "repeat=0": "repeat=0",
        "xcr0=0x0": "X",
        "xcr0=0x5": "X",
        "xcr0=0x8000000000000000": "bit 63",
        "save=xsavez": "save=xsavez",
        "save=fxsave": "xcr0=3",
        "switch=slow": "switch=slow",
        "ist=nonesuch": "ist=nonesuch",
        "apic=x3apic": "apic=x3apic",
        "depth=deep": "depth=deep",
    }

    def test_words(self):
        for word, part in self.WRONG.items():
            with self.subTest(word):
                done = boot("--kernel", words=[word])
                self.assertEqual(done.returncode, 2, done)
                said = [x for x in done.stdout.splitlines() if x.startswith("xtk: usage: ")]
                self.assertEqual(len(said), 1, done.stdout)
                self.assertIn(part, said[0])
                self.assertNotRegex(done.stdout, r"(?m)^(not )?ok ")

    def test_the_menu_of_the_iso(self):
        """Its words are right, or refused only for what this CPU lacks."""
        with open(host.tree("boot", "grub.cfg"), encoding="utf-8") as file:
            entries = re.findall(r"(?m)^\txtk (.*)$", file.read())
        self.assertGreater(len(entries), 5)
        for entry in entries:
            with self.subTest(entry):
                words = entry.replace("$words", "").split()
                done = boot("--kernel", words=[*words, *PASSING])
                lacks = re.search(r"(?m)^xtk: usage: .*this CPU lacks", done.stdout)
                self.assertEqual(done.returncode, 2 if lacks else 0, done)

    def test_an_overlong_command_line(self):
        done = boot("--kernel", words=["seed=" + "1" * 1990])
        self.assertEqual(done.returncode, 2, done)


class CpuModels(unittest.TestCase):
    """The supported XCR0 of each model: on q35, since microvm takes other versions of some."""

    Q35 = ("--kernel", "--machine", "q35")

    XCR0 = {
        "max": "0x21f",
        "Skylake-Client": "0x7",
        "Denverton": "0x1b",
        "EPYC": "0x7",
        "max,-avx": "0x21b",
        "max,-xsave": "0x0",
        "qemu64": "0x0",
    }

    def test_models(self):
        for model, xcr0 in self.XCR0.items():
            with self.subTest(model):
                done = boot(*self.Q35, "--cpu", model)
                self.assertEqual(done.returncode, 0, done)
                self.assertEqual(header(done).get("xcr0"), xcr0, done.stdout)

    def test_without_xsave_the_rest_skips_with_the_reason(self):
        done = boot("--kernel", "--cpu", "qemu64", words=[])
        self.assertIn("no XSAVE (CPUID.1:ECX[26])", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^ok [0-9]+ \S+ # SKIP CPUID\.1:ECX\[26\] XSAVE$")

    def test_without_long_mode_there_is_no_last_line(self):
        done = boot("--kernel", "--cpu", "qemu32", "--timeout", "20", words=[])
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("long mode", done.stdout)


if __name__ == "__main__":
    unittest.main()
