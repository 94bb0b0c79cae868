# SPDX-License-Identifier: MIT
"""tools/xstate: what it reads, what it prints, and what it says to bad input.

Screens are kept as tests/host/xstate/*.txt: a line "$ xstate …", run from the root of the tree, and
what it must print; "status N" closes it. Cores are of three makers: the writer below for what is
rare, gdb, and the kernel.
"""

import decimal
import filecmp
import glob
import json
import os
import pty
import re
import resource
import shlex
import shutil
import stat
import struct
import subprocess
import unittest

import host

XSTATE = os.path.join(os.path.abspath(host.BUILD), "xstate")
IMAGES = host.tree("tests", "host", "images")
DATA = host.tree("tests", "host", "xstate")
VERBS = ("show", "diff", "convert", "validate", "layout", "show-cpu")
PLAIN = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TERM": "xterm"}
# What these verdicts depend on is no part of the image.
OF_THE_CPU = {"COMPACTION", "XCOMP_BV_ENABLED", "SUPERVISOR", "XSTATE_BV"}


def image_path(name):
    return os.path.join(IMAGES, name + ".bin")


def image(name):
    with open(image_path(name), "rb") as file:
        return file.read()


def expected(name):
    """Register: value, as the image's maker wrote them down; what is part of a ZMM by that."""
    with open(os.path.join(IMAGES, name + ".txt"), encoding="utf-8") as file:
        want = {name: int(value, 16) for name, value in (line.split() for line in file)}
    for i in range(32):
        for part, bits in (("XMM", 128), ("YMM", 256)):
            want.setdefault(f"{part}{i}", want[f"ZMM{i}"] & (1 << bits) - 1)
    return want


def value_of(text):
    """A register's value in the JSON; a tile's rows are 64 bytes apart."""
    if isinstance(text, list):
        return sum(int(row, 16) << 512 * i for i, row in enumerate(text))
    return text if isinstance(text, int) else int(text, 16)


def registers(parsed):
    return {
        name: value_of(value)
        for component in parsed["components"]
        for name, value in component.get("registers", {}).items()
    }


def patched(data, offset, new):
    return data[:offset] + new + data[offset + len(new) :]


def note(kind, data, name=b"LINUX\0"):
    def pad(part):
        return part + bytes(-len(part) % 4)

    return struct.pack("<III", len(name), len(data), kind) + pad(name) + pad(data)


def prstatus(tid, wide=True):
    return note(1, bytes(32 if wide else 24) + struct.pack("<i", tid) + bytes(300), b"CORE\0")


def layout_note(rows):
    return note(0x205, b"".join(struct.pack("<IIII", *row) for row in rows))


def core(notes, wide=True, machine=62, kind=4, others=0, xnum=False):
    """An ELF core: @others empty segments before its notes; with @xnum, section 0 counts them."""
    header, entry, section = (64, 56, 64) if wide else (52, 32, 40)
    count = others + 1
    sections = header + entry * count
    start = sections + (section if xnum else 0)
    ident = b"\177ELF" + bytes((2 if wide else 1, 1, 1)) + bytes(9)
    word = "Q" if wide else "I"
    number = 0xFFFF if xnum else count
    tail = (0, header, sections if xnum else 0, 0, header, entry, number, section, int(xnum), 0)
    head = ident + struct.pack(f"<HHI{word}{word}{word}IHHHHHH", kind, machine, 1, *tail)
    if wide:
        segment = struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(notes), 0, 4)
        info = struct.pack("<IIQQQQII", 0, 0, 0, 0, 0, 0, 0, count) + bytes(16)
    else:
        segment = struct.pack("<IIIIIIII", 4, start, 0, 0, len(notes), 0, 0, 4)
        info = struct.pack("<IIIIIIII", 0, 0, 0, 0, 0, 0, 0, count) + bytes(8)
    return head + bytes(entry * others) + segment + (info if xnum else b"") + notes


def with_xcr0(data, xcr0):
    """As Linux writes it into a core."""
    return patched(data, 464, struct.pack("<Q", xcr0))


def amx_core():
    """Two threads, one with live tiles, on a CPU whose layout only its note tells: all 64 later."""
    rows = [(2, 256, 576, 0), (5, 64, 896, 0), (6, 512, 960, 0), (7, 1024, 1472, 0)]
    rows += [(9, 8, 2496, 0), (17, 64, 2560, 0), (18, 8192, 2624, 0)]
    old = image("intel-amx")
    new = bytearray(old[:832] + bytes(2624 + 8192 - 832))
    places = {5: 1088, 6: 1152, 7: 1664, 9: 2688, 17: 2752, 18: 2816}
    for bit, size, offset, _ in rows[1:]:
        new[offset : offset + size] = old[places[bit] : places[bit] + size]
    first = with_xcr0(bytes(new), 0x602E7)
    second = patched(first, 512, struct.pack("<Q", 3))
    threads = prstatus(11) + note(0x202, first) + prstatus(12) + note(0x202, second)
    return core(threads + layout_note(rows))


def two_threads():
    first = with_xcr0(image("intel-avx"), 7)
    second = patched(first, 24, struct.pack("<I", 0x1F80))
    return core(prstatus(4711) + note(0x202, first) + prstatus(4712) + note(0x202, second))


class Case(host.Case):
    def xstate(self, *arguments, env=None, **options):
        self.assertTrue(os.path.exists(XSTATE), f"{XSTATE} is missing: run 'make xstate'")
        return host.call(XSTATE, *arguments, env=env or PLAIN, **options)

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def good(self, *arguments, status=0, notes=0, **options):
        done = self.xstate(*arguments, **options)
        said = f"{arguments}: {done.stdout[-2000:]}{done.stderr}"
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(done.stderr.count("\n"), notes, said)
        return done.stdout

    def parse(self, *arguments, notes=0, **options):
        lines = self.good("show", "--json", *arguments, notes=notes, **options).splitlines()
        return [json.loads(line) for line in lines]

    def trouble(self, *arguments, parts=(), **options):
        """Status 2, nothing on stdout, one line that names every part."""
        done = self.xstate(*arguments, **options)
        self.assertEqual(done.returncode, 2, f"{arguments}: {done.stdout[:500]}{done.stderr}")
        self.assertEqual(done.stdout, "", arguments)
        self.assertTrue(done.stderr.startswith("xstate: "), done.stderr)
        self.assert_one_line(done.stderr, *parts)
        self.assertGreaterEqual(done.stderr.count(": "), 2, done.stderr)


def verdicts():
    """(name, verdict) of every image, from the table in the README."""
    with open(os.path.join(IMAGES, "README.md"), encoding="utf-8") as file:
        rows = [line.split(" | ") for line in file if re.match(r"\| \S+\.bin ", line)]
    return [(row[0][2:-4], row[7].replace("XSAVE_", "").replace("ERR_", "")) for row in rows]


class Images(Case):
    """The project's images: every register has the value that its maker wrote down."""

    def test_every_register(self):
        checked = 0
        for path in sorted(glob.glob(os.path.join(IMAGES, "*.txt"))):
            name = os.path.basename(path)[:-4]
            with self.subTest(name):
                want = expected(name)
                (parsed,) = self.parse("--all", image_path(name))
                got = registers(parsed)
                listed = {key: got[key] for key in got if key in want}
                self.assertEqual(listed, {key: want[key] for key in listed})
                for component in parsed["components"]:
                    self.assertTrue(component["registers"], component["name"])
                checked += len(listed)
        self.assertGreater(checked, 1000)

    def test_only_what_is_in_use(self):
        (parsed,) = self.parse(image_path("intel-holes"))
        used = [c["name"] for c in parsed["components"] if c["in_use"]]
        self.assertEqual(used, ["opmask", "Hi16_ZMM"])
        self.assertEqual(used, [c["name"] for c in parsed["components"] if "registers" in c])

    def test_layouts_are_found(self):
        for name, layout in (
            ("amd-avx512", "amd"),
            ("amd-lwp", "amd"),
            ("intel-amx", "intel"),
            ("intel-avx", "intel"),
            ("legacy", None),
            ("intel-amx-compacted", None),
        ):
            (parsed,) = self.parse(image_path(name))
            self.assertEqual(parsed["layout"], layout, name)

    def test_layout_by_option_and_by_xcr0(self):
        # A page holds an AMD image: its size says nothing.
        page = self.put("page", image("amd-avx512-pkru").ljust(4096, b"\0"))
        (parsed,) = self.parse("--layout=amd", page)
        want = expected("amd-avx512-pkru")
        self.assertEqual(registers(parsed)["PKRU"], want["PKRU"])
        (parsed,) = self.parse(page, notes=1)
        self.assertEqual(parsed["layout"], "intel")
        self.assertNotEqual(registers(parsed)["PKRU"], want["PKRU"])
        # XCR0 and size fit AMD's layout alone.
        (parsed,) = self.parse(self.put("xcr0", with_xcr0(image("amd-avx512"), 0xE7)))
        self.assertEqual(parsed["layout"], "amd")
        self.assertEqual([c["bit"] for c in parsed["components"]], [0, 1, 2, 5, 6, 7])

    def test_layout_of_this_cpu(self):
        if os.uname().machine != "x86_64":
            self.skipTest("not an x86-64 CPU")
        self.good("layout", "--layout", "cpu")

    def test_verdicts(self):
        rows = verdicts()
        self.assertGreater(len(rows), 30)
        for name, verdict in rows:
            want = "OK" if verdict in OF_THE_CPU else verdict
            with self.subTest(name):
                out = self.good("validate", image_path(name), status=int(want != "OK"))
                self.assertIn(": valid\n" if want == "OK" else ": not valid: ", out)
                if want != "OK":
                    self.assertRegex(out, ": a restore (faults|changes|does not)")

    def test_verdict_in_json(self):
        (parsed,) = self.parse(image_path("bad-mxcsr"))
        valid = parsed["valid"]
        self.assertEqual((valid["ok"], valid["rule"], valid["effect"]), (False, "M06", "faults"))
        self.assertEqual(valid["error"], "XSAVE_ERR_MXCSR")
        (parsed,) = self.parse(image_path("intel-avx"))
        self.assertEqual(parsed["valid"], {"ok": True})

    def test_worst_verdict_wins(self):
        good, bad = image_path("intel-avx"), image_path("bad-mxcsr")
        self.good("validate", good, good)
        out = self.good("validate", bad, good, status=1)
        self.assertIn("M06", out)
        done = self.xstate("validate", bad, self.path("none"), good)
        self.assertEqual((done.returncode, done.stdout.count("\n")), (2, 2))


class Screens(Case):
    def test_kept_screens(self):
        paths = sorted(glob.glob(os.path.join(DATA, "*.txt")))
        self.assertGreater(len(paths), 8)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                command, want = file.read().split("\n", 1)
            with self.subTest(command):
                words = shlex.split(command)
                env = dict(PLAIN, LC_ALL="C.UTF-8") if "-utf8" in path else PLAIN
                done = self.xstate(*words[2:], cwd=host.ROOT, env=env)
                self.assertEqual(f"{done.stdout}status {done.returncode}\n", want)
                self.assertEqual(done.stderr, "")

    def test_nothing_is_wider_than_a_terminal(self):
        for path in glob.glob(os.path.join(IMAGES, "*.bin")):
            name = os.path.join("tests", "host", "images", os.path.basename(path))
            for verb in ("show", "layout"):
                out = self.xstate(verb, name, cwd=host.ROOT).stdout
                # The first line has the file's name.
                widest = max(map(len, out.split("\n")[1:]), default=0)
                self.assertLessEqual(widest, 80, f"{verb} {name}")
        for words in (["layout"], ["show-cpu"], ["--help"], *([verb, "--help"] for verb in VERBS)):
            out = self.xstate(*words).stdout
            self.assertLessEqual(max(map(len, out.split("\n"))), 80, words)
        out = self.xstate("diff", image_path("intel-amx"), image_path("intel-sse")).stdout
        self.assertLessEqual(max(map(len, out.split("\n")[2:])), 80)

    def test_all_has_a_line_for_each_register(self):
        out = self.good("show", "--all", image_path("intel-sse"))
        names = ["FCW", "MXCSR", *(f"ST{i}" for i in range(8)), *(f"XMM{i}" for i in range(16))]
        for name in names:
            self.assertEqual(len(re.findall(rf"^  {name} ", out, re.M)), 1, name)
        name = image_path("intel-avx-init")
        self.assertNotIn("YMM", self.good("show", name))
        self.assertIn("\n  YMM15    0\n", self.good("show", "--all", name))

    def terminal(self, *arguments, **variables):
        """What it prints on a terminal."""
        master, slave = pty.openpty()
        env = dict(PLAIN, **variables)
        with subprocess.Popen(
            [XSTATE, *arguments], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=env
        ) as process:
            os.close(slave)
            out = b""
            try:
                while part := os.read(master, 65536):
                    out += part
            except OSError:  # the other end is closed
                pass
            status = process.wait()
        os.close(master)
        return status, out.decode().replace("\r\n", "\n")

    def test_colour(self):
        name = image_path("intel-avx")
        plain = self.good("show", name)
        self.assertNotIn("\033", plain)
        _, coloured = self.terminal("show", name)
        self.assertIn("\033[", coloured)
        self.assertEqual(re.sub(r"\033\[[0-9;]*m", "", coloured), plain)
        self.assertEqual(self.good("show", "--color=always", name), coloured)
        for options, variables in (
            (["--color=never"], {}),
            ([], {"NO_COLOR": "1"}),
            ([], {"TERM": "dumb"}),
        ):
            self.assertEqual(self.terminal("show", *options, name, **variables)[1], plain)

    def test_no_image_to_a_terminal(self):
        status, said = self.terminal("convert", "--to=fxsave", image_path("intel-avx"))
        self.assertEqual(status, 2)
        self.assert_one_line(said, "terminal", "-o")


class Numbers(Case):
    """x87 values in decimal, against exact arithmetic."""

    CASES = {
        (0, 0): "0",
        (0x8000, 0): "-0",
        (0x3FFF, 1 << 63): "1",
        (0x7FFF, 1 << 63): "infinity",
        (0xFFFF, 1 << 63): "-infinity",
        (0x7FFF, 3 << 62): "quiet NaN",
        (0x7FFF, 1 << 63 | 1): "signaling NaN",
        (0x7FFF, 5): "unsupported",
        (0x4000, 5): "unsupported",
    }

    @staticmethod
    def exact(high, significand):
        """As %.21Lg, but with five zeros after the point and no padding of the exponent."""
        limits = {"Emin": -99999, "Emax": 99999, "rounding": decimal.ROUND_HALF_EVEN}
        context = decimal.Context(prec=20000, **limits)
        power = ((high & 0x7FFF) or 1) - 16383 - 63
        scale = context.power(decimal.Decimal(2), power)
        value = context.multiply(decimal.Decimal(significand), scale)
        value = decimal.Context(prec=21, **limits).plus(value)
        digits, exponent = "".join(map(str, value.as_tuple().digits)), value.adjusted()
        digits = digits.rstrip("0")
        sign = "-" if high & 0x8000 else ""
        if -6 < exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        if 0 <= exponent < 21:
            whole, part = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
            return sign + whole + ("." + part if part else "")
        return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent:+d}"

    def printed(self, values):
        data = bytearray(image("legacy"))
        data[2:5] = b"\0\0\xff"
        for i, (high, significand) in enumerate(values):
            data[32 + 16 * i : 42 + 16 * i] = struct.pack("<QH", significand, high)
        out = self.good("show", "--all", self.put("x87", bytes(data)))
        return re.findall(r"^  ST\d +[0-9a-f]{4}_[0-9a-f]{16}  (.*)$", out, re.M)

    def test_special(self):
        keys = list(self.CASES)
        for start in range(0, len(keys), 8):
            values = keys[start : start + 8]
            got = self.printed(values)[: len(values)]
            self.assertEqual(got, [self.CASES[key] for key in values])

    def test_finite(self):
        state = 12345
        for _ in range(20):
            values = []
            for i in range(8):
                state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                near = 0x3FFF - 20 + (state >> 58) + (state >> 48 & 0x8000)
                high = state >> 48 if i < 4 else near
                significand = state << 7 & (1 << 64) - 1 | 1 << 63
                values.append((high if high & 0x7FFF != 0x7FFF else 0, significand))
            self.assertEqual(self.printed(values), [self.exact(*value) for value in values])

    def test_edges(self):
        # The largest, the smallest, 999…9 that rounds up a place, powers of ten, a half.
        values = [(0x7FFE, (1 << 64) - 1), (0, 1), (0x403E, (1 << 64) - 1), (0x3FFE, (1 << 64) - 1)]
        values += [(0x4002, 10 << 60), (0x3FFE, 1 << 63), (0, 1 << 63)]
        # A hair below 10^123: 21 digits carry all the way.
        values += [(0x4197, 0xC1A12D2FC3978937)]
        self.assertEqual(self.printed(values), [self.exact(*value) for value in values])
        self.assertEqual(self.printed(values)[-1], "1e+123")

    def test_halves(self):
        """22 digits, the last a 5: the even one of the two neighbours."""
        numbers = range(4 * 10**17 + 1, 4 * 10**17 + 17, 2)
        # number / 32: 59 bits, so the significand is shifted by 5.
        values = [(0x3FFF + 58 - 5, number << 5) for number in numbers]
        self.assertEqual({str(number * 5**5)[20:] for number in numbers}, {"25", "75"})
        self.assertEqual(self.printed(values), [self.exact(*value) for value in values])


class Cores(Case):
    def test_threads(self):
        path = self.put("core", two_threads())
        first, second = self.parse(path)
        self.assertEqual((first["thread"], second["thread"]), (4711, 4712))
        want = expected("intel-avx")
        self.assertEqual(registers(first)["YMM5"], want["YMM5"])
        self.assertEqual(registers(first)["MXCSR"], want["MXCSR"])
        self.assertEqual(registers(second)["MXCSR"], 0x1F80)
        out = self.good(path)
        self.assertEqual(re.findall(r", thread (\d+): ", out), ["4711", "4712"])

    def test_one_thread(self):
        path = self.put("core", two_threads())
        (only,) = self.parse("--thread", "4712", path)
        self.assertEqual(only["thread"], 4712)
        self.trouble("show", "--thread", "4713", path, parts=[path, "4713"])
        self.trouble("convert", "--to=standard", path, parts=[path, "2 threads", "--thread"])

    def test_live_tiles_and_a_layout_note(self):
        path = self.put("core", amx_core())
        first, second = self.parse(path)
        want = expected("intel-amx")
        self.assertEqual(first["layout"], "note")
        got = registers(first)
        common = got.keys() & want.keys()
        self.assertEqual({key: got[key] for key in common}, {key: want[key] for key in common})
        self.assertIn("TMM2", got)
        self.assertEqual([c["name"] for c in second["components"] if c["in_use"]], ["x87", "SSE"])
        offsets = {c["name"]: c["offset"] for c in first["components"]}
        self.assertEqual((offsets["PKRU"], offsets["XTILEDATA"]), (2496, 2624))
        out = self.good("show", "--thread", "11", path)
        self.assertIn("TMM2     8 rows of 32 bytes\n", out)
        self.good("diff", "--thread=11", path, image_path("intel-amx"))

    def test_fxsave_notes(self):
        fxsave = image("legacy")
        want = expected("legacy")
        for name, data in (
            ("x86-64", core(prstatus(1) + note(2, fxsave, b"CORE\0"))),
            (
                "i386",
                core(
                    prstatus(1, False) + note(2, bytes(108), b"CORE\0") + note(0x46E62B7F, fxsave),
                    wide=False,
                    machine=3,
                ),
            ),
        ):
            with self.subTest(name):
                (parsed,) = self.parse(self.put("core", data))
                self.assertEqual((parsed["format"], parsed["thread"]), ("fxsave", 1))
                self.assertEqual(registers(parsed)["XMM7"], want["XMM7"])

    def test_xstate_wins_over_fxsave(self):
        xstate, fxsave = with_xcr0(image("intel-avx"), 7), bytes(24) + b"\x80\x1f" + bytes(486)
        for notes in (
            note(2, fxsave, b"CORE\0") + note(0x202, xstate),
            note(0x202, xstate) + note(2, fxsave, b"CORE\0"),
        ):
            (parsed,) = self.parse(self.put("core", core(prstatus(1) + notes)))
            self.assertEqual(parsed["format"], "standard")
            self.assertEqual(registers(parsed)["YMM1"], expected("intel-avx")["YMM1"])

    def test_32_bit_core(self):
        notes = prstatus(77, False) + note(0x202, with_xcr0(image("intel-avx"), 7))
        for machine in (3, 62):
            (parsed,) = self.parse(self.put("core", core(notes, wide=False, machine=machine)))
            self.assertEqual(parsed["thread"], 77)
            self.assertEqual(registers(parsed)["YMM1"], expected("intel-avx")["YMM1"])

    def test_more_segments_than_a_header_can_count(self):
        for wide in (True, False):
            notes = prstatus(5, wide) + note(0x202, with_xcr0(image("intel-avx"), 7))
            data = core(notes, wide=wide, others=70000, xnum=True)
            (parsed,) = self.parse(self.put("core", data))
            self.assertEqual(parsed["thread"], 5)

    def test_a_thread_without_an_image(self):
        data = core(prstatus(1) + prstatus(2) + note(0x202, with_xcr0(image("intel-avx"), 7)))
        (parsed,) = self.parse(self.put("core", data), notes=1)
        self.assertEqual(parsed["thread"], 2)

    def test_sparse_core_of_8_gib(self):
        path = self.put("core", two_threads())
        os.truncate(path, 8 << 30)
        self.assertEqual(len(self.parse(path)), 2)

    def test_bad_cores(self):
        xstate = note(0x202, with_xcr0(image("intel-avx"), 7))
        good = core(prstatus(1) + xstate)
        unnamed = note(0x202, image("intel-avx"), b"GNU\0")
        cut = note(0x202, image("bad-truncated"))
        self.parse(self.put("good", good))
        swapped = patched(good, 5, b"\2")
        cases = {
            "half a header": (good[:40], "truncated"),
            "a header without a machine": (good[:18], "truncated"),
            "program headers cut": (good[:100], "program headers"),
            "program headers nowhere": (patched(good, 32, b"\xff" * 8), "program headers"),
            "notes missing": (good[:-8], "truncated"),
            "no note": (core(b""), "NT_X86_XSTATE"),
            "no note for a thread": (core(prstatus(1)), "NT_X86_XSTATE"),
            "another name": (core(prstatus(1) + unnamed), "NT_X86"),
            "only FSAVE": (core(prstatus(1) + note(2, bytes(108), b"CORE\0")), "NT_X86_XSTATE"),
            "a note past its segment": (core(prstatus(1) + xstate[:-4]), "note"),
            "half a note header": (core(prstatus(1) + xstate + bytes(8)), "note"),
            "a short NT_PRSTATUS": (core(note(1, bytes(20), b"CORE\0") + xstate), "NT_PRSTATUS"),
            "AArch64": (core(prstatus(1), machine=183), "AArch64"),
            "s390x": (patched(core(b"", machine=22 << 8), 5, b"\2"), "S390"),
            "big-endian words": (patched(swapped, 18, b"\0\x3e"), "big-endian"),
            "another class": (patched(good, 4, b"\3"), "class 3"),
            "a program": (core(prstatus(1) + xstate, kind=2), "not a core"),
            "no size for program headers": (patched(good, 54, b"\0\0"), "program headers"),
            "an empty image": (core(prstatus(1) + note(0x202, b"")), "576"),
            "a short image": (core(prstatus(1) + note(0x202, bytes(575))), "576"),
            "a truncated image": (core(prstatus(1) + cut), "truncated"),
            "a bad layout note": (core(prstatus(1) + xstate + note(0x205, bytes(15))), "LAYOUT"),
            "overlap": (
                core(prstatus(1) + xstate + layout_note([(2, 256, 576, 0), (5, 64, 800, 0)])),
                "LAYOUT",
            ),
        }
        for name, (data, reason) in cases.items():
            with self.subTest(name):
                path = self.put("bad", data)
                for verb in ("show", "layout"):
                    self.trouble(verb, path, parts=[path, reason])

    def crash(self):
        if os.uname().machine != "x86_64":
            self.skipTest("not an x86-64 CPU")
        program = self.path("crash")
        done = host.call("gcc", "-O1", "-pthread", "-o", program, os.path.join(DATA, "crash.c"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def check_crash(self, path, opmask):
        """The values of crash.c; returns the threads' registers."""
        with open("/proc/cpuinfo", encoding="ascii") as file:
            flags = set(re.search(r"^flags\s*:(.*)$", file.read(), re.M)[1].split())
        threads = [registers(parsed) for parsed in self.parse(path)]
        self.assertEqual(len(threads), 2)
        threads.sort(key=lambda thread: thread["MXCSR"], reverse=True)
        size, name = (32, "YMM3") if "avx" in flags else (16, "XMM3")
        for got, first, k1, mxcsr, st0 in (
            (threads[0], 0x41, 0x123456789ABCDEF, 0x5F80, 0x4000C90FDAA22168C235),
            (threads[1], 0x61, ~0x123456789ABCDEF & (1 << 64) - 1, 0x1F80, 0x3FFF8000000000000000),
        ):
            self.assertEqual(got[name], int.from_bytes(range(first, first + size), "little"))
            self.assertEqual((got["MXCSR"], got["ST0"]), (mxcsr, st0))
            if opmask and "avx512bw" in flags:
                self.assertEqual(got["k1"], k1)
        return threads

    def test_core_of_the_kernel(self):
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            pattern = file.read().strip()
        if "/" in pattern or pattern.startswith("|"):
            self.skipTest(f"core_pattern is {pattern!r}: cores do not go into the directory")
        program = self.crash()

        def allow():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

        subprocess.run([program], cwd=self.dir, preexec_fn=allow, check=False)
        cores = glob.glob(self.path("*core*"))
        if not cores:
            self.skipTest("RLIMIT_CORE allows no core")
        self.check_crash(cores[0], opmask=True)

    def test_core_of_gdb(self):
        if not shutil.which("gdb"):
            self.skipTest("gdb is missing: run 'make deps test'")
        program, path = self.crash(), self.path("gdb.core")
        done = host.call(
            "gdb", "-nx", "-batch", "-ex", "run", "-ex", f"generate-core-file {path}", program
        )
        if not os.path.exists(path):
            self.skipTest(f"gdb writes no core here: {done.stderr[-200:]}")
        # Up to version 13 gdb looks for opmask registers where Intel has them, on AMD too: what it
        # writes is wrong then, but we read what it reads.
        ours = self.check_crash(path, opmask=False)
        ask = ["$mxcsr", "$fctrl", "$ymm3.v2_int128[0]", "$ymm3.v2_int128[1]"]
        ask += ["$k1"] if "k1" in ours[0] else []
        said = host.call(
            "gdb",
            "-nx",
            "-batch",
            *(word for name in ask for word in ("-ex", f"thread apply all -q -s print/x {name}")),
            program,
            path,
        ).stdout
        got = [int(value, 16) for value in re.findall(r" = (0x[0-9a-f]+)$", said, re.M)]
        self.assertEqual(len(got), 2 * len(ask), said)
        for i, name in enumerate(ask):
            theirs = sorted(got[2 * i : 2 * i + 2])
            self.assertEqual(theirs, sorted(self.as_gdb(thread, name) for thread in ours), name)

    @staticmethod
    def as_gdb(thread, name):
        if name.startswith("$ymm3"):
            return thread["YMM3"] >> 128 * int(name[-2]) & (1 << 128) - 1
        return thread[{"$mxcsr": "MXCSR", "$fctrl": "FCW", "$k1": "k1"}[name]]

    def test_gdb_reads_what_we_read(self):
        """A core with every register of AVX-512 in Intel's layout, which every gdb knows."""
        if not shutil.which("gdb"):
            self.skipTest("gdb is missing: run 'make deps test'")
        data = with_xcr0(image("intel-avx512-pkru"), 0x2FF)
        notes = prstatus(1) + note(2, data[:512], b"CORE\0") + note(0x202, data)
        path = self.put("core", core(notes))
        (parsed,) = self.parse(path)
        ours = registers(parsed)
        ask = {f"$k{i}": ours[f"k{i}"] for i in range(8)}
        ask |= {"$mxcsr": ours["MXCSR"], "$pkru": ours["PKRU"]}
        for i in range(32):
            for part in range(8):
                ask[f"$zmm{i}.v8_int64[{part}]"] = ours[f"ZMM{i}"] >> 64 * part & (1 << 64) - 1
        words = [word for name in ask for word in ("-ex", f"output/x {name}", "-ex", r"echo \n")]
        said = host.call("gdb", "-nx", "-batch", "-c", path, *words).stdout
        got = [int(line, 16) for line in said.splitlines() if re.fullmatch("0x[0-9a-f]+", line)]
        self.assertEqual(got, list(ask.values()), said[-500:])


class Dumps(Case):
    """Text of the tools that print memory."""

    def setUp(self):
        super().setUp()
        self.data = image("intel-avx")
        self.want = self.parse(image_path("intel-avx"))[0]

    def check(self, text):
        (parsed,) = self.parse(self.write("dump", text))
        self.assertEqual(dict(parsed, file=""), dict(self.want, file=""))

    def words(self, size, data=None):
        data = data or self.data
        numbers = (int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size))
        return [f"0x{number:0{2 * size}x}" for number in numbers]

    def gdb_text(self, size, base=0x7FFFFFFFE000):
        words, each = self.words(size), max(16 // size, 2) if size > 1 else 8
        lines = []
        for i in range(0, len(words), each):
            symbol = f" <area+{i * size}>" if i else " <area>"
            lines.append(f"{base + i * size:#x}{symbol}:\t" + "\t".join(words[i : i + each]))
        return "\n".join(lines) + "\n"

    def test_gdb(self):
        for size in (1, 2, 4, 8):
            self.check(self.gdb_text(size))
        self.check("(gdb) x/832xb &area\n" + self.gdb_text(1) + "(gdb) \n")
        self.check(self.gdb_text(1).replace("\n", "\r\n"))

    def test_gdb_itself(self):
        if not shutil.which("gdb"):
            self.skipTest("gdb is missing: run 'make deps test'")
        bytes_ = ",".join(map(str, self.data))
        area = f"_Alignas(64) unsigned char area[] = {{{bytes_}}};\n"
        source = self.write("area.c", area + "int main(void) { return 0; }\n")
        program = self.path("area")
        self.assertEqual(host.call("gcc", "-g", "-o", program, source).returncode, 0)
        for what in ("832xb", "416xh", "208xw", "104xg"):
            self.check(host.call("gdb", "-nx", "-batch", "-ex", f"x/{what} &area", program).stdout)

    def test_qemu(self):
        for size in (1, 2, 4, 8):
            words, each = self.words(size), 16 // size if size > 1 else 8
            lines = [
                f"{0x7C000 + i * size:016x}: " + " ".join(words[i : i + each])
                for i in range(0, len(words), each)
            ]
            self.check("(qemu) xp /832xb 0x7c000\n" + "\n".join(lines) + "\n")

    def test_hexdump(self):
        def line(i, part):
            halves = [" ".join(f"{b:02x}" for b in half) for half in (part[:8], part[8:])]
            return f"{i:08x}  {'  '.join(halves)}  |{'.' * 16}|"

        lines, before = [], None
        for i in range(0, len(self.data), 16):
            part = self.data[i : i + 16]
            if part != before:
                lines.append(line(i, part))
            elif lines[-1] != "*":
                lines.append("*")
            before = part
        self.assertIn("*", lines)
        self.check("\n".join([*lines, f"{len(self.data):08x}", ""]))

    def test_tools(self):
        for words in (["hexdump", "-C"], ["xxd"], ["xxd", "-g1", "-c32"], ["od", "-Ax", "-tx1"]):
            if shutil.which(words[0]):
                self.check(host.call(*words, image_path("intel-avx")).stdout)

    def test_xxd(self):
        lines = []
        for i in range(0, len(self.data), 16):
            part = self.data[i : i + 16].hex()
            groups = " ".join(part[j : j + 4] for j in range(0, 32, 4))
            # What looks like bytes stands in the column of characters.
            lines.append(f"{i:08x}: {groups}  deadbeefdeadbeef")
        self.check("\n".join(lines) + "\n")

    def test_from_a_pipe(self):
        (parsed,) = self.parse("-", stdin=None, input=self.gdb_text(8))
        self.assertEqual(parsed["file"], "standard input")

    def test_bad_dumps(self):
        good = self.gdb_text(8)
        lines = good.splitlines(keepends=True)
        zeros = "".join(f"{i:08x}: {'00 ' * 16}\n" for i in range(0, 65552, 16))
        cases = {
            "a line is missing": ("".join(lines[:3] + lines[4:]), "line 4"),
            "two dumps": (good + good, "line 53"),
            "misaligned": (self.gdb_text(8, 0x7FFFFFFFE008), "misaligned"),
            "no address": (": 0x13\n", "line 1"),
            "prose": ("this is no dump\n", "line 1"),
            "a value is cut": (good.replace("0x", "0x0", 30), "line 1"),
            "words without an order": ("0000000 037f 0000\n", "byte order"),
            "a star for nothing": ("00000000  00\n*\n00000040\n", "'*'"),
            "a star for everything": ("00000000  " + "00 " * 16 + "\n*\nffffffff\n", "'*'"),
            "too much": (zeros, "oversized"),
            "only prompts": ("(gdb) \n", "truncated"),
            "cut": ("".join(lines[:20]), "truncated"),
        }
        for name, (text, reason) in cases.items():
            with self.subTest(name):
                path = self.write("dump", text)
                self.trouble("show", path, parts=[path, reason])


class BadInput(Case):
    def cases(self):
        good = image("intel-avx")
        swapped = b"".join(good[i : i + 8][::-1] for i in range(0, len(good), 8))
        return {
            "empty": (b"", "empty"),
            "a byte": (b"\0", "truncated"),
            "511 bytes": (good[:511], "truncated"),
            "575 bytes": (good[:575], "576"),
            "831 bytes": (good[:831], "truncated"),
            "oversized": (bytes(65537), "oversized"),
            "misaligned": (b"\1" + good, "from its first byte"),
            "a byte late": (good[1:] + b"\0", "not a sound image"),
            "big-endian": (swapped, "big-endian"),
            "big-endian, FXSAVE": (swapped[:512], "big-endian"),
            **{
                f"bit {bit} of header byte {byte}": (
                    patched(good, 512 + byte, bytes((good[512 + byte] | 1 << bit,))),
                    "not a sound image",
                )
                # XSTATE_BV: components that nobody knows; XCOMP_BV; bytes that must be zero.
                for byte, bit in ((3, 0), (7, 7), (8, 0), (15, 6), (16, 0), (23, 7))
            },
        }

    def test_every_verb(self):
        good = image_path("intel-avx")
        for name, (data, reason) in self.cases().items():
            path, out = self.put("bad", data), self.write("out", "as before")
            for words in (
                ["show", path],
                ["show", "--json", path],
                [path],
                ["diff", path, good],
                ["diff", good, path],
                ["layout", path],
                ["convert", "--to", "compacted", path],
                ["convert", "--to", "compacted", "-o", out, path],
            ):
                with self.subTest(name, words=words):
                    self.trouble(*words, parts=[path, reason])
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "as before")
            self.assertEqual(sorted(os.listdir(self.dir)), ["bad", "out"])

    def test_standard_input(self):
        for name, (data, reason) in self.cases().items():
            with self.subTest(name):
                with open(self.put("bad", data), "rb") as file:
                    self.trouble("show", "-", stdin=file, parts=["standard input", reason])

    def test_no_file(self):
        self.trouble("show", self.dir, parts=[self.dir, "directory"])
        self.trouble("validate", self.dir, parts=[self.dir, "directory"])
        self.trouble("show", self.path("none"), parts=[self.path("none"), "No such file"])
        self.trouble("diff", image_path("legacy"), self.path("none"), parts=[self.path("none")])
        self.trouble("show", self.path("a\nb"), parts=["a?b", "No such file"])

    def test_too_much_from_a_pipe(self):
        # Not at its start, so it is read like a pipe.
        path = self.put("large", b"")
        os.truncate(path, 300 << 20)
        with open(path, "rb", buffering=0) as file:
            file.seek(1)
            self.trouble("show", "-", stdin=file, parts=["standard input", "256 MiB"])

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            command = [XSTATE, "show", image_path("legacy")]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr.decode(), "standard output")

    def test_usage(self):
        good = image_path("legacy")
        for words, part in (
            ([], "no file"),
            (["show"], "no file"),
            (["diff", good], "no file"),
            (["validate"], "no file"),
            (["show", good, good], "one file too many"),
            (["show-cpu", good], "one file too many"),
            (["diff", "-", "-"], "once"),
            (["show", "--frobnicate", good], "--frobnicate"),
            (["diff", "--json", good, good], "--json"),
            (["show", "--all=yes", good], "--all=yes"),
            (["show", "--layout", "via", good], "via"),
            (["show", good, "--layout"], "--layout"),
            (["show", "--thread", "x", good], "x"),
            (["show", "--thread=", good], "thread"),
            (["show", "--color=blue", good], "blue"),
            (["convert", good], "--to"),
            (["convert", "--to", "xsave", good], "xsave"),
            (["shwo"], "shwo"),
        ):
            with self.subTest(words):
                self.trouble(*words, parts=[part])


class Diff(Case):
    def test_same(self):
        for a, b in (
            ("intel-avx", "intel-avx"),
            ("intel-amx", "intel-amx-compacted"),
            ("intel-apx", "intel-apx-compacted"),
        ):
            self.assertEqual(self.good("diff", image_path(a), image_path(b)), "")

    def test_stale_bytes_are_no_difference(self):
        dirty = patched(image("intel-avx"), 416, b"\xaa" * 48)
        self.assertEqual(self.good("diff", self.put("dirty", dirty), image_path("intel-avx")), "")

    def test_each_register(self):
        """One byte of each register in turn: that one is named, and those that hold it."""
        good = image("intel-avx")
        for offset, names in (
            (0, {"FCW"}),
            (2, {"FSW"}),
            (4, {"FTW"}),
            (6, {"FOP"}),
            (8, {"FIP"}),
            (23, {"FDP"}),
            (24, {"MXCSR"}),
            (32 + 16 * 7 + 9, {"ST7"}),
            (160 + 16 * 3, {"YMM3"}),
            (576 + 16 * 15 + 15, {"YMM15"}),
        ):
            with self.subTest(offset):
                other = patched(good, offset, bytes((good[offset] ^ 1,)))
                out = self.good("diff", image_path("intel-avx"), self.put("other", other), status=1)
                self.assertEqual(set(re.findall(r"^[-+] (\S+)", out, re.M)) - {"---", "+++"}, names)
                self.assertEqual(len(re.findall(r"^[-+] ", out, re.M)), 2 * len(names))

    def test_initial_equals_its_values(self):
        compacted = image("default")
        full = patched(compacted, 512, struct.pack("<QQ", 3, 1 << 63 | 3))
        self.assertEqual(self.good("diff", image_path("default"), self.put("full", full)), "")

    def test_threads(self):
        other = two_threads().replace(struct.pack("<i", 4712), struct.pack("<i", 4713))
        path_a, path_b = self.put("a", two_threads()), self.put("b", other)
        self.good("diff", path_a, path_a)
        out = self.good("diff", path_a, path_b, status=1)
        self.assertEqual(out, f"only in {path_a}, thread 4712\nonly in {path_b}, thread 4713\n")
        out = self.good("diff", "--thread", "4711", path_a, path_b)
        self.assertEqual(out, "")


class Convert(Case):
    def convert(self, *arguments, notes=0):
        out = self.path("out")
        self.assertEqual(self.good("convert", "-o", out, *arguments, notes=notes), "")
        return out

    def convert_bytes(self, *arguments):
        return self.xstate("convert", *arguments, text=False, errors=None)

    def test_there_and_back(self):
        for name in ("intel-avx", "intel-amx", "amd-avx512-pkru", "intel-apx"):
            with self.subTest(name):
                vendor = name.split("-")[0]
                path = image_path(name)
                there = self.convert("--to", "compacted", path)
                (parsed,) = self.parse(there)
                self.assertEqual((parsed["format"], parsed["valid"]), ("compacted", {"ok": True}))
                self.good("diff", there, path)
                shutil.copy(there, self.path("small"))
                small = self.path("small")
                back = self.convert("--to=standard", f"--layout={vendor}", small)
                self.good("diff", back, path)
                shutil.copy(back, self.path("again"))
                there = self.convert("--to", "compacted", self.path("again"))
                self.assertTrue(filecmp.cmp(there, small, shallow=False))

    def test_vendors(self):
        for layout in (["--layout", "intel"], []):
            out = self.convert("--to", "standard", *layout, image_path("amd-avx512-pkru"))
            self.assertEqual(os.path.getsize(out), 2696)
            self.good("diff", out, image_path("amd-avx512-pkru"))
        self.trouble(
            "convert", "--to=standard", "--layout=amd", image_path("intel-amx"), parts=["XTILEDATA"]
        )

    def test_from_layout(self):
        page = self.put("page", image("amd-avx512-pkru").ljust(4096, b"\0"))
        out = self.convert("--to", "compacted", "--from-layout", "amd", page)
        self.good("diff", out, image_path("amd-avx512-pkru"))

    def test_fxsave(self):
        out = self.convert("--to", "fxsave", image_path("intel-avx"), notes=1)
        self.assertEqual(os.path.getsize(out), 512)
        want, (parsed,) = expected("intel-avx"), self.parse(out)
        self.assertEqual(registers(parsed)["XMM9"], want["XMM9"])
        self.assertEqual(self.xstate("convert", "--to=fxsave", image_path("legacy")).returncode, 0)

    def test_what_is_left_out_is_named(self):
        done = self.convert_bytes("--to=standard", image_path("amd-cet-compacted"))
        self.assertEqual(done.returncode, 0)
        self.assert_one_line(done.stderr.decode(), "CET_U", "CET_S")

    def test_standard_output_is_the_image(self):
        done = self.convert_bytes("--to=compacted", image_path("intel-amx"))
        with open(self.convert("--to=compacted", image_path("intel-amx")), "rb") as file:
            self.assertEqual(done.stdout, file.read())

    def test_xcr0_keeps_its_room(self):
        data = with_xcr0(patched(image("intel-avx512-pkru"), 512, struct.pack("<Q", 7)), 0x2FF)
        path = self.put("core", core(prstatus(1) + note(0x202, data)))
        out = self.convert("--to", "compacted", path)
        (parsed,) = self.parse(out)
        self.assertEqual(parsed["xcomp_bv"], "0x80000000000002ff")

    def test_room_that_some_xcr0_allows(self):
        for in_use, room in ((1, 3), (4, 7), (0x20, 0xE7), (1 << 17, 0x60003)):
            data = with_xcr0(image("intel-amx"), 0)
            path = self.put("image", patched(data, 512, struct.pack("<Q", in_use)))
            (parsed,) = self.parse(self.convert("--to=compacted", path))
            self.assertEqual(int(parsed["xcomp_bv"], 16), 1 << 63 | room)

    def test_out_is_replaced_whole_or_not_at_all(self):
        out = self.write("out", "as before")
        os.chmod(out, 0o600)
        self.trouble("convert", "--to=standard", "-o", out, image_path("bad-header-16"))
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "as before")
        before = os.stat(out).st_ino
        self.convert("--to=compacted", image_path("intel-avx"))
        self.assertNotEqual(os.stat(out).st_ino, before)
        self.assertEqual(os.listdir(self.dir), ["out"])

    def test_out_into_its_own_input(self):
        path = self.put("same", image("intel-amx"))
        self.good("convert", "--to=compacted", "-o", path, path)
        self.good("diff", path, image_path("intel-amx"))

    def test_out_that_cannot_be(self):
        # A FIFO of our own stands for every device: what is refused must not be a real one, lest a
        # broken xstate replaces that.
        good, fifo = image_path("intel-avx"), self.path("fifo")
        os.mkfifo(fifo)
        for out in (self.dir, fifo, self.path("no", "such")):
            self.trouble("convert", "--to=compacted", "-o", out, good, parts=[out])
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))
        self.assertEqual(os.listdir(self.dir), ["fifo"])


class Cpu(Case):
    def test_sums(self):
        if os.uname().machine != "x86_64":
            self.trouble("show-cpu", parts=["x86"])
            self.skipTest("not an x86-64 CPU")
        out = self.good("show-cpu")
        xcr0 = int(re.search(r"^  XCR0 +(0x[0-9a-f]+) of", out, re.M)[1], 16)
        if not xcr0:
            self.skipTest("the system has not set CR4.OSXSAVE: CPUID.1:ECX[27]")
        rows = re.findall(r"^ +(\d+)  \S+ +(\d+) +(\d+|-) .* enabled", out, re.M)
        self.assertEqual(sum(1 << int(row[0]) for row in rows), xcr0)
        end = max(576, *(int(row[1]) + int(row[2]) for row in rows))
        self.assertIn(f" standard {end} (", out)
        self.assertRegex(out, r"(?m)^  self-test +passed$")
        self.assertRegex(out, rf"(?m)^  mask +{xcr0:#x} ")


class Manual(Case):
    def test_help(self):
        out = self.good("--help")
        for verb in VERBS:
            self.assertIn(verb, out)
            text = self.good(verb, "--help")
            self.assertTrue(text.startswith("usage: xstate "), text)
            self.assertRegex(text, r"(?m)^Status: 0 ")
            self.assertRegex(text, r"(?m)^Example: xstate ")

    def test_version(self):
        with open(host.tree("Makefile"), encoding="utf-8") as file:
            version = re.search(r"^VERSION := (\S+)$", file.read(), re.M)[1]
        self.assertEqual(self.good("--version"), f"xstate {version}\n")

    def page(self):
        with open(host.tree("tools", "xstate", "xstate.1"), encoding="utf-8") as file:
            return file.read()

    def test_page_is_clean(self):
        if not shutil.which("groff"):
            self.skipTest("groff is missing")
        page = host.tree("tools", "xstate", "xstate.1")
        done = host.call("groff", "-man", "-ww", "-z", "-Tutf8", page)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_page_has_all_options_and_verbs(self):
        text = self.page().replace("\\-", "-")
        helps = " ".join(self.good(verb, "--help") for verb in VERBS)
        words = set(re.findall(r"--[a-z-]+", helps))
        self.assertGreater(len(words), 6)
        for word in words | set(VERBS):
            self.assertIn(word, text)

    def test_examples(self):
        examples = re.findall(r"^\$ (xstate .*(?:\n  .*)*|xxd .*)$", self.page(), re.M)
        self.assertGreater(len(examples), 8)
        self.put("core", two_threads())
        for name in ("image", "before"):
            self.put(name + ".bin", image("intel-avx"))
        self.put("after.bin", image("intel-pending"))
        env = dict(PLAIN, PATH=f"{os.path.dirname(XSTATE)}:{PLAIN['PATH']}")
        for example in examples:
            with self.subTest(example):
                if "xxd" in example and not shutil.which("xxd"):
                    continue
                if "show-cpu" in example and os.uname().machine != "x86_64":
                    continue
                done = host.call("sh", "-c", example, cwd=self.dir, env=env)
                want = (int(" diff " in example), "")
                self.assertEqual((done.returncode, done.stderr), want, example)


if __name__ == "__main__":
    unittest.main()
