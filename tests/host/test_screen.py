# SPDX-License-Identifier: MIT
"""The real kernel where there is no way to leave but a PC's own: what its screen then shows, read
back from the machine, and that it switches itself off where there is no screen."""

import json
import os
import re
import socket
import subprocess
import time
import unittest

import host

WORDS = ("tests=selftest/pass,boot/*", "repeat=8")  # more lines than a screen has
LAST_LINE = re.compile(r"xtk: .* skipped$")
LIMIT = "60"  # seconds
CELL = (8, 16)
FIRST_LINE = 2  # of a cell that a glyph uses, as FONT_MARGIN in kernel/font.h


def read(path):
    with open(path, "rb") as file:
        return file.read()


def text_of_vga(memory):
    return [memory[row : row + 160 : 2].decode("cp437") for row in range(0, 4000, 160)]


def font():
    """{lines of a glyph: character}, from the kernel's table."""
    with open(host.tree("kernel", "font.c"), encoding="utf-8") as file:
        rows = re.findall(r"^\t\{ (0x.*) \},", file.read(), re.MULTILINE)
    glyphs = [tuple(int(value, 16) for value in row.split(", ")) for row in rows]
    return {glyph: chr(32 + index) for index, glyph in enumerate(glyphs)}


def text_of_pixels(ppm):
    """The text on a picture of a framebuffer, cell by cell."""
    _, size, _, pixels = ppm.split(b"\n", 3)
    width, height = map(int, size.split())
    glyphs = font()
    lines = len(next(iter(glyphs)))

    def byte(x, y):
        start = (y * width + x) * 3
        return sum(bool(pixels[start + 3 * i]) << 7 - i for i in range(CELL[0]))

    def cell(x, y):
        return glyphs.get(tuple(byte(x, y + FIRST_LINE + line) for line in range(lines)), "\0")

    rows = range(0, height - CELL[1] + 1, CELL[1])
    return ["".join(cell(x, y) for x in range(0, width, CELL[0])) for y in rows]


def wrapped(text, width):
    lines = [line.rstrip("\r") for line in text.splitlines()]
    return [line[at : at + width] for line in lines for at in range(0, len(line) or 1, width)]


class Monitor:
    """QEMU's machine protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "event" not in answer:
                return answer
        return None

    def close(self):
        self.file.close()
        self.socket.close()


class OwnWays(host.Case):
    def qemu(self, *more):
        """QEMU with its debug exit where the kernel does not look for it."""
        return self.script(
            "qemu",
            "for a; do shift; case $a in isa-debug-exit,*) a=isa-debug-exit,iobase=0x501 ;; esac",
            'set -- "$@" "$a"; done',
            f'exec qemu-system-x86_64 "$@" {" ".join(more)}',
        )

    def command(self, qemu, *options):
        rest = ["--log", self.path("log"), "--timeout", LIMIT, "--", *WORDS]
        return [host.RUN_QEMU, "--qemu", qemu, *options, *rest]


class Screen(OwnWays):
    def said_until_last_line(self, process):
        """What the kernel said; fails if the run ends, or is ended, without its last line."""
        said = []
        for line in process.stdout:
            said.append(line)
            if LAST_LINE.match(line):
                return "".join(said)
        raise self.failureException(f"no last line in: {''.join(said)[-1000:]}")

    def picture(self, options, *take, **arguments):
        """(text, file): what the kernel said, and what a monitor command wrote afterwards."""
        path, out = self.path("monitor"), self.path("picture")
        qemu = self.qemu("-vga", "std", "-qmp", f"unix:{path},server=on,wait=off")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        text = {"text": True, "errors": "replace"}
        with subprocess.Popen(self.command(qemu, *options), **pipes, **text) as process:
            try:
                said = self.said_until_last_line(process)
                monitor = Monitor(path)
                time.sleep(0.2)  # the screen follows the serial line
                self.assertIn("return", monitor.call(*take, filename=out, **arguments))
                monitor.call("quit")
                monitor.close()
            finally:
                process.terminate()
        return said, read(out)

    def assert_shows(self, rows, text):
        """The screen shows the end of what the kernel said, and no more empty rows than a jump."""
        shown = [row.rstrip() for row in rows]
        while shown and not shown[-1]:
            shown.pop()
        said = wrapped(text[text.index("KTAP version 1") :], len(rows[0]))
        self.assertEqual(shown, [line.rstrip() for line in said][-len(shown) :])
        self.assertGreaterEqual(len(shown), min(len(said), len(rows) * 3 // 4))

    def text_mode(self, *options):
        said, memory = self.picture(options, "pmemsave", val=0xB8000, size=4000)
        self.assert_shows(text_of_vga(memory), said)

    def test_text_by_multiboot1(self):
        self.text_mode("--image", f"{host.BUILD}/xtk.elf32", "--machine", "pc")

    def test_text_by_bios(self):
        self.text_mode("--iso")

    def test_framebuffer_by_uefi(self):
        said, picture = self.picture(["--uefi"], "screendump")
        self.assert_shows(text_of_pixels(picture), said)


class PowerOff(OwnWays):
    """The run ends by itself, without a screen to keep; else run-qemu.sh would say timeout."""

    def off(self, *options, more=()):
        done = host.call(*self.command(self.qemu(*more), *options))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_hardware_reduced(self):
        self.off("--kernel")

    def test_pm1(self):
        for machine in ("q35", "pc"):
            with self.subTest(machine):
                self.off("--iso", "--machine", machine, more=("-vga", "none"))

    def test_tables_found_by_search(self):
        """Multiboot 1 does not say where the ACPI tables are."""
        self.off("--image", f"{host.BUILD}/xtk.elf32", "--machine", "pc")

    def test_pm1_by_uefi(self):
        self.off("--uefi", more=("-vga", "none"))


if __name__ == "__main__":
    unittest.main()
