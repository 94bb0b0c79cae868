# SPDX-License-Identifier: MIT
"""What a person sees while the matrix runs, read off a terminal that is only pretended."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
import unittest
from unittest import mock

import host

from xtklib import progress

TOKEN = re.compile(r"\x1b\[([0-9]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")
COLOUR = re.compile(r"\x1b\[[0-9]*m")
TESTS = {"a/one": "slow", "b/two": {"b": "fail", "": "pass"}, "c/three": "slow"}


class Screen:
    """As much of a terminal as the progress uses; its lines are never wrapped."""

    def __init__(self):
        self.lines, self.row, self.column = [""], 0, 0

    def escape(self, count, kind):
        if kind == "A":
            self.row -= int(count)
        elif kind == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif kind == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif kind != "m":
            raise AssertionError(f"an unknown escape: {count}{kind}")

    def feed(self, text):
        for token in TOKEN.finditer(text):
            if token[2]:
                self.escape(token[1], token[2])
            elif token[0] == "\r":
                self.column = 0
            elif token[0] == "\n":
                self.row, self.column = self.row + 1, 0
                self.lines += [""] * (self.row + 1 - len(self.lines))
            else:
                line = self.lines[self.row].ljust(self.column)
                end = self.column + len(token[0])
                self.lines[self.row] = line[: self.column] + token[0] + line[end:]
                self.column = end
        return self


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Frames(host.Case):
    def setUp(self):
        super().setUp()
        self.stream = Terminal()
        self.progress = progress.Progress(self.stream, 3)
        self.size(80, 24)

    def size(self, columns, rows):
        self.progress.size = lambda: (columns, rows)

    def screen(self):
        return Screen().feed(self.stream.getvalue()).lines

    def start(self, name, text=""):
        self.progress.started(name, self.write(name, text))

    def test_one_line_for_each_running_boot_and_the_totals(self):
        self.start("p1", "KTAP version 1\n1..9\nok 1 a\n# x\nnot ok 2 b\nok 3 ")
        self.start("p2")
        self.progress.redraw()
        one, two, totals, rest = self.screen()
        self.assertRegex(one, r"^ +0\.\d s  p1  2 of 9 tests$")
        self.assertRegex(two, r"^ +0\.\d s  p2  starting$")
        self.assertRegex(totals, r"^0 of 3 done, 0 not as expected, 0:00$")
        self.assertEqual(rest, "")

    def test_a_log_that_grows(self):
        self.start("p1", "1..9\nok 1 a\nok 2")
        self.progress.redraw()
        with open(self.path("p1"), "a", encoding="utf-8") as log:
            log.write(" b\nok 3 c\n")
        self.progress.redraw()
        self.assertIn("p1  3 of 9 tests", self.screen()[0])

    def test_finished_ones_stay_above(self):
        self.start("p1")
        self.start("p2")
        self.progress.redraw()
        self.progress.finished("p1", "9 passed")
        self.progress.redraw()
        first, running, totals, _ = self.screen()
        self.assertEqual(first, "[1/3] p1: 9 passed")
        self.assertIn("p2", running)
        self.assertRegex(totals, r"1 of 3 done, 0 not as expected, 0:00, 0:00 left")

    def test_the_end_clears_the_rest(self):
        self.start("p1")
        self.progress.redraw()
        self.progress.finished("p1", "9 passed")
        self.progress.close()
        self.assertEqual(self.screen(), ["[1/3] p1: 9 passed", ""])

    def test_no_line_is_wider_than_the_terminal(self):
        self.size(20, 24)
        self.start("a-name-that-is-quite-long")
        self.progress.redraw()
        self.assertEqual({len(line) > 19 for line in self.screen()}, {False})

    def test_no_more_lines_than_the_terminal_has(self):
        self.size(80, 5)
        for number in range(9):
            self.start(f"p{number}")
        self.progress.redraw()
        self.assertEqual(len(self.screen()), 5)
        self.assertIn("and 7 more", self.screen()[2])

    def test_each_drawing_is_one_write(self):
        self.start("p1")
        with mock.patch.object(self.stream, "write") as write:
            self.progress.redraw()
        self.assertEqual(write.call_count, 1)

    def test_time_left(self):
        with mock.patch.object(self.progress, "since", progress.time.monotonic() - 60):
            self.progress.done = 1
            self.assertIn("1:00, 2:00 left", self.progress.totals(progress.time.monotonic()))
        self.assertEqual(progress.clock(3723), "1:02:03")


class Colours(unittest.TestCase):
    def finished(self, **environment):
        with mock.patch.dict(os.environ, environment):
            stream = Terminal()
            progress.Progress(stream, 1).finished("p1", "9 passed")
        return stream.getvalue()

    def test_colours(self):
        self.assertIn("\x1b[32m", self.finished(NO_COLOR="", TERM="xterm"))
        self.assertNotRegex(self.finished(NO_COLOR="1", TERM="xterm"), COLOUR)

    def test_a_terminal_that_cannot_move_gets_plain_lines(self):
        self.assertEqual(self.finished(TERM="dumb"), "[1/1] p1: 9 passed\n")


class Whole(host.Case):
    def run_on_terminal(self, columns, **environment):
        """All that a matrix writes to a terminal of that width as its standard error."""
        known = self.platforms(self.fake_kernel(TESTS), *"abc")
        command, env = self.matrix_command(known, "-j", "2")
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        env = {**env, "TERM": "xterm", **environment}
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=theirs) as child:
            os.close(theirs)
            said = b""
            while True:
                try:
                    said += os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
        os.close(ours)
        self.assertEqual(child.returncode, 1)
        return said.decode()

    def test_on_a_terminal(self):
        said = self.run_on_terminal(40, NO_COLOR="1")
        self.assertRegex(said, r"\d s  a  [012] of 3 tests")
        self.assertIn("2 of 3 done, 1 not as expected, 0:0", said)
        self.assertNotRegex(said, COLOUR)
        *lines, rest = Screen().feed(said).lines
        self.assertEqual(rest, "")
        self.assertEqual(sorted(line[6:7] for line in lines), ["a", "b", "c"])
        frames = [line for line in re.split(r"\r|\n|\x1b\[\d*[A-Z]", said) if line[:1] != "["]
        self.assertLess(max(map(len, frames)), 40)

    def test_elsewhere(self):
        done = self.matrix(TESTS, cpus="abc")
        lines = done.stderr.splitlines()
        self.assertEqual([line[:6] for line in lines], ["[1/3] ", "[2/3] ", "[3/3] "])
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertNotIn("\r", done.stderr)


if __name__ == "__main__":
    unittest.main()
