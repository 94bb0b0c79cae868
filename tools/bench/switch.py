# SPDX-License-Identifier: MIT
"""Instructions of a thread switch, from the guest's bench/thread_switch (tests/bench.c)."""

import os

from qemu import Trouble, command, run
from xtklib import ktap
from xtklib.boot import BUILD

TEST = "bench/thread_switch"
NUMBERS = ("instructions", "family", "ticks")


def check(row):
    """The trace and, with -icount shift=0, the time-stamp counter must count the same."""
    if row["instructions"] != row["ticks"]:
        name = f"save={row['save']} switch={row['switch']} step={row['step']}"
        counts = f"{row['instructions']} steps, but {row['ticks']} ticks"
        raise Trouble(1, f"{TEST}: {name}: {counts}: one of the two counts is wrong")


def rows(text):
    """One for each line `# bench: key=value…`."""
    for line in text.decode("utf-8", "replace").splitlines():
        if line.startswith("# bench: "):
            row = ktap.key_values(line[len("# bench: ") :])
            row.update({key: int(row[key]) for key in NUMBERS})
            check(row)
            del row["ticks"]
            row["ours"] = row["instructions"] - row["family"]
            yield row


def measure(directory, qemu):
    image = os.path.join(BUILD, "xtk.elf")
    arguments = command("kernel", image, directory, qemu, "tests=" + TEST)
    done = run([*arguments, "-icount", "shift=0"])
    verdict = done.verdict()
    if verdict.status != ktap.PASSED:
        raise Trouble(1, f"{TEST}: {verdict.reason}: {done.said or 'see run-qemu.sh'}")
    found = list(rows(done.text))
    if not found:
        raise Trouble(1, f"{TEST}: printed no '# bench:' line")
    return found
