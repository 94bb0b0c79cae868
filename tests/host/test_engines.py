# SPDX-License-Identifier: MIT
"""The engines, by emulators that only pretend, and one short boot in each real one."""

import contextlib
import glob
import io
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from unittest import mock

import host
import native_run
from xtklib import engines, ktap
from xtklib.boot import Boot
from xtklib.usage import Usage

PASS = f"cat {host.log_path('pass')}"
MARKER = "#xtk-words-v1\n"
BAD_WORDS = ("a b", "it's", 'a"b', "a\\b", "a\nb", "a\tb", "\x7f", "é", "")
GOOD_WORDS = ("tests=a/*,-b[!c]?", "seed=$x", "!#%&()*+,-./:;<=>@[]^_`{|}~")


class Case(host.Case):
    def boot(self, engine="qemu", **asked):
        """A Boot with a log of its own."""
        number = len(glob.glob(self.path("*.log")))
        return Boot(engine=engine, log=self.path(f"{number}.log"), **asked)

    def image(self):
        """An image of nothing but the sector for the words."""
        return self.write("words.iso", "\0" * 2048 + MARKER + " " * (2048 - len(MARKER)))

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def carried_out(self, boot):
        with self.assert_nothing_left():
            engines.boot(boot)
        return boot

    @contextlib.contextmanager
    def assert_nothing_left(self):
        """What the boot put beside its log is gone."""
        with tempfile.TemporaryDirectory() as place:
            with mock.patch.object(tempfile, "tempdir", place):
                yield
            self.assertEqual(os.listdir(place), [])

    def refused(self, boot, *parts):
        with self.assertRaises(Usage) as caught, self.assert_nothing_left():
            engines.boot(boot)
        self.assert_one_line(f"{caught.exception}\n", *parts)
        self.assertNotIn("run-qemu.sh:", str(caught.exception))


class All(Case):
    def test_each_is_whole(self):
        self.assertLessEqual({"bochs", "native", "qemu"}, set(engines.kinds()))
        for kind in engines.kinds():
            module = engines.module(kind)
            self.assertIn(module.default_boot, module.boots)
            for name in ("prepare", "version", "why_not", "said", "start_failed", "again"):
                self.assertTrue(callable(getattr(module, name)), (kind, name))

    def test_words(self):
        for engine in engines.kinds():
            path = engines.module(engine).default_boot
            for word in BAD_WORDS:
                with self.subTest(engine=engine, word=word):
                    boot = self.boot(engine, boot=path, words=["list", word])
                    with self.assertRaises(Usage) as caught:
                        engines.boot(boot)
                    self.assertIn("a word is printable ASCII", str(caught.exception))
            self.refused(self.boot(engine, boot=path, words=["x" * 2001]), "2001")

    def test_run_qemu_refuses_the_same_words(self):
        for word in BAD_WORDS + GOOD_WORDS:
            with self.subTest(word):
                status = self.run_fake(options=["--kernel", "--print"], words=[word]).returncode
                self.assertEqual(status == 0, word in GOOD_WORDS)
        engines.check_words(GOOD_WORDS)

    def test_boot_paths(self):
        self.refused(self.boot("bochs", boot="kernel"), "bochs", "kernel", "iso")
        self.refused(self.boot("qemu", boot="native"), "qemu", "native", "uefi")


class Qemu(Case):
    def fake(self, *lines, **asked):
        """A Boot in such an emulator."""
        return self.boot(path=self.fake_qemu(*lines), **{"image": self.image(), **asked})

    def test_the_log_is_what_it_wrote(self):
        boot = self.carried_out(self.fake("printf 'a\\000\\377\\r\\n'", "echo words >&2", "exit 7"))
        with open(boot.log, "rb") as file:
            self.assertEqual(file.read(), b"a\0\xff\r\n")
        self.assertEqual((boot.status, boot.ended, boot.said), (7, "exit", "words\n"))
        self.assertGreater(boot.wall_s, 0)

    def test_what_was_asked_reaches_it(self):
        save = f'printf "%s\\n" "$@" >{self.path("arguments")}'
        asked = {"boot": "kernel", "cpu": "EPYC", "machine": "pc", "accel": "kvm", "smp": 2}
        self.carried_out(self.fake(save, PASS, words=["seed=7", "tests=a/*"], **asked))
        arguments = self.read(self.path("arguments")).split("\n")
        self.assertIn("-machine pc -accel kvm -cpu EPYC -smp 2", " ".join(arguments))
        self.assertEqual(arguments[arguments.index("-append") + 1], "seed=7 tests=a/*")

    def test_its_command_does_the_same_again(self):
        asked = {"boot": "kernel", "cpu": "EPYC", "words": ["list"]}
        boot = self.carried_out(self.fake('echo "$@"', PASS, **asked))
        done = host.call(*boot.command, env={**os.environ, "XTK_BUILD": self.dir})
        self.assertEqual(done.stdout, self.read(boot.log))
        self.assertEqual(engines.again(boot, []), boot.command[:-2])

    def test_boots_at_once_do_not_share_the_words(self):
        """Each waits until all have started, then shows the words in its image."""
        show = "tr '\\0' '\\n' <$(echo \"$@\" | sed 's/.*file=//') | grep 'set words'"
        started = self.path("started")
        wait = f"while [ $(wc -l <{started}) != 4 ]; do sleep 0.01; done"
        lines = (f"echo >>{started}", wait, show)
        boots = [self.fake(*lines, words=[f"seed={number}"]) for number in range(4)]
        for number, boot in enumerate(boots):
            boot.log, boot.timeout = self.path(f"boot{number}"), 20
        threads = [threading.Thread(target=engines.boot, args=[boot]) for boot in boots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        texts = [self.read(boot.log).strip() for boot in boots]
        self.assertEqual(texts, [f"set words='seed={n}'" for n in range(4)])
        self.assertNotIn("seed", self.read(boots[0].image), "the image itself was changed")

    def test_limits(self):
        for lines, limits, ended in (
            (("while :; do echo x; sleep 0.05; done",), {"timeout": 0.4}, "timeout"),
            (("echo x", "sleep 10"), {"silence": 0.3}, "silence"),
            (("sleep 10",), {"silence": 0.3}, "silence"),
        ):
            with self.subTest(lines):
                self.assertEqual(self.carried_out(self.fake(*lines, **limits)).ended, ended)

    def test_warnings(self):
        boot = self.carried_out(self.fake(
            "echo \"warning: TCG doesn't support requested feature: CPUID.01H\" >&2",
            "echo 'warning: something else' >&2", PASS,
        ))  # fmt: skip
        self.assertEqual(boot.said, "warning: something else\n")

    def test_its_own_words_when_it_dies_at_the_start(self):
        for said, part, asked in (
            ("unable to find CPU model 'x'", "-cpu help", {"cpu": "x"}),
            ("unsupported machine type", "--machine x:", {"machine": "x"}),
            ("Could not access KVM kernel module", "--accel kvm", {"accel": "kvm"}),
            ("something new", "--print", {}),
        ):
            with self.subTest(said):
                self.refused(self.fake(f'echo "{said}" >&2', "exit 1", **asked), said, part)
        self.refused(self.fake("echo 'Assertion failed' >&2", "kill -ABRT $$"), "Assertion failed")

    def test_a_death_that_is_not_repeated(self):
        """run-qemu.sh, asked for the remedy, sees another outcome: the words are still said."""
        first = f"[ -e {self.path('second')} ] && {{ {PASS}; exit; }}"
        boot = self.fake(first, f"touch {self.path('second')}", "echo 'only once' >&2", "exit 1")
        self.refused(boot, "only once")

    def test_silence_is_a_crash_of_the_guest(self):
        boot = self.carried_out(self.fake("exit 1"))
        self.assertEqual((boot.ended, ktap.read_log(boot.log).status), ("exit", ktap.CRASH))

    def test_words_after_the_first_byte_are_no_failed_start(self):
        boot = self.carried_out(self.fake("echo KTAP", "echo 'KVM internal error' >&2", "exit 1"))
        self.assertEqual((boot.ended, boot.said), ("exit", "KVM internal error\n"))

    def test_what_is_missing(self):
        image = self.image()
        self.refused(self.boot(path="no-such-qemu", image=image), "no-such-qemu", "make deps")
        self.refused(self.fake(PASS, image=self.path("none.iso")), "none.iso", "make iso")
        image = self.write("x.iso", "")
        self.refused(self.fake(PASS, image=image, words=["list"]), "x.iso", "sector")
        with mock.patch.dict(os.environ, OVMF=self.path("none.fd")):
            self.refused(self.fake(PASS, boot="uefi"), "none.fd", "install ovmf")

    def test_a_program_that_cannot_be_executed(self):
        path = self.write("broken-qemu", "#!/no/such/shell\n")
        os.chmod(path, 0o755)
        self.refused(self.boot(path=path, image=self.image()), "broken-qemu")

    def test_a_log_that_cannot_be_written(self):
        boot = self.fake(PASS)
        boot.log = self.path("no", "such.log")
        self.refused(boot, boot.log, "No such file")

    def test_version(self):
        fake = self.script("emulator", "echo 'QEMU emulator version 99.1 (made up)'", "echo more")
        self.assertEqual(engines.version(self.boot(path=fake)), "99.1 (made up)")
        self.assertEqual(engines.version(self.boot(path=self.path("none"))), "")

    def test_words_of_any_bytes(self):
        fake = self.script("emulator", r"printf 'QEMU emulator version 9\377\n'")
        self.assertEqual(engines.version(self.boot(path=fake)), "9\ufffd")
        dying = self.fake(r"printf 'no \377 model\n' >&2", "exit 1", cpu="x")
        self.refused(dying, "no \ufffd model")

    def test_the_real_one(self):
        boot = self.carried_out(self.boot(boot="kernel", words=["tests=selftest/pass"]))
        log = ktap.read_log(boot.log)
        self.assertEqual((log.status, log.header["boot"]), (ktap.PASSED, "pvh"), log.reason)
        self.assertRegex(engines.version(boot), r"^[0-9]+\.[0-9]+")
        self.refused(self.boot(cpu="Pentium9", boot="kernel"), "--cpu Pentium9", "-cpu help")

    def test_help_text_and_option_agree(self):
        self.assertIn("--exec DIR", host.call(host.RUN_QEMU, "--help").stdout)


class Bochs(Case):
    HELP = "echo '  -rc filename     commands'; echo ' Bochs x86 Emulator 9.9'; exit 1"

    def fake(self, *lines, help_text=HELP, **asked):
        name = f"bochs{len(glob.glob(self.path('bochs*')))}"  # what --help says is asked once
        helping = f'[ "$1" != --help ] || {{ {help_text}; }}'
        path = self.script(name, helping, *lines)
        return self.boot("bochs", path=path, **{"image": self.image(), **asked})

    def test_the_serial_file_is_the_log(self):
        boot = self.carried_out(self.fake("echo banner", f"{PASS} >serial.log", "exit 1"))
        self.assertEqual(self.read(boot.log), self.read(host.log_path("pass")))
        self.assertEqual((boot.ended, boot.status, boot.said), ("exit", 1, ""))

    def test_its_configuration(self):
        keep = f"cp bochsrc debugger xtk.iso {self.dir}; echo $* >serial.log"
        boot = self.carried_out(self.fake(keep, cpu="ryzen", smp=2, words=["list", "seed=1"]))
        self.assertEqual(self.read(boot.log), "-q -f bochsrc -rc debugger\n")
        self.assertEqual(self.read(self.path("debugger")), "c\n")
        self.assertIn("\ncpu: model=ryzen, count=1:2:1, ips=", self.read(self.path("bochsrc")))
        self.assertIn("set words='list seed=1'\n", self.read(self.path("xtk.iso")))
        self.assertNotIn("seed", self.read(boot.image), "the image itself was changed")

    def test_one_without_a_debugger(self):
        boot = self.carried_out(self.fake("echo $* >serial.log", help_text="echo usage; exit 1"))
        self.assertEqual(self.read(boot.log), "-q -f bochsrc\n")

    def test_no_model_is_its_own(self):
        boot = self.carried_out(self.fake("grep ^cpu: bochsrc >serial.log"))
        self.assertTrue(self.read(boot.log).startswith("cpu: count=1:1:1,"))

    def test_words_of_any_bytes(self):
        boot = self.fake("exit 1", help_text=r"printf '\377\nBochs x86 Emulator 9\377\n'; exit 1")
        self.assertEqual(engines.version(boot), "9\ufffd")

    def test_a_halt_for_ever(self):
        boot = self.carried_out(self.fake("echo KTAP >serial.log", "sleep 10", silence=0.4))
        self.assertEqual((boot.ended, self.read(boot.log)), ("silence", "KTAP\n"))

    def test_its_own_words_when_it_dies_at_the_start(self):
        model = "echo \"00000000000e[      ] bochsrc:6: wrong value for parameter 'model'\"; exit 1"
        self.refused(self.fake(model, cpu="x"), "--cpu x:", "wrong value", "--help cpu")
        self.refused(self.fake("echo \"[MEM0 ] ROM: couldn't open\""), "ROM:", "install bochsbios")

    def test_words_of_any_start_are_not_said(self):
        end = "echo '[UNMAP ] Shutdown port: shutdown requested'"
        boot = self.carried_out(self.fake("echo '00000000000i[PLUGIN] loaded'", end))
        self.assertEqual(boot.said, "")

    def test_what_it_has_not(self):
        for asked in ({"machine": "pc"}, {"accel": "kvm"}):
            self.refused(self.fake(**asked), *asked, *asked.values())
        self.refused(self.boot("bochs", path="no-such-bochs"), "no-such-bochs", "install bochs")
        self.refused(self.fake(image=self.path("none.iso")), "none.iso", "make iso")
        empty = self.write("empty.iso", "")
        self.refused(self.fake(image=empty, words=["list"]), "empty.iso", "sector")

    def test_version_and_command(self):
        boot = self.fake("exit 1", cpu="ryzen")
        self.assertEqual(engines.version(boot), "9.9")
        command = engines.again(boot, ["list"])
        tail = ["run", "--bochs", boot.path, "--cpu", "ryzen", "--image", boot.image, "--", "list"]
        self.assertEqual(command, [host.tree("tools", "xtk"), *tail])

    def test_the_real_one(self):
        if not shutil.which("bochs-bin"):
            self.skipTest("bochs-bin is missing: run 'make deps test'")
        boot = self.carried_out(self.boot("bochs", cpu="tigerlake", words=["tests=selftest/pass"]))
        log = ktap.read_log(boot.log)
        self.assertEqual((log.status, log.header["boot"]), (ktap.PASSED, "multiboot2"), log.reason)
        self.assertRegex(engines.version(boot), r"^[23]\.")
        self.refused(self.boot("bochs", cpu="Pentium9"), "--cpu Pentium9", "--help cpu")


class NativeTests(Case):
    """How the C tests' words become those of a log."""

    def judged(self, text, status=0, signal=0):
        """(result line, the lines before it) of a program that said @text."""
        done = subprocess.CompletedProcess([], -signal or status, stdout=text)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            ok, rest = native_run.judge("native/x", "tests/host/x_test.c", done)
        return f"{ok} 1 {rest}", said.getvalue()

    def status(self, text, **how):
        """Of a whole log with that one test in it."""
        line, before = self.judged(text, **how)
        parser = ktap.Parser()
        whole = f'KTAP version 1\n# xtk 0 cpu="x"\n1..1\n{before}{line}'
        for each in whole.splitlines():
            parser.feed(each)
        self.assertEqual(len(parser.log.tests), 1, whole)
        return parser.log.tests[0]

    def test_outcomes(self):
        for text, how, status in (
            ("ok 1 a\n1 passed, 0 failed, 0 skipped\n", {}, "pass"),
            ("ok 1 a\nok b # SKIP CPUID\n1 passed, 0 failed, 1 skipped\n", {}, "pass"),
            ("ok b # SKIP CPUID\n0 passed, 0 failed, 1 skipped\n", {"status": 1}, "skip"),
            ("ok 1 a\nnot ok 2 b\n1 passed, 1 failed, 0 skipped\n", {"status": 1}, "fail"),
            ("0 passed, 0 failed, 0 skipped\n", {"status": 1}, "error"),
            ("ok 1 a\n", {}, "fail"),
            ("ok 1 a\n", {"signal": 11}, "fail"),
            ("ok 1 a\n1 passed, 0 failed, 0 skipped\n", {"status": 1}, "fail"),
            ("ok 1 a\n1 passed, 0 failed, 0 skipped\n", {"signal": 11}, "fail"),
            ("1 passed, 0 failed, 0 skipped\nok 2 b\n", {}, "fail"),
            ("", {}, "fail"),
        ):
            with self.subTest(text=text, **how):
                self.assertEqual(self.status(text, **how).status, status)

    def test_details(self):
        text = "not ok 1 sum\n# line 7: expected 0x1, got 0x2\nnot ok 2 odd\n# line 9: a == b\n"
        test = self.status(text + "0 passed, 2 failed, 0 skipped\n", status=1)
        found = [(x.rule, x.expected, x.got, x.where) for x in test.failures]
        self.assertEqual(found[0], ("-", "0x1", "0x2", "x_test.c:7 sum"))
        self.assertEqual(found[1], ("-", "a == b", "false", "x_test.c:9 odd"))
        self.assertEqual(test.probes, 2)

    def test_a_signal_is_named(self):
        self.assertIn("got=signal 11", self.judged("ok 1 a\n", signal=11)[1])

    def test_many_failures(self):
        text = "".join(f"not ok {n} x\n# line {n}: y\n" for n in range(1, 21))
        test = self.status(text + "0 passed, 20 failed, 0 skipped\n", status=1)
        self.assertEqual(len(test.failures), native_run.SHOWN + 1)
        self.assertIn("12 more", test.failures[-1].where)


class Native(Case):
    def native(self, *words):
        return self.boot("native", boot="native", words=list(words))

    def test_a_run(self):
        boot = self.carried_out(self.native("tests=native/lib_xcr0,native/lib_layout"))
        log = ktap.read_log(boot.log)
        self.assertEqual(log.status, ktap.PASSED, self.read(boot.log) + boot.said)
        names = [test.name for test in log.tests]
        self.assertEqual(names, ["native/lib_layout", "native/lib_xcr0"])
        self.assertIn("X02", log.tests[1].rules)
        self.assertGreater(log.tests[0].probes, 100)
        self.assertEqual(log.header["boot"], "native")
        self.assertEqual(int(log.header["xcr0"], 16) & 3, 3 if log.components else 0)
        self.assertNotEqual(engines.version(boot), "")

    def test_words(self):
        for words, part in (
            (["seed=1"], "unknown word 'seed=1'"),
            (["tests="], "tests="),
            (["tests=native/nonesuch"], "'native/nonesuch' matches no test"),
            (["list", "tests=native/lib_*,-nonesuch"], "'nonesuch'"),
        ):
            tests, _ = native_run.asked(words)
            self.assertIn(part, tests)

    def test_choice(self):
        everything, listing = native_run.asked(["list"])
        self.assertTrue(listing)
        self.assertIn("native/silicon_guard", everything)
        for name in everything:
            self.assertRegex(name, "^native/(lib|silicon)")
        chosen, listing = native_run.asked(["tests=native/silicon_*,-*amx"])
        self.assertFalse(listing)
        self.assertLess({"native/silicon_guard"}, set(chosen))
        self.assertNotIn("native/silicon_amx", chosen)
        self.assertFalse([name for name in chosen if "silicon" not in name])

    def test_a_release_has_no_sources(self):
        boot = self.native()
        boot.path = self.path("native_run.py")
        self.refused(boot, "source tree")

    def test_no_choice_of_machine(self):
        for name in ("cpu", "machine", "accel", "image"):
            boot = self.native()
            setattr(boot, name, "x")
            self.refused(boot, f"--{name} x")


if __name__ == "__main__":
    unittest.main()
