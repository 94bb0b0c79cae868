# SPDX-License-Identifier: MIT
"""Engines: what can boot the image. An engine says how it is called and what it is."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XTK_BUILD") or os.path.join(ROOT, "build")
# run-qemu.sh's own verdict is the raw one; the caller gives the one that knows what is expected.
RAW_VERDICTS = tuple(f"run-qemu.sh: {word}" for word in ("failed:", "error:", "crash:", "timeout"))


@dataclass
class Boot:
    """One boot as it was asked for, and what came of it."""

    boot: str = "iso"  # iso, kernel, uefi
    cpu: str = "max"
    smp: int = 1
    qemu: str = "qemu-system-x86_64"
    options: list = field(default_factory=list)  # more options of run-qemu.sh
    words: list = field(default_factory=list)
    log: str = ""
    command: list = field(default_factory=list)
    status: int = 0  # of the process
    wall_s: float = 0.0


class Qemu:
    name = "qemu"

    def command(self, boot):
        options = ["--" + boot.boot, "--cpu", boot.cpu, "--smp", str(boot.smp)]
        options += ["--qemu", boot.qemu, "--log", boot.log, *boot.options]
        return [os.path.join(ROOT, "run-qemu.sh"), *options, "--", *boot.words]

    def version(self, boot):
        try:
            command = [boot.qemu, "--version"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return ""
        return said.stdout.partition("version ")[2].partition("\n")[0]


def run(engine, boot):
    """Boot; the serial line streams to our stdout, the engine's own words to our stderr.

    The boot has a process group of its own, and is ended with us.
    """
    boot.command = engine.command(boot)
    start = time.monotonic()
    child = subprocess.Popen(
        boot.command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    ending = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in child.stderr:
            if not line.startswith(RAW_VERDICTS):
                sys.stderr.write(line)
                sys.stderr.flush()
        boot.status = child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, ending)
    boot.wall_s = round(time.monotonic() - start, 3)
