# SPDX-License-Identifier: MIT
"""run-qemu.sh: its options, what it says of bad ones, and what it leaves behind."""

import os
import signal
import subprocess
import time
import unittest
from unittest import mock

import host

PASS = f"cat {host.log_path('pass')}"
SAVE_ARGUMENTS = 'printf "%s\\n" "$@" >"$(dirname "$0")/arguments"'
MARKER = "#xtk-words-v1\n"


class BadInput(host.Case):
    """One line that names the input, and status 2."""

    def refused(self, *parts, options=(), words=(), lines=(PASS,)):
        done = self.run_fake(*lines, options=options, words=words)
        self.assertEqual(done.returncode, 2, done)
        self.assert_one_line(done.stderr, *parts)
        self.assertEqual(done.stdout, "")

    def test_options(self):
        for options in (["--frobnicate"], ["-x"], ["stray"], ["--cpu"], ["--timeout"]):
            with self.subTest(options):
                self.refused(options[0], options=options)

    def test_numbers(self):
        for option in ("--timeout", "--smp"):
            for value in ("0", "-1", "1.5", "x", "", "1x", "99999999"):
                with self.subTest(option=option, value=value):
                    self.refused(option, value, options=[option, value])

    def test_accelerator(self):
        self.refused("--accel hvf", options=["--accel", "hvf"])

    def test_words(self):
        for word in ("a b", "it's", 'a"b', "a\\b", "a\nb", "a\tb", "\x7f", "é", ""):
            with self.subTest(word):
                done = self.run_fake(PASS, words=[word])
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("a word is printable ASCII", done.stderr)

    def test_too_many_words(self):
        self.refused("2001", words=["x" * 2001])

    def test_image(self):
        missing = self.path("missing.iso")
        self.refused(missing, "make iso", options=["--image", missing])
        self.refused(self.dir, "make iso", options=["--iso", "--image", self.dir])
        self.refused("fake.iso", "sector for words", words=["list"])

    def test_default_images_of_an_empty_build(self):
        for option, goal in (("--iso", "iso"), ("--kernel", "all"), ("--uefi", "iso")):
            environment = {**os.environ, "XTK_BUILD": self.dir}
            done = host.call(host.RUN_QEMU, option, env=environment)
            self.assertEqual(done.returncode, 2)
            self.assert_one_line(done.stderr, self.dir, f"make {goal}")

    def test_no_qemu(self):
        self.refused("no-such-qemu", "make deps", options=["--qemu", "no-such-qemu"])

    def test_qemu_that_cannot_be_executed(self):
        path = self.write("broken-qemu", "#!/no/such/shell\n")
        os.chmod(path, 0o755)
        self.refused("broken-qemu", options=["--qemu", path])

    def test_no_firmware(self):
        with mock.patch.dict(os.environ, OVMF=self.path("missing.fd")):
            self.refused("missing.fd", "install ovmf", options=["--uefi"])


class QemuDies(host.Case):
    """QEMU's own message, with what to do, when it ends before the first byte."""

    def died(self, said, *parts, status=1, options=()):
        done = self.run_fake(f'echo "{said}" >&2', f"exit {status}", options=options)
        self.assertEqual(done.returncode, 2, done)
        self.assert_one_line(done.stderr, said, *parts)

    def test_messages(self):
        self.died("unable to find CPU model 'x'", "--cpu x:", "-cpu help", options=["--cpu", "x"])
        self.died("unsupported machine type", "--machine x:", options=["--machine", "x"])
        self.died("Could not access KVM kernel module", "--accel kvm", options=["--accel", "kvm"])
        self.died("Invalid SMP CPUs 999", "--smp 999:", options=["--smp", "999"])
        self.died("Could not open 'fake.iso'", "fake.iso: ")
        self.died("something new", "--print")

    def test_a_signal(self):
        done = self.run_fake("echo 'Assertion failed' >&2", "kill -ABRT $$")
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "Assertion failed")

    def test_silence_is_a_crash_of_the_guest(self):
        self.assertEqual(self.run_fake("exit 0").returncode, 3)
        self.assertEqual(self.run_fake("exit 1").returncode, 3)

    def test_the_real_one(self):
        for options in (["--cpu", "Pentium9"], ["--cpu", "max,-foo"], ["--machine", "pdp11"]):
            image = self.write("empty.iso", "")
            done = host.call(host.RUN_QEMU, "--image", image, "--log", self.path("log"), *options)
            self.assertEqual(done.returncode, 2, done)
            self.assert_one_line(done.stderr, " ".join(options), "help")

    def test_the_real_one_with_no_kernel(self):
        image = self.write("text", "this is no kernel\n")
        done = host.call(host.RUN_QEMU, "--kernel", "--image", image, "--log", self.path("log"))
        self.assertEqual(done.returncode, 2, done)
        self.assert_one_line(done.stderr, image, "make all")


class Run(host.Case):
    def arguments(self):
        with open(self.path("arguments"), encoding="utf-8") as file:
            return file.read().splitlines()

    def test_defaults(self):
        self.assertEqual(self.run_fake(SAVE_ARGUMENTS, PASS).returncode, 0)
        arguments = " ".join(self.arguments())
        for part in ("-machine q35 -accel tcg -cpu max -smp 1", "-no-reboot", "isa-debug-exit"):
            self.assertIn(part, arguments)

    def test_options_reach_qemu(self):
        options = ["--kernel", "--cpu", "EPYC", "--machine", "pc", "--smp", "2", "--accel", "kvm"]
        words = ["seed=7", "tests=a/*,-b"]
        done = self.run_fake(SAVE_ARGUMENTS, PASS, options=options, words=words)
        self.assertEqual(done.returncode, 0, done)
        arguments = self.arguments()
        self.assertIn("-machine pc -accel kvm -cpu EPYC -smp 2", " ".join(arguments))
        self.assertEqual(arguments[arguments.index("-append") + 1], "seed=7 tests=a/*,-b")

    def test_kernel_takes_microvm(self):
        self.run_fake(SAVE_ARGUMENTS, PASS, options=["--kernel"])
        self.assertIn("-machine microvm", " ".join(self.arguments()))

    def test_print_runs_nothing(self):
        done = self.run_fake(SAVE_ARGUMENTS, options=["--print", "--cpu", "EPYC,-avx"])
        self.assertEqual(done.returncode, 0)
        self.assertIn("EPYC", done.stdout)
        self.assertFalse(os.path.exists(self.path("arguments")))

    def test_exec_becomes_qemu(self):
        """No log, no limit, no verdict: the same process, its streams and status."""
        fake = ("echo $$ $PPID", "echo words >&2", "exit 7")
        command = [host.RUN_QEMU, "--image", self.write("fake.iso", ""), "--exec", self.dir]
        child = subprocess.Popen(
            [*command, "--qemu", self.fake_qemu(*fake)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = child.communicate(timeout=20)
        self.assertEqual((out, err), (f"{child.pid} {os.getpid()}\n", "words\n"))
        self.assertEqual(child.returncode, 7)

    def test_exec_puts_the_words_into_the_directory(self):
        image = self.write("words.iso", MARKER + " " * (2048 - len(MARKER)))
        os.mkdir(self.path("there"))
        options = ["--image", image, "--exec", self.path("there")]
        done = self.run_fake('echo "$@"', options=options, words=["list"])
        self.assertIn(f"file={self.path('there', 'words.iso')}", done.stdout)
        with open(self.path("there", "words.iso"), encoding="ascii") as copy:
            self.assertIn("set words='list'", copy.read())

    def test_gdb_waits_without_a_limit(self):
        done = self.run_fake(SAVE_ARGUMENTS, PASS, options=["--gdb"])
        self.assertIn("-S -gdb tcp::1234", " ".join(self.arguments()))
        self.assertIn("target remote :1234", done.stderr)

    def test_words_of_an_iso_go_into_its_sector(self):
        image = self.write("words.iso", "\0" * 4096 + MARKER + " " * (2048 - len(MARKER)) + "end")
        find = f"image=$(cat {self.path('arguments')} | sed -n 's/.*file=//p')"
        done = self.run_fake(
            SAVE_ARGUMENTS, find, f"cp $image {self.path('copy')}", PASS,
            options=["--image", image], words=["list", "seed=$x"],
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done)
        with open(self.path("copy"), encoding="ascii") as copy:
            text = copy.read()
        with open(image, encoding="ascii") as old:
            before = old.read()
        self.assertEqual(len(text), len(before))
        self.assertEqual(text[4096:6144].rstrip(), MARKER + "set words='list seed=$x'")
        self.assertEqual(text[6144:], "end")
        self.assertNotIn("list", before, "the image itself was changed")

    def test_qemus_warnings(self):
        done = self.run_fake(
            "echo \"warning: TCG doesn't support requested feature: CPUID.01H\" >&2",
            "echo 'warning: something else' >&2", PASS,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, "warning: something else\n"))

    def test_backtrace_executes_nothing_of_the_guest(self):
        victim = self.path("victim")
        evil = (f"0x1; touch {victim}", f"0x1 $(touch {victim})", f"`touch {victim}`")
        lines = [f"# bt {text}" for text in evil] + ["# bt 0x1f"]
        printing = [f"cat <<'EOF'\n{line}\nEOF" for line in lines]
        image = self.image_with_an_elf()
        fake = self.fake_qemu(*printing)
        done = host.call(host.RUN_QEMU, "--image", image, "--qemu", fake, "--log", self.path("log"))
        self.assertEqual(done.returncode, 3)
        self.assertFalse(os.path.exists(victim))
        self.assertIn("# bt 0x1f ?? ??:0", done.stdout, "a good line was not symbolised")

    def test_backtrace_of_an_image_without_its_elf(self):
        """Symbols of another build would be wrong ones: the line stays as it is."""
        done = self.run_fake("echo '# bt 0x1f'")
        self.assertEqual(done.stdout, "# bt 0x1f\n")


class Live(host.Case):
    def start(self, *lines):
        image = self.image_with_an_elf()
        command = [host.RUN_QEMU, "--image", image, "--qemu", self.fake_qemu(*lines)]
        child = subprocess.Popen(
            [*command, "--log", self.path("log")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(child.stdout.close)
        return child

    def streams_until(self, number):
        """Lines come while it runs; the signal ends it, its emulator, and the emulator's child."""
        child = self.start("echo KTAP version 1", "sleep 60 &", "echo $!", "wait")
        self.assertEqual(child.stdout.readline(), b"KTAP version 1\n")
        sleeper = int(child.stdout.readline())
        child.send_signal(number)
        self.assertEqual(child.wait(timeout=20), 130)
        deadline = time.monotonic() + 5
        while self.lives(sleeper):
            self.assertLess(time.monotonic(), deadline, "the emulator's child still runs")
            time.sleep(0.02)

    def test_sigterm(self):
        self.streams_until(signal.SIGTERM)

    def test_sigint(self):
        self.streams_until(signal.SIGINT)

    @staticmethod
    def lives(process):
        try:
            with open(f"/proc/{process}/stat", encoding="ascii") as file:
                return file.read().split()[2] != "Z"  # dead, though nobody has asked for it yet
        except FileNotFoundError:
            return False


if __name__ == "__main__":
    unittest.main()
