# SPDX-License-Identifier: MIT
"""One boot of run-qemu.sh's own command line, with the clock on it."""

import os
import shlex
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from xtklib import ktap
from xtklib.boot import ROOT

LIMIT_S = 120  # as run-qemu.sh's default


class Trouble(Exception):
    """Why there are no figures: one line for the user, and the exit status."""

    def __init__(self, status, line):
        super().__init__(line)
        self.status = status


@dataclass
class Run:
    status: int  # QEMU's; negative: the signal that ended it
    wall_s: float  # from the start of the process to its end
    cpu_s: float  # user and system time of the process
    first_s: float  # to the first byte of the serial line, or to its end
    text: bytes  # the serial line
    said: str  # QEMU's own words

    def verdict(self):
        """What the serial text says, by the rules that every log is judged by."""
        parser = ktap.Parser()
        for line in self.text.replace(b"\0", b"?").decode("utf-8", "replace").splitlines():
            parser.feed(line)
        return parser.finish()


def command(boot, image, directory, qemu, *words):
    """QEMU's command line for an image; the copy with the words in it goes into @directory."""
    os.makedirs(directory, exist_ok=True)
    options = ["--" + boot, "--image", image, "--qemu", qemu, "--print"]
    said = subprocess.run(
        [os.path.join(ROOT, "run-qemu.sh"), *options, "--", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "XTK_BUILD": directory},
        check=False,
    )
    if said.returncode:
        raise Trouble(2, said.stderr.strip())
    return shlex.split(said.stdout)


def run(arguments):
    """Boot once.

    Only the first byte is waited for. QEMU writes byte by byte, and a reader that wakes up for each
    would slow it down; so the rest stays in the pipe until QEMU has ended. A guest that fills the
    pipe runs into the time limit.
    """
    with tempfile.TemporaryFile() as stderr:
        start = time.monotonic()
        with subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
        ) as child:
            limit = threading.Timer(LIMIT_S, child.kill)
            limit.daemon = True
            limit.start()
            text = child.stdout.read(1)
            first = time.monotonic() - start
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.monotonic() - start
            limit.cancel()
            child.returncode = os.waitstatus_to_exitcode(status)
            text += child.stdout.read()
        stderr.seek(0)
        said = " ".join(stderr.read().decode("utf-8", "replace").split())
    if wall >= LIMIT_S:
        raise Trouble(1, f"no end after {LIMIT_S} s: {shlex.join(arguments)}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(child.returncode, wall, cpu, first, text, said)
