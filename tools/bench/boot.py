# SPDX-License-Identifier: MIT
"""Process start to exit: xtk with one trivial test, against a kernel that only exits.

What the floor kernel takes is QEMU's, the firmware's and GRUB's. Same machine, same options, the
runs of the two interleaved, so that whatever else the machine does meets both.
"""

import os
import shutil
import statistics
import subprocess

import progress
from qemu import Trouble, command, run
from xtklib import ktap
from xtklib.boot import BUILD, ROOT

FLOOR_STATUS = 2 * 42 + 1  # floor.asm writes 42 to isa-debug-exit
TARGET = 1.15
OVER_S = 0.15  # what `xtk run` may take on top of the emulator
TEST = "tests=selftest/pass"


def build(directory):
    """The floor kernel as an ELF and as an ISO of the same kind as xtk's."""
    os.makedirs(directory, exist_ok=True)
    floor = os.path.join(directory, "floor")
    source = os.path.join(ROOT, "tools", "bench", "floor.asm")
    mkiso = os.path.join(ROOT, "tools", "mkiso.sh")
    # The note, which the linker would put far away, just below the code: no other page is loaded.
    places = ["--section-start=.note.pvh=0x100000", "-Ttext=0x100020", "-e", "start"]
    link = ["ld", "-n", "-nostdlib", "-static", "--build-id=none", *places]
    for step in (
        ["nasm", "-f", "elf64", "-w+all", "-o", floor + ".o", source],
        [*link, "-o", floor + ".elf", floor + ".o"],
        [mkiso, floor + ".iso", floor + ".elf", "0"],
    ):
        if not shutil.which(step[0]):
            raise Trouble(2, f"{step[0]} is missing: run 'make deps bench'")
        said = subprocess.run(step, capture_output=True, text=True, check=False)
        if said.returncode:
            raise Trouble(2, f"cannot build the floor kernel: {said.stderr.strip()}")
    return floor


def check_floor(done):
    if done.status != FLOOR_STATUS or done.text.strip():
        raise Trouble(1, f"the floor kernel: status {done.status}: {done.said or 'not its own'}")


def check_xtk(done):
    verdict = done.verdict()
    if verdict.status != ktap.PASSED:
        raise Trouble(1, f"{TEST}: {verdict.reason}: {done.said or 'see run-qemu.sh'}")
    if not done.text.lstrip().startswith(b"KTAP version 1"):
        raise Trouble(1, f"{TEST}: the first byte on the serial line is not xtk's")


def check_tool(done):
    if done.status or b"xtk: 1 passed" not in done.text:
        raise Trouble(1, f"xtk run {TEST}: status {done.status}: {done.said}")


def interleave(subjects, runs):
    """Each of (command, check) once in each round, the order turned from round to round."""
    done = [[] for _ in subjects]
    for number in range(runs):
        progress.show(f"boot: round {number + 1} of {runs}")
        order = list(enumerate(subjects))
        for i, (arguments, check) in order if number % 2 else reversed(order):
            done[i].append(run(arguments))
            check(done[i][-1])
    progress.show()
    return done


def median(runs, field):
    return statistics.median(getattr(done, field) for done in runs)


def measure(boot, suffix, floor, qemu, runs):
    """The figures of one boot path, as bench.py prints them."""
    directory = os.path.dirname(floor)
    image = os.path.join(BUILD, "xtk" + suffix)
    ours = command(boot, image, os.path.join(directory, "xtk"), qemu, TEST)
    theirs = command(boot, floor + suffix, os.path.join(directory, "floor-words"), qemu, TEST)
    tool = [os.path.join(ROOT, "tools", "xtk"), "run", "--" + boot, "--qemu", qemu, "--", TEST]
    subjects = [(theirs, check_floor), (ours, check_xtk), (tool, check_tool)]
    lowest, done, tools = interleave(subjects, runs)
    floor_s, exit_s = median(lowest, "wall_s"), median(done, "wall_s")
    return {
        "boot": boot,
        "machine": ours[ours.index("-machine") + 1],
        "first_line_s": round(median(done, "first_s"), 6),
        "exit_s": round(exit_s, 6),
        "floor_s": round(floor_s, 6),
        "ratio": round(exit_s / floor_s, 4),
        "cpu_ratio": round(median(done, "cpu_s") / median(lowest, "cpu_s"), 4),
        "target": TARGET,
        "tool_over_s": round(median(tools, "wall_s") - exit_s, 6),
        "tool_target_s": OVER_S,
    }
