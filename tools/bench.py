#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Figures, and no judgement: how long a boot takes, and what a thread switch costs.

usage: tools/bench.py [-n RUNS] [-o FILE] [--qemu PATH]

Boots build/xtk.elf and build/xtk.iso (XTK_BUILD names build/) and, for comparison, a kernel that
only exits. Prints a table; -o writes the same as JSON. Status: 0, 1 when a run did not end as it
must, 2 usage or a missing tool.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "bench")]

import boot  # noqa: E402
import switch  # noqa: E402
from qemu import Trouble  # noqa: E402
from xtklib import engine  # noqa: E402

BOOT_HEAD = ("", "machine", "first line", "exit", "floor", "exit/floor", "target", "by CPU time")
SWITCH_HEAD = ("save", "XCR0", "switch", "step", "ours", "XSAVE family", "together")


class ArgumentParser(argparse.ArgumentParser):
    def error(self, message):
        raise Trouble(2, f"{message}; see --help")


def positive(text):
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 9999:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 9999")
    return int(text)


def writable(path):
    """Known before the minute of measuring, not after it."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"'{path}': cannot write there; name a file in a folder")
    return path


def parse(arguments):
    parser = ArgumentParser(prog="bench.py", description=__doc__.partition("\n")[0])
    parser.add_argument("-n", metavar="RUNS", type=positive, default=31, help="boots (default 31)")
    parser.add_argument("-o", metavar="FILE", type=writable, dest="out", help="JSON")
    parser.add_argument("--qemu", metavar="PATH", default="qemu-system-x86_64")
    return parser.parse_args(arguments)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def boot_row(figures):
    times = [milliseconds(figures[key]) for key in ("first_line_s", "exit_s", "floor_s")]
    ratios = [f"{figures[key]:.3f}" for key in ("ratio", "target", "cpu_ratio")]
    return ["--" + figures["boot"], figures["machine"], *times, *ratios]


def switch_row(figures):
    keys = ("save", "xcr0", "switch", "step", "ours", "family", "instructions")
    return [str(figures[key]) for key in keys]


def show(title, head, rows, left):
    """A table whose first @left columns are words."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    print(title)
    for row in (head, *rows):
        cells = zip(row, widths)
        aligned = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(cells)]
        print("  " + "  ".join(aligned).rstrip())


def version(qemu):
    said = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition("version ")[2].partition(" ")[0]


def bench(options):
    directory = os.path.join(engine.BUILD, "bench")
    switches = switch.measure(directory, options.qemu)
    floor = boot.build(directory)
    boots = [
        boot.measure(path, suffix, floor, options.qemu, options.n)
        for path, suffix in (("kernel", ".elf"), ("iso", ".iso"))
    ]
    qemu = version(options.qemu)
    title = f"from the start of the process, median of {options.n} runs (QEMU {qemu}, TCG)"
    show(title, BOOT_HEAD, [boot_row(figures) for figures in boots], 2)
    title = "thread switch, instructions (-icount shift=0; two ways of counting agree)"
    show(title, SWITCH_HEAD, [switch_row(figures) for figures in switches], 4)
    sys.stdout.flush()
    return {"version": 1, "qemu": qemu, "runs": options.n, "boot": boots, "switch": switches}


def write(path, figures):
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")
    except OSError as error:
        raise Trouble(2, f"-o {path}: {error.strerror}") from None


def main(arguments):
    try:
        options = parse(arguments)
        figures = bench(options)
        if options.out:
            write(options.out, figures)
    except Trouble as trouble:
        print(f"bench.py: {trouble}", file=sys.stderr)
        return trouble.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough; the exit must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
